"""Titles made to fit, so that what tells variants apart stays."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from tui.diff import Mark, marked, strong_spans

#: Every abbreviated title begins with so many of its words: people recognise a product by how it begins.
_OPENING = 2
#: What comes later in a text is left out unseen: a row has no room for more, and painting one must not take long.
_LONGEST = 1000


def abbreviated(text: str, width: int, other: str = "") -> str:
    """The text in at most so many cells, an ellipsis wherever words were left out.

    Kept are, while there is room: the first words; numbers, measures and model numbers (candidates for one query
    often differ in nothing else); words that `other` has not; then the rest from the left.
    """
    return _abbreviated(text[: _LONGEST + 1], width, other[: _LONGEST + 1])


@lru_cache(maxsize=256)  # a list is painted line by line, many times over
def _abbreviated(text: str, width: int, other: str) -> str:
    if len(text) <= _LONGEST and cell_len(text) <= width:
        return text
    title = _Title(text, width)
    for span in title.by_worth(other):
        title.keep(span)
    return title.shown


class _Title:
    """The words of a title, and which of them are kept."""

    def __init__(self, text: str, width: int) -> None:
        self._width = width
        self._text = text[:_LONGEST]
        self._words = [found.span() for found in re.finditer(r"\S+", self._text)]
        self._goes_on = len(text) > _LONGEST
        if self._goes_on and self._words and self._words[-1][1] == _LONGEST:
            self._words.pop()  # half a word
        self._kept: set[int] = set()
        self._cells = 0

    def by_worth(self, other: str) -> Sequence[int]:
        """The words' places, the most telling first."""
        places = range(len(self._words))
        telling = self._overlapping(strong_spans(self._text))
        own = self._overlapping(_own_spans(self._text, other)) if other else []
        return list(dict.fromkeys([*places[:_OPENING], *telling, *own, *places]))

    def keep(self, place: int) -> None:
        """Keep a word if there is room for it."""
        # A lone dash or bar holds words together that are not all here.
        if not any(character.isalnum() for character in self._text[slice(*self._words[place])]):
            return
        self._kept.add(place)
        # A word is shown with what follows it or without: the one before may grow.
        added = sum(cell_len(self._word(at)) for at in (place - 1, place) if at in self._kept)
        before = cell_len(self._word(place - 1, alone=True)) if place - 1 in self._kept else 0
        cells = self._cells + added - before
        kept = len(self._kept)
        ends = (0 not in self._kept) + (self._goes_on or len(self._words) - 1 not in self._kept)
        if cells + kept - 1 + ends <= self._width:
            self._cells = cells
        else:
            self._kept.discard(place)

    @property
    def shown(self) -> str:
        """What is kept, and ellipses."""
        if not self._kept:  # a single word that is wider than the column
            return set_cell_size(self._text.strip(), max(0, self._width - 1)).rstrip() + "…"
        parts: list[str] = []
        before = -1
        for place in sorted(self._kept):
            if place > before + 1:
                parts.append("…")
            elif parts:
                parts.append(" ")
            parts.append(self._word(place))
            before = place
        if before < len(self._words) - 1 or self._goes_on:
            parts.append("…")
        return "".join(parts)

    def _word(self, place: int, *, alone: bool = False) -> str:
        word = self._text[slice(*self._words[place])]
        return word.rstrip(",;|-") if alone or place + 1 not in self._kept else word

    def _overlapping(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """The words that touch any of the spans, both in order."""
        places = []
        at = 0
        for place, (start, end) in enumerate(self._words):
            while at < len(spans) and spans[at][1] <= start:
                at += 1
            if at < len(spans) and spans[at][0] < end:
                places.append(place)
        return places


def _own_spans(text: str, other: str) -> list[tuple[int, int]]:
    """Where words stand that the other text has not."""
    spans, at = [], 0
    for stretch in marked(text, other):
        if stretch.mark is not Mark.SAME:
            spans.append((at, at + len(stretch.text)))
        at += len(stretch.text)
    return spans
