"""The embedded demo catalogue: two small shops with known right answers, and every trap of matching.

Families of products (`departments`) expand to items (`family`), items are put on the two shops' shelves
(`assortment`) and described in each shop's manner (`listings`). Who matches whom follows from the items.
"""

from dataclasses import dataclass
from functools import cache

from core.catalog.demo.assortment import assortment
from core.catalog.demo.listings import amazon_listing, walmart_listing
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
    shelves = assortment()
    queries = {item: walmart_listing(item) for item in shelves.queries}
    products = [(item, amazon_listing(item, seller)) for item, seller in shelves.offers]
    # Sorted by id, so that neighbours in the catalogue say nothing of who belongs together.
    return DemoCatalogue(
        queries=tuple(sorted(queries.values(), key=lambda product: product.id)),
        products=tuple(sorted((product for _, product in products), key=lambda product: product.id)),
        gold=frozenset((queries[item].id, product.id) for item, product in products if item in queries),
    )
