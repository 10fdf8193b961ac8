"""Who decided what about a query, and when."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.queue.item import ReviewItem
from core.text.safe import safe
from labels.history import Past
from tui.actions import bindings
from tui.page_actions import HISTORY
from tui.past import titles_of
from tui.screens.page import PageDialog
from tui.style import MUTED
from tui.widgets.acts import ActsPage


class HistoryDialog(PageDialog):
    """Every act on the query, the latest last."""

    BINDINGS = bindings(HISTORY)
    HEADLINE = "What happened to this query"

    def __init__(self, item: ReviewItem, past: Sequence[Past]) -> None:
        super().__init__()
        self._item, self._past = item, past

    def page(self) -> Iterable[Widget]:
        """The query, and each act."""
        yield Static(Content(safe(self._item.query.title)), classes="dialog-text dialog-short", markup=False)
        if self._item.alone:
            hidden = "What others did is hidden while you decide alone."
            yield Static(Content.styled(hidden, MUTED), classes="dialog-text", markup=False)
        if self._past:
            yield ActsPage(self._past, titles_of(self._item.options), blind=self._item.blind)
        else:
            yield Static(Content.styled("Nothing yet.", MUTED), markup=False)
