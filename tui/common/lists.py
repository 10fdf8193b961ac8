"""Scrolling lists that render only the visible lines, and load further rows on demand."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import OptionList
from textual.widgets.option_list import Option as Line

from tui.messages import MoreWanted


class Lines(ScrollView, can_focus=False):
    """Scrolling lines of text, rebuilt for each width."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._make: Callable[[int], Sequence[Content]] = lambda _: ()
        self._lines: Sequence[Content] = ()
        self._width = 0

    def show(self, make: Callable[[int], Sequence[Content]]) -> None:
        """Show other lines, from the top; `make` returns them for a width in cells."""
        self._make, self._width = make, 0
        self.scroll_to(y=0, animate=False, immediate=True)
        self._fit()

    def on_resize(self) -> None:
        """Rebuild the lines for the new width."""
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


Row = TypeVar("Row")

#: More rows are requested this many rows before the end.
_PREFETCH_ROWS = 10
#: Cells of padding beside a row, as in app.tcss.
_ROW_PADDING = 2


class PagedList(OptionList, Generic[Row], can_focus=False):
    """A list of rows that posts `MoreWanted` when the highlight nears its end.

    Args:
        draw: renders a row at a width in cells.
    """

    def __init__(self, draw: Callable[[Row, int], Content], *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False, compact=True)
        self._draw = draw
        self.rows: list[Row] = []

    @property
    def current(self) -> Row | None:
        """The highlighted row."""
        return self.rows[self.highlighted] if self.highlighted is not None and self.rows else None

    @property
    def has_room(self) -> bool:
        """Whether further rows would fit without scrolling; False for an empty list."""
        return bool(self.rows) and self.virtual_size.height < self.size.height

    def show(self, rows: Iterable[Row], highlighted: int = 0) -> None:
        """Show other rows."""
        self.rows = list(rows)
        self.set_options(self._drawn_rows(self.rows))
        self.highlighted = min(highlighted, len(self.rows) - 1) if self.rows else None

    def extend(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        more = list(rows)
        self.rows += more
        self.add_options(self._drawn_rows(more))
        if self.highlighted is None and self.rows:
            self.highlighted = 0

    def move(self, step: int) -> None:
        """Move the highlight by `step` rows; an empty list requests rows."""
        if self.highlighted is None:
            self.post_message(MoreWanted())
        else:
            self.highlighted = max(0, min(self.highlighted + step, self.option_count - 1))

    def turn(self, pages: int) -> None:
        """Move the highlight by pages."""
        heights = self.virtual_size.height / max(1, self.option_count)
        self.move(pages * max(1, int(self.size.height / max(1.0, heights)) - 1))

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Request more rows near the end."""
        super().watch_highlighted(highlighted)
        if highlighted is not None and highlighted >= self.option_count - _PREFETCH_ROWS:
            self.post_message(MoreWanted())

    def on_resize(self) -> None:
        """Redraw the rows for the new width."""
        if self.rows:
            self.show(self.rows, self.highlighted or 0)

    def _drawn_rows(self, rows: Iterable[Row]) -> list[Line]:
        width = max(20, self.scrollable_content_region.width - _ROW_PADDING)
        return [Line(self._draw(row, width)) for row in rows]
