"""How each retailer writes a size, a pack count, a volume …: the same value in other words and units."""

import re

from core.catalog.demo.chance import pick

# Exact by definition: 1 US fl oz = 29.5735295625 ml, 1 oz = 28.349523125 g, 1 ft = 0.3048 m.
ML_PER_FLUID_OUNCE = 29.5735295625
GRAMS_PER_OUNCE = 28.349523125
METRES_PER_FOOT = 0.3048

LEADING_NUMBER = re.compile(r"\d+(\.\d+)?")

# Axis: forms at Walmart, forms at Amazon. `{v}` is the value as the tables have it; see `_readings`.
FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "screen": (('{v}"', "{v} inch"), ("{v}-Inch", "{v} Inch Class", "{v}in")),
    "storage": (("{v}",), ("{spaced}", "{v}", "{gigabytes}GB")),
    "memory": (("{v} RAM",), ("{spaced} RAM", "{spaced} DDR Memory")),
    "count": (("{v} Count", "{v} ct", "{v} Pack"), ("(Pack of {v})", "{v}-Pack", "{v} Count", "{v} ct")),
    "rolls": (("{v} Rolls",), ("{v} Rolls", "{v} Count Rolls", "Pack of {v} Rolls")),
    "pieces": (("{v} Pieces", "{v} pc"), ("{v}-Piece", "({v} Pcs)")),
    "volume": (("{v} fl oz", "{v} oz"), ("{metric}", "{v} Fl Oz", "{v} Fluid Ounces")),
    "weight": (("{v} oz",), ("{v} Ounce", "{grams} g", "{heavy}")),
    "length": (("{v} ft", "{v}'"), ("{v}-Feet", "{v}FT", "{metres} m")),
    "watts": (("{v}W",), ("{v} Watt", "{v}-Watts")),
    "volts": (("{v}V",), ("{v}-Volt", "{v}V MAX")),
    "quarts": (("{v} qt",), ("{v}-Quart", "{litres} Liter")),
    "generation": (("{ordinal} Gen", "Gen {v}"), ("({ordinal} Generation)", "{ordinal} Gen")),
    "year": (("{v}",), ("{v} Model", "({v})")),
    "size": (("Size {v}",), ("Size {v}", "({v})", "{v}")),
    "colour": (("{v}",), ("{v}", "({v})", "Color: {v}", "in {v}")),
    "flavour": (("{v}",), ("{v}", "{v} Flavor")),
    "scent": (("{v}", "{v} Scent"), ("{v} Scent", "{v}", "Scented: {v}")),
    "fits": (("for {v}",), ("Compatible with {v}", "Replacement for {v}", "Fits {v}", "for {v}")),
    "bundle": (("with {v}", "{v} Bundle"), ("Bundle with {v}", "+ {v}", "Includes {v}")),
    "condition": (("Refurbished", "Restored"), ("(Renewed)", "Certified Refurbished")),
}
PLAIN = (("{v}",), ("{v}",))

# Values that go without saying, in any shop.
UNSPOKEN = frozenset({"", "new"})


def walmart_notation(axis: str, value: str, key: str) -> str:
    """The value as Walmart writes it, chosen by `key` among its ways; empty for what goes unsaid."""
    return _write(FORMS.get(axis, PLAIN)[0], axis, value, key)


def amazon_notation(axis: str, value: str, key: str) -> str:
    """The value as an Amazon seller writes it, chosen by `key` among the ways; empty for what goes unsaid."""
    return _write(FORMS.get(axis, PLAIN)[1], axis, value, key)


def amount(value: str) -> float | None:
    """The number that begins a value such as `16.9` or `256GB` (`1TB` is 1000); None for a word."""
    number = LEADING_NUMBER.match(value)
    return float(number[0]) * (1000 if value.endswith("TB") else 1) if number else None


def _write(forms: tuple[str, ...], axis: str, value: str, key: str) -> str:
    if value in UNSPOKEN:
        return ""
    return pick(forms, "notation", axis, key).format_map(_readings(value))


def _readings(value: str) -> dict[str, str]:
    """Every unit the forms may ask for; the axis's name says which of them make sense."""
    readings = {"v": value}
    number = amount(value)
    if number is None:
        return readings
    millilitres = number * ML_PER_FLUID_OUNCE
    return readings | {
        "spaced": value.replace("GB", " GB").replace("TB", " TB"),
        "gigabytes": f"{number:g}",
        # Labels give millilitres up to a litre and hundredths of a litre above.
        "metric": f"{millilitres:.0f} ml" if millilitres < 995 else f"{round(millilitres / 1000, 2):g} L",
        "grams": f"{number * GRAMS_PER_OUNCE:.0f}",
        # Nobody sells 1.837 pounds of anything.
        "heavy": f"{number / 16:g} Pound" if number >= 8 and number % 4 == 0 else f"{value} Ounce",
        "metres": f"{number * METRES_PER_FOOT:.1f}",
        "litres": f"{number * 32 * ML_PER_FLUID_OUNCE / 1000:.1f}",
        "ordinal": _ordinal(number),
    }


def _ordinal(number: float) -> str:
    whole = int(number)
    return f"{whole}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(whole, 'th') }"
