"""Hears the judge beside the keyboard: what it says of the candidates on the screen is marked when it is known."""

from textual import on
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from core.judge.verdict import Answer, Verdict
from core.queue.item import Option, ReviewItem
from labels.model import ProductRef
from tui.errors import EngineError, EngineRefusalError
from tui.messages import JudgeSilent, VerdictsKnown
from tui.ports.judge import JudgeSeat
from tui.screens.verdict import VerdictDialog
from tui.widgets.candidates import CandidateList
from tui.widgets.key_bar import KeyBar
from tui.workers import in_background

#: Whoever only passes a query needs no opinion on it.
_READING_S = 0.5


class SecondOpinion(Widget):
    """Nothing to be seen. While one decides alone it is not heard."""

    DEFAULT_CSS = "SecondOpinion { display: none; }"

    def __init__(self, judge: JudgeSeat) -> None:
        super().__init__()
        self._judge = judge
        self._item: ReviewItem | None = None
        self._timer: Timer | None = None
        self._told = False

    def due(self, item: ReviewItem) -> None:
        """A query is on the screen, perhaps the same as before."""
        same = self._item is not None and (self._item.query.ref, self._item.alone) == (item.query.ref, item.alone)
        self._item = item
        if same or self._judge.trouble or item.alone:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_READING_S, self._hear)

    def ask(self, item: ReviewItem | None, option: Option | None) -> None:
        """Have the judge reason about a candidate, for everybody to read."""
        if item is None or option is None:
            return
        if self._judge.trouble or item.blind:
            refusal = self._judge.trouble or "The judge is not heard while you decide blind."
            self.screen.query_one(KeyBar).say(refusal)
            return

        def note(verdict: Verdict | None) -> None:
            if verdict is not None:
                self._mark(VerdictsKnown(item.query.ref, {option.product.ref: verdict}))

        self.app.push_screen(VerdictDialog(item, option, self._judge), note)

    def _hear(self) -> None:
        item = self._item
        if item is None:
            return
        query, candidates = item.query.ref, [option.product.ref for option in item.options]
        in_background(self, "opinions", lambda: self._known(query, candidates))

    def _known(self, query: ProductRef, candidates: list[ProductRef]) -> Message | None:
        try:
            return VerdictsKnown(query, self._judge.known(query, candidates))
        except EngineRefusalError as error:
            return JudgeSilent(f"{error.message} {error.hint}".strip())
        except EngineError:
            return None  # it has just ended, or the desk is being left: nothing waits for it

    @on(JudgeSilent)
    def _tell(self, message: JudgeSilent) -> None:
        """Once in a sitting; `v` says it again."""
        if not self._told:
            self._told = True
            self.screen.query_one(KeyBar).say(message.trouble)

    @on(VerdictsKnown)
    def _mark(self, message: VerdictsKnown) -> None:
        item = self._item
        if item is not None and item.query.ref == message.query and not item.alone:
            said = {ref: v.answer is Answer.MATCH for ref, v in message.verdicts.items() if v.answer is not None}
            self.screen.query_one(CandidateList).note(said)
