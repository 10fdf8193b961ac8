"""Extraction of pack sizes from titles: `24-pack`, `pack of 24`, `24/box`, `2 x 12 ct`, `6 x 1 kg`, `12er Pack`.

Ambiguous spellings are resolved as follows:

- A number times a mass, a volume or a storage size counts items (`6 x 1 kg`). Times a length it is a dimension
  (`30 x 175 cm`), times a power or a voltage as often a channel (`2 x 50 W`): these do not count, nor do two plain
  numbers (`10 x 42`, `1920 x 1080`).
- `2 x 8GB` is a kit of two, but the memory of one computer if the text names a computer and no kit.
- `12er` alone is as often a size as a pack (`12er Schlüssel`, `29er`): only `12er Pack` and the like count.
- `10 St` counts at the end of a phrase; `10 St. James` does not.

The words are those of `core.text.pack_words`, by which most patterns are ruled out before they are tried.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.text.pack_words import (
    A_OUTERS,
    CON_OUTERS,
    CONTAINERS,
    DOZENS,
    EUROPEAN_PIECES,
    GERMAN_NAMES,
    HALVES,
    LABELS,
    MIT_OUTERS,
    NAMES,
    NUMBERED_PACKS,
    NUMERALS,
    OUTERS,
    PACKS,
    PAIRS,
    PIECES,
    REMEDIES,
    SOLD_BY_NUMBER,
    STEMS,
    Statement,
    possible_statements,
)
from core.text.quantities import Quantity, quantities

#: Start of a multiplier: not within a word, a decimal, a range or a price, and not after an x that follows a letter.
_MULTIPLIER_START = r"(?<![a-wyz0-9_.,/$])(?<![a-z]x)(?=[0-9])"
_OUTER_OF = rf"(?:{OUTERS})\s+(?:of|de|mit|zu|von|a|con)\s+"
_TIMES = re.compile(
    rf"{_MULTIPLIER_START}(?P<times>[0-9]{{1,3}})(?:"
    rf"\s{{0,2}}(?P<sign>[x×*])\s{{0,2}}(?:(?P<more>[0-9]{{1,3}})\s{{0,2}}[x×*]\s{{0,2}}|(?P<packs>{_OUTER_OF}))?"
    rf"|\s+(?P<outer>{_OUTER_OF}))(?=[.½0-9])"
)
#: The second factor of a product of two numbers, with its item word: 2 x 12 ct, 2 x 6er-Set, 2 x 100 tablets.
_COUNTED = re.compile(
    rf"(?P<inner>[0-9]{{1,5}})(?:[\s-]*(?:{PIECES}|{PACKS}|st|{SOLD_BY_NUMBER})"
    rf"|[\s-]?er[\s-](?:{NUMBERED_PACKS}))(?!\w)"
)
_INNER_NUMBER = re.compile(r"(?P<inner>[0-9]{1,5})")
#: The first factor of dimensions, directly before a number, and its maximum length.
_SIDE_PRECEDES = re.compile(r"[0-9\"']\s{0,2}[x×*]\s{0,2}$")
_MAX_SIDE_LENGTH = 6
#: A multiplier after a measure: 330 ml x 24.
_TIMES_AFTER = re.compile(r"\)?\s{0,2}\(?(?P<sign>[x×*]\s?(?P<times>[0-9]{1,3}))(?!\w|[.,][0-9]|\s?[x×*\"'″’])")
#: Dimensions of the contents of an item, which a multiplier counts.
_CONTENT_DIMENSIONS = frozenset({"mass", "volume", "storage"})
#: Maximum multiplier: 210 x 297 x 5 kg is a parcel.
_MAX_ITEMS = 1000
#: Maximum multiplier of a storage size: 4gb x 72 is the organisation of a module, 1 gb x16 a graphics card.
_MAX_MODULES = 12
#: `16x 4.7 gb` is the speed of a disc.
_SPEED = re.compile(r"x\s")
_COMPUTER = re.compile(
    r"\b(?:laptop|notebook|netbook|desktop|computer|ordinateur|ordenador|pc|server|chromebook|macbook"
    r"|imac|windows|core\si[3579]|ryzen|network|raid|storage)\b|\b[a-z]*(?:station|nas)\b"
)
_KIT = re.compile(r"\bkits?\b|dimms?\b|\bmodul(?:es?|e|os?)?\b")


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A number that multiplies a count or a measure.

    Attributes:
        number: the factor.
        start, end: its offsets in the text.
        inner: the count that it multiplies; 0 for a measure.
        inner_start: the offset of that count.
    """

    number: int
    start: int
    end: int
    inner: int = 0
    inner_start: int = 0


