"""The third retailer of the demo: other wording, other prices, a house brand of its own.

Target describes the items of the demo's families as `Line Noun - value - value - Brand`. It sells a share of all items
and, where Walmart has a store brand, the same things under its own, which match nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.catalog.demo.items import Department, Item, draw, expand, happens, pick, universal_product_code
from core.catalog.demo.listings import (
    AMAZON_BRANDS,
    UPC_SHARE,
    WALMART_BRANDS,
    amazon_notation,
    amazon_price,
    walmart_notation,
)
from core.catalog.product import Product

SOURCE = "target"
#: Share of all items that Target sells, and of Walmart's own that it sells under its own brand.
_SHARE, _HOUSE_SHARE = 0.3, 0.15
HOUSE_BRAND = "Bullseye Basics"


def target_items(departments: Sequence[Department]) -> list[Item]:
    """The items that Target sells."""
    found = []
    for department in departments:
        for family in department.families:
            for item in expand(department, family):
                own = item.brand in WALMART_BRANDS
                if item.brand in AMAZON_BRANDS or not happens(_HOUSE_SHARE if own else _SHARE, "target", item.key):
                    continue
                found.append(replace(item, brand=HOUSE_BRAND) if own else item)
    return list({item.key: item for item in found}.values())


def target_listing(item: Item) -> Product:
    """The item as Target lists it."""
    key = f"target/{item.key}"
    values = [
        words
        for axis, value in item.values
        if (words := pick((walmart_notation, amazon_notation), "target form", axis, key)(axis, value, key))
    ]
    noun = pick((item.family.walmart_noun, item.family.amazon_noun), "target noun", item.family.name)
    name = " ".join(filter(None, (item.family.line, noun)))
    model = item.model if happens(0.25, "target title model", key) else ""
    price = amazon_price(item, "target")
    return Product(
        source=SOURCE,
        id=f"A-{draw('target id', key) % 90_000_000 + 10_000_000}",
        title=" - ".join(filter(None, (name, *values, model, item.brand))),
        brand=item.brand if happens(0.7, "target brand", key) else "",
        category=item.department.walmart_category.lower(),
        model=item.model if happens(0.4, "target model", key) else "",
        price=None if price is None else round(price) - 0.01,
        upc=universal_product_code(item.brand, item.key) if happens(UPC_SHARE, "target upc", key) else "",
        extra={"tcin": str(draw("tcin", key) % 10**8)},
    )
