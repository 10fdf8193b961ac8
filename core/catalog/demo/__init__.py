"""The generated demo catalogue: listings of two retailers with known matches and typical near-misses.

Families of products (`departments`) expand to items (`items`). Each item is assigned to the retailers' assortments and
described in each retailer's style (`listings`). Listings of the same item match.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from core.catalog.demo.departments import DEPARTMENTS
from core.catalog.demo.items import Department, seeded
from core.catalog.demo.listings import amazon_listing, assortment, walmart_listing
from core.catalog.product import Product


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
