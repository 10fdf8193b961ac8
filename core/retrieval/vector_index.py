"""What the hybrid search asks of an index of product vectors, and what its implementations share.

Implementations: `DenseIndex` (FAISS, in this process) and `MilvusIndex` (a vector database).
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.retrieval.manifest import DenseRecord
from core.retrieval.product_filter import Allowed

#: Float32 vectors, or float16 ones in a memory map.
Vectors = NDArray[np.float32] | NDArray[np.float16]

#: Exact vectors of a shortlist that are read at once: 24 MiB of 384 dimensions.
_SHORTLIST_BLOCK = 16_384


class VectorIndex(Protocol):
    """An index of the vectors of a list of products, which results refer to by their positions in it.

    Attributes:
        record: what the manifest keeps, to find the index again; None for an exact one in a file.
    """

    record: DenseRecord | None

    def search(
        self, queries: NDArray[np.float32], depth: int, *, allowed: Allowed | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest products of each query.

        Args:
            queries: unit vectors, shape (queries, dimensions).
            depth: results per query, limited to the number of products, or of those allowed.
            allowed: the products that may be results; None is all. The filter acts inside the search, so that a query
                gets `depth` results if that many are allowed.

        Returns:
            product positions and cosines, both of shape (queries, depth), best first.

        Raises:
            CoreError: an index in another process cannot be reached.
        """

    def scores(
        self, queries: NDArray[np.float32], positions: NDArray[np.int64] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """The exact cosine of each query with each product, shape (queries, positions).

        Args:
            queries: unit vectors, shape (queries, dimensions).
            positions: of the products; all of them by default.
        """

    def pairs(
        self, queries: NDArray[np.float32], rows: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The exact cosine of each pair.

        Args:
            queries: unit vectors, shape (queries, dimensions).
            rows: of the queries, shape (pairs,).
            positions: of the products, shape (pairs,).
        """

    def save(self, path: Path) -> None:
        """Write the index atomically to its file in the folder of an encoder, if it has one."""


def rerank(
    vectors: Vectors, queries: NDArray[np.float32], found: NDArray[np.int64], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best of the found products by their exact vectors.

    Args:
        vectors: of the products, shape (products, dimensions).
        queries: unit vectors, shape (queries, dimensions).
        found: positions, shape (queries, at least `depth`); those below 0 are empty places, and come last.
        depth: results per query.

    Returns:
        positions and cosines, both of shape (queries, depth), best first.
    """
    positions = np.empty((len(queries), depth), np.int64)
    scores = np.empty((len(queries), depth), np.float32)
    step = max(1, _SHORTLIST_BLOCK // found.shape[1])
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        part = found[rows]
        exact = np.asarray(vectors[np.maximum(part, 0)], np.float32)
        cosines = np.einsum("qd,qrd->qr", queries[rows], exact)
        cosines[part < 0] = -np.inf
        order = np.lexsort((part, -cosines), axis=1)[:, :depth]
        positions[rows] = np.take_along_axis(part, order, axis=1)
        scores[rows] = np.take_along_axis(cosines, order, axis=1)
    return positions, scores
