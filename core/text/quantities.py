"""Extraction of quantities from titles: `55"`, `4.1oz`, `2 1/2-inch`, `24-70mm`, converted to base units.

Ambiguous spellings are resolved as follows:

- `oz` alone is mass; only `fl oz` is volume. Sellers of liquids write both, so ounces of a drink are not compared
  rather than compared wrongly.
- Single letters count only after a number, and only without a likelier reading: `3g`, `4g`, `802.11g` and `16g` (a
  memory card) are not masses, `3m` is a brand, `12a` a toner, `2 in 1` not a length.
- A multiplier (`2 x 500 gb`) is not part of the quantity, but `12 x 15 ft` is two lengths.
- A comma before one or two digits, or after a zero, is a decimal point: `1,5 l`, `0,330 l`; `1,000 g` is a thousand.
- Titles of the benchmark have lost their slashes: `8-1 2 inch` is 8 1/2 inch.

The rules for ambiguous units are heuristics for US listings, tuned on the titles of the Walmart-Amazon benchmark's
training pairs. They prefer to miss a quantity rather than to report a wrong one.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from core.text.units import COUNTS, NO_UNIT, UNITS, Unit

#: `in` is a preposition before these: 2 in 1, 7 in-dash, 3 in black.
_NO_INCH = re.compile(
    r"[\s-]+(?:[0-9]|one\b|the\b|an?\b|wall|dash|ear|car\b|box|line\b|stock|black|white|colou?rs?\b|desk)",
    re.IGNORECASE,
)
#: Sides of a box: 12 l x 10 w x 4 h.
_SIDE_FOLLOWS = re.compile(r"\s*x\s*[0-9]", re.IGNORECASE)
_NUMBER_FOLLOWS = re.compile(r"\s*[0-9]")
_SIDE_PRECEDES = re.compile(r"[a-z\"]\s*x\s*$|[0-9]\s?[wdh]\s*$", re.IGNORECASE)
#: The first part of a model number: bx-12v, dv7-4087cl. 110-240v has none.
_CODE_PRECEDES = re.compile(r"[a-z][a-z0-9]*(?:[-/.][a-z0-9]+)*[-/.]$", re.IGNORECASE)
_APERTURE_PRECEDES = re.compile(r"\bf\s?/?[0-9. -]*$", re.IGNORECASE)
_PIXEL_FOLLOWS = re.compile(r"[\s-]*pixel", re.IGNORECASE)
_ETHERNET_PRECEDES = re.compile(r"\b10[ /]$")
_SQUARE_METRE_FOLLOWS = re.compile(r"[\s/]*m(?:2|²)", re.IGNORECASE)
_VOLTAGE_PRECEDES = re.compile(r"[0-9]\s?v(?:olts?|dc|ac)?[\s,/@-]*$", re.IGNORECASE)
_ZOOM_FOLLOWS = re.compile(r"[\s-]*(?:optical|digital|zoom|magnif)", re.IGNORECASE)
#: Numbers of IEEE 802.11, wireless speeds in Mbit/s and bands in GHz that occur before a g: 54g, 2.4g.
_WIRELESS = frozenset({"802.11", "11", "54", "108", "125", "2.4", "5.8"})
#: Largest plausible value by unit; larger ones are the end of a model number: 5902v.
_MAX_VALUES = {
    "v": 1000, "w": 5000, "l": 500, "ml": 20_000, "cc": 10_000, "cl": 200, "g": 5000, "m": 300, "in": 500,
    "ah": 500, "wh": 2000, "db": 200, "dbi": 100, "ch": 100, "pocket": 300, "pockets": 300, "cup": 100, "cups": 100,
}  # fmt: skip
_SCAN_LINES = frozenset({"240", "480", "576", "720", "1080", "1440", "2160", "4320"})
#: Sizes of memory cards: 16g means sixteen gigabytes.
_CAPACITIES = frozenset(str(2**power) for power in range(1, 11))


@dataclass(frozen=True, slots=True)
class Place:
    """A number followed by a possible unit, with its context.

    Attributes:
        text: the whole text.
        number: as written: `3`, `2.1`.
        gap: the text between number and unit.
        start, end: of number and unit in the text.
    """

    text: str
    number: str
    gap: str
    start: int
    end: int

    @property
    def before(self) -> str:
        """The 16 characters before the number."""
        return self.text[max(0, self.start - 16) : self.start]

    @property
    def is_attached(self) -> bool:
        """Whether the unit follows the number directly."""
        return not self.gap

    @property
    def is_decimal(self) -> bool:
        """Whether the number has a decimal point."""
        return "." in self.number

    @property
    def value(self) -> float:
        """The number; 0 if it is written as a fraction."""
        try:
            return float(self.number.replace(",", "").replace(" ", ""))
        except ValueError:
            return 0.0

    @property
    def is_padded(self) -> bool:
        """Whether the number has leading zeros, like a part number: 010m."""
        return len(self.number) > 1 and self.number[0] == "0" and self.number[1].isdigit()

    @property
    def is_in_code(self) -> bool:
        """Whether it is the end of a model number: bx-12v."""
        if self.start < 2 or self.text[self.start - 1] not in "-/.":
            return False
        return _CODE_PRECEDES.search(self.before) is not None

    @property
    def follows_voltage(self) -> bool:
        """Whether it follows a voltage: 12v 5a."""
        return _VOLTAGE_PRECEDES.search(self.before) is not None

    @property
    def is_side(self) -> bool:
        """Whether it is one dimension of a box: 12 l x 10 w."""
        return bool(_SIDE_FOLLOWS.match(self.text, self.end) or _SIDE_PRECEDES.search(self.before))


def _is_unit(spelling: str, place: Place) -> bool:
    """Whether a spelling after a number is a unit in this context; true for unambiguous spellings."""
    if place.is_in_code and (not place.is_attached or (len(spelling) < 3 and spelling not in _UNITS_IN_CODES)):
        return False  # gc-fm-2 pocket, dv7-4087cl
    if place.value > _MAX_VALUES.get(spelling, place.value) or place.is_padded:
        return False
    check = _CHECKS.get(spelling)
    return check is None or check(place)


def _inches(place: Place) -> bool:
    return place.is_attached or _NO_INCH.match(place.text, place.end) is None


def _grams(place: Place) -> bool:
    if "-" in place.gap or place.number in _WIRELESS or _SQUARE_METRE_FOLLOWS.match(place.text, place.end):
        return False  # 802.11g, and 80 g/m²
    if place.is_decimal or not place.is_attached:
        return _APERTURE_PRECEDES.search(place.before) is None  # f 3.5-5.6 g
    return place.value >= 10 and place.number not in _CAPACITIES  # 3g and 4g are networks


def _volts(place: Place) -> bool:
    return place.is_attached or place.value >= 3  # 2 v 1


def _watts(place: Place) -> bool:
    if place.is_side:
        return False
    return place.is_attached or (place.gap == " " and place.value >= 60)  # 25 w tabs: with tabs


def _amperes(place: Place) -> bool:
    return place.is_attached and (place.is_decimal or place.follows_voltage)  # hp 12a, a toner


def _metres(place: Place) -> bool:
    if "-" in place.gap or place.is_side:
        return False
    if _PIXEL_FOLLOWS.match(place.text, place.end) or _ETHERNET_PRECEDES.search(place.before):
        return False  # 1.3 m pixel, 10/100m
    return place.is_decimal or place.number != "3"  # 3M, the company


def _litres(place: Place) -> bool:
    return "-" not in place.gap and not place.is_side


def _times(place: Place) -> bool:
    if not place.is_attached or _NUMBER_FOLLOWS.match(place.text, place.end):
        return False
    return place.value >= 3 or _ZOOM_FOLLOWS.match(place.text, place.end) is not None  # 2x: two of them


def _scan_lines(place: Place) -> bool:
    return place.is_attached and place.number in _SCAN_LINES


def _pints(place: Place) -> bool:
    return place.value <= 4  # 11 pt, thousandths of an inch of board


def _feet_sign(place: Place) -> bool:
    return place.is_attached and 0 < place.value <= 500


def _attached(place: Place) -> bool:
    return place.is_attached


#: Units that also count at the end of a model number: dtvp-4gb.
_UNITS_IN_CODES = frozenset({"kb", "mb", "gb", "tb"})

_CHECKS: dict[str, Callable[[Place], bool]] = {
    "in": _inches,
    "g": _grams,
    "gr": _grams,
    "v": _volts,
    "w": _watts,
    "a": _amperes,
    "m": _metres,
    "l": _litres,
    "x": _times,
    "p": _scan_lines,
    "i": _scan_lines,
    "pt": _pints,
    "'": _feet_sign,
    "′": _feet_sign,
    "’": _feet_sign,
    "gig": _attached,
    "ch": _attached,
    "ah": _attached,
    "mo": _attached,
}


#: Relative tolerance for rounding in listings: 4.1 oz is sold as 116 g (0.2 % off), 1.75 lb as 794 g, 6 ft as 1.8 m
#: (1.6 % off).
TOLERANCE = 0.02
#: The same for storage: 1024 MB is sold as 1 GB (2.3 % off).
STORAGE_TOLERANCE = 0.025


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity found in a text.

    Attributes:
        dimension: such as `length`; see `core.text.units`.
        value: in the dimension's base unit.
        text: as written.
        unit: as written.
        start: offset in the text.
    """

    dimension: str
    value: float
    text: str
    unit: Unit = NO_UNIT
    start: int = 0

    @property
    def amount(self) -> float:
        """The value in the unit as written."""
        return self.value / self.unit.size


