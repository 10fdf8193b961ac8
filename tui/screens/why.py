"""Why a candidate stands where it stands."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.match.bands import Band
from core.queue.item import Option, ReviewItem
from core.text.safe import safe
from tui.actions import LEAVE, PAGE, bindings
from tui.ports import DeskFacts
from tui.screens.dialog import Dialog
from tui.style import BANDS, MUTED, STRONG
from tui.words import BAND_SIGNS


class WhyDialog(Dialog[None]):
    """What the machine knows of one pair, in words."""

    BINDINGS = bindings(PAGE)
    HEADLINE = "Why this candidate"
    ACTS = (LEAVE,)

    def __init__(self, item: ReviewItem, option: Option, facts: DeskFacts) -> None:
        super().__init__()
        self._item, self._option, self._facts = item, option, facts

    def body(self) -> Iterable[Widget]:
        """The candidate, and a line for each thing known."""
        yield Static(Content(safe(self._option.product.title)), classes="dialog-text", markup=False)
        lines = [Content.styled("Scores are hidden while you decide blind.", MUTED)]
        if not self._item.blind:
            lines = reasons(self._option, self._facts)
        yield Static(Content("\n").join(lines), classes="dialog-text", markup=False)


def reasons(option: Option, facts: DeskFacts) -> list[Content]:
    """One line for each thing known of a candidate."""
    if option.similarity is None:
        return [Content("Not among the machine's ten: found by search, or ranked lower since.")]
    return [
        Content.assemble(("Similarity  ", MUTED), (f"{option.similarity:.3f}", STRONG)),
        Content.assemble(
            ("Band        ", MUTED),
            (f"{BAND_SIGNS[option.band]} {option.band.value}", BANDS[option.band]),
            (f"  {_cut(option.band, facts)}", MUTED),
        ),
        Content.assemble(("By meaning  ", MUTED), _rank(option.dense_rank, "in the order of the encoder alone")),
        Content.assemble(
            ("By wording  ", MUTED), _rank(option.lexical_rank, "in the order of shared words and numbers alone")
        ),
        Content.assemble(
            ("Together    ", MUTED), f"place {option.rank}", (", once brand, model number and price weigh in", MUTED)
        ),
    ]


def _cut(band: Band, facts: DeskFacts) -> str:
    return {
        Band.HIGH: f"{facts.high:.2f} or more",
        Band.MEDIUM: f"from {facts.medium:.2f} to below {facts.high:.2f}",
        Band.LOW: f"below {facts.medium:.2f}",
    }[band]


def _rank(rank: int | None, order: str) -> str:
    return f"too far down {order}" if rank is None else f"place {rank} {order}"
