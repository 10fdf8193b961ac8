"""Requests the judge's verdicts in the background and marks the candidates on the screen with them."""

from textual import on
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from core.judge.verdict import Answer, Verdict
from core.queue.item import Option, ReviewItem
from labels.model import ProductRef
from tui.background import in_background
from tui.common.key_bar import KeyBar
from tui.errors import WorkerError, WorkerRefusalError
from tui.messages import JudgeSilent, VerdictsKnown
from tui.review.candidates import CandidateList
from tui.review.verdict import VerdictDialog
from tui.services.processes import JudgeClient

#: Delay before the request, so that a query that is only passed by costs none.
_DELAY_S = 0.5


class JudgeRequests(Widget):
    """An invisible widget; makes no requests for queries that are labelled independently."""

    DEFAULT_CSS = "JudgeRequests { display: none; }"

    def __init__(self, judge: JudgeClient) -> None:
        super().__init__()
        self._judge = judge
        self._item: ReviewItem | None = None
        self._timer: Timer | None = None
        self._reported = False

    def schedule(self, item: ReviewItem) -> None:
        """Request verdicts on the query on the screen after a delay, unless it is still the same one."""
        same = self._item is not None and (self._item.query.ref, self._item.alone) == (item.query.ref, item.alone)
        self._item = item
        if same or self._judge.trouble or item.alone:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_DELAY_S, self._fetch)

    def ask(self, item: ReviewItem | None, option: Option | None) -> None:
        """Open the dialog in which the judge reasons about a candidate."""
        if item is None or option is None:
            return
        if self._judge.trouble or item.blind:
            refusal = self._judge.trouble or "The judge is not available in blind mode."
            self.screen.query_one(KeyBar).say(refusal)
            return

        def show_verdicts(verdict: Verdict | None) -> None:
            if verdict is not None:
                self._show_verdicts(VerdictsKnown(item.query.ref, {option.product.ref: verdict}))

        self.app.push_screen(VerdictDialog(item, option, self._judge), show_verdicts)

    def _fetch(self) -> None:
        item = self._item
        if item is None:
            return
        query, candidates = item.query.ref, [option.product.ref for option in item.options]
        in_background(self, "opinions", lambda: self._fetch_verdicts(query, candidates))

    def _fetch_verdicts(self, query: ProductRef, candidates: list[ProductRef]) -> Message | None:
        try:
            return VerdictsKnown(query, self._judge.known_verdicts(query, candidates))
        except WorkerRefusalError as error:
            return JudgeSilent(f"{error.message} {error.hint}".strip())
        except WorkerError:
            return None  # the judge's process has ended or the desk is closing

    @on(JudgeSilent)
    def _report(self, message: JudgeSilent) -> None:
        """Report it once per session; `v` shows it again."""
        if not self._reported:
            self._reported = True
            self.screen.query_one(KeyBar).say(message.trouble)

    @on(VerdictsKnown)
    def _show_verdicts(self, message: VerdictsKnown) -> None:
        item = self._item
        if item is not None and item.query.ref == message.query and not item.alone:
            matches = {ref: v.answer is Answer.MATCH for ref, v in message.verdicts.items() if v.answer is not None}
            self.screen.query_one(CandidateList).show_verdicts(matches)
