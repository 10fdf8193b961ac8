"""One catalogue with known duplicates: some by hand, and the demo's listings of both retailers as those of one shop."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from core.catalog.demo import DEPARTMENTS
from core.catalog.demo.items import Department, draw, seeded
from core.catalog.demo.listings import amazon_listing, assortment, walmart_listing
from core.catalog.product import Product, ordered_pair
from core.catalog.store import CatalogStore
from core.workspace import Workspace
from labels.model import Pair, ProductRef

SHOP = "shop"

#: s1 and s4 are one mouse; s2, s5 and s7 one camera; the others are like one of them, or like nothing.
LISTINGS = [
    Product(SHOP, "s1", "Logitech M185 Wireless Mouse grey", "Logitech", "Mice", "M185", 12.5, "036000291452"),
    Product(SHOP, "s2", "Canon EOS Rebel T6 DSLR Camera", "Canon", "Cameras", "T6", 449.0),
    Product(SHOP, "s3", "Canon EOS Rebel T7 DSLR Camera", "Canon", "Cameras", "T7", 479.0),
    Product(SHOP, "s4", "Wireless Mouse M185, grey, by Logitech", "Logitech", "Mice", "M185", 11.9, "036000291452"),
    Product(SHOP, "s5", "Canon T6 digital SLR camera EOS Rebel", "Canon", "Cameras", "T6", 455.0),
    Product(SHOP, "s6", "Brother TN450 Toner Cartridge", "Brother", "Toner", "TN450", 46.2),
    Product(SHOP, "s7", "EOS Rebel T6 camera (Canon)", "Canon", "Cameras", "T6", 439.0),
    Product(SHOP, "s8", "Logitech M510 Wireless Mouse black", "Logitech", "Mice", "M510", 24.9),
]


def write_shop(home: Path, listings: Sequence[Product] = LISTINGS) -> Workspace:
    """A workspace with one source that is compared with itself."""
    workspace = Workspace(home).create()
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(SHOP, "both", listings)
    return workspace


def shop(id_: str) -> ProductRef:
    """A listing of the shop."""
    return ProductRef(SHOP, id_)


def duplicate_catalogue(
    seed: str = "", departments: Sequence[Department] = DEPARTMENTS
) -> tuple[list[Product], set[Pair]]:
    """The listings by id, which says nothing of what they are; and all pairs of listings of the same item."""
    with seeded(seed):
        shelves = assortment(departments)
        described = [(item.key, walmart_listing(item)) for item in shelves.queries]
        described += [(item.key, amazon_listing(item, seller)) for item, seller in shelves.offers]
        described.sort(key=lambda each: draw("shop", *each[1].ref))
    listings: list[Product] = []
    of_item: dict[str, list[ProductRef]] = {}
    for number, (item, product) in enumerate(described):
        listings.append(replace(product, source=SHOP, id=f"{number:05}"))
        of_item.setdefault(item, []).append(listings[-1].ref)
    pairs = {ordered_pair(Pair(*pair), {SHOP}) for refs in of_item.values() for pair in combinations(refs, 2)}
    return listings, pairs
