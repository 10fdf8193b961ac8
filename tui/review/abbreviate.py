"""Abbreviates the titles of a list of products: words that distinguish them are kept, words they share are dropped."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile

from rich.cells import cell_len, set_cell_size

from core.text.title_diff import Mark, mark_differences
from core.text.title_tokens import Kind, tokens

#: Stands for dropped words.
ELLIPSIS = "…"
#: Words at the start of a title that are always kept, because people recognise a product by them.
_LEADING_WORDS = 2
#: Cells: of a title that are kept in front of an id, and of an id that is cut to make room for them.
_MIN_TITLE_BEFORE_ID, _MIN_CUT_ID = 8, 12
#: The rest of a longer title is ignored: a row has no room for it, and rows must be painted quickly.
_MAX_CHARACTERS = 1000
#: A longer word, such as a part number or text without spaces, is split into parts of this many characters, so that the
#: part that differs can be kept.
_MAX_WORD, _PART_LENGTH = 16, 8
#: Weights of words: one that the query lacks; the factor and the minimum for numbers, measures and model numbers.
_UNIQUE_WEIGHT, _STRONG_FACTOR, _SHARED_STRONG_WEIGHT = 0.5, 1.5, 0.1
#: Han, kana and fullwidth forms: each character counts as a word.
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]")
#: A line may break after spaces and after an ellipsis.
_LINE_PIECE = re.compile(rf"\s*[^\s{ELLIPSIS}]*{ELLIPSIS}?")


def abbreviate(
    texts: Sequence[str], width: int, other: str = "", ids: Sequence[str] = (), lines: int = 1
) -> tuple[str, ...]:
    """Abbreviate the titles of a list, each to at most `lines` lines of `width` cells; an ellipsis marks dropped words.

    A title that fits is unchanged. Otherwise words are added in this order while there is room: the first words; words
    that the most similar titles lack; words that the query lacks; numbers, measures and model numbers; the rest from
    left to right. Titles that would then look the same give precedence to the words that differ among them, and where
    no word differs, they get their ids: with `ids`, no two products look the same.

    Args:
        texts: the titles.
        width: of a line, in cells.
        other: the query's title.
        ids: of the products, all different, in the order of the titles.
        lines: available for each title; `wrap_title` breaks the result into lines.
    """
    cut = tuple(text[: _MAX_CHARACTERS + 1] for text in texts)
    return _abbreviate(cut, _Box(width, lines), other[: _MAX_CHARACTERS + 1], tuple(ids))


def wrap_title(text: str, width: int) -> list[str]:
    """Break an abbreviated title into lines: at spaces and after ellipses, inside a word only if it is too long.

    Args:
        text: a result of `abbreviate`.
        width: of a line, in cells.
    """
    lines = [""]
    for piece in _LINE_PIECE.findall(text):
        if lines[-1] and cell_len(lines[-1]) + cell_len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
        while cell_len(lines[-1]) > width > 1:
            head = set_cell_size(lines[-1], width)
            # A cut wide character is padded with a space.
            length = len(head) if lines[-1].startswith(head) else len(head) - 1
            lines[-1:] = [lines[-1][:length], lines[-1][length:]]
    return [line.strip() for line in lines]


@dataclass(frozen=True, slots=True)
class _Box:
    width: int
    lines: int

    @property
    def cells(self) -> int:
        return self.width * self.lines

    def fits(self, text: str) -> bool:
        cells = cell_len(text)
        return cells <= self.width or (cells <= self.cells and len(wrap_title(text, self.width)) <= self.lines)

    def cut(self, text: str, *, behind: str = "") -> str:
        """The beginning of a text, an ellipsis, and `behind`."""
        for cells in range(self.cells - cell_len(behind) - 1, 0, -1):
            found = set_cell_size(text, cells).rstrip(f"{ELLIPSIS} ") + ELLIPSIS + behind
            if self.fits(found):
                return found
        return (ELLIPSIS + behind)[: max(0, self.width)]


@lru_cache(maxsize=32)  # a list is painted line by line, repeatedly
def _abbreviate(texts: tuple[str, ...], box: _Box, other: str, ids: tuple[str, ...]) -> tuple[str, ...]:
    titles = [_Title(text) for text in texts]
    # Comparing a title with the query is slow, and most titles fit.
    orders = [[] if title.fits(box) else title.ranked(titles, _unique_words(title, other)) for title in titles]
    shown = [_shorten(title, order, box) for title, order in zip(titles, orders, strict=True)]
    for collision in _collisions(shown):
        group = [titles[at] for at in collision]
        for at in collision:
            shown[at] = _shorten(titles[at], [*titles[at].distinguishing(group), *orders[at]], box)
    return tuple(_with_ids(shown, ids, box) if ids else shown)


def _collisions(shown: Sequence[str]) -> list[list[int]]:
    """Groups of indexes of texts that look the same."""
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(shown):
        groups.setdefault(unicodedata.normalize("NFC", " ".join(text.split())), []).append(place)
    return [places for places in groups.values() if len(places) > 1]


def _with_ids(shown: Sequence[str], ids: Sequence[str], box: _Box) -> list[str]:
    """Append ids to the texts that look the same; long ids are cut to where they differ."""
    found = list(shown)
    left = box.width - _MIN_TITLE_BEFORE_ID - 1
    max_cells = left if left >= _MIN_CUT_ID else max(1, box.width)
    for _ in shown:  # three long ids may need two passes: the first separates one of them from the others
        for collision in _collisions(found):
            columns = zip(*(ids[at] for at in collision), strict=False)
            start = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
            for at in collision:
                found[at] = _with_id(shown[at], _cut_id(ids[at], start, max_cells), box)
    return found


def _cut_id(id_: str, start: int, max_cells: int) -> str:
    if cell_len(id_) <= max_cells:
        return id_
    tail = ELLIPSIS + id_[max(0, min(start, len(id_) - max_cells + 1)) :]
    return set_cell_size(tail, max_cells).rstrip()


def _with_id(text: str, id_: str, box: _Box) -> str:
    whole = f"{text} {id_}"
    if box.fits(whole):
        return whole
    return box.cut(text, behind=f" {id_}") if box.cells - cell_len(id_) > _MIN_TITLE_BEFORE_ID else id_


def _unique_words(title: "_Title", other: str) -> set[int]:
    """Indexes of words that the query's title lacks in any spelling."""
    if not other:
        return set()
    spans, at = [], 0
    for span in mark_differences(title.text, other):
        if span.mark is not Mark.SAME:
            spans.append((at, at + len(span.text)))
        at += len(span.text)
    return set(title.overlapping(spans))


