"""The generated demo catalogue: listings of two or three retailers with known matches and typical near-misses.

Families of products (`departments`) expand to items (`items`). Each item is assigned to the retailers' assortments and
described in each retailer's style (`listings`, `target`). Listings of the same item match.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.demo.items import Department, seeded
from core.catalog.demo.listings import amazon_listing, assortment, walmart_listing
from core.catalog.demo.target import target_items, target_listing
from core.catalog.product import Product
from labels.model import Pair, ProductRef


@dataclass(frozen=True, slots=True)
class DemoCatalogue:
    """Listings of two retailers, and their matches.

    Attributes:
        queries: Walmart's products, about half of them without a match.
        products: Amazon's products: matches and many near-misses.
        gold: all matching pairs as (query id, product id).
    """

    queries: tuple[Product, ...]
    products: tuple[Product, ...]
    gold: frozenset[tuple[str, str]]


@cache
def demo_catalogue() -> DemoCatalogue:
    """The demo catalogue, the same in every process."""
    return generated_catalogue("")


def generated_catalogue(seed: str, departments: Sequence[Department] = DEPARTMENTS) -> DemoCatalogue:
    """Generate a catalogue with other items and descriptions of the same families.

    Args:
        seed: determines all random choices; the empty seed gives the demo catalogue.
        departments: the families to use.
    """
    with seeded(seed):
        return _catalogue(departments)


def _catalogue(departments: Sequence[Department]) -> DemoCatalogue:
    shelves = assortment(departments)
    queries = {item: walmart_listing(item) for item in shelves.queries}
    products = [(item, amazon_listing(item, seller)) for item, seller in shelves.offers]
    # Sorted by id, so that the order reveals no matches.
    return DemoCatalogue(
        queries=tuple(sorted(queries.values(), key=lambda product: product.id)),
        products=tuple(sorted((product for _, product in products), key=lambda product: product.id)),
        gold=frozenset((queries[item].id, product.id) for item, product in products if item in queries),
    )


@dataclass(frozen=True, slots=True)
class DemoSources:
    """Listings of three retailers.

    Attributes:
        products: by source.
        item: the key of each listing's item: listings with an equal key are one product.
    """

    products: dict[str, list[Product]]
    item: dict[ProductRef, str]

    def is_match(self, pair: Pair) -> bool:
        """Whether both listings are one product."""
        return self.item[pair.query] == self.item[pair.candidate]


@cache
def demo_sources() -> DemoSources:
    """The demo catalogue and the third retailer's, the same in every process."""
    return generated_sources("")


def generated_sources(seed: str, departments: Sequence[Department] = DEPARTMENTS) -> DemoSources:
    """As `generated_catalogue`, with the listings of a third retailer."""
    with seeded(seed):
        shelves = assortment(departments)
        listings = [
            *((walmart_listing(item), item) for item in shelves.queries),
            *((amazon_listing(item, seller), item) for item, seller in shelves.offers),
            *((target_listing(item), item) for item in target_items(departments)),
        ]
    products: dict[str, list[Product]] = {}
    for product, _ in sorted(listings, key=lambda each: each[0].ref):
        products.setdefault(product.source, []).append(product)
    return DemoSources(products, {product.ref: item.key for product, item in listings})
