"""The file of a dense index: the vectors of an exact one; an approximate one, opened if it is of these vectors.

After a change of the products, the approximate index of those before is updated in memory, and saved under the same
name in the end.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedError
from core.jobs.progress import Reporter
from core.retrieval.array_file import ARRAY_ERRORS
from core.retrieval.dense import DenseIndex, Effort, KindName, blocks, lists_of
from core.retrieval.dense_kinds import build_dense, choose_kind
from core.retrieval.dense_update import MAX_UNTRAINED, untrained_after, update_dense
from core.retrieval.manifest import PRODUCT_IDS, PRODUCTS, DenseRecord, IndexFile, content_damage, read_manifest
from core.retrieval.run_files import RunFiles
from core.retrieval.stable_ids import StableIds
from core.retrieval.vector_index import Vectors
from core.settings import SearchSettings
from labels.files import open_regular

if TYPE_CHECKING:
    import faiss


def read_exact(folder: Path) -> DenseIndex | None:
    """The saved exact index; None if there is none, or it is damaged.

    Args:
        folder: of the model's index files.
    """
    manifest = read_manifest(folder)
    if manifest is None or manifest.dense is not None or PRODUCTS not in manifest.files:
        return None
    with suppress(OSError):
        index = _read(folder / PRODUCTS, manifest.files[PRODUCTS])
        if index is not None and lists_of(index) is None:
            return DenseIndex(index.reconstruct_n(0, index.ntotal))
    return None


def open_or_build(
    folder: Path,
    vectors: Vectors,
    queries: NDArray[np.float32],
    search: SearchSettings,
    reporter: Reporter,
    files: RunFiles | None = None,
    origin: NDArray[np.int64] | None = None,
    *,
    trained: bool = False,
) -> DenseIndex:
    """The dense index of these vectors. An exact one is in memory; an approximate one is opened if a run has saved it.

    One of other vectors is updated if it is known how they differ.

    Args:
        folder: of the model's index files.
        vectors: unit vectors of the products, shape (products, dimensions).
        queries: unit vectors of the queries, shape (queries, dimensions), which measure the recall.
        search: kind and recall.
        reporter: receives the progress, and a message about a damaged file.
        files: of the run; an approximate index is kept there, and memory-mapped.
        origin: position in the saved index of each product, shape (products,); -1 for one that is new or has changed.
            None if that is not known.
        trained: whether an index of which products came or left since it was trained is built again.
    """
    kind = choose_kind(search.index, vectors)
    if kind == "flat":
        return DenseIndex(vectors)
    wanted = wanted_record(vectors, kind, search.recall)
    unfinished = files.folder if files is not None else None
    for place in filter(None, (folder, unfinished)):
        if (index := _open(place, vectors, wanted, kind, reporter)) is not None and not (trained and index.is_updated):
            return index
    index = None if origin is None else _updated(folder, vectors, queries, wanted, kind, origin, reporter)
    if index is None:
        index = build_dense(vectors, kind, recall=search.recall, queries=queries, reporter=reporter)
        if index.kind == kind:
            index.record = replace(wanted, probes=index.effort.probes, shortlist=index.effort.shortlist)
    if index.record is not None and files is not None and unfinished is not None:
        index.save(unfinished / PRODUCTS)
        if index.ids is not None:
            files.record(PRODUCT_IDS)
        files.record(PRODUCTS, index.record)
        return _open(unfinished, vectors, wanted, kind, reporter) or index
    return index


def wanted_record(vectors: Vectors, kind: KindName, recall: float) -> DenseRecord:
    """The record of an index of these vectors, whatever its search parameters.

    Args:
        vectors: shape (products, dimensions).
        kind: of the index.
        recall: the target.
    """
    products, dimensions = vectors.shape
    return DenseRecord(kind, products, dimensions, _digest(vectors), recall, probes=0, shortlist=0)


def _updated(
    folder: Path,
    vectors: Vectors,
    queries: NDArray[np.float32],
    wanted: DenseRecord,
    kind: KindName,
    origin: NDArray[np.int64],
    reporter: Reporter,
) -> DenseIndex | None:
    """The saved index with what has changed; None if it has to be trained again, or is damaged."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.dense is None or PRODUCTS not in manifest.files:
        return None
    record = manifest.dense
    if not wanted.is_of(replace(record, products=wanted.products, vectors=wanted.vectors)):
        return None
    untrained = untrained_after(record, origin)
    if untrained > MAX_UNTRAINED * wanted.products or origin.max(initial=-1) >= record.products:
        return None
    found = _read_dense(folder, manifest.files[PRODUCTS], record, kind, is_mapped=False)
    if found is None:
        return None
    index = update_dense(*found, record, kind=kind, origin=origin, vectors=vectors, queries=queries, reporter=reporter)
    if index is not None and index.ids is not None:
        probes, shortlist = index.effort.probes, index.effort.shortlist
        updated = replace(wanted, probes=probes, shortlist=shortlist, untrained=untrained)
        index.record = updated.with_ids(index.ids.digest)
    return index


