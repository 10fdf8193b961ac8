"""A workspace with the small demo catalogue and forty labelled queries; thirty queries are left out of it."""

from pathlib import Path

from samples import match, no_match
from small_demo import small_demo_catalogue

from core.catalog.store import CatalogStore
from core.workspace import Workspace
from labels.model import ActionDetails, ProductRef, Verb
from labels.store import LabelStore

DEMO = small_demo_catalogue()
#: The last queries of the demo are not imported.
IMPORTED, OTHERS = DEMO.queries[:-30], DEMO.queries[-30:]


def write_labelled_home(home: Path) -> Workspace:
    """Write catalogue and labels; nothing is indexed."""
    workspace = Workspace(home).create()
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", IMPORTED)
        catalog.replace("amazon", "catalog", DEMO.products)
    wrong = {product.id for product in DEMO.products} - {product for _, product in DEMO.gold}
    with LabelStore(workspace.labels) as store:
        for (query, product), other in zip(sorted(DEMO.gold)[:40], sorted(wrong), strict=False):
            if query in {each.id for each in IMPORTED}:
                judged = [*match(product), *no_match(other)]
                store.record("ada", Verb.ACCEPT, ProductRef("walmart", query), judged, ActionDetails(closes=True))
    return workspace
