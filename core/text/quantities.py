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
#: The head of a model number: bx-12v, dv7-4087cl. 110-240v has none.
_CODE_PRECEDES = re.compile(r"[a-z][a-z0-9]*(?:[-/.][a-z0-9]+)*[-/.]$", re.IGNORECASE)
_APERTURE_PRECEDES = re.compile(r"\bf\s?/?[0-9. -]*$", re.IGNORECASE)
_PIXEL_FOLLOWS = re.compile(r"[\s-]*pixel", re.IGNORECASE)
_ETHERNET_PRECEDES = re.compile(r"\b10[ /]$")
_SQUARE_METRE_FOLLOWS = re.compile(r"[\s/]*m(?:2|²)", re.IGNORECASE)
_VOLTAGE_PRECEDES = re.compile(r"[0-9]\s?v(?:olts?|dc|ac)?[\s,/@-]*$", re.IGNORECASE)
_ZOOM_FOLLOWS = re.compile(r"[\s-]*(?:optical|digital|zoom|magnif)", re.IGNORECASE)
#: Numbers of IEEE 802.11, of wireless speeds in Mbit/s and bands in GHz, which stand before a g: 54g, 2.4g.
_WIRELESS = frozenset({"802.11", "11", "54", "108", "125", "2.4", "5.8"})
#: The largest figure of a unit that a retailer's product has; beyond it stands the tail of a model number: 5902v.
_MOST = {
    "v": 1000, "w": 5000, "l": 500, "ml": 20_000, "cc": 10_000, "cl": 200, "g": 5000, "m": 300, "in": 500,
    "ah": 500, "wh": 2000, "db": 200, "dbi": 100, "ch": 100, "pocket": 300, "pockets": 300, "cup": 100, "cups": 100,
}  # fmt: skip
_SCAN_LINES = frozenset({"240", "480", "576", "720", "1080", "1440", "2160", "4320"})
#: A memory card of 16g has sixteen gigabytes.
_CAPACITIES = frozenset(str(2**power) for power in range(1, 11))


@dataclass(frozen=True, slots=True)
class Place:
    """A number and the unit behind it, in their text."""

    text: str
    number: str
    """As written: `3`, `2.1`."""
    gap: str
    """What stands between the number and the unit."""
    start: int
    end: int

    @property
    def before(self) -> str:
        """What stands right before the number: enough to tell what it belongs to."""
        return self.text[max(0, self.start - 16) : self.start]

    @property
    def attached(self) -> bool:
        """Whether nothing stands between number and unit."""
        return not self.gap

    @property
    def decimal(self) -> bool:
        """Whether the number has a fraction."""
        return "." in self.number

    @property
    def value(self) -> float:
        """The number, or 0 where it is written as a fraction."""
        try:
            return float(self.number.replace(",", "").replace(" ", ""))
        except ValueError:
            return 0.0

    @property
    def padded(self) -> bool:
        """Whether it begins with zeros that only a part number has: 010m."""
        return len(self.number) > 1 and self.number[0] == "0" and self.number[1].isdigit()

    @property
    def in_code(self) -> bool:
        """Whether it is the tail of a model number: bx-12v."""
        if self.start < 2 or self.text[self.start - 1] not in "-/.":
            return False
        return _CODE_PRECEDES.search(self.before) is not None

    @property
    def after_voltage(self) -> bool:
        """Whether a voltage stands right before: 12v 5a."""
        return _VOLTAGE_PRECEDES.search(self.before) is not None

    @property
    def a_side(self) -> bool:
        """Whether it is one side of a box: 12 l x 10 w."""
        return bool(_SIDE_FOLLOWS.match(self.text, self.end) or _SIDE_PRECEDES.search(self.before))


def measures(spelling: str, place: Place) -> bool:
    """Whether a spelling behind a number is a unit there; true for every spelling that is nothing else."""
    if place.in_code and (not place.attached or (len(spelling) < 3 and spelling not in _IN_CODES)):
        return False  # gc-fm-2 pocket, dv7-4087cl
    if place.value > _MOST.get(spelling, place.value) or place.padded:
        return False
    check = _CHECKS.get(spelling)
    return check is None or check(place)


def _inches(place: Place) -> bool:
    return place.attached or _NO_INCH.match(place.text, place.end) is None


def _grams(place: Place) -> bool:
    if "-" in place.gap or place.number in _WIRELESS or _SQUARE_METRE_FOLLOWS.match(place.text, place.end):
        return False  # 802.11g, and 80 g/m²
    if place.decimal or not place.attached:
        return _APERTURE_PRECEDES.search(place.before) is None  # f 3.5-5.6 g
    return place.value >= 10 and place.number not in _CAPACITIES  # 3g and 4g are networks


def _volts(place: Place) -> bool:
    return place.attached or place.value >= 3  # 2 v 1


def _watts(place: Place) -> bool:
    if place.a_side:
        return False
    return place.attached or (place.gap == " " and place.value >= 60)  # 25 w tabs: with tabs


def _amperes(place: Place) -> bool:
    return place.attached and (place.decimal or place.after_voltage)  # hp 12a, a toner


def _metres(place: Place) -> bool:
    if "-" in place.gap or place.a_side:
        return False
    if _PIXEL_FOLLOWS.match(place.text, place.end) or _ETHERNET_PRECEDES.search(place.before):
        return False  # 1.3 m pixel, 10/100m
    return place.decimal or place.number != "3"  # 3M, the company


def _litres(place: Place) -> bool:
    return "-" not in place.gap and not place.a_side


def _times(place: Place) -> bool:
    if not place.attached or _NUMBER_FOLLOWS.match(place.text, place.end):
        return False
    return place.value >= 3 or _ZOOM_FOLLOWS.match(place.text, place.end) is not None  # 2x: two of them


def _scan_lines(place: Place) -> bool:
    return place.attached and place.number in _SCAN_LINES


def _pints(place: Place) -> bool:
    return place.value <= 4  # 11 pt, thousandths of an inch of board


def _feet_sign(place: Place) -> bool:
    return place.attached and 0 < place.value <= 500


def _attached(place: Place) -> bool:
    return place.attached


#: A capacity at the end of a model number is still one: dtvp-4gb.
_IN_CODES = frozenset({"kb", "mb", "gb", "tb"})

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
