"""How many items a listing sells at once: `24-pack`, `pack of 24`, `24/box`, `2 x 12 ct`, `6 x 1 kg`, `12er Pack`.

Choices where a spelling has two readings:

- What a number multiplies is in `core.text.multipliers`: `6 x 1kg` counts, `30 x 175 cm` does not.
- `12er` alone is a size as often as a pack (`12er Schlüssel`, `29er`): only `12er Pack` and its like count.
- `10 St` counts at the end of a phrase, and `10 St. James` does not.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from core.text import pack_words as words
from core.text.multipliers import Multiplier, multipliers
from core.text.quantities import Quantity, quantities

_DIGITS = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,5}"
_NUMBER = rf"{_DIGITS}|{'|'.join(words.NUMERALS)}"
_INITIALS = "".join(sorted({word[0] for word in (*words.NUMERALS, *words.HALVES.split("|"))}))
#: Not the tail of a word, a decimal, a range or a price. A hyphen is allowed: AA-4pk.
#: After an x only where that stands behind a number: 2x12 pack. The look ahead spares most places the rest.
_START = rf"(?=[0-9{_INITIALS}])(?<![a-wyz0-9_.,/$])(?<![a-z]x)"
#: A number ends here, and is not the first side of anything: a set of 4 x 6.
_END = r"(?!\w|[.,][0-9]|\s?[x×*]\s?[0-9])"
_OF = (
    rf"(?:(?:{words.OUTERS})\s+(?:of|de|zu|von)\s+|(?:{words.MIT_OUTERS})\s+mit\s+|(?:{words.A_OUTERS})\s+a\s+"
    rf"|(?:{words.CON_OUTERS})\s+(?:con\s+|c/\s?)|vendue?s?\s+par\s+)"
)

#: Packs of something: 24-pack, pack of 24, set of 4, 12er Pack.
_PACKS = re.compile(
    rf"{_START}(?P<before>{_NUMBER})[\s-]*(?:{words.PACKS})(?!\w|\s+(?:of|de|mit|zu|von|a|con)\s+[0-9])"
    rf"|\bcase\s?packs?\s(?P<case>[2-9]|[0-9]{{2,4}})(?![\w.])"
    rf"|\b{_OF}(?P<of>{_NUMBER}){_END}"
    rf"|{_START}(?P<numbered>[0-9]{{1,3}})[\s-]?er[\s(-]{{0,2}}(?:{words.NUMBERED_PACKS})(?!\w)"
    rf"|\b[a-z]{{0,12}}pack(?:ung)?[\s(-]{{1,2}}(?P<behind>[0-9]{{1,3}})er(?!\w)",
)
#: Things counted one by one, or by the container that they fill: 24 ct, 10 Stück, 50 per box, 25/box, 25 box.
_ITEMS = re.compile(
    rf"{_START}(?P<count>{_NUMBER})[\s-]*(?:{words.PIECES})(?!\w)"
    rf"|{_START}(?P<european>[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+)[\s-]*(?:{words.EUROPEAN_PIECES})(?!\w)"
    rf"|(?<![\w.,/$-])(?P<attached>[0-9]{{1,3}})pc(?!\w)"
    rf"|{_START}(?P<per>{_NUMBER})\s*(?:/|(?:[a-z]+\s)?(?:per|pro|je|par|por)\b|\ba\b)\s*(?:{words.CONTAINERS})(?!\w)"
    rf"|{_START}(?P<bare>[0-9]{{1,5}})\s(?:box|carton|set)(?!\s(?:top|up)\b)(?!\w)"
    rf"|\b(?:qty[\s:.]*|vpe\s|(?:{words.LABELS})\s?[:=]\s?)(?P<labelled>{_DIGITS}){_END}"
    # 21st is an ordinal number.
    rf"|{_START}(?P<st>[0-9]{{1,5}})(?:\s|(?<!1))st\.?(?=\s*(?:$|[,;()\[\]|/+]|\s[–-])|\s(?:{words.REMEDIES})\b)"
)
#: Titles that hold none of it have no multiplier.
_MULTIPLIES = re.compile(rf"[x×*]\s{{0,2}}[.½0-9]|[0-9]\s{{0,2}}[x×*]|[0-9]\s+(?:{words.OUTERS})\s")
_NAMES = words.NAMES | words.GERMAN_NAMES
_NAMED = re.compile(
    rf"\b(?:(?P<name>{'|'.join(words.NAMES)})[\s-]?(?:packs?|pk)"
    rf"|(?P<german>{'|'.join(words.GERMAN_NAMES)})[\s-]?(?:pack(?:ung)?|set))\b"
)
_SOLD_BY_NUMBER = re.compile(rf"{_START}(?P<number>{_NUMBER})(?:[\s-]|\s?x\s)(?:{words.SOLD_BY_NUMBER})\b")
_HALF = re.compile(words.HALVES)
_DOZEN = re.compile(rf"(?:{_START}(?P<number>{_NUMBER}|{words.HALVES})[\s-])?\b(?:{words.DOZENS})\b")
_PAIR = re.compile(rf"(?:{_START}(?P<number>{_NUMBER})[\s-])?\b(?:{words.PAIRS})\b")
#: What every statement of a count holds; most titles hold none of it, and are done with at once.
_HINT = re.compile(
    rf"{words.STEMS}|{words.SOLD_BY_NUMBER}|[x×*]\s{{0,2}}[.½0-9]|[0-9][\s-]*(?:{words.PIECES}|pc|st|er)(?!\w)"
)
#: A number in front of such a unit is what one pack holds: a bag of 5 lb.
_CONTENTS = frozenset({"mass", "volume", "length", "area", "storage"})
#: Groups of the patterns above whose number may stand in front of one.
_BEFORE_CONTENTS = frozenset({"of", "labelled"})


@dataclass(frozen=True, slots=True)
class Count:
    """A statement of how many are sold together, and where it stands."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Stated:
    """A count, and where its number stands."""

    count: Count
    number_start: int

    @property
    def number(self) -> int:
        return self.count.number


