"""Dense retrieval: inner-product search with FAISS over unit vectors, so that scores are cosines."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.json_store import binary_file
from core.retrieval.manifest import PRODUCT_IDS, DenseRecord
from core.retrieval.product_filter import Allowed
from core.retrieval.stable_ids import StableIds
from core.retrieval.vector_index import Vectors, rerank
from labels.quarantine import set_aside_irregular

if TYPE_CHECKING:
    import faiss

#: The kinds of index; `dense_kinds` describes all but `flat`, which is exact.
KindName = Literal["flat", "hnsw", "ivf", "ivfpq", "sq8"]

#: Vectors converted to float32 at once: 48 MiB of 384 dimensions.
_BLOCK = 32_768
#: Queries times dimensions from which FAISS compares by a product of matrices: six queries of 384 dimensions. Its own
#: 128,000 is for 333, and takes 5 times the processor time for 32 queries and 22,074 products, 7 times for 128.
_MATRIX_PRODUCT = 2_000
#: A filter that leaves no more products than this is searched exactly: 4 ms a query at 384 dimensions.
_EXACT_PRODUCTS = 20_000
#: Products in the visited lists per result, on average, at the least: lists differ in length.
_PRODUCTS_PER_RESULT = 4


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly an approximate index is searched: more is slower, and finds more of the true neighbours.

    Attributes:
        probes: inverted lists visited, or the length of the candidate list in a graph (efSearch).
        shortlist: results that are ranked again by their exact vectors; 0 keeps the scores of the index.
    """

    probes: int = 0
    shortlist: int = 0


