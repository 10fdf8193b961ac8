"""Titles of a list of products made to fit: what distinguishes the products stays, what they share is dropped."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile

from rich.cells import cell_len, set_cell_size

from tui.review.diff import Mark, marked
from tui.review.tokens import Kind, tokens

#: The mark of what was dropped.
ELLIPSIS = "…"
#: Every abbreviated title begins with this many of its words: people recognise a product by how it begins.
_OPENING = 2
#: Cells of a title that stay where an id has to be shown behind it, and the least cells of an id that is cut for them.
_TITLE_BEFORE_ID, _LEAST_ID = 8, 12
#: What comes later in a text is dropped unread: a row has no room for more, and painting one must not take long.
_LONGEST = 1000
#: A longer word is made of parts of this many characters, so that what differs in it can be kept: part numbers, and
#: scripts that write no spaces.
_LONG_WORD, _PART = 16, 8
#: Weights of a word: what the query has not, and how much more a number, a measure or a model number says.
_OWN, _STRONG, _SHARED_STRONG = 0.5, 1.5, 0.1
#: Han, kana and fullwidth forms: each character is a word of its own.
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]")
#: Where a line may end: after spaces, and after what was dropped.
_PIECE = re.compile(rf"\s*[^\s{ELLIPSIS}]*{ELLIPSIS}?")


def abbreviated(
    texts: Sequence[str], width: int, other: str = "", ids: Sequence[str] = (), lines: int = 1
) -> tuple[str, ...]:
    """The titles of a list, each in at most `lines` lines of `width` cells, an ellipsis wherever words were dropped.

    A title that fits is left as it is. Else the first words stay, then, while there is room, the words that the titles
    most similar to it lack, words that the query lacks, numbers, measures and model numbers, then the rest from the
    left. Titles that would look the same are shown with the words that differ among them first, and where no word
    differs, with their ids: two different products never look the same if `ids` are given.

    Args:
        texts: the titles.
        width: of a line, in cells.
        other: the query's title.
        ids: of the titles' products, all different, in the same order.
        lines: how many there are for each title; `wrapped` breaks it into them.
    """
    cut = tuple(text[: _LONGEST + 1] for text in texts)
    return _abbreviated(cut, _Room(width, lines), other[: _LONGEST + 1], tuple(ids))


def wrapped(text: str, width: int) -> list[str]:
    """The lines of an abbreviated title: they break at spaces and after ellipses, inside a word only where they must.

    Args:
        text: as `abbreviated` gave it.
        width: of a line, in cells.
    """
    lines = [""]
    for piece in _PIECE.findall(text):
        if lines[-1] and cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
        while cell_len(lines[-1]) > width > 1:
            head = set_cell_size(lines[-1], width)
            # Half of a wide character is padded with a space.
            kept = len(head) if lines[-1].startswith(head) else len(head) - 1
            lines[-1:] = [lines[-1][:kept], lines[-1][kept:]]
    return [line.strip() for line in lines]


@dataclass(frozen=True, slots=True)
class _Room:
    width: int
    lines: int

    @property
    def cells(self) -> int:
        return self.width * self.lines

    def fits(self, text: str) -> bool:
        cells = cell_len(text)
        return cells <= self.width or (cells <= self.cells and len(wrapped(text, self.width)) <= self.lines)

    def cut(self, text: str, *, behind: str = "") -> str:
        """The beginning of a text and an ellipsis, with something behind it."""
        for cells in range(self.cells - cell_len(behind) - 1, 0, -1):
            found = set_cell_size(text, cells).rstrip(f"{ELLIPSIS} ") + ELLIPSIS + behind
            if self.fits(found):
                return found
        return (ELLIPSIS + behind)[: max(0, self.width)]


@lru_cache(maxsize=32)  # a list is painted line by line, many times over
def _abbreviated(texts: tuple[str, ...], room: _Room, other: str, ids: tuple[str, ...]) -> tuple[str, ...]:
    titles = [_Title(text) for text in texts]
    # To hold a title against the query takes a while, and most of them fit.
    orders = [[] if title.fits(room) else title.ranked(titles, _own_words(title, other)) for title in titles]
    shown = [_fitted(title, order, room) for title, order in zip(titles, orders, strict=True)]
    for alike in _alike(shown):
        group = [titles[at] for at in alike]
        for at in alike:
            shown[at] = _fitted(titles[at], [*titles[at].lacking(group), *orders[at]], room)
    return tuple(_with_ids(shown, ids, room) if ids else shown)


def _alike(shown: Sequence[str]) -> list[list[int]]:
    """The places of texts that look the same, by group."""
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(shown):
        groups.setdefault(unicodedata.normalize("NFC", " ".join(text.split())), []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def _with_ids(shown: Sequence[str], ids: Sequence[str], room: _Room) -> list[str]:
    """The texts with ids behind those that look the same; ids that are too long begin where they differ."""
    found = list(shown)
    left = room.width - _TITLE_BEFORE_ID - 1
    most = left if left >= _LEAST_ID else max(1, room.width)
    for _ in shown:  # three long ids may need two turns: the first separates one of them from the others
        for alike in _alike(found):
            columns = zip(*(ids[at] for at in alike), strict=False)
            start = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
            for at in alike:
                found[at] = _with_id(shown[at], _from(ids[at], start, most), room)
    return found


def _from(id_: str, start: int, most: int) -> str:
    if cell_len(id_) <= most:
        return id_
    tail = ELLIPSIS + id_[max(0, min(start, len(id_) - most + 1)) :]
    return set_cell_size(tail, most).rstrip()


def _with_id(text: str, id_: str, room: _Room) -> str:
    whole = f"{text} {id_}"
    if room.fits(whole):
        return whole
    return room.cut(text, behind=f" {id_}") if room.cells - cell_len(id_) > _TITLE_BEFORE_ID else id_


def _own_words(title: "_Title", other: str) -> set[int]:
    """The places of words that the query's title has not, however they are written."""
    if not other:
        return set()
    spans, at = [], 0
    for stretch in marked(title.text, other):
        if stretch.mark is not Mark.SAME:
            spans.append((at, at + len(stretch.text)))
        at += len(stretch.text)
    return set(title.overlapping(spans))


