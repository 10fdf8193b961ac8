"""Who decided what about a query, and when."""

from collections.abc import Callable, Iterable, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.queue.item import ReviewItem
from core.text.safe import safe
from labels.history import Past
from tui.actions import bindings
from tui.keymap import keymap_of
from tui.page_actions import HISTORY, LEAVE, LOOK_AT_OTHERS, PAGE_SCROLL
from tui.past import titles_of
from tui.screens.page import PageDialog
from tui.style import MUTED
from tui.widgets.acts import ActsPage
from tui.widgets.key_bar import KeyBar
from tui.workers import failures_shown

_HIDDEN = "What others did is hidden while you decide alone."
_OFFER = " {key} shows it: that is recorded, and agreement counts no answer that you give after it."


class HistoryDialog(PageDialog):
    """Every act on the query, the latest last.

    Args:
        look: gives the acts of others too, and records that; None for whoever must not see them, or sees them already.
    """

    BINDINGS = bindings((*HISTORY, LOOK_AT_OTHERS))
    HEADLINE = "What happened to this query"

    def __init__(
        self, item: ReviewItem, past: Sequence[Past], look: Callable[[], Sequence[Past]] | None = None
    ) -> None:
        super().__init__()
        self._item, self._past, self._look = item, past, look
        self._hides = item.alone

    def page(self) -> Iterable[Widget]:
        """The query, and each act."""
        yield Static(Content(safe(self._item.query.title)), classes="dialog-text dialog-short", markup=False)
        if self._hides:
            key = keymap_of(self.app).act(LOOK_AT_OTHERS).shown
            words = _HIDDEN + (_OFFER.format(key=key) if self._look else "")
            yield Static(Content.styled(words, MUTED), classes="dialog-text", markup=False)
        if self._past:
            yield ActsPage(self._past, titles_of(self._item.options), blind=self._item.blind)
        else:
            yield Static(Content.styled("Nothing yet.", MUTED), markup=False)

    def _offer(self, scrolls: bool) -> None:
        look = (LOOK_AT_OTHERS,) if self._look else ()
        self.query_one(KeyBar).offer((*look, *(PAGE_SCROLL[:1] if scrolls else ()), LEAVE))

    async def action_look_at_others(self) -> None:
        """Show what others did."""
        if self._look is None:
            return
        with failures_shown(self.app):
            self._past, self._hides, self._look = self._look(), False, None
            await self._pane.remove_children()
            await self._pane.mount(*self.page())
            self._offer(self._pane.show_vertical_scrollbar)
