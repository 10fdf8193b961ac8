"""Why a candidate stands where it stands."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.matching.bands import Band, percent
from core.matching.reason import Reason, Reasons
from core.queue.item import Option, ReviewItem
from core.retrieval.candidates import MatcherSummary
from core.text.safe import safe
from labels.errors import SameskuError
from tui.actions import LEAVE, PAGE, bindings
from tui.background import in_background
from tui.common.dialogs import Dialog
from tui.common.text import Excerpt
from tui.common.words import AGAINST_BAR, BAND_SIGNS, FOR_BAR, adding_up, places, rests_on, titled
from tui.messages import Explained
from tui.ports import DeskFacts
from tui.services.desk import Desk
from tui.theme import BANDS, MUTED, STRONG

#: Cells of the longest bar.
_BAR = 8


class WhyDialog(Dialog[None]):
    """What the machine knows of one pair, in words.

    What the desk knows by itself stands there at once; the reasons come from the engine when it has them.
    """

    BINDINGS = bindings(PAGE)
    HEADLINE = "Why this candidate"
    ACTS = (LEAVE,)

    def __init__(self, item: ReviewItem, option: Option, desk: Desk) -> None:
        super().__init__()
        self._item, self._option, self._desk = item, option, desk

    def body(self) -> Iterable[Widget]:
        """The candidate, a line for each thing known, and the reasons."""
        yield Excerpt(titled(self._option.product), 3, classes="dialog-text")
        if self._item.blind:
            text = Content.styled("Scores are hidden while you decide blind.", MUTED)
            yield Static(text, classes="dialog-text", markup=False)
            return
        known = what_is_known(
            self._option, self._desk.facts, self._desk.matcher_summary, self._desk.single_class_notice
        )
        yield Static(Content("\n").join(known), classes="dialog-text", markup=False)
        yield Static(self._waiting(), classes="dialog-text", id="reasons", markup=False)

    def on_mount(self) -> None:
        """Ask the engine."""
        if not self._item.blind and self._desk.can_refit:
            in_background(self, "why", self._explain)

    def _explain(self) -> Message:
        try:
            return Explained(self._desk.reasons(self._item.query, self._option.product))
        except SameskuError as error:
            return Explained(None, f"{error.message} {error.hint}".strip())

    @on(Explained)
    def _tell(self, message: Explained) -> None:
        lines = told(message.reasons) if message.reasons else [Content.styled(safe(message.trouble), MUTED)]
        self.query_one("#reasons", Static).update(Content("\n").join(lines))

    def _waiting(self) -> Content:
        text = (
            "The matcher is asked for its reasons …"
            if self._desk.can_refit
            else "There is no engine to ask for reasons."
        )
        return Content.styled(text, MUTED)


def what_is_known(
    option: Option, facts: DeskFacts, standing: MatcherSummary | None, one_class: str = ""
) -> list[Content]:
    """A line for each thing known of a candidate.

    Args:
        option: which.
        facts: where the cosine is cut.
        standing: what the probabilities are worth; None before a matcher has learnt.
        one_class: that all labels are of one class, and what is needed; empty where they are not.
    """
    if option.similarity is None:
        return [Content("Not among the machine's ten: found by search, or ranked lower since.")]
    lines = []
    if option.probability is not None:
        lines.append(Content.assemble(("Probability ", MUTED), (percent(option.probability), STRONG)))
    band = f"{BAND_SIGNS[option.band]} {option.band.value}"
    cut = _cosine_cut(option.band, facts)
    if standing is not None and not standing.calibrated:
        cut = "by the prior matcher: no calibrated probability yet"
    elif standing is not None and option.probability is not None:
        cut = _cut(option.band, percent(standing.low), percent(standing.high))
    return [
        *lines,
        Content.assemble(("Band        ", MUTED), (band, BANDS[option.band]), (f"  {cut}", MUTED)),
        Content.assemble(("Rests on    ", MUTED), rests_on(standing, one_class=bool(one_class))),
        *([Content(one_class)] if one_class else []),
        Content.assemble(("Similarity  ", MUTED), (f"{option.similarity:.3f}", STRONG)),
        Content.assemble(("Place       ", MUTED), places(option)),
    ]


def told(reasons: Reasons) -> list[Content]:
    """The reasons with their weights as bars: a sign, a kind of bar and a word, so that none rests on colour."""
    most = max((abs(reason.contribution) for reason in (*reasons.pros, *reasons.cons)), default=1.0)
    lines = []
    for name, side in (("For a match", reasons.pros), ("Against", reasons.cons)):
        lines.append(Content.styled(name if side else f"{name}: none", MUTED))
        lines += [_bar(reason, most) for reason in side]
    return [*lines, Content.styled(adding_up(reasons), MUTED)]


def _bar(reason: Reason, most: float) -> Content:
    length = max(1, round(_BAR * abs(reason.contribution) / most))
    sign, glyph = ("+", FOR_BAR) if reason.contribution > 0 else ("−", AGAINST_BAR)
    style = BANDS[Band.HIGH if reason.contribution > 0 else Band.MEDIUM]
    weight = f"{sign}{abs(reason.contribution):.1f}".rjust(5)
    return Content.assemble((weight, STRONG), " ", ((glyph * length).ljust(_BAR), style), "  ", safe(reason.text))


def _cosine_cut(band: Band, facts: DeskFacts) -> str:
    return _cut(band, f"{facts.medium:.2f}", f"{facts.high:.2f}")


def _cut(band: Band, low: str, high: str) -> str:
    return {
        Band.HIGH: f"{high} or more",
        Band.MEDIUM: f"from {low} to below {high}",
        Band.LOW: f"below {low}",
    }[band]
