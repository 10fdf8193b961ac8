"""Neighbour features: rank and margin of a pair among all candidates of its query and all queries of its candidate.

A high similarity means little where ten other products are as similar, and much where none is. Ranks and margins come
from lexical similarity alone, which needs no labels and no encoder: training an encoder on a pair does not change them.
"""

from collections.abc import Iterator
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.matching.features.base import Feature, dots

#: Ranks are counted up to this one.
MAX_RANK = 50
#: Queries compared with all products at once, fewer if there are many products.
_BLOCK = 256
#: Scores held at once: 128 MB, and some times as much while they are sorted.
_MAX_SCORES = 2**25


class NeighbourFeatures:
    """The highest similarities of each query and of each product."""

    def __init__(self, name: str, description: str, sides: list[csr_matrix]) -> None:
        """Compare every query with every product.

        Args:
            name: prefix of the feature names.
            description: what is compared, in words.
            sides: unit vectors of the queries, and of the products.
        """
        self.features = (
            Feature(
                f"{name}_lead", "cosine", f"Margin over the query's best other candidate by {description}", "rivals"
            ),
            Feature(
                f"{name}_lead_back",
                "cosine",
                f"Margin over the candidate's best other query by {description}",
                "rivals",
            ),
            Feature(f"{name}_place", "rank", f"The candidate's rank for the query by {description}", "rivals"),
            Feature(f"{name}_place_back", "rank", f"The query's rank for the candidate by {description}", "rivals"),
        )
        self._sides = sides
        self._best, self._best_back, self._nearest = _best(sides)
        self._counts_queries = True

    def with_queries(self, sides: list[csr_matrix]) -> Self:
        """The same for other queries, each beside those from which the rivals of the products come.

        Args:
            sides: unit vectors of the queries, and of the same products.
        """
        other = copy(self)
        other._sides = sides
        other._best = np.zeros((sides[0].shape[0], MAX_RANK), np.float32)
        for rows, scores in _score_blocks(*sides):
            other._best[rows] = _top(scores)
        other._best = _best_first(other._best)
        other._counts_queries = False
        return other

    def mutual(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the queries and products that are each other's nearest neighbour."""
        best = self._best[:, 0]
        queries = np.flatnonzero((best > 0) & (self._best_back[self._nearest, 0] <= best + _EPSILON))
        return queries, self._nearest[queries]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        scores = dots(self._sides[0][rows], self._sides[1][columns])
        forth, rank = _margin_and_rank(scores, self._best[rows])
        back, rank_back = _margin_and_rank(scores, self._best_back[columns], counted=self._counts_queries)
        return [forth, back, rank, rank_back]


#: Sums in another order differ in the last digits.
_EPSILON = 1e-5


def _margin_and_rank(
    scores: NDArray[np.float32], best: NDArray[np.float32], *, counted: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The margin to the best other score, and the rank from 1; each of shape (n,).

    Args:
        scores: of the pairs, shape (n,).
        best: the highest scores of each pair's row, best first, shape (n, MAX_RANK).
        counted: whether the scores are among the highest scores themselves.
    """
    first = (scores >= best[:, 0] - _EPSILON) & counted
    margin = scores - np.where(first, best[:, 1], best[:, 0])
    rank = (best > scores[:, None] + _EPSILON).sum(axis=1) + 1
    return margin.astype(np.float32), rank.astype(np.float32)


def _best(
    sides: list[csr_matrix],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """The highest scores of each query over the products, and of each product over the queries, best first.

    Returns:
        shapes (queries, MAX_RANK) and (products, MAX_RANK), padded with 0; and the index of each query's nearest
        product, shape (queries,).
    """
    left, right = sides
    forth = np.zeros((left.shape[0], MAX_RANK), np.float32)
    back = np.zeros((right.shape[0], MAX_RANK), np.float32)
    nearest = np.zeros(left.shape[0], np.int64)
    for rows, scores in _score_blocks(left, right):
        nearest[rows] = scores.argmax(axis=1)
        forth[rows] = _top(scores)
        back = _top(np.concatenate([back, scores.T], axis=1))
    return _best_first(forth), _best_first(back), nearest


def _score_blocks(left: csr_matrix, right: csr_matrix) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """The scores of all queries with all products, shape (block, products), with the rows of each block."""
    transposed = right.T.tocsr()
    size = max(1, min(_BLOCK, _MAX_SCORES // max(1, right.shape[0])))
    for start in range(0, left.shape[0], size):
        rows = slice(start, min(start + size, left.shape[0]))
        yield rows, (left[rows] @ transposed).toarray()


def _top(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The `MAX_RANK` highest of each row in any order, padded with 0."""
    if scores.shape[1] < MAX_RANK:
        return np.pad(scores, ((0, 0), (0, MAX_RANK - scores.shape[1])))
    return np.partition(scores, scores.shape[1] - MAX_RANK, axis=1)[:, -MAX_RANK:]


def _best_first(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = -np.sort(-scores, axis=1)
    return found
