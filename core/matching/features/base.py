"""Features and feature groups, and the sparse-matrix helpers that the groups share.

Sets and weights of many products are sparse matrices, so that pairs are compared in compiled code.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from scipy.sparse import csr_matrix, hstack

#: The group of features that never explain a probability, such as the length of a title.
OTHER = "other"

#: Characters compared of one text: two titles as long as a book would take minutes.
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix.

    Attributes:
        name: the column's name.
        unit: the unit: `cosine`, `share`, `log ratio`, `rank` …
        meaning: one line for people.
        group: the subject; all features of one group share the same explanations, those of `OTHER` have none.
    """

    name: str
    unit: str
    meaning: str
    group: str


class FeatureGroup(Protocol):
    """Related features over a fixed list of queries and a fixed list of products."""

    @property
    def features(self) -> Sequence[Feature]:
        """The columns, in order."""
        ...

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """One array per feature, each of shape (n,), NaN where unknown: missing is not zero.

        Args:
            rows: indices of the pairs' queries, shape (n,).
            columns: indices of the pairs' products, shape (n,).
        """
        ...


#: Pairs from which several threads compare faster than one: to start them takes longer than to compare a hundred.
_MANY_PAIRS = 2_000


def compare_texts(left: Sequence[str], right: Sequence[str], scorer: Any) -> NDArray[np.float32]:
    """What one of rapidfuzz's scorers says of each pair of texts, shape (n,)."""
    workers = -1 if len(left) >= _MANY_PAIRS else 1
    scores: NDArray[np.float32] = process.cpdist(left, right, scorer=scorer, workers=workers, dtype=np.float32)
    return scores


class SmallSets:
    """Sets of a few items, of the queries and of the products; most are empty."""

    def __init__(self, sides: Sequence[Sequence[frozenset[str]]]) -> None:
        self._sets = sides
        self._sizes = [np.array([len(items) for items in side], np.float32) for side in sides]

    def compare(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """The number of items that are in both sets, in the query's, and in the product's; each of shape (n,)."""
        of_query, of_product = self._sizes[0][rows], self._sizes[1][columns]
        shared = np.zeros(len(rows), np.float32)
        both = np.flatnonzero((of_query > 0) & (of_product > 0))
        queries, products = self._sets
        pairs = zip(rows[both].tolist(), columns[both].tolist(), strict=True)
        shared[both] = [len(queries[row] & products[column]) for row, column in pairs]
        return shared, of_query, of_product


def dots(left: csr_matrix, right: csr_matrix) -> NDArray[np.float32]:
    """The row-wise dot product, shape (n,)."""
    products: NDArray[np.float32] = np.asarray(left.multiply(right).sum(axis=1), dtype=np.float32).ravel()
    return products


class RowDots:
    """Row-wise dot products of several pairs of matrices, in one pass over all of them."""

    def __init__(self, left: Sequence[csr_matrix], right: Sequence[csr_matrix]) -> None:
        """Join the matrices.

        Args:
            left: of the queries, one a pair.
            right: of the products, one a pair, with the columns of the one on the left.
        """
        self._starts = np.cumsum([0, *(matrix.shape[1] for matrix in left)])
        self._sides = [hstack(side, format="csr") for side in (left, right)]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """As `dots`, for each pair of matrices.

        Args:
            rows: of the left ones, shape (n,).
            columns: rows of the right ones, shape (n,).
        """
        shared = self._sides[0][rows].multiply(self._sides[1][columns])
        count = len(self._starts) - 1
        pair = np.searchsorted(self._starts, shared.indices, side="right") - 1
        place = np.repeat(np.arange(len(rows)) * count, np.diff(shared.indptr)) + pair
        found = np.zeros(len(rows) * count, np.float32)
        if len(place):
            first = np.flatnonzero(np.diff(place, prepend=-1))
            found[place[first]] = np.add.reduceat(shared.data, first)
        return list(found.reshape(len(rows), count).T)


def row_sums(matrix: csr_matrix) -> NDArray[np.float32]:
    """The sum of each row, shape (n,)."""
    sums: NDArray[np.float32] = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    return sums


def row_maxima(matrix: csr_matrix) -> NDArray[np.float32]:
    """The maximum of each row, 0 for an empty one, shape (n,). Entries must not be negative."""
    maxima = np.zeros(matrix.shape[0], np.float32)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        maxima[filled] = np.maximum.reduceat(matrix.data, matrix.indptr[filled])
    return maxima


def incidence(sets: Iterable[Iterable[object]], vocabulary: dict[object, int]) -> csr_matrix:
    """The incidence matrix of sets, shape (sets, vocabulary): 1 where the set contains the item.

    Args:
        sets: hashable items; new ones are appended to the vocabulary.
        vocabulary: item → column; shared by the two sides of a comparison.
    """
    columns, starts = array("i"), array("q", [0])
    for items in sets:
        columns.extend(sorted({vocabulary.setdefault(item, len(vocabulary)) for item in items}))
        starts.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    parts = ones, np.array(columns, np.int32), np.array(starts, np.int64)
    return csr_matrix(parts, shape=(len(starts) - 1, max(len(vocabulary), 1)))
