"""A line that parts two areas and names the lower one."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget


class Heading(Widget):
    """`── words ───── words ──`: a rule with words at given columns."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._cells: tuple[tuple[int, Content], ...] = ()

    def show(self, *cells: tuple[int, Content]) -> None:
        """Put words on the line, each from a column on; a negative one counts from the right to the words' end."""
        self._cells = cells
        self.refresh()

    def render(self) -> Content:
        """The line, one cell high."""
        return ruled(self._cells, self.size.width)


def ruled(cells: Sequence[tuple[int, Content]], width: int) -> Content:
    """A rule with words on it, each from a column on; a negative one counts from the right to the words' end."""
    starts = [c if c >= 0 else width + c - text.cell_length - 1 for c, text in cells]
    line = Content.empty()
    # Words give way to those that come after them, so that what stands on the right is never lost.
    for start, end, (_, text) in zip(starts, [*starts[1:], width], cells, strict=False):
        words = text.truncate(max(0, end - start - 2), ellipsis=True)
        if words and start > line.cell_length:
            line += _rule(start - line.cell_length - 1) + Content(" ") + words + Content(" ")
    return line + _rule(width - line.cell_length)


def _rule(length: int) -> Content:
    return Content.styled("─" * max(0, length), "$foreground 25%")
