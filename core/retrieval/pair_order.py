"""Which queries and products are pairs where a source is compared with itself.

A listing in both roles is compared with the listings in both roles that come after it by source and id, and with all
products that are candidates only. So it is never its own candidate, and no pair occurs twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.retrieval.corpus import Corpus
from labels.model import ProductRef


@dataclass(frozen=True)
class PairOrder:
    """The places of queries and products in the order of all listings in both roles.

    Attributes:
        queries: int64, shape (queries,); -1 for a listing that is a query only.
        products: int64, shape (products,); above every query's for a listing that is a candidate only.
        places: of the listings in both roles.
    """

    queries: NDArray[np.int64]
    products: NDArray[np.int64]
    places: Mapping[ProductRef, int]

    @classmethod
    def of(cls, corpus: Corpus) -> "PairOrder | None":
        """The order of the listings of a corpus; None without listings in both roles, where all are pairs."""
        if not corpus.both:
            return None
        shared = sorted(ref for ref in corpus.product_refs if ref.source in corpus.both)
        places = {ref: place for place, ref in enumerate(shared)}
        return cls(
            _places(places, corpus.query_refs, -1),
            _places(places, corpus.product_refs, len(places)),
            places,
        )

    def with_queries(self, queries: Iterable[ProductRef]) -> "PairOrder":
        """The order with other queries; one that is no listing of the corpus is a query only."""
        return replace(self, queries=_places(self.places, queries, -1))

    def are_pairs(self, rows: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each query and product are a pair.

        Args:
            rows: of the queries.
            positions: of the products, of a shape that broadcasts with that of the rows.
        """
        found: NDArray[np.bool_] = self.queries[rows] < self.products[positions]
        return found


def _places(places: Mapping[ProductRef, int], refs: Iterable[ProductRef], other: int) -> NDArray[np.int64]:
    return np.array([places.get(ref, other) for ref in refs], np.int64)
