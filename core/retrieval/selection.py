"""Selection of the candidates of each query from a larger pool of search results."""

from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Reporter
from core.retrieval.array_file import Arrays
from core.retrieval.fusion import Fusion
from core.retrieval.run_files import RunFiles
from core.retrieval.search_results import Ranked, SearchResults


class Selection(Protocol):
    """Strategy that selects the candidates from a larger pool."""

    @property
    def size(self) -> int:
        """Size of the pool per query."""

    @property
    def fingerprint(self) -> str:
        """Hash of all inputs of the selection besides pools and products."""

    def score(
        self, rows: NDArray[np.int64], positions: NDArray[np.int64], cosines: NDArray[np.float32], reporter: Reporter
    ) -> NDArray[np.float32]:
        """The score by which the pool is ordered, of each pair of a query and a product of the corpus, shape (n,)."""

    def choose(self, pool: Ranked, scores: NDArray[np.float32]) -> Ranked:
        """The selected results of each query."""

    def prepare(self, files: RunFiles, reporter: Reporter) -> None:
        """Compute what depends on the whole corpus, so that pairs can be scored in blocks.

        Args:
            files: of the run, for what is large.
            reporter: receives the progress.
        """

    def to_arrays(self) -> Arrays:
        """What is kept until the next full run, so that the same pair has the same score."""

    def restore(self, arrays: Arrays) -> None:
        """Use what the last full run has kept.

        Raises:
            ValueError, KeyError, TypeError, IndexError: the arrays are others.
        """


def select_candidates(
    fusion: Fusion,
    results: SearchResults,
    selection: Selection,
    reporter: Reporter,
    queries: NDArray[np.int64] | None = None,
) -> tuple[SearchResults, Ranked]:
    """Select the candidates from the pool of each query.

    Args:
        fusion: that found the results.
        results: of the queries.
        selection: over the same corpus.
        reporter: receives progress.
        queries: rows in the corpus of the queries; by default they are all queries of it.

    Returns:
        the results, with the scores of the selection; and the candidates.
    """
    pool = fusion.ranked(results, selection.size, queries)
    unscored = pool.entries[np.isnan(results.prior[pool.entries])]
    if len(unscored):
        rows = results.rows[unscored]
        rows = rows if queries is None else queries[rows]
        prior = results.prior.copy()
        prior[unscored] = selection.score(
            rows, results.positions[unscored].astype(np.int64), results.cosine[unscored], reporter
        )
        results = replace(results, prior=prior)
    return results, selection.choose(pool, results.prior[pool.entries])
