"""The kinds of dense index: which suits how many vectors, how each is built, and how thoroughly it must be searched.

Figures on a million vectors of 384 dimensions: docs/explanation/scale.md.
"""

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Reporter
from core.retrieval.dense import DenseIndex, Effort, KindName, blocks, exact_search, lists_of
from core.retrieval.vector_index import Vectors

if TYPE_CHECKING:
    import faiss

#: Fewer vectors are searched exactly whatever the setting: nothing can be trained on them, and nothing is gained.
MIN_TRAINED = 2_000
#: Largest number of products for which `auto` is exact: a single search takes up to 5 ms, and exact search adds at most
#: 1 s to an index run with a tenth as many queries. At 100,000 products they are 10 ms and 4 s.
MAX_FLAT = 50_000
#: Share of the machine's memory that the vectors of an index may take before they are compressed further.
_MEMORY_SHARE = 0.25
#: Training vectors per inverted list: FAISS warns below 39, and uses no more than 256.
_TRAINING_PER_LIST = 40
#: Training vectors of the rotation and the product quantiser: 16 centroids each need no more.
_MIN_TRAINING = 65_536
_CODE_BITS = 4
#: Rounds in which the rotation is fitted; FAISS's default of 50 takes minutes and gives the same recall.
_ROTATION_ROUNDS = 10
#: Queries that measure the recall: its standard error is about 0.004 at 0.98.
MEASURED_QUERIES = 256
#: Neighbours per query in the recall, as in recall@10.
NEIGHBOURS = 10
#: Lengths of the shortlist that are tried; 0 is no ranking by exact vectors.
SHORTLISTS = (0, 20, 40, 80, 160, 320, 640)
#: Cost of a product of the shortlist, in products of the lists: 1 µs against 0.04 µs, of 384 dimensions in 8 bits.
_EXACT_COST = 25
#: Products that a graph search scores per place in its candidate list, roughly: the neighbours of a node.
_SCORED_PER_GRAPH_PROBE = 32
_MAX_GRAPH_PROBES = 2_048
#: Candidates for the neighbours of a new node. With FAISS's default of 40, and 16 neighbours, no effort reaches a
#: recall of 0.98 among a million vectors with near-duplicates.
_GRAPH_CONSTRUCTION = 128
_SEED = 11


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of index.

    Attributes:
        factory: FAISS's description, with the number of inverted lists and a third of the dimensions in braces.
        bytes: per vector in memory, by dimensions.
        shortlists: lengths of the shortlist worth trying.
    """

    factory: str
    bytes: Callable[[int], int]
    shortlists: tuple[int, ...] = SHORTLISTS

    def description(self, products: int, dimensions: int) -> str:
        """FAISS's description of an index of this number of vectors."""
        third = dimensions // 3
        return self.factory.format(lists=list_count(products), third=third, rotated=3 * third)


