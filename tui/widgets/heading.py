"""A line that parts two areas and names the lower one."""

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
        width = self.size.width
        line = Content.empty()
        for column, text in self._cells:
            start = column if column >= 0 else width + column - text.cell_length - 2
            words = text.truncate(max(0, width - start - 2), ellipsis=True)
            if not words or start <= line.cell_length:
                continue
            line += _rule(start - line.cell_length - 1) + Content(" ") + words + Content(" ")
        return line + _rule(width - line.cell_length)


def _rule(length: int) -> Content:
    return Content.styled("─" * max(0, length), "$foreground 25%")
