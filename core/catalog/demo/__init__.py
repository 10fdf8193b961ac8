"""The embedded demo catalogue: two small shops with known right answers, and every trap of matching.

Families of products (`departments`) expand to items (`family`), items are put on the two shops' shelves
(`assortment`) and described in each shop's manner (`listings`). Who matches whom follows from the items.
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
    """Two retailers' listings and the truth about them.

    Attributes:
        queries: Walmart's products; about half of them are nowhere at Amazon.
        products: Amazon's products, those that match and many near-misses.
        gold: all matching pairs as (query id, product id); every other pair is no match.
    """

    queries: tuple[Product, ...]
    products: tuple[Product, ...]
    gold: frozenset[tuple[str, str]]


@cache
def demo_catalogue() -> DemoCatalogue:
    """The catalogue, the same in every process: for trying the desk and for tests that need an answer key."""
    return generated_catalogue("")


def generated_catalogue(seed: str, departments: Sequence[Department] = DEPARTMENTS) -> DemoCatalogue:
    """Another catalogue of the same families: other items on the shelves, described in other words.

    Args:
        seed: the same seed gives the same catalogue; the empty one gives the demo's.
        departments: whose families it is made of.
    """
    with seeded(seed):
        return _catalogue(departments)


def _catalogue(departments: Sequence[Department]) -> DemoCatalogue:
    shelves = assortment(departments)
    queries = {item: walmart_listing(item) for item in shelves.queries}
    products = [(item, amazon_listing(item, seller)) for item, seller in shelves.offers]
    # Sorted by id, so that neighbours in the catalogue say nothing of who belongs together.
    return DemoCatalogue(
        queries=tuple(sorted(queries.values(), key=lambda product: product.id)),
        products=tuple(sorted((product for _, product in products), key=lambda product: product.id)),
        gold=frozenset((queries[item].id, product.id) for item, product in products if item in queries),
    )
