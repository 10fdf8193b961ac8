"""An approximate dense index after a change of the catalogue: vectors leave it and enter it, and nothing is trained.

Centroids, rotation and quantiser stay those of the vectors that the index was trained on. They are trained again when
too many products have come or left since, or when the recall, which every update measures, cannot be reached.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Reporter
from core.retrieval.dense import DenseIndex, Effort, KindName, blocks, lists_of
from core.retrieval.dense_kinds import MEASURED_QUERIES, NEIGHBOURS, Truth, efforts, find_effort
from core.retrieval.manifest import DenseRecord
from core.retrieval.stable_ids import StableIds
from core.retrieval.vector_index import Vectors

if TYPE_CHECKING:
    import faiss

#: Share of the products that may come or leave before an index is trained again. Of 10,000 products, at the same search
#: parameters, `sq8` has the recall of an index from scratch with up to a fifth of them exchanged; `ivfpq` loses 0.010
#: with a tenth, and 0.022 with a fifth.
MAX_UNTRAINED = 0.1
#: Queries that an update compares with exact search, which takes as long as all the rest of it with four times as many.
_CHECKED_QUERIES = 64


def untrained_after(record: DenseRecord, origin: NDArray[np.int64]) -> int:
    """The products that came or left since an index was trained, as in `DenseRecord.untrained`.

    Args:
        record: of the index.
        origin: position in the index of each product after a change, shape (products,); -1 for a new or changed one.
    """
    new = int((origin < 0).sum())
    return record.untrained + max(new, record.products - (len(origin) - new))


def update_dense(
    index: "faiss.Index",
    ids: StableIds | None,
    record: DenseRecord,
    *,
    kind: KindName,
    origin: NDArray[np.int64],
    vectors: Vectors,
    queries: NDArray[np.float32],
    reporter: Reporter,
) -> DenseIndex | None:
    """The index of other products; None if it no longer reaches the recall.

    Args:
        index: FAISS index of the products before, in memory; it is changed.
        ids: of these products in it; None if they are their positions.
        record: of the index.
        kind: of the index.
        origin: position before of each product, shape (products,); -1 for a new or changed one.
        vectors: unit vectors of the products, shape (products, dimensions).
        queries: unit vectors to measure the recall with, shape (queries, dimensions).
        reporter: receives the progress in products.
    """
    before = ids or StableIds(np.arange(record.products))
    new = np.flatnonzero(origin < 0)
    reporter.stage("update the index", total=len(new))
    has_lists = lists_of(index) is not None
    # A graph numbers its nodes, and keeps those of products that left.
    after = before.replaced(origin, int(before.ids.max(initial=-1)) + 1 if has_lists else index.ntotal)
    if has_lists:
        index.remove_ids(before.gone(origin))  # type: ignore[arg-type]  # its wrapper takes an array, too
    for start, block in blocks(vectors, new):
        if has_lists:
            index.add_with_ids(block, after.ids[new[start : start + len(block)]])
        else:
            index.add(block)
        reporter.advance(start + len(block))
    found = DenseIndex(vectors, index, kind=kind, effort=Effort(record.probes, record.shortlist), ids=after)
    effort = _sufficient_effort(found, queries, record.recall, reporter)
    if effort is None:
        return None
    found.effort = effort
    return found


def _sufficient_effort(
    index: DenseIndex, queries: NDArray[np.float32], recall: float, reporter: Reporter
) -> Effort | None:
    """The effort of an index while it reaches the recall, else another one; None if there is none.

    The effort was set with a reserve of two standard errors, so that the mean alone decides whether it stays: that of a
    few queries, and where they are below the target by chance or not, that of as many as set it.
    """
    reporter.stage("measure the recall")
    for count in (_CHECKED_QUERIES, MEASURED_QUERIES):
        truth = Truth.sample(index.vectors, queries, count)
        if truth.recall(index.search(truth.queries, NEIGHBOURS)[0])[0] >= recall:
            return index.effort
    return find_effort(index, truth, recall, efforts(index))
