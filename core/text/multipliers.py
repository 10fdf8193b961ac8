"""Numbers that multiply what stands beside them: `6 x 1 kg`, `330 ml x 24`, `2 x 12 ct`, `2 boxes of 12`.

A number times a mass, a volume or a storage size counts items: `6 x 1kg` is six of one kilogram. Times a length it is
a side (`30 x 175 cm`), times a power or a voltage as often a channel (`2 x 50 W`): these count nothing, and neither do
two plain numbers (`10 x 42`, `1920 x 1080`). `2 x 8GB` is a kit of two, but the memory of one computer where the text
names a computer and no kit.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.text import pack_words as words
from core.text.quantities import Quantity

#: A number does not begin as the tail of a word, a decimal, a range, a price, or behind an x that follows a letter.
_START = r"(?<![a-wyz0-9_.,/$])(?<![a-z]x)(?=[0-9])"
_OUTER_OF = rf"(?:{words.OUTERS})\s+(?:of|de|mit|zu|von|a|con)\s+"
_TIMES = re.compile(
    rf"{_START}(?P<times>[0-9]{{1,3}})(?:"
    rf"\s{{0,2}}(?P<sign>[x×*])\s{{0,2}}(?:(?P<more>[0-9]{{1,3}})\s{{0,2}}[x×*]\s{{0,2}}|(?P<packs>{_OUTER_OF}))?"
    rf"|\s+(?P<outer>{_OUTER_OF}))(?=[.½0-9])"
)
#: What a number times a plain number must end in: 2 x 12 ct, 2 x 6er-Set, 2 x 100 tablets.
_COUNTED = re.compile(
    rf"(?P<inner>[0-9]{{1,5}})(?:[\s-]*(?:{words.PIECES}|{words.PACKS}|st|{words.SOLD_BY_NUMBER})"
    rf"|[\s-]?er[\s-](?:{words.NUMBERED_PACKS}))(?!\w)"
)
_NUMBER = re.compile(r"(?P<inner>[0-9]{1,5})")
#: At most so many characters.
_SIDE_LENGTH = 6
_SIDE_PRECEDES = re.compile(r"[0-9\"']\s{0,2}[x×*]\s{0,2}$")
_BEHIND = re.compile(r"\)?\s{0,2}\(?(?P<sign>[x×*]\s?(?P<times>[0-9]{1,3}))(?!\w|[.,][0-9]|\s?[x×*\"'″’])")
#: What items hold.
_CONTENTS = frozenset({"mass", "volume", "storage"})
#: 210 x 297 x 5 kg is a parcel.
_MOST_ITEMS = 1000
#: 4gb x 72 is how a module is organised, 1 gb x16 a graphics card.
_MOST_MODULES = 12
#: 16x 4.7 gb is the speed of a disc.
_SPEED = re.compile(r"x\s")
_COMPUTER = re.compile(
    r"\b(?:laptop|notebook|netbook|desktop|computer|ordinateur|ordenador|pc|server|chromebook|macbook"
    r"|imac|windows|core\si[3579]|ryzen|network|raid|storage)\b|\b[a-z]*(?:station|nas)\b"
)
_KIT = re.compile(r"\bkits?\b|dimms?\b|\bmodul(?:es?|e|os?)?\b")


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A number that multiplies, and where it stands.

    Attributes:
        inner: what it multiplies where that is a count, and 0 where it is a measure.
        inner_start: where that stands.
    """

    number: int
    start: int
    end: int
    inner: int = 0
    inner_start: int = 0


def multipliers(text: str, measures: Mapping[int, Quantity]) -> Iterator[Multiplier]:
    """The multipliers of a text.

    Args:
        text: in lower case and without accents.
        measures: its quantities, by where they start.
    """
    for match in _TIMES.finditer(text):
        multiplier = _of_measure(match, measures[match.end()]) if match.end() in measures else _of_count(match)
        if multiplier and multiplier.number:
            yield multiplier
    for quantity in measures.values():
        behind = _BEHIND.match(text, quantity.start + len(quantity.text))
        if behind is None or behind.start("times") in measures:
            continue
        number = int(behind["times"])
        if number and _counts_items(text, quantity, number):
            yield Multiplier(number, *behind.span("sign"))


def _of_measure(match: re.Match[str], quantity: Quantity) -> Multiplier | None:
    """6 x 1 kg, 4 x 6 x 330 ml, 2 bags of 5 lb."""
    number, start = int(match["times"]), match.start("times")
    if match["outer"]:
        return Multiplier(number, start, match.end("times"))
    number *= int(match["more"] or 1)
    if number > _MOST_ITEMS or _side_precedes(match):
        return None
    is_speed = quantity.dimension == "storage" and _SPEED.match(match[0], match.end("times") - start)
    if not _counts_items(match.string, quantity, number) or (is_speed and _KIT.search(match.string) is None):
        return None
    return Multiplier(number, start, start + len(match[0].rstrip()))


def _of_count(match: re.Match[str]) -> Multiplier | None:
    """2 x 12 ct, 2 x pack of 6, 2 boxes of 12."""
    if match["more"] or _side_precedes(match):
        return None  # sides of something that is sold in packs
    by_word = match["packs"] or match["outer"]
    inner = (_NUMBER if by_word else _COUNTED).match(match.string, match.end())
    if inner is None:
        return None
    end = match.end("times" if match["outer"] else "sign")
    return Multiplier(int(match["times"]), match.start("times"), end, int(inner["inner"]), match.end())


def _side_precedes(match: re.Match[str]) -> bool:
    """Whether a number is the second side of something: 8.5 x 11 x 20 lb."""
    start = match.start("times")
    return _SIDE_PRECEDES.search(match.string, max(0, start - _SIDE_LENGTH), start) is not None


def _counts_items(text: str, quantity: Quantity, number: int) -> bool:
    """Whether a number beside a measure counts items that hold that much."""
    if quantity.dimension != "storage":
        return quantity.dimension in _CONTENTS
    return number <= _MOST_MODULES and (_KIT.search(text) is not None or _COMPUTER.search(text) is None)