def multipliers(text: str, measures: Mapping[int, Quantity]) -> Iterator[Multiplier]:
    """The multipliers in a text.

    Args:
        text: in lower case, without accents.
        measures: its quantities by start offset.
    """
    for match in _TIMES.finditer(text):
        quantity = measures.get(match.end())
        multiplier = _multiplier_of_count(match) if quantity is None else _multiplier_of_measure(match, quantity)
        if multiplier and multiplier.number:
            yield multiplier
    for quantity in measures.values():
        after = _TIMES_AFTER.match(text, quantity.start + len(quantity.text))
        if after is None or after.start("times") in measures:
            continue
        number = int(after["times"])
        if number and _counts_items(text, quantity, number):
            yield Multiplier(number, *after.span("sign"))


def _multiplier_of_measure(match: re.Match[str], quantity: Quantity) -> Multiplier | None:
    """6 x 1 kg, 4 x 6 x 330 ml, 2 bags of 5 lb."""
    number, start = int(match["times"]), match.start("times")
    if match["outer"]:
        return Multiplier(number, start, match.end("times"))
    number *= int(match["more"] or 1)
    if number > _MAX_ITEMS or _side_precedes(match):
        return None
    is_speed = quantity.dimension == "storage" and _SPEED.match(match[0], match.end("times") - start)
    if not _counts_items(match.string, quantity, number) or (is_speed and _KIT.search(match.string) is None):
        return None
    return Multiplier(number, start, start + len(match[0].rstrip()))


def _multiplier_of_count(match: re.Match[str]) -> Multiplier | None:
    """2 x 12 ct, 2 x pack of 6, 2 boxes of 12."""
    if match["more"] or _side_precedes(match):
        return None  # dimensions of an item that is sold in packs
    by_word = match["packs"] or match["outer"]
    inner = (_INNER_NUMBER if by_word else _COUNTED).match(match.string, match.end())
    if inner is None:
        return None
    end = match.end("times" if match["outer"] else "sign")
    return Multiplier(int(match["times"]), match.start("times"), end, int(inner["inner"]), match.end())


def _side_precedes(match: re.Match[str]) -> bool:
    """Whether a number is the second of several dimensions: 8.5 x 11 x 20 lb."""
    start = match.start("times")
    return _SIDE_PRECEDES.search(match.string, max(0, start - _MAX_SIDE_LENGTH), start) is not None


def _counts_items(text: str, quantity: Quantity, number: int) -> bool:
    """Whether a multiplier of a measure counts items that hold that much each."""
    if quantity.dimension != "storage":
        return quantity.dimension in _CONTENT_DIMENSIONS
    return number <= _MAX_MODULES and (_KIT.search(text) is not None or _COMPUTER.search(text) is None)


_DIGITS = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,5}"
_NUMBER = rf"{_DIGITS}|{'|'.join(NUMERALS)}"
_INITIALS = "".join(sorted({word[0] for word in (*NUMERALS, *HALVES.split("|"))}))
#: Start of a number: not within a word, a decimal, a range or a price. A hyphen is allowed (AA-4pk), and an x after a
#: number (2x12 pack). The look-ahead rejects most positions quickly.
_START = rf"(?=[0-9{_INITIALS}])(?<![a-wyz0-9_.,/$])(?<![a-z]x)"
#: End of a number that is not the first of several dimensions: a set of 4 x 6.
_END = r"(?!\w|[.,][0-9]|\s?[x×*]\s?[0-9])"
_OF = (
    rf"(?:(?:{OUTERS})\s+(?:of|de|zu|von)\s+|(?:{MIT_OUTERS})\s+mit\s+|(?:{A_OUTERS})\s+a\s+"
    rf"|(?:{CON_OUTERS})\s+(?:con\s+|c/\s?)|vendue?s?\s+par\s+)"
)

