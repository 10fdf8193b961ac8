"""Spellings that are more than a unit: when `g`, `in`, `x` or `v` behind a number does measure something.

Rules of thumb for US listings, each with the reading that it keeps out. They were tried on the titles of the
Walmart-Amazon benchmark's training pairs; where a rule errs, it errs towards saying nothing.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

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
