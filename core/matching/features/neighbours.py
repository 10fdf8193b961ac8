"""Evidence of the competition: is there a better candidate for this query, or a better query for this candidate?

A pair of like texts says little where ten others are as alike, and much where none is. Places and margins come from
the lexical similarity alone: it needs no labels and no encoder, so an encoder that was trained on a pair cannot make
that pair stand out.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.matching.features.base import Feature, dots

#: Places are counted up to here.
_DEPTH = 50
#: Queries compared with the whole catalogue at once; bounds memory at block × products × 4 bytes.
_BLOCK = 256


class NeighbourFeatures:
    """The best lexical similarities of each query and of each product."""

    def __init__(self, name: str, told: str, sides: list[csr_matrix]) -> None:
        """Compare every query with every product.

        Args:
            name: what the features are called after.
            told: what is compared, in words.
            sides: rows of length 1: the queries', and the products'.
        """
        self.features = (
            Feature(f"{name}_lead", "cosine", f"Ahead of the query's best other candidate by {told}", "rivals"),
            Feature(f"{name}_lead_back", "cosine", f"Ahead of the candidate's best other query by {told}", "rivals"),
            Feature(f"{name}_place", "rank", f"The candidate's place for the query by {told}", "rivals"),
            Feature(f"{name}_place_back", "rank", f"The query's place for the candidate by {told}", "rivals"),
        )
        self._sides = sides
        self._best, self._best_back, self._nearest = _best(sides)

    def mutual(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of the queries and products that are each other's most alike."""
        best = self._best[:, 0]
        queries = np.flatnonzero((best > 0) & (self._best_back[self._nearest, 0] <= best + _SAME))
        return queries, self._nearest[queries]

    def of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        scores = dots(self._sides[0][rows], self._sides[1][columns])
        forth, place = _against(scores, self._best[rows])
        back, place_back = _against(scores, self._best_back[columns])
        return [forth, back, place, place_back]


#: Sums in another order differ in the last digits.
_SAME = 1e-5


def _against(scores: NDArray[np.float32], best: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The lead over the best other score, and the place among the best."""
    first = scores >= best[:, 0] - _SAME
    lead = scores - np.where(first, best[:, 1], best[:, 0])
    place = (best > scores[:, None] + _SAME).sum(axis=1) + 1
    return lead.astype(np.float32), place.astype(np.float32)


def _best(
    sides: list[csr_matrix],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """The highest scores of each query over the products, and of each product over the queries, best first.

    Returns:
        shapes (queries, depth) and (products, depth), 0 where there are fewer; and the place of each query's most
        alike product, shape (queries,).
    """
    left, right = sides
    transposed = right.T.tocsr()
    forth = np.zeros((left.shape[0], _DEPTH), np.float32)
    back = np.zeros((right.shape[0], _DEPTH), np.float32)
    nearest = np.zeros(left.shape[0], np.int64)
    for start in range(0, left.shape[0], _BLOCK):
        block = (left[start : start + _BLOCK] @ transposed).toarray()
        nearest[start : start + len(block)] = block.argmax(axis=1)
        forth[start : start + len(block)] = _top(block)
        back = _top(np.concatenate([back, block.T], axis=1))
    return _best_first(forth), _best_first(back), nearest


def _top(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The `_DEPTH` highest of each row in any order, filled up with 0."""
    if scores.shape[1] < _DEPTH:
        return np.pad(scores, ((0, 0), (0, _DEPTH - scores.shape[1])))
    return np.partition(scores, scores.shape[1] - _DEPTH, axis=1)[:, -_DEPTH:]


def _best_first(scores: NDArray[np.float32]) -> NDArray[np.float32]:

    found: NDArray[np.float32] = -np.sort(-scores, axis=1)
    return found
