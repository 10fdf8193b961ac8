"""What another encoder makes of each judged query: counts by ranking, and the queries."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from core.evaluate.comparison import Comparison
from core.text.safe import safe
from tui.style import MUTED, STRONG
from tui.widgets.heading import Heading
from tui.widgets.lines import Lines
from tui.widgets.moved import ORDER, move_counts, moved_lines

#: What is listed: everything, then each outcome by itself.
_SHOWN = (ORDER, *((outcome,) for outcome in ORDER))
_MEANINGS = {
    "encoder": "dense: the encoder alone",
    "fused": "hybrid: encoder and shared words",
    "matched": "matcher: the order that the desk shows",
}
_HIDDEN = (
    "Which queries these are is for leads to see: they belong to the validation set, which people answer without "
    "knowing what any machine says."
)


class ComparedPane(Vertical):
    """A comparison, or why there is none.

    Args:
        named: whether the queries may be named to whoever sits here.
    """

    def __init__(self, *, id: str, named: bool) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._named = named
        self._comparison: Comparison | None = None
        self._ranking = 0
        self._shown = 0

    def compose(self) -> ComposeResult:
        """Counts, ranking, queries."""
        yield Static(id="counted", markup=False)
        yield Heading(id="moved-name")
        yield Lines(id="moved")

    def show(self, comparison: Comparison) -> None:
        """Show a comparison by the ranking that was looked at last."""
        self._comparison = comparison
        self._draw()

    def say(self, headline: str, text: str) -> None:
        """Say something in the place of a comparison."""
        self._comparison = None
        self.query_one("#counted", Static).update(Content.styled(safe(headline), STRONG))
        self.query_one("#moved-name", Heading).show()
        self.query_one("#moved", Lines).show(lambda width: Content.styled(safe(text), MUTED).wrap(max(10, width)))

    def next_ranking(self) -> None:
        """Count and list by another ranking."""
        self._ranking += 1
        self._draw()

    def next_outcome(self) -> None:
        """List only what got worse, only what got better, only what stayed; then all again."""
        self._shown = (self._shown + 1) % len(_SHOWN)
        self._draw()

    def _draw(self) -> None:
        found = self._comparison
        if found is None:
            return
        ranking = found.rankings[self._ranking % len(found.rankings)]
        pane = self.query_one("#counted", Static)
        pane.update(move_counts(found, ranking, max(10, pane.content_region.width)))
        self.query_one("#moved-name", Heading).show((1, Content.styled(_MEANINGS.get(ranking, safe(ranking)), MUTED)))
        shown = _SHOWN[self._shown]
        self.query_one("#moved", Lines).show(
            lambda width: (
                moved_lines(found, ranking, shown, width)
                if self._named
                else Content.styled(_HIDDEN, MUTED).wrap(max(10, width))
            )
        )

    def on_resize(self) -> None:
        """The counts are made for the width."""
        self.call_after_refresh(self._draw)
