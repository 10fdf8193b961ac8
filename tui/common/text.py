"""Text that is made for whatever width there is."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from core.text.safe import safe
from tui.common.wrapped_text import WrappedText
from tui.theme import BAD, MUTED


def hanging(sign: Content, words: Content, width: int) -> list[Content]:
    """The lines of some words after a sign, each as wide as `width` at most."""
    indent = sign.cell_length
    first, *rest = words.wrap(max(10, width - indent)) or [Content.empty()]
    return [sign + first, *(Content(" " * indent) + line for line in rest)]


class AutoHeight(Widget):
    """As high as what `make` gives for the width, in cells, that there is."""

    DEFAULT_CSS = "AutoHeight { height: auto; }"

    def __init__(self, make: Callable[[int], Content], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._make = make

    def show(self, make: Callable[[int], Content]) -> None:
        """Show another text."""
        self._make = make
        self.refresh(layout=True)

    def complain(self, message: str, hint: str) -> None:
        """Say why there is nothing to show, and the way out."""
        sign, words = Content.styled("✗ ", BAD), Content.styled(safe(message), BAD)
        self.show(
            lambda width: Content("\n").join(
                [*hanging(sign, words, width), *hanging(Content("  "), Content(safe(hint)), width)]
            )
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Its lines at that width."""
        return len(self._make(width).split("\n", allow_blank=True))

    def render(self) -> Content:
        """All of it."""
        return self._make(self.content_size.width)


#: Cells between two columns.
_GAP = 2


class Column(NamedTuple):
    """One column.

    Attributes:
        heading: over it; empty for none.
        right: whether its cells end under one another, as figures do.
        most: cells at most; longer ones are cut with an ellipsis.
    """

    heading: str = ""
    right: bool = True
    most: int = 200


NAMES = Column(right=False)


def in_columns(columns: Sequence[Column], rows: Sequence[Sequence[str | Content]]) -> list[Content]:
    """A line for the headings, where there are any, and one for each row; each column as wide as it needs.

    Args:
        columns: of the table.
        rows: a cell for each column, safe to show.
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


class Excerpt(Widget):
    """A text over a few lines, with an ellipsis where it goes on.

    Args:
        text: safe to show.
        lines: at most.
    """

    DEFAULT_CSS = "Excerpt { height: auto; }"

    def __init__(self, text: str, lines: int, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._text, self._lines = text, lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as are shown at that width."""
        return len(self._passage(width))

    def render(self) -> Content:
        """The lines."""
        return self._passage(self.content_size.width).content

    def _passage(self, width: int) -> WrappedText:
        return WrappedText([(self._text, "")], max(1, width), self._lines)


#: Sign, space, name, space: where the values begin.
NAME_WIDTH = 9
LEAD = 1 + 2 + NAME_WIDTH + 1
GAP = 2


class Lines(Protocol):
    """Some lines, each of which can be had without the others."""

    height: int

    def line(self, at: int) -> Content:
        """One of them."""


class Told:
    """Lines that are made already.

    Args:
        lines: from the first to the last.
    """

    def __init__(self, lines: Sequence[Content]) -> None:
        self._lines = lines
        self.height = len(lines)

    def line(self, at: int) -> Content:
        """One of them."""
        return self._lines[at]


class Row:
    """One row; each of its lines can be had without the others.

    Args:
        sign: one cell.
        name: of what the row tells; wraps like a value.
        values: one after the other, `GAP` cells between them.
    """

    def __init__(self, sign: Content | str, name: str, values: Sequence[WrappedText]) -> None:
        self._sign = sign
        self._name = WrappedText([(safe(name), MUTED)], NAME_WIDTH)
        self._values = values
        self.height = max(len(self._name), *map(len, values))

    def line(self, at: int) -> Content:
        """One of its lines."""
        sign = self._sign if at == 0 else " "
        cells = [Content.assemble(" ", sign, " ", _cell(self._name, at), " ")]
        for value in self._values:
            cells += [_cell(value, at), Content(" " * GAP)]
        return Content.assemble(*cells[:-1]).rstrip()


def _cell(passage: WrappedText, at: int) -> Content:
    line = passage[at] if at < len(passage) else Content.empty()
    return line.truncate(passage.width, pad=True)
