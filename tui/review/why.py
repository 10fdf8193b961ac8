"""The dialog that explains a candidate's score."""

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
from tui.background import in_background
from tui.common.dialogs import Dialog
from tui.common.text import Excerpt
from tui.common.words import (
    AGAINST_BAR,
    BAND_SIGNS,
    FOR_BAR,
    calibration_details,
    display_title,
    rank_summary,
    score_summary,
)
from tui.key_bindings import LEAVE, PAGE, bindings
from tui.messages import Explained
from tui.ports import DeskFacts
from tui.services.desk import Desk
from tui.theme import BANDS, MUTED, STRONG

#: Cells of the longest bar.
_BAR_WIDTH = 8


class WhyDialog(Dialog[None]):
    """Probability, band, ranks and the contributions of the features for one pair.

    The scores are shown at once; the contributions are computed by the worker and follow.
    """

    BINDINGS = bindings(PAGE)
    HEADLINE = "Why this candidate"
    ACTS = (LEAVE,)

    def __init__(self, item: ReviewItem, option: Option, desk: Desk) -> None:
        super().__init__()
        self._item, self._option, self._desk = item, option, desk

    def body(self) -> Iterable[Widget]:
        """The candidate's title, its scores and the contributions."""
        yield Excerpt(display_title(self._option.product), 3, classes="dialog-text")
        if self._item.blind:
            text = Content.styled("Scores are hidden in blind mode.", MUTED)
            yield Static(text, classes="dialog-text", markup=False)
            return
        lines = score_lines(self._option, self._desk.facts, self._desk.matcher_summary, self._desk.single_class_notice)
        yield Static(Content("\n").join(lines), classes="dialog-text", markup=False)
        yield Static(self._placeholder(), classes="dialog-text", id="reasons", markup=False)

    def on_mount(self) -> None:
        """Request the contributions."""
        if not self._item.blind and self._desk.can_refit:
            in_background(self, "why", self._explain)

    def _explain(self) -> Message:
        try:
            return Explained(self._desk.reasons(self._item.query, self._option.product))
        except SameskuError as error:
            return Explained(None, f"{error.message} {error.hint}".strip())

    @on(Explained)
    def _show_reasons(self, message: Explained) -> None:
        lines = reason_lines(message.reasons) if message.reasons else [Content.styled(safe(message.trouble), MUTED)]
        self.query_one("#reasons", Static).update(Content("\n").join(lines))

    def _placeholder(self) -> Content:
        text = "Computing the explanation …" if self._desk.can_refit else "No explanation: the matcher is not running."
        return Content.styled(text, MUTED)


def score_lines(option: Option, facts: DeskFacts, matcher: MatcherSummary | None, one_class: str = "") -> list[Content]:
    """The scores of a candidate, one per line.

    Args:
        option: the candidate.
        facts: with the cosine cuts of the bands.
        matcher: the fitted matcher; None before the first fit.
        one_class: a sentence if all labels are of one class; else empty.
    """
    if option.similarity is None:
        return [Content("Not among the top ten: it was found by search, or has dropped in rank since.")]
    lines = []
    if option.probability is not None:
        lines.append(Content.assemble(("Probability ", MUTED), (percent(option.probability), STRONG)))
    band = f"{BAND_SIGNS[option.band]} {option.band.value}"
    cut = _cosine_range(option.band, facts)
    if matcher is not None and not matcher.calibrated:
        cut = "by the prior matcher: no calibrated probability yet"
    elif matcher is not None and option.probability is not None:
        cut = _band_range(option.band, percent(matcher.low), percent(matcher.high))
    return [
        *lines,
        Content.assemble(("Band        ", MUTED), (band, BANDS[option.band]), (f"  {cut}", MUTED)),
        Content.assemble(("Based on    ", MUTED), calibration_details(matcher, one_class=bool(one_class))),
        *([Content(one_class)] if one_class else []),
        Content.assemble(("Similarity  ", MUTED), (f"{option.similarity:.3f}", STRONG)),
        Content.assemble(("Ranks       ", MUTED), rank_summary(option)),
    ]


def reason_lines(reasons: Reasons) -> list[Content]:
    """The contributions as bars; sign, glyph and text distinguish them without colour."""
    most = max((abs(reason.contribution) for reason in (*reasons.pros, *reasons.cons)), default=1.0)
    lines = []
    for name, side in (("For a match", reasons.pros), ("Against", reasons.cons)):
        lines.append(Content.styled(name if side else f"{name}: none", MUTED))
        lines += [_bar(reason, most) for reason in side]
    return [*lines, Content.styled(score_summary(reasons), MUTED)]


def _bar(reason: Reason, most: float) -> Content:
    length = max(1, round(_BAR_WIDTH * abs(reason.contribution) / most))
    sign, glyph = ("+", FOR_BAR) if reason.contribution > 0 else ("−", AGAINST_BAR)
    style = BANDS[Band.HIGH if reason.contribution > 0 else Band.MEDIUM]
    weight = f"{sign}{abs(reason.contribution):.1f}".rjust(5)
    return Content.assemble((weight, STRONG), " ", ((glyph * length).ljust(_BAR_WIDTH), style), "  ", safe(reason.text))


def _cosine_range(band: Band, facts: DeskFacts) -> str:
    return _band_range(band, f"{facts.medium:.2f}", f"{facts.high:.2f}")


def _band_range(band: Band, low: str, high: str) -> str:
    return {
        Band.HIGH: f"{high} or more",
        Band.MEDIUM: f"from {low} to below {high}",
        Band.LOW: f"below {low}",
    }[band]
