"""Search in sparse vectors by an inverted index: for each term the rows that have it, with their weights.

The scores of a query are added up term by term in one array over all rows, so that the memory of a search is that of
this array, and its time the number of postings (pairs of a term of the query and a row). Common terms have most of the
postings and the lowest weights. Figures: docs/explanation/scale.md.
"""

import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from core.retrieval.array_file import Arrays, array_matrix, matrix_arrays

try:
    # The loop of scipy's own product, which has no public name.
    from scipy.sparse._sparsetools import csc_matvec
except ImportError:  # pragma: no cover - a later scipy
    csc_matvec = None

#: Largest number of rows for which every search is exact.
MAX_EXACT = 50_000
#: With more rows, the postings per row that are read for a query: product titles have 2.5 on average, and 4 million
#: take 9 ms. Of a query with more, the most common terms are left out, and the best rows are scored again by all terms.
_POSTINGS_PER_ROW = 4
#: Rows that are scored again: the minimum, and the number for each result.
_SHORTLIST = 2_000
_SHORTLIST_PER_RESULT = 4
#: Rows whose scores are added up at once: 0.5 MiB, which stays in the cache of a core.
_BLOCK = 2**17
#: Postings per term from which those of a query are added up where they are, as they always are of several blocks: the
#: product of scipy copies them first. Of many, the copy takes 40 % of the time; of few, a call for each term is slower.
_MIN_IN_PLACE = 2**10
#: Rows of which the highest score is computed to find a threshold: few enough for many groups, and many for few.
_GROUP = 64


