"""Known products of listings: a table of source, id and product, in any format of catalogues."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from core.catalog.columns import bare_name, format_names
from core.catalog.readers import BadRow, read_table
from core.catalog.references import References
from core.clustering.metrics import Scores, cluster_metrics
from core.clustering.run import Clustering
from core.errors import CatalogError
from labels.exchange.fields import restore_cell
from labels.model import ProductRef

#: Field → names of its column as `bare_name` gives them. `productid` is what `--out` writes.
_COLUMNS = {
    "source": ("source", "retailer"),
    "id": ("id", "listing", "listingid"),
    "product": ("product", "productid", "cluster", "clusterid", "group", "groupid", "entity", "entityid"),
}
_FORMAT = "A line has a listing's source and id, and any name of its product: source,id,product"


def read_known_products(path: Path, listings: Collection[ProductRef]) -> dict[ProductRef, str]:
    """The product of each listing in a file; listings with the same one are one product.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        listings: of the catalogue.

    Raises:
        CatalogError: the file is not such a table, names an unknown listing, or has two products for one listing.
    """
    table = read_table(path)
    columns = {name: next((c for c in table.columns if bare_name(c) in known), "") for name, known in _COLUMNS.items()}
    if missing := [name for name, column in columns.items() if not column]:
        raise CatalogError(
            f"{path} has no column {' and no column '.join(missing)}. It has: {format_names(table.columns)}.", _FORMAT
        )
    references = References(listings, "listing")
    found: dict[ProductRef, str] = {}
    for row in table.rows:
        if isinstance(row, BadRow):
            raise CatalogError(f"{path}, line {row.line}: {row.reason}.", _FORMAT)
        cells = {name: restore_cell(row.values.get(column, "").strip()) for name, column in columns.items()}
        if not any(cells.values()):
            continue
        if empty := [name for name, cell in cells.items() if not cell]:
            raise CatalogError(f"{path}, line {row.line}: the {' and the '.join(empty)} is empty.", _FORMAT)
        ref = references.resolve(path, row.line, cells["id"], cells["source"], "Import it, or remove this line.")
        if found.setdefault(ref, cells["product"]) != cells["product"]:
            raise CatalogError(f"{path}, line {row.line}: the listing has another product above.", "Keep one line.")
    if not found:
        raise CatalogError(f"{path} has no listings.", _FORMAT)
    return found


def score_clustering(clustering: Clustering, known: Mapping[ProductRef, str]) -> dict[str, Scores]:
    """The metrics of a clustering over the listings whose product is known; others count nowhere.

    Args:
        clustering: of all listings.
        known: listing → product, at least one of them in the clustering.
    """
    group = [
        (number, known[ref])
        for ref, number in zip(clustering.graph.listings, clustering.group.tolist(), strict=True)
        if ref in known
    ]
    found, products = (np.unique(side, return_inverse=True)[1] for side in zip(*group, strict=True))
    return cluster_metrics(found, products)