#: Numbers of items in a pack: 24-pack, pack of 24, set of 4, 12er Pack.
_PACKS = re.compile(
    rf"{_START}(?P<before>{_NUMBER})[\s-]*(?:{PACKS})(?!\w|\s+(?:of|de|mit|zu|von|a|con)\s+[0-9])"
    rf"|\bcase\s?packs?\s(?P<case>[2-9]|[0-9]{{2,4}})(?![\w.])"
    rf"|\b{_OF}(?P<of>{_NUMBER}){_END}"
    rf"|{_START}(?P<numbered>[0-9]{{1,3}})[\s-]?er[\s(-]{{0,2}}(?:{NUMBERED_PACKS})(?!\w)"
    rf"|\b[a-z]{{0,12}}pack(?:ung)?[\s(-]{{1,2}}(?P<behind>[0-9]{{1,3}})er(?!\w)",
)
#: Numbers of items, alone or by container: 24 ct, 10 Stück, 50 per box, 25/box, 25 box.
_ITEMS = re.compile(
    rf"{_START}(?P<count>{_NUMBER})[\s-]*(?:{PIECES})(?!\w)"
    rf"|{_START}(?P<european>[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+)[\s-]*(?:{EUROPEAN_PIECES})(?!\w)"
    rf"|(?<![\w.,/$-])(?P<attached>[0-9]{{1,3}})pc(?!\w)"
    rf"|{_START}(?P<per>{_NUMBER})\s*(?:/|(?:[a-z]+\s)?(?:per|pro|je|par|por)\b|\ba\b)\s*(?:{CONTAINERS})(?!\w)"
    rf"|{_START}(?P<bare>[0-9]{{1,5}})\s(?:box|carton|set)(?!\s(?:top|up)\b)(?!\w)"
    rf"|\b(?:qty[\s:.]*|vpe\s|(?:{LABELS})\s?[:=]\s?)(?P<labelled>{_DIGITS}){_END}"
    # But 21st is an ordinal number.
    rf"|{_START}(?P<st>[0-9]{{1,5}})(?:\s|(?<!1))st\.?(?=\s*(?:$|[,;()\[\]|/+]|\s[–-])|\s(?:{REMEDIES})\b)"
)
#: A cheap necessary condition for a multiplier.
_MULTIPLIES = re.compile(rf"[x×*]\s{{0,2}}[.½0-9]|[0-9]\s{{0,2}}[x×*]|[0-9]\s+(?:{OUTERS})\s")
_NAMES = NAMES | GERMAN_NAMES
_NAMED = re.compile(
    rf"\b(?:(?P<name>{'|'.join(NAMES)})[\s-]?(?:packs?|pk)"
    rf"|(?P<german>{'|'.join(GERMAN_NAMES)})[\s-]?(?:pack(?:ung)?|set))\b"
)
_SOLD_BY_NUMBER = re.compile(rf"{_START}(?P<number>{_NUMBER})(?:[\s-]|\s?x\s)(?:{SOLD_BY_NUMBER})\b")
_HALF = re.compile(HALVES)
_DOZEN = re.compile(rf"(?:{_START}(?P<number>{_NUMBER}|{HALVES})[\s-])?\b(?:{DOZENS})\b")
_PAIR = re.compile(rf"(?:{_START}(?P<number>{_NUMBER})[\s-])?\b(?:{PAIRS})\b")
#: A necessary condition for any statement of a count, which most titles do not meet.
_HINT = re.compile(rf"{STEMS}|{SOLD_BY_NUMBER}|[x×*]\s{{0,2}}[.½0-9]|[0-9][\s-]*(?:{PIECES}|pc|st|er)(?!\w)")
_PATTERNS: dict[Statement, re.Pattern[str]] = {
    "packs": _PACKS,
    "items": _ITEMS,
    "named": _NAMED,
    "sold": _SOLD_BY_NUMBER,
    "dozen": _DOZEN,
    "pair": _PAIR,
}
#: Dimensions of a pack's content: in `a bag of 5 lb` the number is not a count.
_MEASURED_DIMENSIONS = frozenset({"mass", "volume", "length", "area", "storage"})
#: Groups of the patterns above whose number may be such a measure.
_GROUPS_BEFORE_MEASURES = frozenset({"of", "labelled"})


