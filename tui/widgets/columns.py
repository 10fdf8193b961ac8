"""Rows of words and figures in columns: names on the left, figures on the right under one another."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from tui.style import MUTED

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
