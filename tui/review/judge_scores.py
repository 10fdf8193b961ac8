"""Hears the judge beside the keyboard: what it says of the candidates on the screen is marked when it is known."""

from rich.cells import cell_len
from textual import on
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from core.judge.verdict import Answer, Verdict
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from labels.annotations import Opinion
from labels.model import ProductRef, Strength
from tui.background import in_background
from tui.common.key_bar import KeyBar
from tui.common.text import hanging
from tui.common.words import DECISION_SIGNS, DECISION_WORDS, IMPLIED_SIGN
from tui.errors import EngineError, EngineRefusalError
from tui.messages import JudgeSilent, VerdictsKnown
from tui.ports import JudgePort
from tui.review.candidates import CandidateList
from tui.review.past_work import looked, machine_then, moment
from tui.review.verdict import VerdictDialog
from tui.theme import CAREFUL, DECISIONS, MUTED, STRONG

#: Whoever only passes a query needs no opinion on it.
_READING_S = 0.5


class JudgeRequests(Widget):
    """Nothing to be seen. While one decides alone it is not heard."""

    DEFAULT_CSS = "JudgeRequests { display: none; }"

    def __init__(self, judge: JudgePort) -> None:
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


_LONGEST_NAME = 20
#: A reason of so many characters stands whole in the line over the candidates.
_SHORT_REASON = 32


def opinion_lines(item: ReviewItem, option: Option | None, width: int) -> list[Content]:
    """Why there is a dispute, each one's word on the candidate, and all comments in full."""
    lines = []
    if len(item.reason) > _SHORT_REASON:
        lines += hanging(Content.styled(" ! ", CAREFUL), Content(safe(item.reason)), width)
    opinions = option.opinions if option is not None else ()
    names = min(_LONGEST_NAME, max((cell_len(safe(opinion.annotator)) for opinion in opinions), default=0))
    words = max((len(_words(opinion)) for opinion in opinions), default=0)
    for opinion in opinions:
        lines += _opinion(opinion, names, words, width)
    for name, text in item.comments:
        lines += hanging(
            Content.styled(" ✎ ", CAREFUL), Content.assemble((safe(name), STRONG), "  ", safe(text)), width
        )
    return lines


def _opinion(opinion: Opinion, names: int, words: int, width: int) -> list[Content]:
    """One person's word and its circumstances; on lines of their own where there is no room beside it."""
    implied = opinion.strength is Strength.IMPLIED
    style = MUTED if implied else DECISIONS[opinion.decision]
    sign = IMPLIED_SIGN if implied else DECISION_SIGNS[opinion.decision]
    name = Content.styled(safe(opinion.annotator), STRONG).truncate(names, ellipsis=True)
    machine = machine_then(opinion.shown)
    facts = [moment(opinion.at), looked(opinion.stream, opinion.look_ms, blind=opinion.blind)]
    facts += [f"machine: {machine}"] if machine else []
    lead = Content.assemble(" ", (sign, style), " ")
    head = name.pad_right(names - name.cell_length) + Content.assemble(
        "  ", (_words(opinion).ljust(words), style), "  "
    )
    rest = Content.styled("  ".join(facts), MUTED)
    if lead.cell_length + head.cell_length + rest.cell_length <= width:
        return [lead + head + rest]
    return [lead + head.rstrip(), *hanging(Content("   "), rest, width)]


def _words(opinion: Opinion) -> str:
    return DECISION_WORDS[opinion.decision] + (", implied" if opinion.strength is Strength.IMPLIED else "")