def _fitted(title: "_Title", order: Iterable[int], room: _Room) -> str:
    """The title with as many of its words as there is room for, those first in `order` before others."""
    if title.fits(room):
        return title.whole
    kept: set[int] = set()
    shown = ""
    for place in order:
        # An ellipsis that is needed no more makes room for one cell at each side.
        if place in kept or cell_len(shown) + cell_len(title.word(place)) - 2 > room.cells:
            continue
        if place in title.filler and not kept & {place - 1, place + 1}:
            continue
        if room.fits(tried := title.joined(kept | {place})):
            kept.add(place)
            shown = tried
    return shown or room.cut(title.whole)


class _Title:
    """A title and its words.

    Attributes:
        text: as much of it as is looked at.
        goes_on: whether there is more.
    """

    def __init__(self, text: str) -> None:
        self.text = text[:_LONGEST]
        self.whole = text.strip()
        self.goes_on = len(text) > _LONGEST
        self._words = list(_spans(self.text))
        if self.goes_on and self._words and self._words[-1][1] == _LONGEST:
            self._words.pop()  # half a word

    def fits(self, room: _Room) -> bool:
        """Whether all of it has room."""
        return not self.goes_on and room.fits(self.whole)

    @cached_property
    def _plain(self) -> list[str]:
        return [self.text[start:end].strip("()[]{},;:|.!-–—\"'").casefold() for start, end in self._words]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The words without case and punctuation."""
        return frozenset(self._plain)

    @cached_property
    def filler(self) -> frozenset[int]:
        """The places of words such as `with`, which say nothing between two ellipses."""
        found = [(each.start, each.end) for each in tokens(self.text) if each.kind is Kind.FILLER]
        return frozenset(place for place in self.overlapping(found) if self._plain[place].isalpha())

    def ranked(self, titles: Sequence["_Title"], own: set[int]) -> list[int]:
        """The places of the words, those to keep first.

        Args:
            titles: of the list; words that those most similar to this one lack are worth most.
            own: places of words that the query lacks.
        """
        lacking = self._lacked(titles)
        strong = set(self.overlapping([(each.start, each.end) for each in tokens(self.text) if each.strong]))

        def worth(place: int) -> float:
            if place in self.filler:
                return 0.0
            weight = lacking[place] + (_OWN if place in own else 0.0)
            return weight * _STRONG + _SHARED_STRONG if place in strong else weight

        places = [at for at in range(len(self._words)) if self._says_something(at)]
        return [*places[:_OPENING], *sorted(places[_OPENING:], key=lambda place: (-worth(place), place))]

    def lacking(self, titles: Sequence["_Title"]) -> list[int]:
        """The places of words that not all of some titles have, those that fewest have first."""
        lacked = self._lacked(titles)
        places = [at for at, share in enumerate(lacked) if share > 0 and self._says_something(at)]
        return sorted(places, key=lambda place: (-lacked[place], place))

    def _lacked(self, titles: Sequence["_Title"]) -> list[float]:
        """For each word, the share of the other titles that lack it, weighted by the square of their similarity."""
        others = {title.vocabulary: 0.0 for title in titles if title.vocabulary != self.vocabulary}
        for words in others:
            others[words] = (len(words & self.vocabulary) / len(words | self.vocabulary)) ** 2
        total = sum(others.values())
        if not total:
            return [0.0] * len(self._words)
        shares = {
            word: sum(weight for words, weight in others.items() if word not in words) / total
            for word in self.vocabulary
        }
        return [shares[word] for word in self._plain]

    def _says_something(self, place: int) -> bool:
        """Whether it is more than a dash or a bar, which holds words together that may not all be there."""
        return any(character.isalnum() for character in self.text[slice(*self._words[place])])

    def word(self, place: int) -> str:
        """A word as it stands before an ellipsis."""
        return self.text[slice(*self._words[place])].rstrip(",;|-")

    def joined(self, kept: set[int]) -> str:
        """These words in their order, and ellipses."""
        parts: list[str] = []
        before = -1
        for place in sorted(kept):
            start, end = self._words[place]
            if place > before + 1:
                parts.append(ELLIPSIS)
            elif parts and start > self._words[before][1]:
                parts.append(" ")
            parts.append(self.text[start:end] if place + 1 in kept else self.word(place))
            before = place
        if before < len(self._words) - 1 or self.goes_on:
            parts.append(ELLIPSIS)
        return "".join(parts)

    def overlapping(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """The places of words that touch any of the spans, both in order."""
        places = []
        at = 0
        for place, (start, end) in enumerate(self._words):
            while at < len(spans) and spans[at][1] <= start:
                at += 1
            if at < len(spans) and spans[at][0] < end:
                places.append(place)
        return places


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of a text stand; one that is very long is several, and so is one of ideographs."""
    for found in re.finditer(r"\S+", text):
        start, end = found.span()
        if end - start <= _LONG_WORD and not _IDEOGRAPH.search(found[0]):
            yield start, end
            continue
        begin = start
        for at in range(start + 1, end):
            # What combines with a character stays with it.
            if unicodedata.category(text[at])[0] == "M" or text[at] == "\u200d" or text[at - 1] == "\u200d":
                continue
            full = at - begin >= _PART and end - start > _LONG_WORD
            if full or _IDEOGRAPH.match(text[at]) or _IDEOGRAPH.match(text[at - 1]):
                yield begin, at
                begin = at
        yield begin, end
