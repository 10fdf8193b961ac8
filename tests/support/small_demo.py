"""The demo catalogue with less to encode."""

from dataclasses import replace
from functools import cache

from core.catalog.demo import DEPARTMENTS, DemoCatalogue, generated_catalogue


@cache
def small_demo_catalogue() -> DemoCatalogue:
    """Five departments with all their matches, and a third of the products that match nothing."""
    whole = generated_catalogue("", DEPARTMENTS[:5])
    matched = {product for _, product in whole.gold}
    kept = {product.id for product in [p for p in whole.products if p.id not in matched][::3]} | matched
    return replace(whole, products=tuple(product for product in whole.products if product.id in kept))
