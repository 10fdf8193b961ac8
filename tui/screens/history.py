"""Who decided what about a query, and when."""

from collections.abc import Iterable, Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.queue.item import ReviewItem
from core.text.safe import safe
from labels.history import Past
from tui.actions import LEAVE, PAGE, bindings
from tui.past import deed, moment
from tui.screens.dialog import Dialog
from tui.style import MUTED, STRONG


class HistoryDialog(Dialog[None]):
    """Every act on the query, the latest last."""

    BINDINGS = bindings(PAGE)
    HEADLINE = "What happened to this query"
    ACTS = (LEAVE,)

    def __init__(self, item: ReviewItem, past: Sequence[Past]) -> None:
        super().__init__()
        self._item, self._past = item, past

    def body(self) -> Iterable[Widget]:
        """The query, and a line for each act."""
        yield Static(Content(safe(self._item.query.title)), classes="dialog-text dialog-short", markup=False)
        if self._item.alone:
            hidden = "What others did is hidden while you decide alone."
            yield Static(Content.styled(hidden, MUTED), classes="dialog-text", markup=False)
        titles = {option.product.ref: option.product.title for option in self._item.options}
        lines = [
            Content.assemble((moment(past), MUTED), "  ", (safe(past.annotator), STRONG), "  ", deed(past, titles))
            for past in self._past
        ] or [Content.styled("Nothing yet.", MUTED)]
        yield VerticalScroll(Static(Content("\n").join(lines), markup=False), classes="dialog-text")
