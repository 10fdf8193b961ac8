"""The queries and catalogue products of a workspace, which an index run and everything after it work on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from core.catalog.product import SIDES, DefaultGtins, Product, default_gtins, has_role, without_escape_sequences
from core.catalog.store import CatalogStore
from core.catalog.upsert import product_digest
from core.errors import CatalogError
from core.workspace import Workspace
from labels.model import ProductRef


@dataclass(frozen=True)
class Corpus:
    """The queries and catalogue products of a workspace, in the order of every array.

    A listing in both roles is in both lists.

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
            sources = catalog.sources()
            # Each source once: a listing in both roles is one object.
            digests: dict[ProductRef, str] = {}
            listings = {each.name: _listings(catalog, each.name, digests) for each in sources}
        of_side = [[listings[each.name] for each in sources if has_role(each.role, role)] for role in SIDES]
        queries, products = ([*chain.from_iterable(found for found, _ in side)] for side in of_side)
        corpus = cls(queries, products, mark)
        # In place of what would be computed. One key for each listing: those of a million take 0.1 GB.
        query_refs, product_refs = ([*chain.from_iterable(refs for _, refs in side)] for side in of_side)
        vars(corpus).update(digests=digests, query_refs=query_refs, product_refs=product_refs)
        for missing, role in ((not corpus.queries, "query"), (not corpus.products, "catalog")):
            if missing:
                raise CatalogError(
                    f"The workspace has no {role} products yet.",
                    f"Import some: samesku import products FILE --source NAME --role {role}"
                    " (with --change-role if the source is imported in the other role)."
                    " To find duplicates within one source: --role both",
                )
        return corpus

    def with_queries(self, queries: Sequence[Product]) -> "Corpus":
        """The same products, and other queries; which GTINs are default values stays."""
        other = replace(self, queries=list(queries))
        vars(other)["default_gtins"] = self.default_gtins  # in place of those that would be counted
        vars(other)["product_digests"] = self.product_digests  # likewise
        return other

    @cached_property
    def both(self) -> frozenset[str]:
        """Names of the sources in both roles, whose listings are queries and candidates of each other."""
        return frozenset({each.source for each in self.queries} & {each.source for each in self.products})

    @cached_property
    def listings(self) -> list[Product]:
        """All listings, each once: the queries, then the products that are no queries."""
        return [*self.queries, *(each for each in self.products if each.source not in self.both)]

    @property
    def size(self) -> int:
        """Number of listings."""
        return len(self.listings)

    @cached_property
    def query_refs(self) -> list[ProductRef]:
        """The key of each query."""
        return [each.ref for each in self.queries]

    @cached_property
    def product_refs(self) -> list[ProductRef]:
        """The key of each product."""
        return [each.ref for each in self.products]

    @cached_property
    def digests(self) -> Mapping[ProductRef, str]:
        """The content digest of each listing."""
        return {each.ref: product_digest(each) for each in self.listings}

    @cached_property
    def product_digests(self) -> Mapping[ProductRef, str]:
        """The content digest of each product, and perhaps of others."""
        return self.digests

    @cached_property
    def version(self) -> str:
        """The mark; for a corpus without one, a hash of its content."""
        if self.mark:
            return self.mark
        content = ((each.ref, self.digests[each.ref]) for each in self.listings)
        digest = hashlib.sha256(repr([len(self.queries), *content]).encode())
        return digest.hexdigest()

    @cached_property
    def default_gtins(self) -> DefaultGtins:
        """The GTINs that are default values of their source."""
        return default_gtins(self.listings)


def _listings(
    catalog: CatalogStore, source: str, digests: dict[ProductRef, str]
) -> tuple[list[Product], list[ProductRef]]:
    """The listings of a source, and their keys.

    Their digests are added, which are those of the catalogue unless a text was changed.
    """
    found, refs = [], []
    for stored, digest in catalog.iter_with_digests(source):
        product = without_escape_sequences(stored)
        ref = ProductRef(source, product.id)
        digests[ref] = digest if product is stored else product_digest(product)
        found.append(product)
        refs.append(ref)
    return found, refs
