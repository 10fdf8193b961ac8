"""How the two retailers present an item: Walmart in few words, Amazon in as many as fit.

The words are tuned so that a general encoder finds most answers but not all of them: with all-MiniLM-L6-v2
about seven in ten come first, and nearly all are among the first ten.

A listing never hides what tells its item from the others: values of all axes are in every title, and the
brand is in the title or in its own field.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.demo.items import (
    Department,
    Item,
    amazon_id,
    expand,
    fraction,
    happens,
    pick,
    shuffled,
    universal_product_code,
    walmart_id,
)
from core.catalog.product import Product

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


# More in a pack is cheaper by the piece.
BULK_EXPONENT = 0.65
RENEWED = 0.72
BUNDLED = 1.18
NEWER = 1.09
UNPRICED_SHARE = 0.07
ORDERED_AXES = frozenset({"year", "generation"})
# Axes that say how much one gets; a model number or a diaper size begins with a digit too, and does not.
AMOUNT_AXES = frozenset(
    {
        *("screen", "storage", "memory", "count", "rolls", "pieces", "volume", "weight"),
        *("length", "watts", "volts", "quarts", "measure"),
    }
)


def walmart_price(item: Item) -> float | None:
    """In dollars, most often ending in 97 or 88 cents from twenty dollars on; None now and then."""
    if happens(UNPRICED_SHARE, "walmart price", item.key):
        return None
    price = _list_price(item)
    ending = 0.97 if happens(0.6, "cents", item.key) else 0.88
    return float(int(price)) + ending if price >= 20 else round(price, 2)


def amazon_price(item: Item, seller: str) -> float | None:
    """In dollars, up to 12 % beside Walmart's whoever sells it; None now and then."""
    if happens(UNPRICED_SHARE, "amazon price", seller, item.key):
        return None
    beside = 0.88 + 0.24 * fraction("beside", seller, item.key)
    return round(_list_price(item) * beside, 2)


def _list_price(item: Item) -> float:
    price = item.family.price
    for axis, values in item.family.axes:
        price *= _factor(axis, values, item.value(axis))
    return price


def _factor(axis: str, values: tuple[str, ...], value: str) -> float:
    """How much dearer the value makes the item than the first value on its axis."""
    if axis == "condition":
        return RENEWED if value == "renewed" else 1.0
    if axis == "bundle":
        return BUNDLED if value else 1.0
    if axis in ORDERED_AXES:
        return float(NEWER ** values.index(value))
    first, here = amount(values[0]), amount(value)
    if axis not in AMOUNT_AXES or first is None or here is None:
        return 1.0
    return float((here / first) ** BULK_EXPONENT)


# How many listings give a fact that may be missing.
WALMART_BRAND_SHARE = 0.85
AMAZON_BRAND_SHARE = 0.8
MODEL_FIELD_SHARE = 0.65
MODEL_TITLE_SHARE = 0.35
UPC_SHARE = 0.35
# A seller words a whole family alike, except for so many listings that were written on another day.
OWN_WORDS_SHARE = 0.06

# Axes whose value can stand before the noun: "55 inch TV", but not "for Canon battery".
LEADING_AXES = frozenset({"screen", "storage", "colour", "flavour", "watts", "volts", "quarts", "generation"})

# Orders of an Amazon title's parts, and what stands between them.
AMAZON_STYLES = (
    (", ", ("head", "facts", "keywords")),
    (" - ", ("facts", "head", "keywords")),
    (" | ", ("head", "keywords", "facts")),
    (", ", ("keywords", "head", "facts")),
)


def walmart_listing(item: Item) -> Product:
    """The item at Walmart: "brand, item, size", and little more."""
    key = item.key
    has_brand_field = happens(WALMART_BRAND_SHARE, "walmart brand", key)
    in_title = not has_brand_field or happens(0.85, "walmart title brand", key)
    return Product(
        source="walmart",
        id=walmart_id(key),
        title=_walmart_title(item, brand=item.brand if in_title else ""),
        brand=item.brand if has_brand_field else "",
        category=item.department.walmart_category,
        model=item.model if happens(MODEL_FIELD_SHARE, "walmart model", key) else "",
        price=walmart_price(item),
        upc=_code_on_listing(item, "walmart"),
        extra={"color": item.value("colour")} if item.value("colour") else {},
    )


def amazon_listing(item: Item, seller: str) -> Product:
    """The item as `seller` offers it at Amazon; another seller words and prices it another way."""
    key = f"{seller}/{item.key}"
    has_brand_field = happens(AMAZON_BRAND_SHARE, "amazon brand", key)
    return Product(
        source="amazon",
        id=amazon_id(key),
        title=_amazon_title(item, seller),
        brand=item.brand if has_brand_field else "",
        category=item.department.amazon_category,
        model=item.model if happens(MODEL_FIELD_SHARE, "amazon model", key) else "",
        price=amazon_price(item, seller),
        upc=_code_on_listing(item, f"amazon {seller}"),
        extra={"seller": seller},
    )


