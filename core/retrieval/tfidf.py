"""TF-IDF vectors of short texts, by way of their distinct words.

Each word is analysed once, however often it occurs. Catalogues repeat themselves: 24,600 listings hold 350,000 words,
but 41,000 distinct ones. The counts per text are then a product of two sparse matrices, whose entries are weighted.

The weights of one corpus can be kept and applied to other texts, whose vectors then do not depend on each other: the
same text has the same vector, to the last bit, whatever texts are beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

Analyser = Callable[[str], Iterable[str]]


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
        found = {} if weights is None else {term: column for column, term in enumerate(weights.terms)}
        terms = _counted((analyse(word) for word in self._words), found)
        if weights is not None:
            terms, weights = _extended(terms, list(found), weights)
        counts = {name: (widen(self._counts[name], len(self._words)) @ terms).tocsr() for name in names}
        if weights is None:
            fitted = vstack([counts[name] for name in fit], format="csr")
            frequency = np.bincount(fitted.indices, minlength=fitted.shape[1])
            frequent = frequency >= min_df
            selective = min_df > 1 and bool(frequent.any())
            if selective:
                counts = {name: matrix[:, frequent] for name, matrix in counts.items()}
                frequency = frequency[frequent]
            kept = np.array([*found, *[""] * (terms.shape[1] - len(found))], object)
            kept = kept[frequent] if selective else kept
            texts = fitted.shape[0]
            weights = TermWeights(kept.tolist(), _idf(texts, frequency), 0.0 if selective else float(_idf(texts, 1)))
        return [_weighted_by_rarity(counts[name], weights.idf) for name in names], weights


def _idf(texts: int, frequency: NDArray[np.int64] | int) -> NDArray[np.float32]:
    """The smoothed IDF, as if one more text had every term."""
    return np.asarray(np.log((1 + texts) / (1 + np.asarray(frequency))) + 1, np.float32)


def _extended(terms: csr_matrix, found: list[str], weights: TermWeights) -> tuple[csr_matrix, TermWeights]:
    """The terms of the words with unseen terms as further columns, sorted, so that vectors are reproducible."""
    known = len(weights.terms)
    terms = widen(terms, max(len(found), known))
    if not weights.unseen:
        return terms[:, :known], weights
    order = sorted(range(known, len(found)), key=lambda column: found[column])
    unseen = np.full(len(order), weights.unseen, np.float32)
    return terms[:, [*range(known), *order]], TermWeights(
        [*weights.terms, *(found[column] for column in order)],
        np.concatenate([weights.idf[:known], unseen]),
        weights.unseen,
    )


def _weighted_by_rarity(counts: csr_matrix, idf: NDArray[np.float32]) -> csr_matrix:
    """Counts as vectors of length 1."""
    counts.sort_indices()
    weights = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, weights.astype(float) ** 2, counts.shape[0]))
    counts.data = (weights / lengths[rows]).astype(np.float32)
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
    columns = [[vocabulary.setdefault(item, len(vocabulary)) for item in items] for items in lists]
    starts = np.cumsum([0, *map(len, columns)])
    indices = np.fromiter(chain.from_iterable(columns), np.int32, count=int(starts[-1]))
    ones = np.ones(len(indices), np.float32)
    matrix = csr_matrix((ones, indices, starts), shape=(len(columns), max(len(vocabulary), 1)))
    matrix.sum_duplicates()
    return matrix


def widen(matrix: csr_matrix, columns: int) -> csr_matrix:
    """The same rows, resized to a vocabulary that has grown since."""
    matrix.resize((matrix.shape[0], max(columns, 1)))
    return matrix
