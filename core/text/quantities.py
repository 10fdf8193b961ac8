"""The quantities a title states: `55"`, `4.1oz`, `2 1/2-inch`, `24-70mm`, each in its dimension's base unit.

Choices where a spelling has two readings:

- `oz` alone is mass; only `fl oz` is volume. Sellers of liquids write both, so an ounce of drink is compared with
  nothing rather than wrongly.
- Single letters count only behind a number and only where nothing else is likelier: `3g`, `4g`, `802.11g`, `16g`
  (a memory card) are no masses, `3m` is a brand, `12a` is a toner, `2 in 1` no length.
- A multiplier (`2 x 500 gb`) is no part of the quantity, but `12 x 15 ft` is two lengths.
- A comma before one or two digits, or behind a zero, is a decimal point: `1,5 l`, `0,330 l`; `1,000 g` is a thousand.
- The benchmark's titles have lost their slashes: `8-1 2 inch` is read as 8 1/2 inch.
"""

import re
import unicodedata
from dataclasses import dataclass

from core.text.ambiguous import Place, measures
from core.text.units import COUNTS, NO_UNIT, UNITS, Unit

#: Listings round: 4.1 oz is sold as 116 g (0.2 % off), 1.75 lb as 794 g, 6 ft as 1.8 m (1.6 %).
TOLERANCE = 0.02
#: Of storage: 1024 MB is sold as 1 GB (2.3 % off).
STORAGE_TOLERANCE = 0.025


@dataclass(frozen=True, slots=True)
class Quantity:
    """One stated quantity.

    Attributes:
        value: in the dimension's base unit.
        text: as written.
        unit: in which it is written.
        start: where it stands in the text that it was found in.
    """

    dimension: str
    value: float
    text: str
    unit: Unit = NO_UNIT
    start: int = 0

    @property
    def amount(self) -> float:
        """The number as written, in its unit."""
        return self.value / self.unit.size


