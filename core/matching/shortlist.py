"""The shortlist: the candidates that are kept for each query, selected from a larger pool.

Variants of one product (colours, sizes, packs) are more than a query has places, and their texts are nearly equal:
fused similarity cannot tell which one is meant, features of sizes, packs and numbers can. Six in ten places go to the
best of the pool as retrieved, the others to the best of the rest by the packaged prior.

Measured before any label: on two messy catalogues with up to 36 variants per product (`make bench-messy`) hit@10 rises
from 0.939 to 1.000 and hit@1 from 0.914 to 0.961; on Walmart-Amazon hit@10 stays at 1.000, where all ten places by the
prior give 0.995.
"""

import hashlib
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.jobs.progress import Reporter
from core.matching.features.builder import DIFFERENCE_COLUMNS, CorpusFeatures, large_statistics
from core.matching.features.statistics import CorpusStatistics
from core.matching.learners import Linear, Scale
from core.matching.prior import PRIOR_FILE, packaged_prior
from core.retrieval.array_file import Arrays
from core.retrieval.run_files import RunFiles
from core.retrieval.search_results import Ranked, rank_within
from core.settings import Settings
from core.toml_file import toml_text
from core.workspace import Workspace

#: Candidates retrieved per candidate kept. On the messy catalogues hit@10 is 0.986 with two, 0.997 with three.
POOL_FACTOR = 5
#: Share of the kept candidates that the retrieval order alone decides.
_RETRIEVED_SHARE = 0.6
#: Pairs whose features are in memory at once; the first of these blocks sets the scale of the prior.
_BLOCK = 12_800
#: Pairs whose features are kept from block to block of an index run: 0.1 GB. Where another block would be too many, all
#: earlier ones are dropped.
_MAX_KEPT = 2**18


class KnownFeatures:
    """The features of pairs, which are looked up, but for the differences, which are computed for those asked."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        vectors: NDArray[np.float32],
        differences: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
    ) -> None:
        """Keep the features of pairs.

        Args:
            rows: of the queries, shape (n,).
            columns: of the products, shape (n,).
            vectors: shape (n, features).
            differences: computes the columns `DIFFERENCE_COLUMNS` of pairs, by rows and columns.
        """
        self._differences = differences
        self._columns = int(columns.max(initial=0)) + 1
        keys = rows * self._columns + columns
        order = np.argsort(keys)
        self._keys, self._vectors = keys[order], vectors[order]

    def compute(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        _: NDArray[np.float32],
        *,
        differences: bool = True,
    ) -> NDArray[np.float32]:
        """The features of some of the pairs, in the form of `CorpusFeatures.compute`."""
        found = self._vectors[np.searchsorted(self._keys, rows * self._columns + columns)]
        if len(found) and differences:
            found[:, DIFFERENCE_COLUMNS] = self._differences(rows, columns)
        return found

    def has(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some pairs are known, shape (n,)."""
        known = columns < self._columns
        known[known] = np.isin(rows[known] * self._columns + columns[known], self._keys)
        return known