class InvertedIndex:
    """An inverted index of the rows of a sparse float32 matrix."""

    def __init__(self, rows: csr_matrix, columns: csc_matrix | None = None) -> None:
        """Wrap a matrix.

        Args:
            rows: shape (rows, terms), with sorted indices.
            columns: the same by columns; by default, the first search makes it.
        """
        self.rows = rows
        self._columns = columns

    @cached_property
    def columns(self) -> csc_matrix:
        """The matrix by columns: the postings of each term."""
        return self.rows.tocsc() if self._columns is None else self._columns

    @cached_property
    def frequencies(self) -> NDArray[np.int64]:
        """The number of postings of each term, shape (terms,)."""
        return np.asarray(np.diff(self.columns.indptr), np.int64)

    def search(
        self, queries: csr_matrix, depth: int, *, rows: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The rows with the highest scores.

        Args:
            queries: shape (queries, terms).
            depth: results per query, at most the number of rows.
            rows: only these, ascending; None is all.

        Returns:
            indices of rows and their scores, both of shape (queries, depth), best first; equal scores by their index.
        """
        found = np.empty((queries.shape[0], depth), np.int64)
        scores = np.empty((queries.shape[0], depth), np.float32)
        for i in range(queries.shape[0]):
            found[i], scores[i] = self._search(*terms_of(queries, i), depth, rows)
        return found, scores

    def scores(self, terms: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The score of every row, shape (rows,).

        Args:
            terms: of the query, ascending.
            weights: of the terms, float32 as the result.
        """
        return self._scores(terms, weights, lambda count: np.zeros(count, np.float32))

    def _scores(
        self,
        terms: NDArray[np.int32],
        weights: NDArray[np.float32],
        zeros: Callable[[int], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """As `scores`; `zeros` gives an array for them."""
        count, enough = self.rows.shape[0], _MIN_IN_PLACE * len(terms)
        if csc_matvec is None or (count <= _BLOCK and self.frequencies[terms].sum() < enough):
            scores: NDArray[np.float32] = self.columns[:, terms] @ weights
            return scores
        return self._added(terms, weights, zeros(count))

    def _added(
        self, terms: NDArray[np.int32], weights: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The scores, of which all are 0 before, to the last bit as the product: in a row, the order is the same."""
        count, postings = len(scores), self.columns
        edges = np.arange(0, count + _BLOCK, _BLOCK).astype(postings.indices.dtype)
        parts = []
        for term, weight in zip(terms.tolist(), weights[:, None], strict=True):
            part = slice(postings.indptr[term], postings.indptr[term + 1])
            rows = postings.indices[part]
            parts.append((rows, postings.data[part], weight, rows.searchsorted(edges).tolist()))
        ends = np.zeros(2, edges.dtype)
        for block in range(len(edges) - 1):
            for rows, values, weight, cuts in parts:
                start, end = cuts[block], cuts[block + 1]
                if start < end:
                    ends[1] = end - start
                    csc_matvec(count, 1, ends, rows[start:end], values[start:end], weight, scores)
        return scores

    def _search(
        self, terms: NDArray[np.int32], weights: NDArray[np.float32], depth: int, rows: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        counted = self._counted_terms(terms)
        if len(counted) == len(terms):
            return _highest_of(rows, self._scores(terms, weights, _zeros), depth)
        size = min(self.rows.shape[0] if rows is None else len(rows), max(_SHORTLIST, _SHORTLIST_PER_RESULT * depth))
        shortlist, _ = _highest_of(rows, self._scores(terms[counted], weights[counted], _zeros), size)
        query = np.zeros(self.rows.shape[1], np.float32)
        query[terms] = weights
        shortlist.sort()
        places, scores = highest(self.rows[shortlist] @ query, depth)
        return shortlist[places], scores

    def _counted_terms(self, terms: NDArray[np.int32]) -> NDArray[np.int64]:
        """Which terms of a query are searched: all, or the rarest."""
        frequencies = self.frequencies[terms]
        limit = _POSTINGS_PER_ROW * self.rows.shape[0]
        if self.rows.shape[0] <= MAX_EXACT or frequencies.sum() <= limit:
            return np.arange(len(terms))
        order = np.argsort(frequencies, kind="stable")
        fitting = int(np.searchsorted(np.cumsum(frequencies[order]), limit, side="right"))
        return np.sort(order[: max(1, fitting)])

    def to_arrays(self, name: str) -> Arrays:
        """As arrays, for a file: a large matrix also by columns, so that nothing is computed before a search."""
        found = matrix_arrays(name, self.rows)
        if self.rows.shape[0] > MAX_EXACT:
            found |= matrix_arrays(f"{name}.columns", self.columns.T)
        return found

    @classmethod
    def from_arrays(cls, name: str, arrays: Arrays) -> "InvertedIndex":
        """The index of `to_arrays`.

        Raises:
            KeyError, ValueError: the arrays are others.
        """
        saved = f"{name}.columns.data" in arrays
        return cls(array_matrix(name, arrays), array_matrix(f"{name}.columns", arrays).T if saved else None)


_thread = threading.local()


def _zeros(count: int) -> NDArray[np.float32]:
    """An array of zeros that the next search of the thread overwrites: 4 MB of new memory take the system 0.7 ms."""
    array: NDArray[np.float32] | None = getattr(_thread, "array", None)
    if array is None or len(array) < count:
        array = _thread.array = np.empty(count, np.float32)
    array[:count] = 0
    return array[:count]


def terms_of(queries: csr_matrix, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The terms of one query and their weights."""
    part = slice(queries.indptr[row], queries.indptr[row + 1])
    return queries.indices[part], queries.data[part]


def _highest_of(
    rows: NDArray[np.int64] | None, scores: NDArray[np.float32], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As `highest`, of some rows or of all."""
    if rows is None:
        return highest(scores, depth)
    places, found = highest(scores[rows], depth)
    return rows[places], found


def highest(scores: NDArray[np.float32], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The highest scores, best first, equal ones by their index.

    Args:
        scores: not negative, shape (n,); most may be 0.
        depth: number of results, at most n.

    Returns:
        indices and scores, of shape (depth,).
    """
    threshold = _kth_highest(_group_maxima(scores), depth)
    found = np.flatnonzero(scores >= threshold if threshold > 0 else scores)
    found = found[scores[found] >= _kth_highest(scores[found], depth)]
    if len(found) < depth:
        found = np.concatenate([found, np.flatnonzero(scores == 0)[: depth - len(found)]])
    order = np.lexsort((found, -scores[found]))[:depth]
    return found[order], scores[found[order]]


def _group_maxima(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The maximum of each group of scores: the k-th highest of them is at most the k-th highest score.

    A group is every n-th score, so that maxima are computed for many groups at once, and near-duplicates which were
    imported one after another are in different groups.
    """
    groups = len(scores) // _GROUP
    maxima: NDArray[np.float32] = scores[: groups * _GROUP].reshape(_GROUP, groups).max(axis=0)
    return maxima


def _kth_highest(scores: NDArray[np.float32], k: int) -> float:
    """The k-th highest score; 0 if there are fewer."""
    return float(np.partition(scores, len(scores) - k)[len(scores) - k]) if len(scores) >= k > 0 else 0.0