#: The kinds besides `flat`. An inverted list stores 8 bytes more per vector, its position.
KINDS: dict[KindName, Kind] = {
    # 32 neighbours per node, twice that in the lowest layer.
    "hnsw": Kind("HNSW32,SQ8", lambda d: d + 270),
    "ivf": Kind("IVF{lists},Flat", lambda d: 4 * d + 8, shortlists=(0,)),
    "sq8": Kind("IVF{lists},SQ8", lambda d: d + 8),
    # Four bits for three dimensions, searched with SIMD instructions.
    "ivfpq": Kind("OPQ{third}_{rotated},IVF{lists},PQ{third}x4fsr", lambda d: d // 6 + 8, SHORTLISTS[1:]),
}


def list_count(vectors: int) -> int:
    """Number of inverted lists: the power of two nearest to 3 √n, 4,096 for a million vectors."""
    return 1 << max(4, round(math.log2(3 * math.sqrt(vectors))))


def is_exact(setting: Literal["auto"] | KindName, products: int) -> bool:
    """Whether this number of products is searched exactly, whatever the dimensions."""
    return products < MIN_TRAINED or setting == "flat" or (setting == "auto" and products <= MAX_FLAT)


def choose_kind(setting: Literal["auto"] | KindName, vectors: Vectors) -> KindName:
    """The kind for these vectors.

    Args:
        setting: `search.index`.
        vectors: shape (products, dimensions).
    """
    products, dimensions = vectors.shape
    if is_exact(setting, products) or dimensions < 8:
        return "flat"
    if setting != "auto":
        return setting
    budget = _MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return "sq8" if products * KINDS["sq8"].bytes(dimensions) <= budget else "ivfpq"


@dataclass(frozen=True, slots=True)
class Truth:
    """Queries with their exact neighbours.

    Attributes:
        queries: unit vectors, shape (queries, dimensions).
        neighbours: positions, shape (queries, NEIGHBOURS).
    """

    queries: NDArray[np.float32]
    neighbours: NDArray[np.int64]

    @classmethod
    def sample(cls, vectors: Vectors, queries: NDArray[np.float32], count: int = MEASURED_QUERIES) -> "Truth":
        """A seeded sample of the queries with their exact neighbours among the vectors."""
        rows = np.random.default_rng(_SEED).permutation(len(queries))[:count]
        chosen = np.ascontiguousarray(queries[np.sort(rows)])
        return cls(chosen, exact_search(vectors, chosen, min(NEIGHBOURS, len(vectors)))[0])

    def recall(self, found: NDArray[np.int64]) -> tuple[float, float]:
        """Mean share of the exact neighbours that were found, and its standard error over the queries."""
        shares = [
            np.isin(row, hits[: self.neighbours.shape[1]]).mean()
            for row, hits in zip(self.neighbours, found, strict=True)
        ]
        return float(np.mean(shares)), float(np.std(shares) / np.sqrt(len(shares)))


def build_dense(
    vectors: Vectors, kind: KindName, *, recall: float, queries: NDArray[np.float32], reporter: Reporter
) -> DenseIndex:
    """Build an index, and set its effort to what the recall target takes.

    Args:
        vectors: unit vectors, shape (products, dimensions); read in blocks, so that they may be a memory map.
        kind: see `choose_kind`.
        recall: lowest recall@10 against exact search.
        queries: unit vectors to measure it with, shape (queries, dimensions).
        reporter: receives the progress in vectors, and a message if exact search has to be used.
    """
    if kind == "flat":
        return DenseIndex(vectors)
    index = DenseIndex(vectors, build(vectors, kind, reporter), kind=kind)
    reporter.stage("measure the recall")
    effort = find_effort(index, Truth.sample(vectors, queries), recall, efforts(index))
    if effort is None:
        reporter.message(f"No search parameters of {kind} reach a recall of {recall:g}: exact search is used.")
        return DenseIndex(vectors)
    index.effort = effort
    return index


def build(vectors: Vectors, kind: KindName, reporter: Reporter) -> "faiss.Index":
    """A trained FAISS index of the vectors, which are read in blocks."""
    import faiss

    products, dimensions = vectors.shape
    library: Any = faiss  # its stubs lack the rotation
    index = faiss.index_factory(dimensions, KINDS[kind].description(products, dimensions), faiss.METRIC_INNER_PRODUCT)
    if isinstance(index, faiss.IndexPreTransform):
        rotation = library.downcast_VectorTransform(library.downcast_index(index).chain.at(0))
        # Fitted to the quantiser of the codes; by default, to one of 8 bits, which takes minutes.
        quantizer = library.ProductQuantizer(rotation.d_out, rotation.M, _CODE_BITS)
        rotation.niter, rotation.pq = _ROTATION_ROUNDS, quantizer
    if kind == "hnsw":
        library.downcast_index(index).hnsw.efConstruction = _GRAPH_CONSTRUCTION
    reporter.stage("train the index")
    size = min(products, max(_MIN_TRAINING, _TRAINING_PER_LIST * list_count(products)))
    if lists := lists_of(index):
        # Otherwise FAISS writes a warning to the terminal where there are fewer vectors than it would like.
        lists.cp.min_points_per_centroid = 1
    sample = np.sort(np.random.default_rng(_SEED).permutation(products)[:size])
    index.train(np.ascontiguousarray(vectors[sample], np.float32))
    reporter.stage("build the index", total=products)
    for start, block in blocks(vectors):
        index.add(block)
        reporter.advance(start + len(block))
    return index


def efforts(index: DenseIndex) -> list[Effort]:
    """Efforts worth trying, the cheapest first.

    The cost is counted rather than timed, so that the same vectors give the same effort on a busy machine.
    """
    lists, products = lists_of(index.index), len(index.vectors)
    per_probe: float
    if lists is None:
        per_probe, limit = _SCORED_PER_GRAPH_PROBE, _MAX_GRAPH_PROBES
    else:
        per_probe, limit = products / lists.nlist, lists.nlist
    found = []
    for shortlist in KINDS[index.kind].shortlists:
        wanted = max(NEIGHBOURS, shortlist)
        probes = index.min_probes(wanted)
        steps = range(max(0, math.ceil(math.log2(limit / probes))) + 1)
        found += [
            (min(limit, probes << step) * per_probe, Effort(min(limit, probes << step), shortlist)) for step in steps
        ]
    found.sort(key=lambda each: each[0] + _EXACT_COST * each[1].shortlist)
    return [effort for _, effort in found]


class Adjustable(Protocol):
    """An index that is searched more or less thoroughly."""

    effort: Effort

    def search(self, queries: NDArray[np.float32], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `VectorIndex.search`."""


def find_effort(index: Adjustable, truth: Truth, recall: float, steps: Iterable[Effort]) -> Effort | None:
    """The first effort whose recall reaches the target by two standard errors; None if none does.

    Args:
        index: any.
        truth: measures the recall.
        recall: the target.
        steps: efforts, the cheapest first.
    """
    before = index.effort
    try:
        for effort in steps:
            index.effort = effort
            mean, error = truth.recall(index.search(truth.queries, NEIGHBOURS)[0])
            if mean - 2 * error >= recall:
                return effort
    finally:
        index.effort = before
    return None
