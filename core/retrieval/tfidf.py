"""TF-IDF vectors of short texts, by way of their distinct words.

Each word is analysed once, however often it occurs. Catalogues repeat themselves: 24,600 listings hold 350,000 words,
but 41,000 distinct ones. The counts per text are then a product of two sparse matrices, whose entries are weighted.

The weights of one corpus can be kept and applied to other texts, whose vectors then do not depend on each other: the
same text has the same vector, to the last bit, whatever texts are beside it.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Analyser = Callable[[str], Iterable[str]]

#: Entries and rows of a matrix that are processed at once: intermediate results take a few 10 MiB, not a multiple of
#: the matrix.
_BLOCK, _BLOCK_ROWS = 2**20, 2**14


@dataclass(frozen=True)
class TermWeights:
    """The terms of a corpus and their inverse document frequencies (IDF), in the order of the columns.

    Attributes:
        terms: the terms, without white space at a line's end.
        idf: float32, shape (terms,).
        unseen: IDF of a term that the corpus lacks, as if one text had it; 0 leaves such terms out.
    """

    terms: list[str]
    idf: NDArray[np.float32]
    unseen: float

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each term."""
        return {term: column for column, term in enumerate(self.terms)}

    def of(self, terms: Iterable[str]) -> NDArray[np.float64]:
        """The weights of some terms, shape (terms,)."""
        columns = self.columns
        found = [self.idf[columns[term]] if term in columns else self.unseen for term in terms]
        return np.array(found, np.float64)

    def closed(self) -> "TermWeights":
        """The same weights, with unseen terms left out."""
        return TermWeights(self.terms, self.idf, 0.0)


class Texts:
    """Texts as counts of their whitespace-separated words."""

    def __init__(self, **sides: Sequence[str]) -> None:
        """Count the words of several named lists of texts, over one vocabulary."""
        vocabulary: dict[str, int] = {}
        self._counts = {name: _counted((text.split() for text in texts), vocabulary) for name, texts in sides.items()}
        self._words = list(vocabulary) or [""]

    def vectors(
        self,
        analyse: Analyser,
        fit: Sequence[str],
        others: Sequence[str] = (),
        *,
        min_df: int = 1,
        weights: TermWeights | None = None,
    ) -> tuple[list[csr_matrix], TermWeights]:
        """TF-IDF vectors of length 1, tf being 1 + ln(count).

        Args:
            analyse: splits a word into the terms that are counted, such as its character n-grams.
            fit: names of the lists from which document frequencies are counted.
            others: names of further lists to turn into vectors.
            min_df: terms in fewer texts are left out, unless that leaves none.
            weights: of another corpus, which replace those of `fit`; its terms are the first columns.

        Returns:
            one matrix for each of `fit` and `others`; the weights of its columns.
        """
        names = (*fit, *others)
        if weights is None:
            found: dict[str, int] = {}
            terms = _counted(map(analyse, self._words), found)
        else:
            terms, weights = _with_weights(map(analyse, self._words), weights)
        counts = {name: (widen(self._counts[name], len(self._words)) @ terms).tocsr() for name in names}
        if weights is None:
            frequency = np.sum([_frequencies(counts[name]) for name in fit], axis=0)
            frequent = frequency >= min_df
            selective = min_df > 1 and bool(frequent.any())
            if selective:
                counts = {name: matrix[:, frequent] for name, matrix in counts.items()}
                frequency = frequency[frequent]
            kept = np.array([*found, *[""] * (terms.shape[1] - len(found))], object)
            kept = kept[frequent] if selective else kept
            texts = sum(counts[name].shape[0] for name in fit)
            weights = TermWeights(kept.tolist(), _idf(texts, frequency), 0.0 if selective else float(_idf(texts, 1)))
        return [_weighted_by_rarity(counts[name], weights.idf) for name in names], weights


def _frequencies(counts: csr_matrix) -> NDArray[np.int64]:
    """The number of texts that have each term, shape (terms,)."""
    found = np.zeros(counts.shape[1], np.int64)
    for start in range(0, len(counts.indices), _BLOCK):
        found += np.bincount(counts.indices[start : start + _BLOCK], minlength=len(found))
    return found


def _idf(texts: int, frequency: NDArray[np.int64] | int) -> NDArray[np.float32]:
    """The smoothed IDF, as if one more text had every term."""
    return np.asarray(np.log((1 + texts) / (1 + np.asarray(frequency))) + 1, np.float32)


def _with_weights(lists: Iterable[Iterable[str]], weights: TermWeights) -> tuple[csr_matrix, TermWeights]:
    """The counts of the terms of each word, and their weights.

    Unseen terms are further columns, sorted, so that vectors are reproducible.
    """
    known = len(weights.terms)
    if not weights.unseen:
        # Nothing that grows with the vocabulary: a single query takes less than a millisecond.
        columns = weights.columns
        return widen(
            _counted(([term for term in terms if term in columns] for terms in lists), columns), known
        ), weights
    columns = dict(weights.columns)
    counts = _counted(lists, columns)
    found = list(columns)
    counts = widen(counts, max(len(found), known))
    order = sorted(range(known, len(found)), key=lambda column: found[column])
    unseen = np.full(len(order), weights.unseen, np.float32)
    return counts[:, [*range(known), *order]], TermWeights(
        [*weights.terms, *(found[column] for column in order)],
        np.concatenate([weights.idf[:known], unseen]),
        weights.unseen,
    )


def _weighted_by_rarity(counts: csr_matrix, idf: NDArray[np.float32]) -> csr_matrix:
    """Counts as vectors of length 1; the matrix itself is changed, in blocks, since it may take most of the memory."""
    counts.sort_indices()
    for start in range(0, counts.shape[0], _BLOCK_ROWS):
        starts = counts.indptr[start : start + _BLOCK_ROWS + 1]
        block = slice(starts[0], starts[-1])
        weights = (1 + np.log(counts.data[block])) * idf[counts.indices[block]]
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        lengths = np.sqrt(np.bincount(rows, weights.astype(float) ** 2, len(starts) - 1))
        counts.data[block] = weights / lengths[rows]
    return counts


def character_ngrams(low: int, high: int) -> Callable[[str], list[str]]:
    """An analyser that splits a word, padded with a space at each end, into n-grams of `low` to `high` characters."""

    def analyse(word: str) -> list[str]:
        padded = f" {word} "
        found: list[str] = []
        for length in range(low, high + 1):
            found += [padded[i : i + length] for i in range(max(1, len(padded) - length + 1))]
            if length >= len(padded):
                break  # a short word counts once
        return found

    return analyse


def _counted(lists: Iterable[Iterable[str]], vocabulary: dict[str, int]) -> csr_matrix:
    """The count matrix, shape (lists, vocabulary); new items are appended to the vocabulary."""
    columns, starts = array("i"), array("q", [0])
    for items in lists:
        columns.extend([vocabulary.setdefault(item, len(vocabulary)) for item in items])
        starts.append(len(columns))
    indices, ones = np.array(columns, np.int32), np.ones(len(columns), np.float32)
    matrix = csr_matrix((ones, indices, np.array(starts)), shape=(len(starts) - 1, max(len(vocabulary), 1)))
    matrix.sum_duplicates()
    return matrix


def widen(matrix: csr_matrix, columns: int) -> csr_matrix:
    """The same rows, resized to a vocabulary that has grown since."""
    matrix.resize((matrix.shape[0], max(columns, 1)))
    return matrix
