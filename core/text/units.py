"""Units of measurement: their spellings in US retail, and their sizes in base units.

The sizes are those of pint's default registry (https://pint.readthedocs.io), which a test compares them with. They are
constants here because the desk reads titles as well and loading pint takes too long. Counts (ports, sheets) and
dimensions with a single unit (lumens, megapixels) have size one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement.

    Attributes:
        dimension: such as `length`.
        name: its name in pint; empty for a unit that is not converted.
        size: in base units of the dimension.
    """

    dimension: str
    name: str = ""
    size: float = 1.0


NO_UNIT = Unit("")

#: Dimension → base unit. Other dimensions have a single unit or are counts.
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

#: Dimension → unit in pint → size in base units, and spellings separated by commas.
_MEASURED: dict[str, dict[str, tuple[float, str]]] = {
    "length": {
        "inch": (0.0254, "in, inch, inches, \", '', ″, ”, ’’"),
        "foot": (0.3048, "ft, foot, feet, ', ′, ’"),
        "yard": (0.9144, "yd, yds, yard, yards"),
        "mile": (1609.344, "mile, miles"),
        "micrometer": (1e-6, "micron, microns, um, µm"),
        "thou": (2.54e-5, "mil, mils"),
        "millimeter": (0.001, "mm, millimeter, millimeters, millimetre, millimetres"),
        "centimeter": (0.01, "cm, centimeter, centimeters, centimetre, centimetres"),
        "meter": (1, "m, meter, meters, metre, metres, mtr"),
        "kilometer": (1000, "km, kilometer, kilometers"),
    },
    "area": {
        "foot**2": (0.09290304, "sq ft, sqft, square feet, square foot, square ft"),
        "inch**2": (0.00064516, "sq in, square inch, square inches"),
        "meter**2": (1, "sq m, sqm, square meter, square meters"),
    },
    "mass": {
        "ounce": (28.349523125, "oz, ozs, ounce, ounces"),
        "pound": (453.59237, "lb, lbs, pound, pounds"),
        "microgram": (1e-6, "mcg, ug, µg"),
        "milligram": (0.001, "mg, milligram, milligrams, milligramm, milligrammes, miligramos"),
        "gram": (1, "g, gr, gm, gms, gram, grams, gramm, gramme, grammes, gramo, gramos"),
        "kilogram": (
            1000,
            "kg, kgs, kilo, kilos, kilogram, kilograms, kilogramm, kilogramme, kilogrammes, kilogramo, kilogramos",
        ),
    },
    "volume": {
        "fluid_ounce": (0.0295735295625, "fl oz, floz, fluid ounce, fluid ounces, fl ounce, fl ounces, fluid oz"),
        "milliliter": (0.001, "ml, milliliter, milliliters, millilitre, millilitres, mililitro, mililitros, cc"),
        "centiliter": (0.01, "cl"),
        "liter": (1, "l, ltr, liter, liters, litre, litres, litro, litros"),
        "gallon": (3.785411784, "gal, gals, gallon, gallons"),
        "quart": (0.946352946, "qt, qts, quart, quarts"),
        "pint": (0.473176473, "pt, pint, pints"),
        "foot**3": (28.316846592, "cu ft, cuft, cubic foot, cubic feet, cubic ft"),
    },
    "storage": {
        "kilobyte": (1e3, "kb, kilobyte, kilobytes"),
        "megabyte": (1e6, "mb, megabyte, megabytes, mbyte"),
        "gigabyte": (1e9, "gb, gigabyte, gigabytes, gig, gigs, gbyte"),
        "terabyte": (1e12, "tb, terabyte, terabytes"),
    },
    "power": {
        "watt": (1, "w, watt, watts"),
        "kilowatt": (1000, "kw, kilowatt, kilowatts"),
        "horsepower": (745.69987158227022, "horsepower"),
    },
    "voltage": {"volt": (1, "v, volt, volts, vdc, vac"), "kilovolt": (1000, "kv")},
    "current": {
        "ampere": (1, "a, amp, amps, ampere, amperes"),
        "milliampere": (0.001, "ma, milliamp, milliamps"),
    },
    "charge": {"ampere*hour": (1, "ah, amp hour, amp hours"), "milliampere*hour": (0.001, "mah")},
    "energy": {"watt*hour": (1, "wh, watt hour, watt hours"), "kilowatt*hour": (1000, "kwh")},
    "frequency": {
        "hertz": (1, "hz, hertz"),
        "kilohertz": (1e3, "khz"),
        "megahertz": (1e6, "mhz"),
        "gigahertz": (1e9, "ghz"),
    },
    "data rate": {
        "kilobit/second": (1e3, "kbps, kbit s, kbits"),
        "megabit/second": (1e6, "mbps, mbit s, mbits, mbit"),
        "gigabit/second": (1e9, "gbps, gbit s, gbits, gbit"),
        "megabyte/second": (8e6, "mb s, mb sec, mbs"),
        "gigabyte/second": (8e9, "gb s, gb sec"),
    },
    "time": {
        "second": (1, "sec, secs, second, seconds"),
        "minute": (60, "min, mins, minute, minutes"),
        "hour": (3600, "hr, hrs, hour, hours"),
        "day": (86400, "day, days"),
        "week": (604800, "wk, week, weeks"),
        "month": (2629800, "mo, month, months"),
        "year": (31557600, "yr, yrs, year, years"),
    },
}

#: Dimension → spellings of its only unit. Values are rounded like other measures.
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

#: Dimension → spellings of counted things: whole numbers, never rounded.
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
        for name, (size, spellings) in units.items():
            table.update(dict.fromkeys(spellings.split(", "), Unit(dimension, name, size)))
    for dimension, spellings in (_SINGLE | _COUNTED).items():
        table.update(dict.fromkeys(spellings.split(", "), Unit(dimension)))
    return table


#: Spelling in lower case → unit.
UNITS = _spellings()

#: Dimensions of counts, which are compared exactly.
COUNTS = frozenset(_COUNTED)