class DenseIndex:
    """An index of product vectors: exact, or one of the approximate kinds in `dense_kinds`.

    Attributes:
        record: what the manifest keeps of an approximate index, to find it again; None for an exact one.
    """

    def __init__(
        self,
        vectors: Vectors,
        index: "faiss.Index | None" = None,
        *,
        kind: KindName = "flat",
        effort: Effort | None = None,
        file: Path | None = None,
        ids: StableIds | None = None,
    ) -> None:
        """Wrap an index of these vectors.

        Args:
            vectors: unit vectors of shape (products, dimensions), float32, or float16 in a memory map.
            index: FAISS index of them; by default an exact one, which the first search builds.
            kind: name of its kind.
            effort: of a search.
            file: that the index was read from.
            ids: of the products in the index; by default they are their positions.
        """
        self.vectors, self.kind, self.effort = vectors, kind, effort or Effort()
        self._given = index
        self.file, self.ids = file, ids
        self.record: DenseRecord | None = None

    @property
    def is_updated(self) -> bool:
        """Whether products came or left since the index was trained."""
        return self.record is not None and self.record.untrained > 0

    @cached_property
    def index(self) -> "faiss.Index":
        """The FAISS index of the vectors."""
        import faiss

        if self._given is not None:
            return self._given
        index = faiss.IndexFlatIP(self.vectors.shape[1])
        for _, block in blocks(self.vectors):
            index.add(block)
        return index

    def replaced(self, origin: NDArray[np.int64], vectors: NDArray[np.float32]) -> "DenseIndex":
        """An exact index of other products.

        Args:
            origin: position in this index of each product of the other, shape (products,); -1 for a new vector.
            vectors: of the products with -1, in their order.
        """
        found = np.asarray(self.vectors[origin], np.float32)
        found[origin < 0] = vectors
        return DenseIndex(found)

    def search(
        self, queries: NDArray[np.float32], depth: int, *, allowed: Allowed | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `VectorIndex.search`; without a shortlist, a compressed index gives approximate cosines."""
        queries = np.ascontiguousarray(queries)
        count = len(self.vectors) if allowed is None else allowed.count
        depth = min(depth, count)
        if depth == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        if allowed is None and self.kind == "flat":
            return exact_search(self.vectors, queries, depth)
        if allowed is not None and count <= _EXACT_PRODUCTS:
            return exact_search(self.vectors, queries, depth, positions=np.flatnonzero(allowed.mask))
        wanted = min(max(depth, self.effort.shortlist), count)
        # A filtered search scores as many products as one without a filter, from more lists.
        probes = -(-max(self.effort.probes, self.min_probes(wanted)) * len(self.vectors) // count)
        scores, positions = self._approximate(queries, wanted, probes, allowed)
        positions = positions.astype(np.int64)
        if self.effort.shortlist:
            positions, scores = rerank(self.vectors, queries, positions, depth)
        else:
            positions, scores = positions[:, :depth], scores[:, :depth]
        short = np.flatnonzero((positions < 0).any(axis=1))
        if len(short):
            # The lists that were visited held too few products.
            rows = None if allowed is None else np.flatnonzero(allowed.mask)
            positions[short], scores[short] = exact_search(self.vectors, queries[short], depth, positions=rows)
        return positions, scores

    def min_probes(self, wanted: int) -> int:
        """The minimum number of probes for this number of results; 0 for an exact index."""
        if lists := lists_of(self.index):
            return -(-_PRODUCTS_PER_RESULT * wanted * lists.nlist // len(self.vectors))
        return wanted if self.kind == "hnsw" else 0

    def _approximate(
        self, queries: NDArray[np.float32], depth: int, probes: int, allowed: Allowed | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        import faiss

        library: Any = faiss  # its stubs lack keywords of the parameters
        selector: dict[str, Any] = {}
        if (wanted := self._selected(allowed)) is not None:
            bits = np.packbits(wanted, bitorder="little")
            selector["sel"] = library.IDSelectorBitmap(bits)
        parameters: Any = None
        if lists := lists_of(self.index):
            parameters = library.SearchParametersIVF(nprobe=min(probes, lists.nlist), **selector)
        elif self.kind == "hnsw":
            parameters = library.SearchParametersHNSW(efSearch=probes, **selector)
        elif selector:
            parameters = library.SearchParameters(**selector)
        if isinstance(self.index, faiss.IndexPreTransform):
            parameters = library.SearchParametersPreTransform(index_params=parameters)
        scores, found = self.index.search(queries, depth, params=parameters)
        return scores, found if self.ids is None else self.ids.positions_of(found)

    def _selected(self, allowed: Allowed | None) -> NDArray[np.bool_] | None:
        """Which ids may be results, shape (ids,); None is all that the index has."""
        if self.ids is None:
            return None if allowed is None else allowed.mask
        if allowed is None and self.kind != "hnsw":
            return None
        # A graph keeps the nodes of products that left: they lead to others, and are no results.
        return self.ids.mask(None if allowed is None else allowed.mask)

    def scores(
        self, queries: NDArray[np.float32], positions: NDArray[np.int64] | slice = slice(None)
    ) -> NDArray[np.float32]:
        """As `VectorIndex.scores`."""
        cosines: NDArray[np.float32] = queries @ self.vectors[positions].T
        return cosines

    def pairs(
        self, queries: NDArray[np.float32], rows: NDArray[np.int64], positions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """As `VectorIndex.pairs`."""
        cosines: NDArray[np.float32] = np.einsum("nd,nd->n", queries[rows], self.vectors[positions])
        return cosines

    def save(self, path: Path) -> None:
        """Write the FAISS index atomically, one that was read from this file excepted; and the ids beside it."""
        self._save_index(path)
        beside = path.with_name(PRODUCT_IDS)
        if self.ids is not None:
            self.ids.save(beside)
        else:
            set_aside_irregular(beside)
            beside.unlink(missing_ok=True)

    def _save_index(self, path: Path) -> None:
        import faiss

        if self.is_mapped:
            if self.file is not None and self.file != path:
                with self.file.open("rb") as source, binary_file(path) as out:
                    shutil.copyfileobj(source, out)
            return
        with binary_file(path) as out:
            faiss.write_index(self.index, faiss.PyCallbackIOWriter(out.write))  # type: ignore[attr-defined]  # not in its stubs

    @property
    def is_mapped(self) -> bool:
        """Whether the inverted lists lie in a file: FAISS would write a reference to them instead of the lists."""
        import faiss

        lists = lists_of(self.index)
        if lists is None or lists.invlists is None:
            return False
        return isinstance(faiss.downcast_InvertedLists(lists.invlists), faiss.OnDiskInvertedLists)


def lists_of(index: "faiss.Index") -> "faiss.IndexIVF | None":
    """The inverted lists of an index, a rotation before them left out; None if it has none."""
    import faiss

    return faiss.try_extract_index_ivf(index)


def blocks(vectors: Vectors, positions: NDArray[np.int64] | None = None) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The vectors in blocks of float32, each with its start; of a memory map, one block at a time is in memory.

    Args:
        vectors: shape (products, dimensions).
        positions: only these, in this order.
    """
    for start in range(0, len(vectors) if positions is None else len(positions), _BLOCK):
        part = slice(start, start + _BLOCK)
        yield start, np.ascontiguousarray(vectors[part if positions is None else positions[part]], np.float32)


def exact_search(
    vectors: Vectors, queries: NDArray[np.float32], depth: int, *, positions: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest products by comparison with all vectors, which are read in blocks.

    Args:
        vectors: shape (products, dimensions).
        queries: unit vectors, shape (queries, dimensions).
        depth: results per query, at most the number of products.
        positions: search only these products.

    Returns:
        positions and cosines, both of shape (queries, depth), best first.
    """
    import faiss

    faiss.cvar.distance_compute_blas_threshold = _MATRIX_PRODUCT
    best = faiss.ResultHeap(len(queries), depth, keep_max=True)
    for start, block in blocks(vectors, positions):
        scores, found = faiss.knn(queries, block, min(depth, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
        best.add_result(scores, found + start if positions is None else positions[found + start])
    best.finalize()
    return best.I, best.D
