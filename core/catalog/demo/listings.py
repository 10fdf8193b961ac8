"""The listings of an item at the two retailers: assortment, titles, notation of values, and prices.

Walmart's titles are short, Amazon's long. They are tuned so that a general encoder finds most matches but not all: with
all-MiniLM-L6-v2, about 70 % are ranked first and nearly all are among the first ten.

Every listing identifies its item: the values of all axes are in the title, and the brand is in the title or the brand
field.
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

#: Axis → formats at Walmart and at Amazon. `{v}` is the value of the family; for the others see `_conversions`.
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

#: Values that are not mentioned in titles.
UNSTATED = frozenset({"", "new"})


def walmart_notation(axis: str, value: str, key: str) -> str:
    """The value in one of Walmart's formats, chosen by `key`; empty for values that are not mentioned."""
    return _write(FORMS.get(axis, PLAIN)[0], axis, value, key)


def amazon_notation(axis: str, value: str, key: str) -> str:
    """The value in one of Amazon's formats, chosen by `key`; empty for values that are not mentioned."""
    return _write(FORMS.get(axis, PLAIN)[1], axis, value, key)


def amount(value: str) -> float | None:
    """The leading number of a value such as `16.9` or `256GB` (`1TB` is 1000); None for a word."""
    number = LEADING_NUMBER.match(value)
    return float(number[0]) * (1000 if value.endswith("TB") else 1) if number else None


def _write(forms: tuple[str, ...], axis: str, value: str, key: str) -> str:
    if value in UNSTATED:
        return ""
    return pick(forms, "notation", axis, key).format_map(_conversions(value))


def _conversions(value: str) -> dict[str, str]:
    """The value in all units that a format may have; which of them are meaningful depends on the axis."""
    conversions = {"v": value}
    number = amount(value)
    if number is None:
        return conversions
    millilitres = number * ML_PER_FLUID_OUNCE
    return conversions | {
        "spaced": value.replace("GB", " GB").replace("TB", " TB"),
        "gigabytes": f"{number:g}",
        # In millilitres up to a litre, above in hundredths of a litre.
        "metric": f"{millilitres:.0f} ml" if millilitres < 995 else f"{round(millilitres / 1000, 2):g} L",
        "grams": f"{number * GRAMS_PER_OUNCE:.0f}",
        # In pounds only if it is a multiple of a quarter pound.
        "heavy": f"{number / 16:g} Pound" if number >= 8 and number % 4 == 0 else f"{value} Ounce",
        "metres": f"{number * METRES_PER_FOOT:.1f}",
        "litres": f"{number * 32 * ML_PER_FLUID_OUNCE / 1000:.1f}",
        "ordinal": _ordinal(number),
    }


def _ordinal(number: float) -> str:
    whole = int(number)
    return f"{whole}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(whole, 'th') }"


#: Exponent of the price in the amount: larger packs are cheaper per unit.
BULK_EXPONENT = 0.65
#: Price factors: of renewed items, of bundles, and of each later year or generation.
RENEWED_FACTOR = 0.72
BUNDLE_FACTOR = 1.18
NEWER_FACTOR = 1.09
#: Share of listings without a price.
UNPRICED_SHARE = 0.07
ORDERED_AXES = frozenset({"year", "generation"})
#: Axes of amounts, which determine the price. Model numbers and diaper sizes begin with a digit as well, but are not.
AMOUNT_AXES = frozenset(
    {
        *("screen", "storage", "memory", "count", "rolls", "pieces", "volume", "weight"),
        *("length", "watts", "volts", "quarts", "measure"),
    }
)


def walmart_price(item: Item) -> float | None:
    """Walmart's price in dollars, ending in 97 or 88 cents from twenty dollars on; None for some listings."""
    if happens(UNPRICED_SHARE, "walmart price", item.key):
        return None
    price = _list_price(item)
    ending = 0.97 if happens(0.6, "cents", item.key) else 0.88
    return float(int(price)) + ending if price >= 20 else round(price, 2)


def amazon_price(item: Item, seller: str) -> float | None:
    """A seller's price in dollars, within 12 % of the list price; None for some listings."""
    if happens(UNPRICED_SHARE, "amazon price", seller, item.key):
        return None
    factor = 0.88 + 0.24 * fraction("beside", seller, item.key)
    return round(_list_price(item) * factor, 2)


