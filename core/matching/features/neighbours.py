"""Neighbour features: rank and margin of a pair among all candidates of its query and all queries of its candidate.

A high similarity means little where ten other products are as similar, and much where none is. Ranks and margins come
from lexical similarity alone, which needs no labels and no encoder: training an encoder on a pair does not change them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.jobs.progress import Reporter, Silent
from core.matching.features.base import Feature
from core.retrieval.inverted_index import InvertedIndex, highest, terms_of

#: Ranks are counted up to this one.
MAX_RANK = 50
#: Scores of queries with all products that are kept at once, 64 MiB, and the most queries of them.
_BLOCK_SCORES, _BLOCK_QUERIES = 2**24, 256
#: Products whose highest scores are updated at once; bounds memory at (MAX_RANK + queries of a block) × 4 bytes each.
_BLOCK_PRODUCTS = 2**16
#: Sums in another order differ in the last digits.
_EPSILON = 1e-5


@dataclass(frozen=True)
class Neighbourhood:
    """The neighbours of all queries and products of a corpus; each tuple is of the queries and of the products.

    Attributes:
        indexes: of the unit vectors of the texts, over the same columns.
        best: the highest similarities to the other side, best first, shape (n, MAX_RANK), padded with 0.
        nearest: index of the nearest one on the other side, shape (n,).
    """

    indexes: tuple[InvertedIndex, InvertedIndex]
    best: tuple[NDArray[np.float32], NDArray[np.float32]]
    nearest: tuple[NDArray[np.int64], NDArray[np.int64]]

    @classmethod
    def of(
        cls,
        vectors: tuple[csr_matrix, csr_matrix],
        own: NDArray[np.int64] | None = None,
        reporter: Reporter | None = None,
    ) -> "Neighbourhood":
        """Compare every query with every product.

        Args:
            vectors: unit vectors of the texts, sparse, over the same columns.
            own: which product each query is itself; -1 for none, as by default.
            reporter: receives the progress in queries.
        """
        indexes = InvertedIndex(vectors[0]), InvertedIndex(vectors[1])
        forth, back, nearest, nearest_back = _best_both(vectors[0], indexes[1], own, reporter or Silent())
        return cls(indexes, (forth, back), (nearest, nearest_back))

    def mutual(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the queries and products that are each other's nearest neighbour."""
        (forth, back), nearest = self.best, self.nearest[0]
        best = forth[:, 0]
        queries = np.flatnonzero((best > 0) & (back[nearest, 0] <= best + _EPSILON))
        return queries, nearest[queries]

    def look_up(
        self, side: int, vectors: csr_matrix, rows: NDArray[np.int64], own: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The highest similarities and the nearest one of each text, as in `best` and `nearest`.

        Args:
            side: 0 for queries, 1 for products.
            vectors: of the texts; columns beyond those of the corpus are unseen terms.
            rows: index of each text in the corpus; -1 for one that is not part of it.
            own: index of the same listing on the other side; -1 where it is not there.
        """
        best = np.zeros((len(rows), MAX_RANK), np.float32)
        nearest = np.full(len(rows), -1, np.int64)
        known, new = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        best[known], nearest[known] = self.best[side][rows[known]], self.nearest[side][rows[known]]
        others = self.indexes[1 - side]
        texts = vectors[new][:, : others.rows.shape[1]]
        for i, row in enumerate(new.tolist()):
            scores = others.scores(*terms_of(texts, i))
            if own[row] >= 0:
                scores[own[row]] = 0
            best[row], nearest[row] = _best(scores)
        return best, nearest


@dataclass(frozen=True)
class CorpusRows:
    """Indices in a corpus of queries and products, two arrays each; -1 where there is none.

    Attributes:
        content: of those with the same content.
        listing: of those with the same id, whatever their content.
        own: of those with the same id on the other side: products of the queries, and the reverse.
    """

    content: tuple[NDArray[np.int64], NDArray[np.int64]]
    listing: tuple[NDArray[np.int64], NDArray[np.int64]]
    own: tuple[NDArray[np.int64], NDArray[np.int64]]


def neighbour_features(name: str, description: str) -> tuple[Feature, ...]:
    """The columns.

    Args:
        name: prefix of the feature names.
        description: what is compared, in words.
    """
    return (
        Feature(f"{name}_lead", "cosine", f"Margin over the query's best other candidate by {description}", "rivals"),
        Feature(
            f"{name}_lead_back", "cosine", f"Margin over the candidate's best other query by {description}", "rivals"
        ),
        Feature(f"{name}_place", "rank", f"The candidate's rank for the query by {description}", "rivals"),
        Feature(f"{name}_place_back", "rank", f"The query's rank for the candidate by {description}", "rivals"),
    )


class NeighbourFeatures:
    """The highest similarities of each query and of each product within a corpus."""

    def __init__(
        self,
        vectors: tuple[csr_matrix, csr_matrix],
        corpus: Neighbourhood,
        rows: CorpusRows | None = None,
    ) -> None:
        """Look the queries and products up.

        Args:
            vectors: unit vectors of the queries, and of the products.
            corpus: the texts that a pair is compared with.
            rows: where the queries and products are in the corpus; by default they are the corpus.
        """
        if rows is None:
            self._best, self._nearest = corpus.best, corpus.nearest
            self._listing = np.arange(vectors[0].shape[0]), np.arange(vectors[1].shape[0])
        else:
            forth, back = (corpus.look_up(side, vectors[side], rows.content[side], rows.own[side]) for side in (0, 1))
            self._best, self._nearest = (forth[0], back[0]), (forth[1], back[1])
            self._listing = rows.listing

    def compute(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> list[NDArray[np.float32]]:
        """The columns, in the order of `neighbour_features`.

        Args:
            rows: indices of the pairs' queries, shape (n,).
            columns: indices of the pairs' products, shape (n,).
            scores: similarities of the pairs, shape (n,).
        """
        queries, products = self._listing[0][rows], self._listing[1][columns]
        forth, rank = _margin_and_rank(scores, self._best[0][rows], self._nearest[0][rows] == products)
        back, rank_back = _margin_and_rank(scores, self._best[1][columns], self._nearest[1][columns] == queries)
        return [forth, back, rank, rank_back]


def _margin_and_rank(
    scores: NDArray[np.float32], best: NDArray[np.float32], is_nearest: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The margin to the best other score, and the rank from 1; each of shape (n,).

    Args:
        scores: of the pairs, shape (n,).
        best: the highest scores of each pair's row, best first, shape (n, MAX_RANK).
        is_nearest: whether the best score is the pair's own, bool of shape (n,).
    """
    margin = scores - np.where(is_nearest, best[:, 1], best[:, 0])
    rank = (best > scores[:, None] + _EPSILON).sum(axis=1) + 1
    return margin.astype(np.float32), rank.astype(np.float32)


def _best(scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """The highest of the scores, best first, shape (MAX_RANK,), padded with 0; and the index of the first of them."""
    best = np.zeros(MAX_RANK, np.float32)
    count = min(MAX_RANK, len(scores))
    places, best[:count] = highest(scores, count)
    return best, int(places[0]) if count else 0


def _best_both(
    queries: csr_matrix, products: InvertedIndex, own: NDArray[np.int64] | None, reporter: Reporter
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """The highest scores of each query over the products, and the reverse, best first.

    No listing is a neighbour of itself: `own` is the right text of each left one's own listing, or -1.

    Returns:
        shapes (queries, MAX_RANK) and (products, MAX_RANK), padded with 0; and the index of the nearest one on the
        other side, shapes (queries,) and (products,).
    """
    count, others = queries.shape[0], products.rows.shape[0]
    forth, nearest = np.zeros((count, MAX_RANK), np.float32), np.zeros(count, np.int64)
    back, nearest_back = np.zeros((others, MAX_RANK), np.float32), np.zeros(others, np.int64)
    lowest_back, highest_back = np.zeros((2, others), np.float32)
    size = max(1, min(_BLOCK_SCORES // max(1, others), _BLOCK_QUERIES, count))
    block = np.empty((size, others), np.float32)
    for start in range(0, count, size):
        block = block[: count - start]
        for row, scores in enumerate(block, start):
            scores[:] = products.scores(*terms_of(queries, row))
            if own is not None and own[row] >= 0:
                scores[own[row]] = 0
            forth[row], nearest[row] = _best(scores)
        highest_of_block = block.max(axis=0)
        higher = np.flatnonzero(highest_of_block > highest_back)
        nearest_back[higher] = block[:, higher].argmax(axis=0) + start
        highest_back[higher] = highest_of_block[higher]
        changed = np.flatnonzero(highest_of_block > lowest_back)
        for first in range(0, len(changed), _BLOCK_PRODUCTS):
            part = changed[first : first + _BLOCK_PRODUCTS]
            back[part] = _top(np.concatenate([back[part], block[:, part].T], axis=1))
            lowest_back[part] = back[part].min(axis=1)
        reporter.advance(min(start + size, count))
    back.sort(axis=1)
    return forth, back[:, ::-1], nearest, nearest_back


def _top(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The `MAX_RANK` highest of each row in any order."""
    return np.partition(scores, scores.shape[1] - MAX_RANK, axis=1)[:, -MAX_RANK:]
