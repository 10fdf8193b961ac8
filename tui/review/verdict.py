"""The judge's opinion on one pair, as it forms it."""

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
from tui.actions import LEAVE, PAGE, PAGE_SCROLL, bindings
from tui.background import in_background
from tui.common.dialogs import Dialog
from tui.common.text import Excerpt
from tui.common.words import DECISION_SIGNS, titled
from tui.messages import Judged
from tui.services.processes import JudgeClient
from tui.theme import CAREFUL, DECISIONS, MUTED, STRONG

#: How often new words are painted, in seconds: a judge may say hundreds in one, and each paint goes over the wire.
_PAINTED_EVERY_S = 0.15
#: No reasoning is worth reading further.
_LONGEST = 20_000

_DECISIONS = {Answer.MATCH: Decision.MATCH, Answer.NO_MATCH: Decision.NO_MATCH}


class VerdictDialog(Dialog[Verdict]):
    """Asks the judge, and shows what it says word by word. Escape ends it."""

    BINDINGS = bindings((*PAGE, *PAGE_SCROLL))
    HEADLINE = "The judge's opinion"
    ACTS = (LEAVE, PAGE_SCROLL[0])

    def __init__(self, item: ReviewItem, option: Option, judge: JudgeClient) -> None:
        super().__init__()
        self._item, self._option, self._judge = item, option, judge
        self._verdict: Verdict | None = None
        self._lock = threading.Lock()
        self._heard: list[str] = []
        self._length = 0

    def body(self) -> Iterable[Widget]:
        """The two listings, what is said of them, and what it comes to."""
        yield Excerpt(titled(self._item.query), 1, id="judged-query")
        yield Excerpt(titled(self._option.product), 2, classes="dialog-text")
        with VerticalScroll(id="reasoning", can_focus=False):
            yield Static(Content.styled("The judge is asked …", MUTED), id="opinion", markup=False)
        yield Static(id="verdict", classes="dialog-text", markup=False)

    def on_mount(self) -> None:
        """Ask."""
        in_background(self, "judge", self._ask)
        self.set_interval(_PAINTED_EVERY_S, self._paint)

    def action_leave(self) -> None:
        """Back, with the verdict if there is one by now; else the judge stops."""
        if self._verdict is None:
            self._judge.stop()
        self.dismiss(self._verdict)

    def action_scroll_page(self, step: int) -> None:
        """Scroll what is said."""
        self.query_one("#reasoning").scroll_relative(y=step, animate=False)

    def action_turn_page(self, step: int) -> None:
        """Scroll it by a page."""
        pane = self.query_one("#reasoning")
        pane.scroll_relative(y=step * max(1, pane.size.height - 1), animate=False)

    def _ask(self) -> Message:
        try:
            return Judged(self._judge.verdict(self._item.query, self._option.product, self._hear))
        except SameskuError as error:
            return Judged(None, f"{error.message} {error.hint}".strip())

    def _hear(self, piece: str) -> None:
        """Called on the thread that listens; painted when it is time."""
        with self._lock:
            self._heard.append(piece)

    def _paint(self) -> None:
        with self._lock:
            said = "".join(self._heard)
        if self._verdict is None and len(said) != self._length:
            self._length = len(said)
            self._show(said)
            self.query_one("#reasoning").scroll_end(animate=False)

    def _show(self, said: str) -> None:
        lines = [safe(line) for line in said[:_LONGEST].splitlines()]
        self.query_one("#opinion", Static).update(Content("\n".join(lines)))

    @on(Judged)
    def _tell(self, message: Judged) -> None:
        if message.counsel is None:
            trouble = Content.styled(safe(message.trouble), CAREFUL)
            self._show("".join(self._heard))
            self.query_one("#verdict" if self._heard else "#opinion", Static).update(trouble)
            return
        self._verdict = message.counsel.verdict
        self._show(_reasons(self._verdict))
        worth = Content.styled(safe(message.counsel.worth), MUTED)
        self.query_one("#verdict", Static).update(Content("\n").join([told(self._verdict), worth]))


def _reasons(verdict: Verdict) -> str:
    """What it said, without a last line that says its verdict, or why there is none: that is shown as such."""
    before, _, last = verdict.reasoning.strip().rpartition("\n")
    return before.rstrip() if last.startswith(NO_VERDICT if verdict.answer is None else VERDICT) else verdict.reasoning


def told(verdict: Verdict) -> Content:
    """`✗ no match  8%`, and a muted line with who says so and how long it took."""
    who = Content.styled(f"{safe(verdict.judge)}, {verdict.seconds:.1f} s", MUTED)
    if verdict.answer is None:
        why = safe(reason_of(verdict.reasoning)) or f"{NO_VERDICT} it did not end in one."
        return Content("\n").join([Content(why), who])
    decision = _DECISIONS[verdict.answer]
    parts = [(f"{DECISION_SIGNS[decision]} {verdict.answer.lower()}", DECISIONS[decision])]
    if verdict.probability is not None:
        parts.append((f"  {percent(verdict.probability)} that it is the same product", STRONG))
    return Content("\n").join([Content.assemble(*parts), who])
