"""The queries and catalogue products of a workspace, which an index run and everything after it work on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from core.catalog.product import DefaultGtins, Product, default_gtins, without_escape_sequences
from core.catalog.store import CatalogStore
from core.catalog.upsert import product_digest
from core.errors import CatalogError
from core.workspace import Workspace
from labels.model import ProductRef


@dataclass(frozen=True)
class Corpus:
    """The queries and catalogue products of a workspace, in the order of every array.

    Attributes:
        mark: version of the catalogue when it was read; an import changes it.
    """

    queries: list[Product]
    products: list[Product]
    mark: str = ""

    @classmethod
    def read(cls, workspace: Workspace) -> "Corpus":
        """All imported products.

        Raises:
            CatalogError: there are no query products or no catalogue products.
        """
        with CatalogStore(workspace.catalog) as catalog:
            mark = catalog.mark  # before the products, so that a concurrent import counts as new
            queries, products = (
                list(map(without_escape_sequences, catalog.iter(role=role))) for role in ("query", "catalog")
            )
            corpus = cls(queries, products, mark)
        for missing, role in ((not corpus.queries, "query"), (not corpus.products, "catalog")):
            if missing:
                raise CatalogError(
                    f"The workspace has no {role} products yet.",
                    f"Import some: samesku import products FILE --source NAME --role {role}"
                    " (with --change-role if the source is imported in the other role)",
                )
        return corpus

    def with_queries(self, queries: Sequence[Product]) -> "Corpus":
        """The same products, and other queries; which GTINs are default values stays."""
        other = replace(self, queries=list(queries))
        vars(other)["default_gtins"] = self.default_gtins  # in place of those that would be counted
        return other

    @property
    def size(self) -> int:
        """Number of listings."""
        return len(self.queries) + len(self.products)

    @cached_property
    def digests(self) -> Mapping[ProductRef, str]:
        """The content digest of each listing."""
        return {each.ref: product_digest(each) for each in (*self.queries, *self.products)}

    @cached_property
    def version(self) -> str:
        """The mark; for a corpus without one, a hash of its content."""
        if self.mark:
            return self.mark
        digest = hashlib.sha256(repr([len(self.queries), *self.digests.items()]).encode())
        return digest.hexdigest()

    @cached_property
    def default_gtins(self) -> DefaultGtins:
        """The GTINs that are default values of their source. A source has one role, so that sides do not mix."""
        return default_gtins([*self.queries, *self.products])