class Shortlist:
    """Selects the `k` candidates of each query that are kept.

    Attributes:
        features: of the corpus; with the statistics of the last full run after `restore`.
    """

    def __init__(self, features: CorpusFeatures, k: int) -> None:
        self.features = features
        self._k = k
        self._kept: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
        self._keeps = False
        self._learner: Linear | None = None

    @property
    def size(self) -> int:
        """The number of candidates to retrieve."""
        return self._k * POOL_FACTOR

    @property
    def scored(self) -> KnownFeatures | None:
        """The features of pairs that were scored with the statistics of a full run, and are kept; None before."""
        statistics = self.features.statistics
        if not self._kept or statistics is None:
            return None
        rows, columns, vectors = (np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        return KnownFeatures(rows, columns, vectors, partial(self.features.differences, statistics))

    @property
    def fingerprint(self) -> str:
        """A hash of everything the selection depends on besides pools and products."""
        return shortlist_fingerprint(self.features.workspace, self.features.settings, self._k)

    def score(
        self, rows: NDArray[np.int64], positions: NDArray[np.int64], cosines: NDArray[np.float32], reporter: Reporter
    ) -> NDArray[np.float32]:
        """The prior's score of each pair, shape (n,).

        Args:
            rows: of the queries in the corpus.
            positions: of the products.
            cosines: by the encoder.
            reporter: receives progress in pairs.
        """
        reporter.stage("select the candidates", total=len(rows))
        part_of_corpus = self.features.part(rows, positions)
        kept = np.empty((len(rows) if self._keeps else 0, len(self.features.names)), np.float32)
        scores, done = np.empty(len(rows), np.float32), 0
        blocks = max(-(-len(rows) // _BLOCK), 1)
        for first in range(blocks):
            # Every block has pairs of all parts of the corpus, so that the first is a fair sample of its scale.
            part = slice(first, None, blocks)
            # The prior gives the differences no weight: they are computed for the candidates alone.
            vectors = part_of_corpus.compute(rows[part], positions[part], cosines[part], differences=False)
            if self._learner is None:
                self._learner = packaged_prior().learner(self.features.names, vectors)
            scores[part] = self._learner.scores(vectors)
            if self._keeps:
                kept[part] = vectors
            done += len(vectors)
            reporter.advance(done)
        if self._keeps:
            if sum(len(known) for known, _, _ in self._kept) + len(rows) > _MAX_KEPT:
                self._kept.clear()
            self._kept.append((rows, positions, kept))
        return scores

    def choose(self, pool: Ranked, scores: NDArray[np.float32]) -> Ranked:
        """The selected results of each query, in retrieval order, ranked from 1.

        Args:
            pool: the best results of each query.
            scores: of the pool, by the prior.
        """
        first = round(self._k * _RETRIEVED_SHARE)
        chosen = pool.rank <= first
        rest = np.flatnonzero(~chosen)
        rest = rest[np.lexsort((pool.rank[rest], -scores[rest], pool.rows[rest]))]
        chosen[rest[rank_within(pool.rows[rest]) <= self._k - first]] = True
        return pool.part(chosen)

    def with_queries(self, queries: Sequence[Product]) -> "Shortlist":
        """The shortlist of other queries, with the statistics and the scale of this one."""
        other = copy(self)
        other.features = self.features.with_queries(queries)
        other._keeps, other._kept = True, []
        return other

    def prepare(self, files: RunFiles, reporter: Reporter) -> None:
        """Compute the statistics of the corpus, so that only the listings of scored pairs are prepared.

        Args:
            files: of the index run.
            reporter: receives the progress.
        """
        own = self.features
        statistics = large_statistics(own.corpus, own.vocabulary, files, reporter)
        self.features = replace(own, statistics=statistics)

    def to_arrays(self) -> Arrays:
        """The statistics of the corpus, and the scale of the prior."""
        if self._learner is None:  # no query has a pool
            return {}
        scale = {"prior.centre": self._learner.scale.centre, "prior.spread": self._learner.scale.spread}
        statistics = self.features.statistics or self.features.builder.statistics
        return {**statistics.to_arrays(), **scale}

    def restore(self, arrays: Arrays) -> None:
        """Use the statistics and the scale of the last full run.

        Raises:
            ValueError, KeyError, TypeError, IndexError: the arrays are others.
        """
        statistics = CorpusStatistics.from_arrays(arrays)
        learner = packaged_prior().learner(self.features.names, np.zeros((0, len(self.features.names)), np.float32))
        scale = Scale(np.asarray(arrays["prior.centre"], float), np.asarray(arrays["prior.spread"], float))
        if scale.centre.shape != learner.weights.shape or scale.spread.shape != learner.weights.shape:
            raise ValueError("the scale of other features")
        self._learner = replace(learner, scale=scale)
        self.features = replace(self.features, statistics=statistics)
        self._keeps = True


def shortlist_fingerprint(workspace: Workspace, settings: Settings, k: int) -> str:
    """A hash of everything a selection depends on besides pools and products."""
    path = workspace.vocabulary
    vocabulary = toml_text(path) if path.exists() else ""
    prior = PRIOR_FILE.read_text(encoding="utf-8")
    parts = (prior, vocabulary, settings.match.store_brands, k, POOL_FACTOR, _RETRIEVED_SHARE)
    return hashlib.sha256(repr(parts).encode()).hexdigest()
