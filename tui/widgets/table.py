"""Rows of a table: a sign, a name, and values over as many lines as they need."""

from collections.abc import Sequence
from typing import Protocol

from textual.content import Content

from core.text.safe import safe
from tui.passage import Passage
from tui.style import MUTED

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

    def __init__(self, sign: Content | str, name: str, values: Sequence[Passage]) -> None:
        self._sign = sign
        self._name = Passage([(safe(name), MUTED)], NAME_WIDTH)
        self._values = values
        self.height = max(len(self._name), *map(len, values))

    def line(self, at: int) -> Content:
        """One of its lines."""
        sign = self._sign if at == 0 else " "
        cells = [Content.assemble(" ", sign, " ", _cell(self._name, at), " ")]
        for value in self._values:
            cells += [_cell(value, at), Content(" " * GAP)]
        return Content.assemble(*cells[:-1]).rstrip()


def _cell(passage: Passage, at: int) -> Content:
    line = passage[at] if at < len(passage) else Content.empty()
    return line.truncate(passage.width, pad=True)