class _Text:
    """A text in lower case and without accents, and its statements."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def measures(self) -> dict[int, Quantity]:
        """Its quantities, by where they start."""
        return {quantity.start: quantity for quantity in quantities(self._text)}

    @cached_property
    def multipliers(self) -> tuple[Multiplier, ...]:
        """Its multipliers."""
        return tuple(multipliers(self._text, self.measures)) if _MULTIPLIES.search(self._text) else ()

    def stated(self, pattern: re.Pattern[str]) -> Iterator[_Stated]:
        """The statements that a pattern finds, without zeros and measures."""
        for match in pattern.finditer(self._text):
            if match.lastgroup in _BEFORE_CONTENTS and self._is_content(match.start(match.lastgroup)):
                continue
            if number := _number_of(match):
                yield _Stated(Count(number, *match.span()), match.start(match.lastgroup or 0))

    def first(self, pattern: re.Pattern[str], *, beside: "_Stated | None" = None) -> "_Stated | None":
        """The first statement that a pattern finds and that does not repeat the number of `beside`."""
        return next((each for each in self.stated(pattern) if beside is None or each.number != beside.number), None)

    def _is_content(self, start: int) -> bool:
        quantity = self.measures.get(start)
        return quantity is not None and quantity.dimension in _CONTENTS


def counts(text: str) -> tuple[Count, ...]:
    """Every such statement, in the order written; none overlaps another.

    Args:
        text: in lower case, without accents.
    """
    if _HINT.search(text) is None:
        return ()
    read = _Text(text)
    found = [each.count for pattern in (_PACKS, _ITEMS, _NAMED, _DOZEN) for each in read.stated(pattern)]
    found += [Count(each.number, each.start, each.end) for each in read.multipliers]
    stated: list[Count] = []
    for count in found:
        stated += [count] * all(count.end <= other.start or other.end <= count.start for other in stated)
    return tuple(sorted(stated, key=lambda count: count.start))


def pack_count(text: str) -> int | None:
    """How many items are sold together; None where the text does not say.

    A count of items and a count of packs multiply (`12 ct, pack of 2` is 24), and so does `2 x 12 ct`; the same
    number said twice counts once. A pair alone is two items, but `6 pairs` is six: socks are counted in pairs.
    """
    text = _folded(text)
    if _HINT.search(text) is None:
        return None
    read = _Text(text)
    packs = read.first(_PACKS) or read.first(_NAMED)
    items = read.first(_ITEMS, beside=packs)
    total = _multiplied([each for each in (packs, items) if each], read.multipliers)
    if total is not None:
        return total
    if sold := read.first(_SOLD_BY_NUMBER):
        return _multiplied([sold], read.multipliers)
    alone = read.first(_DOZEN) or read.first(_PAIR)
    return alone.number if alone else None


def _multiplied(stated: list[_Stated], found: tuple[Multiplier, ...]) -> int | None:
    """All that was stated, multiplied; what repeats another number or the product of others counts once."""
    numbers = [each.number for each in stated]
    total = math.prod(numbers)
    times = next((each for each in found if each.inner), None)
    if times and stated:
        if times.number * times.inner in numbers:
            total = times.number * times.inner
        elif all(each.number != times.number or each.number_start == times.inner_start for each in stated):
            total *= times.number
    portions = next((each.number for each in found if not each.inner), None)
    if portions and portions not in (*numbers, total):
        total *= portions
    return total if stated or portions else None


def _number_of(match: re.Match[str]) -> int:
    """The number that a match states; may be zero."""
    written = match[match.lastgroup] if match.lastgroup else "1"
    if match.re is _NAMED:
        return _NAMES[written]
    if match.re is _DOZEN:
        return 6 if _HALF.fullmatch(written) else 12 * _number(written)
    number = _number(written)
    return 2 if match.re is _PAIR and number == 1 else number


def _number(written: str) -> int:
    return words.NUMERALS.get(written) or int(re.sub("[.,]", "", written))


def _folded(text: str) -> str:
    """In lower case and without accents."""
    text = text.lower()
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
