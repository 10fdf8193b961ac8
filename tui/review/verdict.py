"""The dialog that shows the judge's reasoning and verdict on one pair as they are generated."""

import threading
from collections.abc import Iterable

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.judge.verdict import NO_VERDICT, VERDICT, Answer, Verdict, reason_of
from core.matching.bands import percent
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.errors import SameskuError
from labels.model import Decision
from tui.background import in_background
from tui.common.dialogs import Dialog
from tui.common.text import Excerpt
from tui.common.words import DECISION_SIGNS, display_title
from tui.key_bindings import LEAVE, PAGE, PAGE_SCROLL, bindings
from tui.messages import Judged
from tui.services.processes import JudgeClient
from tui.theme import CAREFUL, DECISIONS, MUTED, STRONG

#: Seconds between paints: a judge may generate hundreds of tokens a second, and each paint is sent to the terminal.
_PAINT_INTERVAL_S = 0.15
#: Characters of the reasoning that are shown.
_MAX_REASONING = 20_000

_DECISIONS = {Answer.MATCH: Decision.MATCH, Answer.NO_MATCH: Decision.NO_MATCH}


class VerdictDialog(Dialog[Verdict]):
    """Streams the judge's reasoning; Escape stops it. Returns the verdict, or None."""

    BINDINGS = bindings((*PAGE, *PAGE_SCROLL))
    HEADLINE = "The judge's verdict"
    ACTS = (LEAVE, PAGE_SCROLL[0])

    def __init__(self, item: ReviewItem, option: Option, judge: JudgeClient) -> None:
        super().__init__()
        self._item, self._option, self._judge = item, option, judge
        self._verdict: Verdict | None = None
        self._lock = threading.Lock()
        self._pieces: list[str] = []
        self._length = 0

    def body(self) -> Iterable[Widget]:
        """The two titles, the reasoning and the verdict."""
        yield Excerpt(display_title(self._item.query), 1, id="judged-query")
        yield Excerpt(display_title(self._option.product), 2, classes="dialog-text")
        with VerticalScroll(id="reasoning", can_focus=False):
            yield Static(Content.styled("Asking the judge …", MUTED), id="opinion", markup=False)
        yield Static(id="verdict", classes="dialog-text", markup=False)

    def on_mount(self) -> None:
        """Start the request."""
        in_background(self, "judge", self._ask)
        self.set_interval(_PAINT_INTERVAL_S, self._paint)

    def action_leave(self) -> None:
        """Return the verdict if there is one, else stop the judge."""
        if self._verdict is None:
            self._judge.stop()
        self.dismiss(self._verdict)

    def action_scroll_page(self, step: int) -> None:
        """Scroll the reasoning by lines."""
        self.query_one("#reasoning").scroll_relative(y=step, animate=False)

    def action_turn_page(self, step: int) -> None:
        """Scroll the reasoning by a page."""
        pane = self.query_one("#reasoning")
        pane.scroll_relative(y=step * max(1, pane.size.height - 1), animate=False)

    def _ask(self) -> Message:
        try:
            return Judged(self._judge.verdict(self._item.query, self._option.product, self._on_piece))
        except SameskuError as error:
            return Judged(None, f"{error.message} {error.hint}".strip())

    def _on_piece(self, piece: str) -> None:
        """Called on the worker's thread; the timer paints the text."""
        with self._lock:
            self._pieces.append(piece)

    def _paint(self) -> None:
        with self._lock:
            text = "".join(self._pieces)
        if self._verdict is None and len(text) != self._length:
            self._length = len(text)
            self._show(text)
            self.query_one("#reasoning").scroll_end(animate=False)

    def _show(self, text: str) -> None:
        lines = [safe(line) for line in text[:_MAX_REASONING].splitlines()]
        self.query_one("#opinion", Static).update(Content("\n".join(lines)))

    @on(Judged)
    def _show_result(self, message: Judged) -> None:
        if message.counsel is None:
            trouble = Content.styled(safe(message.trouble), CAREFUL)
            self._show("".join(self._pieces))
            self.query_one("#verdict" if self._pieces else "#opinion", Static).update(trouble)
            return
        self._verdict = message.counsel.verdict
        self._show(_reasoning_text(self._verdict))
        worth = Content.styled(safe(message.counsel.worth), MUTED)
        self.query_one("#verdict", Static).update(Content("\n").join([verdict_content(self._verdict), worth]))


def _reasoning_text(verdict: Verdict) -> str:
    """The reasoning without its last line if that is the verdict or the reason for none, which are shown separately."""
    before, _, last = verdict.reasoning.strip().rpartition("\n")
    return before.rstrip() if last.startswith(NO_VERDICT if verdict.answer is None else VERDICT) else verdict.reasoning


def verdict_content(verdict: Verdict) -> Content:
    """`✗ no match  8% …`, and a muted line with the judge's name and the time it took."""
    who = Content.styled(f"{safe(verdict.judge)}, {verdict.seconds:.1f} s", MUTED)
    if verdict.answer is None:
        why = safe(reason_of(verdict.reasoning)) or f"{NO_VERDICT} it did not end in one."
        return Content("\n").join([Content(why), who])
    decision = _DECISIONS[verdict.answer]
    parts = [(f"{DECISION_SIGNS[decision]} {verdict.answer.lower()}", DECISIONS[decision])]
    if verdict.probability is not None:
        parts.append((f"  {percent(verdict.probability)} that it is the same product", STRONG))
    return Content("\n").join([Content.assemble(*parts), who])