def _list_price(item: Item) -> float:
    price = item.family.price
    for axis, values in item.family.axes:
        price *= _price_factor(axis, values, item.value(axis))
    return price


def _price_factor(axis: str, values: tuple[str, ...], value: str) -> float:
    """The price of a value relative to the first value of its axis."""
    if axis == "condition":
        return RENEWED_FACTOR if value == "renewed" else 1.0
    if axis == "bundle":
        return BUNDLE_FACTOR if value else 1.0
    if axis in ORDERED_AXES:
        return float(NEWER_FACTOR ** values.index(value))
    first, here = amount(values[0]), amount(value)
    if axis not in AMOUNT_AXES or first is None or here is None:
        return 1.0
    return float((here / first) ** BULK_EXPONENT)


#: Shares of listings that have an optional field or mention it in the title.
WALMART_BRAND_SHARE = 0.85
AMAZON_BRAND_SHARE = 0.8
MODEL_FIELD_SHARE = 0.65
MODEL_TITLE_SHARE = 0.35
UPC_SHARE = 0.35
#: Share of listings whose wording differs from the seller's wording of the family.
OWN_WORDS_SHARE = 0.06

#: Axes whose value may precede the noun: "55 inch TV", but not "for Canon battery".
LEADING_AXES = frozenset({"screen", "storage", "colour", "flavour", "watts", "volts", "quarts", "generation"})

#: Separators and orders of the parts of Amazon's titles.
AMAZON_STYLES = (
    (", ", ("head", "facts", "keywords")),
    (" - ", ("facts", "head", "keywords")),
    (" | ", ("head", "keywords", "facts")),
    (", ", ("keywords", "head", "facts")),
)


def walmart_listing(item: Item) -> Product:
    """The item's listing at Walmart."""
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
    """The item's listing by a seller at Amazon; wording and price depend on the seller."""
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


#: Store brands, which are sold by their owner only.
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
#: Every n-th query with a match has two.
DOUBLE_MATCH_INTERVAL = 7
#: Share of the other items with a second seller, so that duplicates do not reveal matches.
DUPLICATE_SHARE = 0.03

#: Whether each query of a family has a match, alternating between families. There are several queries per family, so
#: that a label on one variant may help with the next.
TURNS: tuple[tuple[bool, ...], ...] = ((True, False, True), (False, True, False))


@dataclass(frozen=True, slots=True)
class Assortment:
    """The items that each retailer sells.

    Attributes:
        queries: distinct items at Walmart.
        offers: (item, seller) at Amazon.
    """

    queries: tuple[Item, ...]
    offers: tuple[tuple[Item, str], ...]


def assortment(departments: Sequence[Department] = DEPARTMENTS) -> Assortment:
    """Assign the items of all departments to the retailers."""
    queries: list[Item] = []
    offers: list[tuple[Item, str]] = []
    answered = 0
    families = [(department, family) for department in departments for family in department.families]
    for turn, (department, family) in enumerate(families):
        items = expand(department, family)
        roles = _choose_queries(items, TURNS[turn % len(TURNS)])
        queries.extend(roles)
        for item in items:
            if item.brand in WALMART_BRANDS or roles.get(item) is False:
                continue
            offers.append((item, FIRST_SELLER))
            if item in roles:
                answered += 1
                twice = answered % DOUBLE_MATCH_INTERVAL == 0
            else:
                twice = happens(DUPLICATE_SHARE, "twice", item.key)
            if twice:
                offers.append((item, SECOND_SELLER))
    return Assortment(tuple(queries), tuple(offers))


def _choose_queries(items: list[Item], turn: tuple[bool, ...]) -> dict[Item, bool]:
    """The queries of a family → whether Amazon lists the item."""
    at_walmart = [item for item in items if item.brand not in AMAZON_BRANDS]
    roles: dict[Item, bool] = {}
    for listed in turn:
        free = [item for item in at_walmart if item not in roles]
        own = [item for item in free if item.brand in WALMART_BRANDS]
        shared = [item for item in free if item.brand not in WALMART_BRANDS]
        # Items of Walmart's store brands never have a match, and are preferred as queries without one.
        choice = shared if listed else own or shared
        if choice:
            roles[choice[0]] = listed
    return roles
