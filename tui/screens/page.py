"""A text over the desk that is read, and scrolled where it is longer than the screen."""

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.widget import Widget

from tui.actions import bindings
from tui.page_actions import LEAVE, PAGE, PAGE_SCROLL
from tui.screens.dialog import Dialog
from tui.widgets.key_bar import KeyBar

#: Lines of a small step; a large one leaves so many lines of the page before in sight.
_STEP, _OVERLAP = 4, 2
#: Lines around the page: the frame, the title, the keys, and a line between each of them.
_AROUND = 6


class PageDialog(Dialog[None]):
    """One page; how to scroll it is said where there is something to scroll."""

    BINDINGS = bindings((*PAGE, *PAGE_SCROLL))

    def body(self) -> Iterable[Widget]:
        """The page."""
        with VerticalScroll(classes="page", can_focus=False):
            yield from self.page()

    def page(self) -> Iterable[Widget]:
        """What is read."""
        return ()

    def on_resize(self) -> None:
        """The page is as high as its text, or as the screen allows."""
        self._pane.styles.max_height = self.size.height - _AROUND

    @property
    def _pane(self) -> VerticalScroll:
        return self.query_one(".page", VerticalScroll)

    def on_mount(self) -> None:
        """Say how to scroll, once it is known whether there is need."""
        self.watch(self._pane, "show_vertical_scrollbar", self._offer)

    def _offer(self, scrolls: bool) -> None:
        self.query_one(KeyBar).offer((*PAGE_SCROLL[:1], LEAVE) if scrolls else (LEAVE,))

    def action_scroll_page(self, steps: int) -> None:
        """Scroll by some lines."""
        self._pane.scroll_relative(y=steps * _STEP, animate=False)

    def action_turn_page(self, pages: int) -> None:
        """Scroll by the height of the page."""
        self._pane.scroll_relative(y=pages * max(1, self._pane.size.height - _OVERLAP), animate=False)
