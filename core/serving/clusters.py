"""Products of `samesku cluster`: the listings of each, and its golden record."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.clustering.golden import GoldenRow, golden_record, require_sources
from core.clustering.product_groups import ProductGroupsFile
from core.errors import CoreError
from core.serving.problems import ProblemError
from core.workspace import Workspace
from labels.model import ProductRef


@dataclass(frozen=True, slots=True)
class Cluster:
    """A product.

    Attributes:
        id: the stable product id.
        listings: the present listings, sorted.
    """

    id: str
    listings: Sequence[Product]


class ClusterSource:
    """The products that the last recorded run of `samesku cluster` has found.

    Args:
        workspace: with product ids, or without.
        catalog: the listings; thread-safe.
    """

    def __init__(self, workspace: Workspace, catalog: CatalogStore) -> None:
        self._groups = ProductGroupsFile(workspace.product_ids)
        self._catalog = catalog

    def of(self, ref: ProductRef) -> Cluster | None:
        """The product of a listing; None if no run has recorded one.

        Raises:
            CoreError: the ids cannot be read.
        """
        groups = self._groups.read()
        id_ = groups.id_of(ref)
        return None if id_ is None else Cluster(id_, self._listings(groups.listings[id_]))

    def record(self, id_: str, trust: Sequence[str]) -> tuple[Cluster, GoldenRow]:
        """A product by its id, with its golden record.

        Args:
            id_: the product id.
            trust: sources whose values are preferred, the most trusted first.

        Raises:
            ProblemError: there is no such product or source.
            CoreError: the ids cannot be read.
        """
        try:
            require_sources(self._catalog, trust)
        except CoreError as error:
            raise ProblemError.of(HTTPStatus.UNPROCESSABLE_ENTITY, error) from error
        groups = self._groups.read()
        if not groups.listings:
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                "The workspace has no product ids yet.",
                "`samesku cluster --out FILE` records them.",
            )
        listings = self._listings(groups.listings.get(id_, ()))
        if not listings:
            successor = groups.successor(id_)
            hint = (
                "`samesku cluster --out FILE` records the ids; /products/SOURCE/ID has that of a listing."
                if successor is None
                else f"It was merged into {successor}."
            )
            raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no product id {id_} in the workspace.", hint)
        defaults = self._catalog.default_gtins(product.gtin for product in listings)
        return Cluster(id_, listings), golden_record(id_, listings, trust, defaults)

    def _listings(self, refs: Sequence[ProductRef]) -> list[Product]:
        return list(self._catalog.get_many(refs).values())
