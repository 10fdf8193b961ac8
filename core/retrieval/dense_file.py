"""The file of a dense index: the vectors of an exact one; an approximate one, opened if it is of these vectors."""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Reporter
from core.retrieval.dense import DenseIndex, Effort, KindName, blocks, lists_of
from core.retrieval.dense_kinds import build_dense, choose_kind
from core.retrieval.manifest import PRODUCTS, DenseRecord, IndexFile, content_damage, read_manifest
from core.retrieval.run_files import RunFiles
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
) -> DenseIndex:
    """The dense index of these vectors. An exact one is in memory; an approximate one is opened if a run has saved it.

    Args:
        folder: of the model's index files.
        vectors: unit vectors of the products, shape (products, dimensions).
        queries: unit vectors of the queries, shape (queries, dimensions), which measure the recall.
        search: kind and recall.
        reporter: receives the progress, and a message about a damaged file.
        files: of the run; an approximate index is kept there, and memory-mapped.
    """
    kind = choose_kind(search.index, vectors)
    if kind == "flat":
        return DenseIndex(vectors)
    products, dimensions = vectors.shape
    wanted = DenseRecord(kind, products, dimensions, _digest(vectors), search.recall, probes=0, shortlist=0)
    unfinished = files.folder if files is not None else None
    for place in filter(None, (folder, unfinished)):
        if (index := _open(place, vectors, wanted, kind, reporter)) is not None:
            return index
    index = build_dense(vectors, kind, recall=search.recall, queries=queries, reporter=reporter)
    if index.kind == kind:
        index.record = _with_effort(wanted, index.effort)
        if files is not None and unfinished is not None:
            index.save(unfinished / PRODUCTS)
            files.record(PRODUCTS, index.record)
            return _open(unfinished, vectors, wanted, kind, reporter) or index
    return index


def _with_effort(record: DenseRecord, effort: Effort) -> DenseRecord:
    return replace(record, probes=effort.probes, shortlist=effort.shortlist)


def _open(folder: Path, vectors: Vectors, wanted: DenseRecord, kind: KindName, reporter: Reporter) -> DenseIndex | None:
    """The saved index; None if there is none of these vectors, or it is damaged."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.dense is None or PRODUCTS not in manifest.files:
        return None
    effort = Effort(manifest.dense.probes, manifest.dense.shortlist)
    if manifest.dense != _with_effort(wanted, effort):
        return None
    index = None
    with suppress(OSError):
        index = _read(folder / PRODUCTS, manifest.files[PRODUCTS])
    if index is None or not _fits(index, wanted, kind):
        reporter.message(f"In {folder}: {PRODUCTS} is missing, damaged or of another index. It is built again.")
        return None
    opened = DenseIndex(vectors, index, kind=kind, effort=effort, file=folder / PRODUCTS)
    opened.record = manifest.dense
    return opened


def _fits(index: "faiss.Index", wanted: DenseRecord, kind: KindName) -> bool:
    # A graph has no lists; all other approximate kinds have.
    of_vectors = (index.ntotal, index.d) == (wanted.products, wanted.dimensions)
    return of_vectors and (lists_of(index) is None) == (kind == "hnsw")


def _read(path: Path, expected: IndexFile) -> "faiss.Index | None":
    """The FAISS index in a file, inverted lists memory-mapped; None if it is not the expected one.

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
            return faiss.read_index(f"/dev/fd/{file.fileno()}", faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        except RuntimeError:
            return None


def _digest(vectors: Vectors) -> str:
    digest = hashlib.sha256()
    for _, block in blocks(vectors):
        digest.update(block.data)
    return digest.hexdigest()
