"""Titles made to fit, so that what tells variants apart stays."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from tui.diff import Mark, marked, strong_spans

#: Every abbreviated title begins with so many of its words: people recognise a product by how it begins.
_OPENING = 2
#: Cells of a title that stay where an id has to be shown behind it.
_TITLE_BEFORE_ID = 8
#: What comes later in a text is left out unseen: a row has no room for more, and painting one must not take long.
_LONGEST = 1000


def abbreviated(texts: Sequence[str], width: int, other: str = "", ids: Sequence[str] = ()) -> tuple[str, ...]:
    """The titles of a list, each in at most `width` cells, an ellipsis wherever words were left out.

    Two different titles never come out alike. Kept are, while there is room: the first words; words that only some of
    the titles have, the rarest first and of these numbers, measures and model numbers before others (they tell
    variants apart); words that `other` has not; then the rest from the left. Where two rows are alike all the same,
    what tells them apart comes before the first words; where nothing does, their ids are shown.

    Args:
        texts: the titles of a list.
        width: in cells.
        other: the query's title.
        ids: of the titles' products, in the same order; none where the titles themselves are enough.
    """
    cut = tuple(text[: _LONGEST + 1] for text in texts)
    return _abbreviated(cut, width, other[: _LONGEST + 1], tuple(ids))


@lru_cache(maxsize=32)  # a list is painted line by line, many times over
def _abbreviated(texts: tuple[str, ...], width: int, other: str, ids: tuple[str, ...]) -> tuple[str, ...]:
    shared = _Shared(texts)
    shown = [_fitted(text, width, _Title(text, width).by_worth(other, shared)) for text in texts]
    for alike in _alike(shown):
        group = _Shared(tuple(texts[at] for at in alike))
        for at in alike:
            title = _Title(texts[at], width)
            shown[at] = _fitted(texts[at], width, [*title.telling(group), *title.by_worth(other, shared)])
    for alike in _alike(shown) if ids else ():
        for at in alike:
            shown[at] = _with_id(shown[at], ids[at], width)
    return tuple(shown)


def _fitted(text: str, width: int, places: Iterable[int]) -> str:
    if len(text) <= _LONGEST and cell_len(text) <= width:
        return text
    title = _Title(text, width)
    for place in places:
        title.keep(place)
    return title.shown


def _alike(shown: Sequence[str]) -> list[list[int]]:
    """The places of texts that are the same, by group."""
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(shown):
        groups.setdefault(text, []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def _with_id(shown: str, id_: str, width: int) -> str:
    """The title with its product's id behind it, which is cut from the left where there is no room for all of it."""
    room = max(1, width - _TITLE_BEFORE_ID)
    mark = id_ if len(id_) <= room else "…" + id_[1 - room :]
    left = width - cell_len(mark) - 1
    title = shown if cell_len(shown) <= left else set_cell_size(shown, max(0, left - 1)).rstrip("… ") + "…"
    return f"{title} {mark}"


class _Shared:
    """In how many of a list's titles each word stands; equal titles count once."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        different = set(texts)
        self.titles = len(different)
        self._counts = Counter(word for text in different for word in {*map(_plain, text[:_LONGEST].split())})

    def count(self, word: str) -> int:
        """How many titles have this word."""
        return self._counts[_plain(word)]


def _plain(word: str) -> str:
    return word.strip("()[]{},;:|.!-–—\"'").casefold()


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

    def by_worth(self, other: str, shared: _Shared) -> Sequence[int]:
        """The words' places, the most telling first."""
        places = range(len(self._words))
        strong = self._overlapping(strong_spans(self._text))
        own = self._overlapping(_own_spans(self._text, other)) if other else []
        return list(dict.fromkeys([*places[:_OPENING], *self.telling(shared), *strong, *own, *places]))

    def telling(self, shared: _Shared) -> list[int]:
        """The places of words that not all of the titles have, the rarest first."""
        strong = set(self._overlapping(strong_spans(self._text)))
        counts = {place: shared.count(self._text[slice(*span)]) for place, span in enumerate(self._words)}
        some = [place for place, count in counts.items() if count < shared.titles]
        return sorted(some, key=lambda place: (counts[place], place not in strong, place))

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
