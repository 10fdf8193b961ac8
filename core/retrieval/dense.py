"""Dense retrieval: exact inner products with FAISS, over vectors of length 1 and so cosines."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.json_store import binary_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DenseIndex:
    """The products' vectors in an `IndexFlatIP`."""

    def __init__(self, vectors: "NDArray[np.float32]") -> None:
        import faiss  # noqa: PLC0415
        import numpy as np  # noqa: PLC0415

        self.vectors = np.ascontiguousarray(vectors)
        self._index: faiss.IndexFlatIP = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(self.vectors)

    def search(self, queries: "NDArray[np.float32]", depth: int) -> tuple["NDArray[np.int64]", "NDArray[np.float32]"]:
        """The best products of each query.

        Returns:
            places in the list of products, and cosines, both of shape (queries, depth), best first; `depth`
            is cut to the number of products.
        """
        import numpy as np  # noqa: PLC0415

        scores, places = self._index.search(np.ascontiguousarray(queries), min(depth, len(self.vectors)))
        return places.astype(np.int64), scores

    def pairs(self, queries: "NDArray[np.float32]", places: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """The cosine of each query with given products; `places` and the answer have shape (queries, n)."""
        import numpy as np  # noqa: PLC0415

        cosines: NDArray[np.float32] = np.einsum("qd,qnd->qn", queries, self.vectors[places])
        return cosines

    def save(self, path: Path) -> None:
        """Write the FAISS index; a reader never sees half of it."""
        import faiss  # noqa: PLC0415

        with binary_file(path) as out:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(out.write))  # type: ignore[attr-defined]  # not in its stubs