@dataclass(frozen=True, slots=True)
class Count:
    """A statement of how many items are sold together, and its offsets in the text."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Statement:
    """A count, and the offset of its number."""

    count: Count
    number_start: int

    @property
    def number(self) -> int:
        return self.count.number


class _Reader:
    """Finds the statements of counts in a text in lower case, without accents.

    Attributes:
        possible: the kinds of statements that the text can make.
    """

    def __init__(self, text: str, stated: Sequence[Quantity] | None = None) -> None:
        """Wrap a text.

        Args:
            text: in lower case, without accents.
            stated: its quantities, if they are known.
        """
        self._text = text
        self._stated = stated
        possible = possible_statements(text)
        if "multiplier" in possible and _MULTIPLIES.search(text) is None:
            possible -= {"multiplier"}
        self.possible = possible if possible and _HINT.search(text) else frozenset()

    @cached_property
    def measures(self) -> dict[int, Quantity]:
        """The quantities by start offset."""
        stated = quantities(self._text) if self._stated is None else self._stated
        return {quantity.start: quantity for quantity in stated}

    @cached_property
    def multipliers(self) -> tuple[Multiplier, ...]:
        """The multipliers."""
        return tuple(multipliers(self._text, self.measures)) if "multiplier" in self.possible else ()

    def statements(self, kind: Statement) -> Iterator[_Statement]:
        """The statements of a kind, without zeros and measures."""
        if kind not in self.possible:
            return
        for match in _PATTERNS[kind].finditer(self._text):
            if match.lastgroup in _GROUPS_BEFORE_MEASURES and self._is_measure(match.start(match.lastgroup)):
                continue
            if number := _number_of(match):
                yield _Statement(Count(number, *match.span()), match.start(match.lastgroup or 0))

    def first(self, kind: Statement, *, other: "_Statement | None" = None) -> "_Statement | None":
        """The first statement of a kind whose number differs from that of `other`."""
        return next((each for each in self.statements(kind) if other is None or each.number != other.number), None)

    def _is_measure(self, start: int) -> bool:
        quantity = self.measures.get(start)
        return quantity is not None and quantity.dimension in _MEASURED_DIMENSIONS


def counts(text: str) -> tuple[Count, ...]:
    """All statements of counts in a text, in order and without overlaps.

    Args:
        text: in lower case, without accents.
    """
    reader = _Reader(text)
    kinds: tuple[Statement, ...] = ("packs", "items", "named", "dozen")
    candidates = [each.count for kind in kinds for each in reader.statements(kind)]
    candidates += [Count(each.number, each.start, each.end) for each in reader.multipliers]
    found: list[Count] = []
    for count in candidates:
        if all(count.end <= other.start or other.end <= count.start for other in found):
            found.append(count)
    return tuple(sorted(found, key=lambda count: count.start))


def pack_count(text: str, stated: Sequence[Quantity] | None = None) -> int | None:
    """Number of items sold together in a listing; None if the text does not state it.

    Counts of items and of packs multiply (`12 ct, pack of 2` is 24), as does `2 x 12 ct`. A repeated number counts
    once. A pair alone is two items, but `6 pairs` is six, since socks are counted in pairs.

    Args:
        text: of a listing.
        stated: its quantities, if they are known.
    """
    # Accents may change offsets, case does not.
    reader = _Reader(_folded(text), stated if text.isascii() else None)
    if not reader.possible:
        return None
    packs = reader.first("packs") or reader.first("named")
    items = reader.first("items", other=packs)
    total = _total([each for each in (packs, items) if each], reader.multipliers)
    if total is not None:
        return total
    if sold := reader.first("sold"):
        return _total([sold], reader.multipliers)
    alone = reader.first("dozen") or reader.first("pair")
    return alone.number if alone else None


def _total(statements: list[_Statement], factors: tuple[Multiplier, ...]) -> int | None:
    """The product of all statements and multipliers, without those that repeat a number or a product; None for none."""
    numbers = [each.number for each in statements]
    total = math.prod(numbers)
    of_count = next((each for each in factors if each.inner), None)
    if of_count and statements:
        if of_count.number * of_count.inner in numbers:
            total = of_count.number * of_count.inner
        elif all(each.number != of_count.number or each.number_start == of_count.inner_start for each in statements):
            total *= of_count.number
    of_measure = next((each.number for each in factors if not each.inner), None)
    if of_measure and of_measure not in (*numbers, total):
        total *= of_measure
    return total if statements or of_measure else None


def _number_of(match: re.Match[str]) -> int:
    """The number of items that a match states; may be zero."""
    written = match[match.lastgroup] if match.lastgroup else "1"
    if match.re is _NAMED:
        return _NAMES[written]
    if match.re is _DOZEN:
        return 6 if _HALF.fullmatch(written) else 12 * _number(written)
    number = _number(written)
    return 2 if match.re is _PAIR and number == 1 else number


def _number(written: str) -> int:
    return NUMERALS.get(written) or int(re.sub("[.,]", "", written))


def _folded(text: str) -> str:
    """A text in lower case, without accents."""
    text = text.lower()
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
