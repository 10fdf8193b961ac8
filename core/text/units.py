"""How retailers write units, and what each is in the base unit of its dimension.

The arithmetic is pint's (https://pint.readthedocs.io, its default registry); this table only says which spellings
stand in titles, which are common usage in US retail. What is merely counted (ports, sheets) or has a single unit
(lumens, pixels in millions) needs no arithmetic and has a factor of one.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pint


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: the dimension it measures, and its name in pint (empty where nothing is converted)."""

    dimension: str
    name: str = ""


#: The unit a dimension's values are given in. A dimension that is not here has one unit, or is a count.
BASES = {
    "length": "meter",
    "area": "meter**2",
    "mass": "gram",
    "volume": "liter",
    "storage": "byte",
    "power": "watt",
    "voltage": "volt",
    "current": "ampere",
    "charge": "ampere*hour",
    "energy": "watt*hour",
    "frequency": "hertz",
    "data rate": "bit/second",
    "time": "second",
}

#: Dimension → unit in pint → its spellings, separated by commas; a spelling of two words has one space.
_MEASURED = {
    "length": {
        "inch": "in, inch, inches, \", '', ″, ”, ’’",
        "foot": "ft, foot, feet, ', ′, ’",
        "yard": "yd, yds, yard, yards",
        "mile": "mile, miles",
        "micrometer": "micron, microns, um, µm",
        "thou": "mil, mils",
        "millimeter": "mm, millimeter, millimeters, millimetre, millimetres",
        "centimeter": "cm, centimeter, centimeters, centimetre, centimetres",
        "meter": "m, meter, meters, metre, metres, mtr",
        "kilometer": "km, kilometer, kilometers",
    },
    "area": {
        "foot**2": "sq ft, sqft, square feet, square foot, square ft",
        "inch**2": "sq in, square inch, square inches",
        "meter**2": "sq m, sqm, square meter, square meters",
    },
    "mass": {
        "ounce": "oz, ozs, ounce, ounces",
        "pound": "lb, lbs, pound, pounds",
        "microgram": "mcg, ug, µg",
        "milligram": "mg, milligram, milligrams",
        "gram": "g, gr, gm, gms, gram, grams",
        "kilogram": "kg, kgs, kilo, kilos, kilogram, kilograms",
    },
    "volume": {
        "fluid_ounce": "fl oz, floz, fluid ounce, fluid ounces, fl ounce, fl ounces, fluid oz",
        "milliliter": "ml, milliliter, milliliters, millilitre, millilitres, cc",
        "centiliter": "cl",
        "liter": "l, ltr, liter, liters, litre, litres",
        "gallon": "gal, gals, gallon, gallons",
        "quart": "qt, qts, quart, quarts",
        "pint": "pt, pint, pints",
        "foot**3": "cu ft, cuft, cubic foot, cubic feet, cubic ft",
    },
    "storage": {
        "kilobyte": "kb, kilobyte, kilobytes",
        "megabyte": "mb, megabyte, megabytes, mbyte",
        "gigabyte": "gb, gigabyte, gigabytes, gig, gigs, gbyte",
        "terabyte": "tb, terabyte, terabytes",
    },
    "power": {"watt": "w, watt, watts", "kilowatt": "kw, kilowatt, kilowatts", "horsepower": "horsepower"},
    "voltage": {"volt": "v, volt, volts, vdc, vac", "kilovolt": "kv"},
    "current": {"ampere": "a, amp, amps, ampere, amperes", "milliampere": "ma, milliamp, milliamps"},
    "charge": {"ampere*hour": "ah, amp hour, amp hours", "milliampere*hour": "mah"},
    "energy": {"watt*hour": "wh, watt hour, watt hours", "kilowatt*hour": "kwh"},
    "frequency": {"hertz": "hz, hertz", "kilohertz": "khz", "megahertz": "mhz", "gigahertz": "ghz"},
    "data rate": {
        "kilobit/second": "kbps, kbit s, kbits",
        "megabit/second": "mbps, mbit s, mbits, mbit",
        "gigabit/second": "gbps, gbit s, gbits, gbit",
        "megabyte/second": "mb s, mb sec, mbs",
        "gigabyte/second": "gb s, gb sec",
    },
    "time": {
        "second": "sec, secs, second, seconds",
        "minute": "min, mins, minute, minutes",
        "hour": "hr, hrs, hour, hours",
        "day": "day, days",
        "week": "wk, week, weeks",
        "month": "mo, month, months",
        "year": "yr, yrs, year, years",
    },
}

#: Dimension → spellings of its only unit; figures are rounded like any other measure.
_SINGLE = {
    "resolution": "mp, mpix, megapixel, megapixels, mega pixel, mega pixels, mpixel",
    "brightness": "lumen, lumens, ansi lumens",
    "impedance": "ohm, ohms",
    "level": "db, dbi, decibel, decibels",
    "density": "dpi, ppi",
    "rotation": "rpm",
    "page rate": "ppm, pages per minute",
    "apparent power": "va",
    "heat": "btu, btus",
    "pressure": "psi",
    "angle": "degree, degrees, deg, °",
    "activity": "iu",
}

#: Dimension → spellings of what is counted: whole numbers, which nobody rounds.
_COUNTED = {
    "lines": "p, i",
    "magnification": "x, times, power zoom",
    "gauge": "gauge, guage, ga, awg",
    "ports": "port, ports",
    "sheets": "sheet, sheets",
    "pages": "page, pages",
    "keys": "key, keys",
    "channels": "channel, channels, ch",
    "discs": "disc, discs, disk, disks",
    "pockets": "pocket, pockets",
    "drawers": "drawer, drawers",
    "shelves": "shelf, shelves",
    "outlets": "outlet, outlets",
    "bays": "bay, bays",
    "buttons": "button, buttons",
    "pins": "pin, pins",
    "users": "user, users",
    "ways": "way",
    "cups": "cup, cups",
    "rolls": "roll, rolls",
    "slices": "slice, slices",
    "cores": "core, cores",
}


def _spellings() -> dict[str, Unit]:
    table = {}
    for dimension, units in _MEASURED.items():
        for name, spellings in units.items():
            table.update(dict.fromkeys(spellings.split(", "), Unit(dimension, name)))
    for dimension, spellings in (_SINGLE | _COUNTED).items():
        table.update(dict.fromkeys(spellings.split(", "), Unit(dimension)))
    return table


#: Spelling in lower case → unit.
UNITS = _spellings()

#: What is counted one by one: 4 ports and 5 ports are never the same for rounding.
COUNTS = frozenset(_COUNTED)


@cache
def factor(unit: Unit) -> float:
    """How many base units of its dimension one of this unit is; asked of pint once for each unit."""
    if not unit.name:
        return 1.0
    return float(_registry().Quantity(1, unit.name).to(BASES[unit.dimension]).magnitude)


@cache
def _registry() -> "pint.UnitRegistry[Any]":
    import pint  # noqa: PLC0415 - a third of a second, and the desk never needs it

    return pint.UnitRegistry()
