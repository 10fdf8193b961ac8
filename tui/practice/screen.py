"""The practice screen: the review screen's view and keys on invented queries, with feedback on each answer."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.common.key_bar import KeyBar
from tui.key_bindings import PRACTICE, PRACTISED, bindings
from tui.practice.session import Practice
from tui.review.decision_screen import DecisionScreen
from tui.review.query_view import QueryView, panel
from tui.services.desk import Desk
from tui.theme import CAREFUL, GOOD, MUTED, STRONG

_FEEDBACK_PREFIXES = {True: ("Right. ", f"bold {GOOD}"), False: ("Look again. ", f"bold {CAREFUL}")}
_DONE = (
    "That was the practice",
    "Every answer in the real queue can be undone, too.",
    (
        ("{next}", "Start working."),
        ("{undo}", "Undo the last answer."),
        ("{guidelines}", "Read your team's guidelines."),
        ("{help}", "All keys."),
    ),
)


class PracticeScreen(DecisionScreen):
    """Practice; no decision is saved."""

    BINDINGS = bindings(PRACTICE)

    def __init__(self, desk: Desk) -> None:
        self._practice = Practice()
        super().__init__(self._practice, desk.guidelines)
        self._desk = desk

    def compose(self) -> ComposeResult:
        """The review screen's widgets, with the feedback above the keys."""
        yield Static(id="status", markup=False)
        yield QueryView(self._desk.same_brand, id="sheet")
        title, text, ways = _DONE
        panel_content = panel(title, text, [(self.keymap.fill(key), words) for key, words in ways])
        yield Static(panel_content, id="empty", markup=False)
        yield Static(id="coach", markup=False)
        yield KeyBar(PRACTICE)

    def on_mount(self) -> None:
        """Show the first query."""
        self._draw()

    def _draw(self) -> None:
        practice, item = self._practice, self._practice.item
        self.query_view.display = self.query_one("#coach").display = item is not None
        self.query_one("#empty").display = item is None
        bar = self.query_one(KeyBar)
        bar.stop()
        bar.offer(PRACTISED if item is None or item.answered else PRACTICE)
        self.query_one("#status", Static).update(_status(min(practice.number, practice.total), practice.total))
        if item is None:
            self.query_view.clear()
            return
        self.query_view.show(item)
        feedback = practice.feedback
        text = Content(self.keymap.fill(feedback.text))
        self.query_one("#coach", Static).update(
            text if feedback.correct is None else Content.styled(*_FEEDBACK_PREFIXES[feedback.correct]) + text
        )

    def _decide(self, act: Callable[[], object]) -> bool:
        """Run a decision if its query was visible; the answered query stays on the screen."""
        if self._practice.item is None or not self.candidates.seen:
            return False
        act()
        self._draw()
        return True

    def action_next(self) -> None:
        """Go to the next query if this one is answered; leave after the last one."""
        item = self._practice.item
        if item is None:
            self.action_leave()
        elif item.answered:
            self._practice.advance()
            self._draw()
        else:
            self.say("Not answered yet. Esc leaves the practice.")

    def action_undo(self) -> None:
        """Undo."""
        self._turn(self._practice.undo, "There is nothing to undo.")

    def action_redo(self) -> None:
        """Redo."""
        self._turn(self._practice.redo, "There is nothing to redo.")

    def _turn(self, turn: Callable[[], bool], nothing: str) -> None:
        if turn():
            self._draw()
        else:
            self.say(nothing)

    def action_leave(self) -> None:
        """Return to the review screen."""
        self.dismiss(None)


def _status(number: int, total: int) -> Content:
    return Content.assemble(
        (" PRACTICE ", "reverse bold"), "  ", (f"{number}", STRONG), (f" of {total}", MUTED),
        ("  nothing here is saved", MUTED),
    )  # fmt: skip
