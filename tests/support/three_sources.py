"""The demo catalogue with a third retailer: other wording, other prices, a house brand of its own.

Target describes the items of the demo's families as `Line Noun - value - value - Brand`. It sells a share of all items
and, where Walmart has a store brand, the same things under its own, which match nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.demo.items import Department, Item, draw, expand, happens, pick, seeded, universal_product_code
from core.catalog.demo.listings import (
    AMAZON_BRANDS,
    UPC_SHARE,
    WALMART_BRANDS,
    amazon_listing,
    amazon_notation,
    amazon_price,
    assortment,
    walmart_listing,
    walmart_notation,
)
from core.catalog.product import Product, Role
from core.catalog.store import CatalogStore
from core.workspace import Workspace
from labels.model import ProductRef

#: Share of all items that Target sells, and of Walmart's own that it sells under its own brand.
_SHARE, _HOUSE_SHARE = 0.3, 0.15
_HOUSE_BRAND = "Bullseye Basics"


@dataclass(frozen=True)
class ThreeSources:
    """Listings of three retailers.

    Attributes:
        products: by source.
        item: the key of each listing's item: listings with an equal key are one product.
    """

    products: dict[str, list[Product]]
    item: dict[ProductRef, str]

    def write(self, workspace: Workspace, target: Role) -> None:
        """Import all products; Walmart's are queries, Amazon's the catalogue."""
        roles: dict[str, Role] = {"walmart": "query", "amazon": "catalog", "target": target}
        with CatalogStore(workspace.create().catalog) as catalog:
            for source, products in self.products.items():
                catalog.replace(source, roles[source], products)


def reworded(product: Product) -> Product:
    """The same listing with its words in another order, and another price."""
    words = product.title.split(" ")
    price = None if product.price is None else round(product.price * 0.9, 2)
    return replace(product, title=" ".join([*words[1:], words[0]]), price=price)


def three_sources(departments: Sequence[Department] = DEPARTMENTS, seed: str = "") -> ThreeSources:
    """The demo's listings of Walmart and Amazon, and Target's."""
    with seeded(seed):
        shelves = assortment(departments)
        listings = [
            *((walmart_listing(item), item) for item in shelves.queries),
            *((amazon_listing(item, seller), item) for item, seller in shelves.offers),
            *((_target_listing(item), item) for item in _target_items(departments)),
        ]
    products: dict[str, list[Product]] = {}
    for product, _ in sorted(listings, key=lambda each: each[0].ref):
        products.setdefault(product.source, []).append(product)
    return ThreeSources(products, {product.ref: item.key for product, item in listings})


def _target_items(departments: Sequence[Department]) -> list[Item]:
    found = []
    for department in departments:
        for family in department.families:
            for item in expand(department, family):
                own = item.brand in WALMART_BRANDS
                if item.brand in AMAZON_BRANDS or not happens(_HOUSE_SHARE if own else _SHARE, "target", item.key):
                    continue
                found.append(replace(item, brand=_HOUSE_BRAND) if own else item)
    return list({item.key: item for item in found}.values())


def _target_listing(item: Item) -> Product:
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
        source="target",
        id=f"A-{draw('target id', key) % 90_000_000 + 10_000_000}",
        title=" - ".join(filter(None, (name, *values, model, item.brand))),
        brand=item.brand if happens(0.7, "target brand", key) else "",
        category=item.department.walmart_category.lower(),
        model=item.model if happens(0.4, "target model", key) else "",
        price=None if price is None else round(price) - 0.01,
        upc=universal_product_code(item.brand, item.key) if happens(UPC_SHARE, "target upc", key) else "",
        extra={"tcin": str(draw("tcin", key) % 10**8)},
    )
