"""The demo's three retailers in a workspace, and listings that change."""

from dataclasses import replace

from core.catalog.demo import DemoSources
from core.catalog.product import Product, Role
from core.catalog.store import CatalogStore
from core.workspace import Workspace


def write_sources(sources: DemoSources, workspace: Workspace, target: Role) -> None:
    """Import all products; Walmart's are queries, Amazon's the catalogue."""
    roles: dict[str, Role] = {"walmart": "query", "amazon": "catalog", "target": target}
    with CatalogStore(workspace.create().catalog) as catalog:
        for source, products in sources.products.items():
            catalog.replace(source, roles[source], products)


def reworded(product: Product) -> Product:
    """The same listing with its words in another order, and another price."""
    words = product.title.split(" ")
    price = None if product.price is None else round(product.price * 0.9, 2)
    return replace(product, title=" ".join([*words[1:], words[0]]), price=price)
