"""Dense retrieval: exact inner-product search with FAISS over unit vectors, so that scores are cosines."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.json_store import binary_file


class DenseIndex:
    """Product vectors, float32 of shape (products, dimensions), in an `IndexFlatIP`."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        import faiss

        self.vectors = np.ascontiguousarray(vectors)
        self._index: faiss.IndexFlatIP = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(self.vectors)

    def search(self, queries: NDArray[np.float32], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest products of each query.

        Args:
            queries: unit vectors, shape (queries, dimensions).
            depth: results per query, limited to the number of products.

        Returns:
            product positions and cosines, both of shape (queries, depth), best first.
        """
        scores, positions = self._index.search(np.ascontiguousarray(queries), min(depth, len(self.vectors)))
        return positions.astype(np.int64), scores

    def pairs(
        self, queries: NDArray[np.float32], rows: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The cosine of each pair.

        Args:
            queries: unit vectors, shape (queries, dimensions).
            rows: of the queries, shape (pairs,).
            positions: of the products, shape (pairs,).
        """
        cosines: NDArray[np.float32] = np.einsum("nd,nd->n", queries[rows], self.vectors[positions])
        return cosines

    def save(self, path: Path) -> None:
        """Write the FAISS index atomically."""
        import faiss

        with binary_file(path) as out:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(out.write))  # type: ignore[attr-defined]  # not in its stubs
