"""A feature: one named number about a pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

#: The group of features that are no reason by themselves, such as the length of a title.
OTHER = "other"

#: Texts are compared character by character up to here: two titles as long as a book would take minutes.
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Feature:
    """What one column of the evidence says.

    Attributes:
        name: the column's name.
        unit: what it is counted in: `cosine`, `share`, `log ratio`, `rank` …
        meaning: one line for people.
        group: what it is about; features of one group are told in the same words, and those of `OTHER` never.
    """

    name: str
    unit: str
    meaning: str
    group: str


class FeatureGroup(Protocol):
    """One kind of evidence over a fixed list of queries and a fixed list of products."""

    @property
    def features(self) -> Sequence[Feature]:
        """The columns, in order."""
        ...

    def of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """One array for each feature, each of shape (n,), about pairs of queries and products by their places.

        NaN where nothing is known: missing is not zero.
        """
        ...


def dots(left: csr_matrix, right: csr_matrix) -> NDArray[np.float32]:
    """The dot product of each row with the row beside it, shape (n,)."""
    products: NDArray[np.float32] = np.asarray(left.multiply(right).sum(axis=1), dtype=np.float32).ravel()
    return products


def row_sums(matrix: csr_matrix) -> NDArray[np.float32]:
    """The sum of each row, shape (n,)."""
    sums: NDArray[np.float32] = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    return sums


def row_maxima(matrix: csr_matrix) -> NDArray[np.float32]:
    """The greatest entry of each row, 0 for an empty one, shape (n,). Entries must not be negative."""
    maxima = np.zeros(matrix.shape[0], np.float32)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        maxima[filled] = np.maximum.reduceat(matrix.data, matrix.indptr[filled])
    return maxima


def incidence(sets: Sequence[Iterable[object]], vocabulary: dict[object, int]) -> csr_matrix:
    """One row per set, 1 where it holds the vocabulary's item.

    Args:
        sets: hashable items. What is not in the vocabulary yet is added to it, at the next column.
        vocabulary: item → column; shared by the two sides of a comparison.
    """
    starts, columns = [0], []
    for items in sets:
        columns.extend(sorted({vocabulary.setdefault(item, len(vocabulary)) for item in items}))
        starts.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    return csr_matrix((ones, columns, starts), shape=(len(sets), max(len(vocabulary), 1)))


def widen(matrix: csr_matrix, columns: int) -> csr_matrix:
    """The same rows over a vocabulary that has grown since."""
    matrix.resize((matrix.shape[0], max(columns, 1)))
    return matrix
