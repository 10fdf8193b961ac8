"""Text layout at a given width: hanging indents, tables, ruled headings, excerpts, and rows of wrapped cells."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from core.text.safe import safe
from tui.common.wrapped_text import WrappedText
from tui.theme import BAD, MUTED


def hanging_indent(sign: Content, words: Content, width: int) -> list[Content]:
    """Wrap text after a sign, with the following lines indented to the text; `width` in cells."""
    indent = sign.cell_length
    first, *rest = words.wrap(max(10, width - indent)) or [Content.empty()]
    return [sign + first, *(Content(" " * indent) + line for line in rest)]


class AutoHeight(Widget):
    """A widget as high as the content that `make` returns for its width in cells."""

    DEFAULT_CSS = "AutoHeight { height: auto; }"

    def __init__(self, make: Callable[[int], Content], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._make = make

    def show(self, make: Callable[[int], Content]) -> None:
        """Show other content."""
        self._make = make
        self.refresh(layout=True)

    def complain(self, message: str, hint: str) -> None:
        """Show an error and its hint."""
        sign, words = Content.styled("✗ ", BAD), Content.styled(safe(message), BAD)
        self.show(
            lambda width: Content("\n").join(
                [*hanging_indent(sign, words, width), *hanging_indent(Content("  "), Content(safe(hint)), width)]
            )
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """The number of lines at a width."""
        return len(self._make(width).split("\n", allow_blank=True))

    def render(self) -> Content:
        """The content at the current width."""
        return self._make(self.content_size.width)


#: Cells between two columns.
_GAP = 2


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        heading: above the column; empty for none.
        right: whether its cells are right-aligned.
        most: maximum width in cells; longer cells are cut with an ellipsis.
    """

    heading: str = ""
    right: bool = True
    most: int = 200


NAMES = Column(right=False)


def in_columns(columns: Sequence[Column], rows: Sequence[Sequence[str | Content]]) -> list[Content]:
    """A table as lines: the headings, if any, and the rows; each column is as wide as its longest cell.

    Args:
        columns: of the table.
        rows: with a cell for each column, safe to show.
    """
    cells = [
        [_content(cell).truncate(column.most, ellipsis=True) for column, cell in zip(columns, row, strict=True)]
        for row in rows
    ]
    if any(column.heading for column in columns):
        cells.insert(0, [Content.styled(column.heading, MUTED) for column in columns])
    widths = [max((row[place].cell_length for row in cells), default=0) for place in range(len(columns))]
    return [Content(" " * _GAP).join(map(_padded, row, columns, widths)).rstrip() for row in cells]


def _content(cell: str | Content) -> Content:
    return Content(cell) if isinstance(cell, str) else cell


def _padded(cell: Content, column: Column, width: int) -> Content:
    space = Content(" " * (width - cell.cell_length))
    return space + cell if column.right else cell + space


class Heading(Widget):
    """A rule with labels at given columns: `── label ───── label ──`."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._cells: tuple[tuple[int, Content], ...] = ()

    def show(self, *cells: tuple[int, Content]) -> None:
        """Show labels as (column, text); a negative column counts from the right edge to the label's end."""
        self._cells = cells
        self.refresh()

    def render(self) -> Content:
        """The rule."""
        return rule_line(self._cells, self.size.width)


def rule_line(cells: Sequence[tuple[int, Content]], width: int) -> Content:
    """A rule with labels as (column, text); a negative column counts from the right edge to the label's end."""
    starts = [c if c >= 0 else width + c - text.cell_length - 1 for c, text in cells]
    line = Content.empty()
    # A label is cut to make room for the next one, so that the rightmost is always complete.
    for start, end, (_, text) in zip(starts, [*starts[1:], width], cells, strict=False):
        words = text.truncate(max(0, end - start - 2), ellipsis=True)
        if words and start > line.cell_length:
            line += _rule(start - line.cell_length - 1) + Content(" ") + words + Content(" ")
    return line + _rule(width - line.cell_length)


def _rule(length: int) -> Content:
    return Content.styled("─" * max(0, length), "$foreground 25%")


class Excerpt(Widget):
    """A text wrapped over a few lines, with an ellipsis if it is cut.

    Args:
        text: safe to show.
        lines: at most.
    """

    DEFAULT_CSS = "Excerpt { height: auto; }"

    def __init__(self, text: str, lines: int, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._text, self._lines = text, lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """The number of lines at a width."""
        return len(self._wrapped(width))

    def render(self) -> Content:
        """The wrapped text."""
        return self._wrapped(self.content_size.width).content

    def _wrapped(self, width: int) -> WrappedText:
        return WrappedText([(self._text, "")], max(1, width), self._lines)


#: Cells of a row's name, of everything before its values (sign, name and spaces), and between two values.
NAME_WIDTH = 9
LEAD = 1 + 2 + NAME_WIDTH + 1
GAP = 2


class LineSource(Protocol):
    """Lines that can be rendered one by one."""

    height: int

    def line(self, at: int) -> Content:
        """A line by its index."""


class FixedLines:
    """Lines that are rendered already.

    Args:
        lines: in order.
    """

    def __init__(self, lines: Sequence[Content]) -> None:
        self._lines = lines
        self.height = len(lines)

    def line(self, at: int) -> Content:
        """A line by its index."""
        return self._lines[at]


class Row:
    """A row of the comparison: a sign, a name, and one or two wrapped values.

    Args:
        sign: one cell wide.
        name: of the field; wraps like a value.
        values: side by side, with `GAP` cells between them.
    """

    def __init__(self, sign: Content | str, name: str, values: Sequence[WrappedText]) -> None:
        self._sign = sign
        self._name = WrappedText([(safe(name), MUTED)], NAME_WIDTH)
        self._values = values
        self.height = max(len(self._name), *map(len, values))

    def line(self, at: int) -> Content:
        """A line by its index."""
        sign = self._sign if at == 0 else " "
        cells = [Content.assemble(" ", sign, " ", _cell(self._name, at), " ")]
        for value in self._values:
            cells += [_cell(value, at), Content(" " * GAP)]
        return Content.assemble(*cells[:-1]).rstrip()


def _cell(text: WrappedText, at: int) -> Content:
    line = text[at] if at < len(text) else Content.empty()
    return line.truncate(text.width, pad=True)