def _open(folder: Path, vectors: Vectors, wanted: DenseRecord, kind: KindName, reporter: Reporter) -> DenseIndex | None:
    """The saved index; None if there is none of these vectors, or it is damaged."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.dense is None or PRODUCTS not in manifest.files:
        return None
    record = manifest.dense
    if not record.is_of(wanted):
        return None
    found = _read_dense(folder, manifest.files[PRODUCTS], record, kind, is_mapped=True)
    if found is None:
        reporter.message(f"In {folder}: {PRODUCTS} is missing, damaged or of another index. It is built again.")
        return None
    index, ids = found
    effort = Effort(record.probes, record.shortlist)
    opened = DenseIndex(vectors, index, kind=kind, effort=effort, file=folder / PRODUCTS, ids=ids)
    opened.record = record
    return opened


def _read_dense(
    folder: Path, expected: IndexFile, record: DenseRecord, kind: KindName, *, is_mapped: bool
) -> "tuple[faiss.Index, StableIds | None] | None":
    """The saved approximate index and the ids of its products; None if either is missing, damaged or another one."""
    ids = None
    with suppress(OSError, DamagedError, *ARRAY_ERRORS):
        if record.ids:
            ids = StableIds.load(folder / PRODUCT_IDS)
            if ids.digest != record.ids:
                return None
        index = _read(folder / PRODUCTS, expected, is_mapped=is_mapped)
        if index is not None and _fits(index, ids, record, kind):
            return index, ids
    return None


def _fits(index: "faiss.Index", ids: StableIds | None, record: DenseRecord, kind: KindName) -> bool:
    # A graph has no lists, and keeps the nodes of products that left; all other approximate kinds have lists.
    is_graph = lists_of(index) is None
    count = index.ntotal if ids is None or not is_graph else len(ids.ids)
    of_vectors = (count, index.d) == (record.products, record.dimensions)
    return of_vectors and is_graph == (kind == "hnsw") and (ids is None or len(ids.ids) == record.products)


def _read(path: Path, expected: IndexFile, *, is_mapped: bool = True) -> "faiss.Index | None":
    """The FAISS index in a file; None if it is not the expected one. Inverted lists are memory-mapped, if asked for.

    FAISS trusts what it reads, so that it gets no file before its checksum is known.

    Raises:
        OSError: the file cannot be read.
    """
    import faiss

    with open_regular(path, follow_links=False) as file:
        if content_damage(file, expected):
            return None
        file.seek(0)
        try:
            # By its descriptor: another file may be at the path by now.
            flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if is_mapped else 0
            return faiss.read_index(f"/dev/fd/{file.fileno()}", flags)
        except RuntimeError:
            return None


def _digest(vectors: Vectors) -> str:
    digest = hashlib.sha256()
    for _, block in blocks(vectors):
        digest.update(block.data)
    return digest.hexdigest()
