"""Lazily wrapped text: any line of a text, however long, can be rendered without the others."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice

from rich.cells import get_character_cell_size
from textual.content import Content

#: (text, style) one after the other.
Pieces = Sequence[tuple[str, str]]


class WrappedText:
    """Text in styled pieces, wrapped into lines.

    Args:
        pieces: (text, style), safe to show.
        width: of a line, in cells.
        max_lines: maximum number of lines; the last one ends in an ellipsis if the text is cut.

    Attributes:
        width: of a line.
        is_cut: whether the text is longer than its lines.
    """

    def __init__(self, pieces: Pieces, width: int, max_lines: int | None = None) -> None:
        self._pieces = [(text, style) for text, style in pieces if text]
        self._ends = list(accumulate(len(text) for text, _ in self._pieces))
        self.width = width
        text = "".join(text for text, _ in self._pieces)
        if max_lines is None:
            self._lines = _all_spans(text, width)
            self.is_cut = False
        else:
            lines = tuple(islice(line_spans(text, width), max_lines + 1))
            self._lines, self.is_cut = lines[:max_lines], len(lines) > max_lines

    def __len__(self) -> int:
        """The number of lines; an empty text has one."""
        return len(self._lines)

    def __getitem__(self, line: int) -> Content:
        """A line by its index; IndexError past the last one."""
        start, end = self._lines[line]
        content = Content.assemble(*self._between(start, end))
        if self.is_cut and line == len(self._lines) - 1:
            return content.truncate(self.width - 1).rstrip() + Content("…")
        return content

    @property
    def content(self) -> Content:
        """All lines."""
        return Content("\n").join(self[line] for line in range(len(self)))

    def _between(self, start: int, end: int) -> Iterator[tuple[str, str]]:
        for at in range(bisect_right(self._ends, start), len(self._pieces)):
            text, style = self._pieces[at]
            begin = self._ends[at] - len(text)
            if begin >= end:
                return
            yield text[max(0, start - begin) : end - begin], style


# The comparison is rebuilt for every key press, and wrapping a long title is slow.
@lru_cache(maxsize=16)
def _all_spans(text: str, width: int) -> tuple[tuple[int, int], ...]:
    return tuple(line_spans(text, width))


def line_spans(text: str, width: int) -> Iterator[tuple[int, int]]:
    """The lines of a text as (start, end), without the spaces between them; an empty text has one line.

    Lines break at spaces, and inside a word only where it is wider than a line.
    """
    start = cells = 0
    # Index after the last space, and the line's cells up to there.
    behind = cells_behind = 0
    for at, character in enumerate(text):
        if character == " ":
            cells += 1
            behind, cells_behind = at + 1, cells
            continue
        size = 1 if character.isascii() else get_character_cell_size(character)
        if cells + size > width and at > start:
            if behind > start:
                yield start, _end(text, start, behind)
                start, cells = behind, cells - cells_behind
            if cells + size > width and at > start:
                yield start, at
                start, cells = at, 0
            behind = cells_behind = 0
        cells += size
    yield start, _end(text, start, len(text))


def _end(text: str, start: int, end: int) -> int:
    """The end of a line without its trailing spaces."""
    while end > start and text[end - 1] == " ":
        end -= 1
    return end