def same(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities are equal but for rounding; what is counted must be equal exactly."""
    if one.dimension != other.dimension:
        return False
    if one.dimension in COUNTS:
        return one.value == other.value
    tolerance = STORAGE_TOLERANCE if one.dimension == "storage" else TOLERANCE
    return abs(one.value - other.value) <= tolerance * max(abs(one.value), abs(other.value))


_ODD_PARTS = r"1[ ]2|[13][ ]4|[1357][ ]8|(?:[13579]|1[135])[ ]16"

#: A number as titles write it. The last two forms are fractions that lost their slash, and stand before inches or ×.
_AMOUNT = re.compile(
    rf"""
    (?:(?<![a-z0-9_])|(?<=[0-9]x)) (?<![0-9][.,])
    (?:
      (?:(?P<whole>[0-9]{{1,3}})(?:\s|\s?-\s?))? (?P<top>[0-9]?[13579]|[24](?=/[35]))/(?P<bottom>2|3|4|5|8|16|32|64)
    | (?P<before>[0-9]{{0,3}})[\s-]?(?P<vulgar>[¼½¾⅓⅔⅛⅜⅝⅞])
    | (?:(?P<over>[0-9]{{1,2}})[ -])? (?<![0-9][ ][0-9][ ])(?P<lost>{_ODD_PARTS})
      (?=[ -]?(?:in\b|inch|"|x[ ]?[0-9]|[ ]x[ ]?[0-9]))
    | (?P<comma>(?:[0-9]{{1,4}},[0-9]{{1,2}}|0,[0-9]{{3}})(?![0-9]))
    | (?P<plain>[0-9]{{1,3}}[ ]000(?![0-9.]) | \.[0-9]{{1,6}}
      | (?:[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]{{1,9}})(?:[ ]?\.[0-9]{{1,6}})?)
    )
    (?![0-9]|[.,][0-9])
    """,
    re.VERBOSE | re.IGNORECASE,
)

#: What may follow a number: a gap, then a unit of one word or two, or a sign.
_UNIT = re.compile(
    r"(?P<gap>\s?-?\s?)(?:(?P<sign>''|’’|[\"″”'′’°])(?![a-z])"
    r"|(?P<word>[a-zµ]{2,}?(?=x[0-9]{1,3}(?![a-z0-9]))|[a-zµ]+(?![a-z0-9]))(?:\.?[\s/-]{0,2}(?P<second>[a-z]+)(?![a-z0-9]))?)",
    re.IGNORECASE,
)

_FEET = re.compile(r"(?:['′’]|ft|feet|foot)$", re.IGNORECASE)
_LINK = re.compile(r"\s*(?P<times>x|×|by)\s*|\s*(?:-|–|to|/)\s*", re.IGNORECASE)
#: A dash with spaces around it, and the widest range it makes.
_SPACED, _WIDEST = 3, 20


@dataclass(frozen=True, slots=True)
class _Found:
    """A number with the unit behind it."""

    unit: Unit
    end: int


def quantities(text: str) -> tuple[Quantity, ...]:
    """Every quantity of the text, in the order written; never raises."""
    result: list[Quantity] = []
    waiting: list[tuple[re.Match[str], str]] = []
    for amount in _AMOUNT.finditer(text):
        if waiting and not _linked(text, waiting, amount):
            waiting.clear()
        found = _unit_behind(text, amount)
        if found is None:
            waiting.append((amount, ""))
            continue
        unit = found.unit
        if _inches_of_feet(text, amount, found, result):
            feet = result.pop()
            value = feet.value + _value(amount) * unit.size
            result.append(_quantity(text, feet.start, found, value))
            waiting.clear()
            continue
        for earlier, link in waiting:
            if link == "range" or unit.dimension == "length":
                result.append(_quantity(text, earlier.start(), found, _value(earlier) * unit.size))
        result.append(_quantity(text, amount.start(), found, _value(amount) * unit.size))
        waiting.clear()
    return tuple(result)


def _quantity(text: str, start: int, found: _Found, value: float) -> Quantity:
    return Quantity(found.unit.dimension, value, text[start : found.end], found.unit, start)


def _inches_of_feet(text: str, amount: re.Match[str], found: _Found, earlier: list[Quantity]) -> bool:
    """Whether an amount is the inches of the feet right before it: 6 ft 2 in."""
    if found.unit.name != "inch" or not earlier or _value(amount) >= 12:
        return False
    last = earlier[-1]
    return _FEET.search(last.text) is not None and text[: amount.start()].rstrip(" -.").endswith(last.text)


def _linked(text: str, waiting: list[tuple[re.Match[str], str]], amount: re.Match[str]) -> bool:
    """Whether the last waiting number and this one share a unit: `24-70mm`, `12 x 15 ft`; notes which it is."""
    last, _ = waiting[-1]
    link = _LINK.fullmatch(text, last.end(), amount.start())
    if link is None:
        return False
    if link["times"]:
        waiting[-1] = (last, "times")
        return True
    in_code = last.start() > 1 and text[last.start() - 1] == "-" and text[last.start() - 2].isalnum()
    waiting[-1] = (last, "range")
    low, high = _value(last), _value(amount)
    # A dash between spaces is a separator as often: dvd player - 2 - 1080p.
    return not in_code and low < high and (len(link[0]) < _SPACED or high <= _WIDEST * low)


def _value(amount: re.Match[str]) -> float:
    if comma := amount["comma"]:
        return float(comma.replace(",", "."))
    if plain := amount["plain"]:
        return float(plain.replace(",", "").replace(" ", ""))
    if amount["bottom"]:
        return int(amount["whole"] or 0) + int(amount["top"]) / int(amount["bottom"])
    if amount["vulgar"]:
        return int(amount["before"] or 0) + unicodedata.numeric(amount["vulgar"])
    top, bottom = amount["lost"].split(" ")
    return int(amount["over"] or 0) + int(top) / int(bottom)


def _unit_behind(text: str, amount: re.Match[str]) -> _Found | None:
    behind = _UNIT.match(text, amount.end())
    if behind is None:
        return None
    written = amount[0].replace(",", ".") if amount["comma"] else amount[0]
    if sign := behind["sign"]:
        place = Place(text, written, behind["gap"], amount.start(), behind.end())
        return _Found(UNITS[sign], behind.end()) if measures(sign, place) else None
    word = behind["word"].lower()
    if second := behind["second"]:
        both = UNITS.get(f"{word} {second.lower()}")
        # 8gb-s is part of a model number, 8 gb/s is not.
        if both is not None and not (len(second) == 1 and text[behind.start("second") - 1] == "-"):
            return _Found(both, behind.end())
    unit = UNITS.get(word)
    if unit is None:
        return None
    place = Place(text, written, behind["gap"], amount.start(), behind.end("word"))
    return _Found(unit, place.end) if measures(word, place) else None
