"""Before a retrain: what the models would learn from."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from core.queue.rescored import Outlook
from labels.stats import LabelStats
from tui.actions import CONFIRM, LEAVE, Act, bindings
from tui.messages import Failed
from tui.ports.desk import Desk
from tui.screens.dialog import Dialog
from tui.style import CAREFUL, MUTED, STRONG
from tui.workers import in_background, tell

_KEYS = tuple(act for act in CONFIRM if act.id in {"next_button", "previous_button"})
_START = Act("start", "enter", "Enter", "start", "Do what the highlighted button says.", "choose", 1)


@dataclass
class Counted(Message):
    """The labels were counted."""

    stats: LabelStats


class RetrainDialog(Dialog[bool]):
    """Shows the counts; True starts the retrain."""

    BINDINGS = bindings((LEAVE, *_KEYS))
    HEADLINE = "Retrain"
    ACTS = (_START, LEAVE)
    AUTO_FOCUS = "#start"

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def body(self) -> Iterable[Widget]:
        """Counts, recipe, buttons."""
        yield Static(Content.styled("Counting the labels …", MUTED), id="counts", classes="dialog-text", markup=False)
        yield Static(Content.styled(self._desk.facts.recipe, MUTED), classes="dialog-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Start", id="start", variant="primary", compact=True)
            yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Count beside the keyboard: there may be many labels."""
        in_background(self, "count", lambda: Counted(self._desk.statistics()))

    @on(Counted)
    def _show(self, message: Counted) -> None:
        lines = [_counts(message.stats), *_outlook(self._desk.outlook)]
        self.query_one("#counts", Static).update(Content("\n").join(lines))
        if message.stats.training_pairs == 0:
            self.query_one("#start", Button).disabled = True
            self.query_one("#cancel", Button).focus()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self.app, message)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "start")

    def action_start(self) -> None:
        """What Enter does, by a click on the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()


def _outlook(outlook: Outlook | None) -> list[Content]:
    """What is to be gained by labelling on, before anybody decides to stop."""
    if outlook is None or not outlook.queries:
        return []
    text = (
        f"Of {outlook.queries:,} queries left the matcher alone would get about {outlook.wrong:,.0f} wrong; "
        f"the next 50 answers set about {outlook.gain:,.0f} of these right."
    )
    return [Content.empty(), Content.styled(text, MUTED)]


def _counts(stats: LabelStats) -> Content:
    rows = [
        ("pairs to learn from", stats.training_pairs),
        ("pairs to judge on, kept apart", stats.validation_pairs),
        ("matches", stats.matches),
        ("not the same", stats.non_matches),
        ("unsure, left out", stats.unsure),
    ]
    width = max(len(f"{count:,}") for _, count in rows)
    lines = [Content.assemble((f"{count:>{width},}", STRONG), f"  {name}") for name, count in rows]
    if stats.conflicts:
        line = f"{stats.conflicts:>{width},}  conflicting, left out until settled (stream: adjudication)"
        lines.append(Content.styled(line, CAREFUL))
    if stats.training_pairs == 0:
        lines.append(Content.styled("There is nothing to learn from yet: decide on some pairs first.", CAREFUL))
    return Content("\n").join(lines)
