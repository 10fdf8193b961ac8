"""Dense retrieval: exact inner-product search with FAISS over unit vectors, so that scores are cosines."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.json_store import binary_file
from labels.files import open_regular

if TYPE_CHECKING:
    import faiss


class DenseIndex:
    """Product vectors, float32 of shape (products, dimensions), in an `IndexFlatIP`."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = np.ascontiguousarray(vectors)

    @cached_property
    def _index(self) -> "faiss.IndexFlatIP":
        import faiss

        index = faiss.IndexFlatIP(self.vectors.shape[1])
        index.add(self.vectors)
        return index

    @classmethod
    def load(cls, path: Path) -> "DenseIndex":
        """Read a saved index.

        Raises:
            DamagedError: the file is missing, or is not an index of this kind.
        """
        import faiss

        try:
            with open_regular(path, follow_links=False) as file:
                index = faiss.read_index(faiss.PyCallbackIOReader(file.read))  # type: ignore[attr-defined]  # not in its stubs
            return cls(index.reconstruct_n(0, index.ntotal))
        except (OSError, RuntimeError, AttributeError) as error:
            raise DamagedError(f"{path.name} is damaged.", "It can be made again: run `samesku index`.") from error

    def replaced(self, origin: NDArray[np.int64], vectors: NDArray[np.float32]) -> "DenseIndex":
        """An index of other products.

        Args:
            origin: position in this index of each product of the other, shape (products,); -1 for a new vector.
            vectors: of the products with -1, in their order.
        """
        found = self.vectors[origin]
        found[origin < 0] = vectors
        return DenseIndex(found)

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

    def scores(
        self, queries: NDArray[np.float32], positions: NDArray[np.int64] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """The cosine of each query with each product, shape (queries, positions).

        Args:
            queries: unit vectors, shape (queries, dimensions).
            positions: of the products; all of them by default.
        """
        cosines: NDArray[np.float32] = queries @ self.vectors[positions].T
        return cosines

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