def _walmart_title(item: Item, *, brand: str) -> str:
    key = item.key
    spoken = [(axis, walmart_notation(axis, value, key)) for axis, value in item.values]
    spoken = [(axis, words) for axis, words in spoken if words]
    lead = ""
    if spoken and spoken[0][0] in LEADING_AXES and happens(0.5, "walmart lead", key):
        lead = spoken.pop(0)[1]
    head = _join(" ", brand, item.family.line, lead, item.family.walmart_noun)
    model = item.model if happens(MODEL_TITLE_SHARE, "walmart title model", key) else ""
    return _join(", ", head, *(words for _, words in spoken), model)


def _amazon_title(item: Item, seller: str) -> str:
    key = f"{seller}/{item.key}"
    family = item.family
    words = key if happens(OWN_WORDS_SHARE, "amazon words", key) else f"{seller}/{family.name}"
    spoken = {axis: amazon_notation(axis, value, words) for axis, value in item.values}
    phrases = shuffled(family.keywords, "amazon keywords", words)
    model = item.model if happens(MODEL_TITLE_SHARE, "amazon title model", key) else ""
    separator, order = pick(AMAZON_STYLES, "amazon style", words)
    parts = {
        "head": _join(" ", item.brand, family.line, model, family.amazon_noun),
        "facts": _join(", ", *(spoken[axis] for axis in shuffled(spoken, "amazon facts", words))),
        "keywords": _join(", ", *phrases[: pick((1, 2, 3), "amazon length", words)]),
    }
    return _join(separator, *(parts[part] for part in order))


def _code_on_listing(item: Item, shop: str) -> str:
    if not happens(UPC_SHARE, "upc", shop, item.key):
        return ""
    return universal_product_code(item.brand, item.key)


def _join(separator: str, *words: str) -> str:
    return separator.join(word for word in words if word)


# Store brands are sold by their owner alone, so the other retailer has only look-alikes.
WALMART_BRANDS = frozenset(
    {
        "Great Value",
        "Equate",
        "Parent's Choice",
        "onn.",
        "Mainstays",
        "Hyper Tough",
        "Ozark Trail",
        "Pen+Gear",
    }
)
AMAZON_BRANDS = frozenset({"365 by Whole Foods Market", "Amazon Basics", "Happy Belly", "Solimo", "Mama Bear"})

FIRST_SELLER = "Amazon.com"
SECOND_SELLER = "Bluefin Goods"
# Of the queries with a match, every so many-th has two.
TWICE_EVERY = 7
# Of all other items, so many are listed by a second seller too: duplicates are no sign of a match.
TWICE_SHARE = 0.03

# What a family's queries are, by the family's turn: is the answer listed? Several of a family, since a lesson learnt
# from one variant should show on the next.
TURNS: tuple[tuple[bool, ...], ...] = ((True, False, True), (False, True, False))


@dataclass(frozen=True, slots=True)
class Assortment:
    """The shops' shelves.

    Attributes:
        queries: items at Walmart, each once.
        offers: items at Amazon with their sellers.
    """

    queries: tuple[Item, ...]
    offers: tuple[tuple[Item, str], ...]


def assortment(departments: Sequence[Department] = DEPARTMENTS) -> Assortment:
    """Puts every item of every department on the shelves where it belongs."""
    queries: list[Item] = []
    offers: list[tuple[Item, str]] = []
    answered = 0
    families = [(department, family) for department in departments for family in department.families]
    for turn, (department, family) in enumerate(families):
        items = expand(department, family)
        roles = _queried(items, TURNS[turn % len(TURNS)])
        queries.extend(roles)
        for item in items:
            if item.brand in WALMART_BRANDS or roles.get(item) is False:
                continue
            offers.append((item, FIRST_SELLER))
            if item in roles:
                answered += 1
                twice = answered % TWICE_EVERY == 0
            else:
                twice = happens(TWICE_SHARE, "twice", item.key)
            if twice:
                offers.append((item, SECOND_SELLER))
    return Assortment(tuple(queries), tuple(offers))


def _queried(items: list[Item], turn: tuple[bool, ...]) -> dict[Item, bool]:
    """The family's queries, and for each whether Amazon lists it."""
    at_walmart = [item for item in items if item.brand not in AMAZON_BRANDS]
    roles: dict[Item, bool] = {}
    for listed in turn:
        free = [item for item in at_walmart if item not in roles]
        own = [item for item in free if item.brand in WALMART_BRANDS]
        shared = [item for item in free if item.brand not in WALMART_BRANDS]
        # A store brand is the best question without an answer, and can be no other.
        choice = shared if listed else own or shared
        if choice:
            roles[choice[0]] = listed
    return roles
