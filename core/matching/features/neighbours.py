"""Neighbour features: rank and margin of a pair among all candidates of its query and all queries of its candidate.

A high similarity means little where ten other products are as similar, and much where none is. Ranks and margins come
from lexical similarity alone, which needs no labels and no encoder: training an encoder on a pair does not change them.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.matching.features.base import Feature, dots

#: Ranks are counted up to this one.
MAX_RANK = 50
#: Queries compared with all products at once; bounds memory at block × products × 4 bytes.
_BLOCK = 256


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

    def mutual(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the queries and products that are each other's nearest neighbour."""
        best = self._best[:, 0]
        queries = np.flatnonzero((best > 0) & (self._best_back[self._nearest, 0] <= best + _EPSILON))
        return queries, self._nearest[queries]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        scores = dots(self._sides[0][rows], self._sides[1][columns])
        forth, rank = _margin_and_rank(scores, self._best[rows])
        back, rank_back = _margin_and_rank(scores, self._best_back[columns])
        return [forth, back, rank, rank_back]


#: Sums in another order differ in the last digits.
_EPSILON = 1e-5


def _margin_and_rank(
    scores: NDArray[np.float32], best: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The margin to the best other score, and the rank from 1; each of shape (n,).

    Args:
        scores: of the pairs, shape (n,).
        best: the highest scores of each pair's row, best first, shape (n, MAX_RANK).
    """
    first = scores >= best[:, 0] - _EPSILON
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
    transposed = right.T.tocsr()
    forth = np.zeros((left.shape[0], MAX_RANK), np.float32)
    back = np.zeros((right.shape[0], MAX_RANK), np.float32)
    nearest = np.zeros(left.shape[0], np.int64)
    for start in range(0, left.shape[0], _BLOCK):
        block = (left[start : start + _BLOCK] @ transposed).toarray()
        nearest[start : start + len(block)] = block.argmax(axis=1)
        forth[start : start + len(block)] = _top(block)
        back = _top(np.concatenate([back, block.T], axis=1))
    return _best_first(forth), _best_first(back), nearest


def _top(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The `MAX_RANK` highest of each row in any order, padded with 0."""
    if scores.shape[1] < MAX_RANK:
        return np.pad(scores, ((0, 0), (0, MAX_RANK - scores.shape[1])))
    return np.partition(scores, scores.shape[1] - MAX_RANK, axis=1)[:, -MAX_RANK:]


def _best_first(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = -np.sort(-scores, axis=1)
    return found
