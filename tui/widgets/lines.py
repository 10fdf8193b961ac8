"""Lines of text that scroll; only those in sight are painted, so that thousands cost no more than a screenful."""

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class Lines(ScrollView, can_focus=False):
    """Shows what it is given, made anew for each width."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._make: Callable[[int], Sequence[Content]] = lambda _: ()
        self._lines: Sequence[Content] = ()
        self._width = 0

    def show(self, make: Callable[[int], Sequence[Content]]) -> None:
        """Show other lines, from the first on; `make` is called with the cells that there are for one."""
        self._make, self._width = make, 0
        self.scroll_to(y=0, animate=False, immediate=True)
        self._fit()

    def on_resize(self) -> None:
        """Lines are made for the width."""
        self._fit()

    def _fit(self) -> None:
        width = self.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._lines = self._make(width) if width else ()
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        width, style = self.scrollable_content_region.width, self.visual_style
        place = y + self.scroll_offset.y
        if place >= len(self._lines):
            return Strip.blank(width, style.rich_style)
        parts = self._lines[place].render(style, end="")
        return Strip([Segment(text, part.rich_style) for text, part in parts]).adjust_cell_length(
            width, style.rich_style
        )