def same_quantity(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities are equal up to rounding; counts must be exactly equal."""
    if one.dimension != other.dimension:
        return False
    if one.dimension in COUNTS:
        return one.value == other.value
    tolerance = STORAGE_TOLERANCE if one.dimension == "storage" else TOLERANCE
    return abs(one.value - other.value) <= tolerance * max(abs(one.value), abs(other.value))


_VULGAR = "¼½¾⅓⅔⅛⅜⅝⅞"
_ODD_PARTS = r"1[ ]2|[13][ ]4|[1357][ ]8|(?:[13579]|1[135])[ ]16"

#: A number. The form `lost` is a fraction without its slash, before inches or ×.
_AMOUNT = re.compile(
    rf"""
    (?=[0-9.{_VULGAR}]|[\s-][{_VULGAR}])  # rejects most positions quickly
    (?:(?<![a-z0-9_])|(?<=[0-9]x)) (?<![0-9][.,])
    (?:
      (?:(?P<whole>[0-9]{{1,3}})(?:\s|\s?-\s?))? (?P<top>[0-9]?[13579]|[24](?=/[35]))/(?P<bottom>2|3|4|5|8|16|32|64)
    | (?P<before>[0-9]{{0,3}})[\s-]?(?P<vulgar>[{_VULGAR}])
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

#: What may follow a number: a gap, then a unit of one or two words, or a sign.
_UNIT = re.compile(
    r"(?P<gap>\s?-?\s?)(?:(?P<sign>''|’’|[\"″”'′’°])(?![a-z])"
    r"|(?P<word>[a-zµ]{2,}?(?=x[0-9]{1,3}(?![a-z0-9]))|[a-zµ]+(?![a-z0-9]))(?:\.?[\s/-]{0,2}(?P<second>[a-z]+)(?![a-z0-9]))?)",
    re.IGNORECASE,
)

_FEET = re.compile(r"(?:['′’]|ft|feet|foot)$", re.IGNORECASE)
_LINK = re.compile(r"\s*(?P<times>x|×|by)\s*|\s*(?:-|–|to|/)\s*", re.IGNORECASE)
#: Length of a dash with spaces around it, and the largest ratio of the ends of a range that is written with one.
_SPACED_DASH_LENGTH, _MAX_RANGE_RATIO = 3, 20


@dataclass(frozen=True, slots=True)
class _UnitMatch:
    """The unit after a number, and its end in the text."""

    unit: Unit
    end: int


def quantities(text: str) -> tuple[Quantity, ...]:
    """All quantities of a text, in order."""
    result: list[Quantity] = []
    pending: list[tuple[re.Match[str], str]] = []  # numbers without a unit, and how each is linked to the next
    for amount in _AMOUNT.finditer(text):
        if pending and not _link(text, pending, amount):
            pending.clear()
        found = _unit_after(text, amount)
        if found is None:
            pending.append((amount, ""))
            continue
        unit = found.unit
        if _completes_feet(text, amount, found, result):
            feet = result.pop()
            value = feet.value + _value(amount) * unit.size
            result.append(_quantity(text, feet.start, found, value))
            pending.clear()
            continue
        for earlier, link in pending:
            if link == "range" or unit.dimension == "length":
                result.append(_quantity(text, earlier.start(), found, _value(earlier) * unit.size))
        result.append(_quantity(text, amount.start(), found, _value(amount) * unit.size))
        pending.clear()
    return tuple(result)


def _quantity(text: str, start: int, found: _UnitMatch, value: float) -> Quantity:
    return Quantity(found.unit.dimension, value, text[start : found.end], found.unit, start)


def _completes_feet(text: str, amount: re.Match[str], found: _UnitMatch, earlier: list[Quantity]) -> bool:
    """Whether an amount is the inches after feet: 6 ft 2 in."""
    if found.unit.name != "inch" or not earlier or _value(amount) >= 12:
        return False
    last = earlier[-1]
    return _FEET.search(last.text) is not None and text[: amount.start()].rstrip(" -.").endswith(last.text)


def _link(text: str, pending: list[tuple[re.Match[str], str]], amount: re.Match[str]) -> bool:
    """Whether the last pending number shares its unit with this one: `24-70mm`, `12 x 15 ft`.

    Sets the link of the pending number, `range` or `times`.
    """
    last, _ = pending[-1]
    link = _LINK.fullmatch(text, last.end(), amount.start())
    if link is None:
        return False
    if link["times"]:
        pending[-1] = (last, "times")
        return True
    in_code = last.start() > 1 and text[last.start() - 1] == "-" and text[last.start() - 2].isalnum()
    pending[-1] = (last, "range")
    low, high = _value(last), _value(amount)
    # A dash between spaces may also be a separator: dvd player - 2 - 1080p.
    is_range = len(link[0]) < _SPACED_DASH_LENGTH or high <= _MAX_RANGE_RATIO * low
    return not in_code and low < high and is_range


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


def _unit_after(text: str, amount: re.Match[str]) -> _UnitMatch | None:
    found = _UNIT.match(text, amount.end())
    if found is None:
        return None
    number = amount[0].replace(",", ".") if amount["comma"] else amount[0]
    if sign := found["sign"]:
        place = Place(text, number, found["gap"], amount.start(), found.end())
        return _UnitMatch(UNITS[sign], found.end()) if _is_unit(sign, place) else None
    word = found["word"].lower()
    if second := found["second"]:
        both = UNITS.get(f"{word} {second.lower()}")
        # 8gb-s is part of a model number, 8 gb/s is not.
        if both is not None and not (len(second) == 1 and text[found.start("second") - 1] == "-"):
            return _UnitMatch(both, found.end())
    unit = UNITS.get(word)
    if unit is None:
        return None
    place = Place(text, number, found["gap"], amount.start(), found.end("word"))
    return _UnitMatch(unit, place.end) if _is_unit(word, place) else None
