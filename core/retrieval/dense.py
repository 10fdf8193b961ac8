"""Dense retrieval: exact inner products with FAISS, over vectors of length 1 and so cosines."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.json_store import binary_file


class DenseIndex:
    """The products' vectors in an `IndexFlatIP`."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        import faiss

        self.vectors = np.ascontiguousarray(vectors)
        self._index: faiss.IndexFlatIP = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(self.vectors)

    def search(self, queries: NDArray[np.float32], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best products of each query.

        Returns:
            places in the list of products, and cosines, both of shape (queries, depth), best first; `depth`
            is cut to the number of products.
        """
        scores, places = self._index.search(np.ascontiguousarray(queries), min(depth, len(self.vectors)))
        return places.astype(np.int64), scores

    def pairs(self, queries: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosine of each query with given products; `places` and the answer have shape (queries, n)."""
        cosines: NDArray[np.float32] = np.einsum("qd,qnd->qn", queries, self.vectors[places])
        return cosines

    def save(self, path: Path) -> None:
        """Write the FAISS index; a reader never sees half of it."""
        import faiss

        with binary_file(path) as out:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(out.write))  # type: ignore[attr-defined]  # not in its stubs