def _shorten(title: "_Title", order: Iterable[int], box: _Box) -> str:
    """The title with as many of its words as fit, taken in the given order."""
    if title.fits(box):
        return title.whole
    selected: set[int] = set()
    shown = ""
    for place in order:
        # An ellipsis that is no longer needed frees one cell on each side.
        if place in selected or cell_len(shown) + cell_len(title.word(place)) - 2 > box.cells:
            continue
        if place in title.filler and not selected & {place - 1, place + 1}:
            continue
        if box.fits(tried := title.joined(selected | {place})):
            selected.add(place)
            shown = tried
    return shown or box.cut(title.whole)


class _Title:
    """A title and its words.

    Attributes:
        text: the part that is used.
        is_cut: whether the title is longer than that.
    """

    def __init__(self, text: str) -> None:
        self.text = text[:_MAX_CHARACTERS]
        self.whole = text.strip()
        self.is_cut = len(text) > _MAX_CHARACTERS
        self._words = list(_word_spans(self.text))
        if self.is_cut and self._words and self._words[-1][1] == _MAX_CHARACTERS:
            self._words.pop()  # cut in the middle

    def fits(self, box: _Box) -> bool:
        """Whether the whole title fits."""
        return not self.is_cut and box.fits(self.whole)

    @cached_property
    def _plain(self) -> list[str]:
        return [self.text[start:end].strip("()[]{},;:|.!-–—\"'").casefold() for start, end in self._words]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The words without case and punctuation."""
        return frozenset(self._plain)

    @cached_property
    def filler(self) -> frozenset[int]:
        """Indexes of function words such as `with`, which are useless between two ellipses."""
        found = [(each.start, each.end) for each in tokens(self.text) if each.kind is Kind.FILLER]
        return frozenset(place for place in self.overlapping(found) if self._plain[place].isalpha())

    def ranked(self, titles: Sequence["_Title"], unique: set[int]) -> list[int]:
        """Indexes of the words in the order in which they are kept.

        Args:
            titles: of the list; words that the most similar of them lack are worth most.
            unique: indexes of words that the query lacks.
        """
        distinguishing = self._missing_shares(titles)
        strong = set(self.overlapping([(each.start, each.end) for each in tokens(self.text) if each.strong]))

        def worth(place: int) -> float:
            if place in self.filler:
                return 0.0
            weight = distinguishing[place] + (_UNIQUE_WEIGHT if place in unique else 0.0)
            return weight * _STRONG_FACTOR + _SHARED_STRONG_WEIGHT if place in strong else weight

        places = [at for at in range(len(self._words)) if self._has_text(at)]
        return [*places[:_LEADING_WORDS], *sorted(places[_LEADING_WORDS:], key=lambda place: (-worth(place), place))]

    def distinguishing(self, titles: Sequence["_Title"]) -> list[int]:
        """Indexes of words that some of the titles lack, the rarest first."""
        lacked = self._missing_shares(titles)
        places = [at for at, share in enumerate(lacked) if share > 0 and self._has_text(at)]
        return sorted(places, key=lambda place: (-lacked[place], place))

    def _missing_shares(self, titles: Sequence["_Title"]) -> list[float]:
        """For each word, the share of other titles that lack it, weighted by their squared Jaccard similarity."""
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

    def _has_text(self, place: int) -> bool:
        """Whether the word has a letter or digit, unlike a dash or a bar between words."""
        return any(character.isalnum() for character in self.text[slice(*self._words[place])])

    def word(self, place: int) -> str:
        """A word without trailing punctuation, as shown before an ellipsis."""
        return self.text[slice(*self._words[place])].rstrip(",;|-")

    def joined(self, selected: set[int]) -> str:
        """The kept words in their order, with ellipses for the others."""
        parts: list[str] = []
        before = -1
        for place in sorted(selected):
            start, end = self._words[place]
            if place > before + 1:
                parts.append(ELLIPSIS)
            elif parts and start > self._words[before][1]:
                parts.append(" ")
            parts.append(self.text[start:end] if place + 1 in selected else self.word(place))
            before = place
        if before < len(self._words) - 1 or self.is_cut:
            parts.append(ELLIPSIS)
        return "".join(parts)

    def overlapping(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """Indexes of words that overlap any of the spans; both are in ascending order."""
        places = []
        at = 0
        for place, (start, end) in enumerate(self._words):
            while at < len(spans) and spans[at][1] <= start:
                at += 1
            if at < len(spans) and spans[at][0] < end:
                places.append(place)
        return places


def _word_spans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each word; very long words and words of ideographs are split."""
    for found in re.finditer(r"\S+", text):
        start, end = found.span()
        if end - start <= _MAX_WORD and not _IDEOGRAPH.search(found[0]):
            yield start, end
            continue
        begin = start
        for at in range(start + 1, end):
            # A combining mark or joiner stays with its character.
            if unicodedata.category(text[at])[0] == "M" or text[at] == "\u200d" or text[at - 1] == "\u200d":
                continue
            full = at - begin >= _PART_LENGTH and end - start > _MAX_WORD
            if full or _IDEOGRAPH.match(text[at]) or _IDEOGRAPH.match(text[at - 1]):
                yield begin, at
                begin = at
        yield begin, end
