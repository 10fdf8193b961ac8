"""TF-IDF vectors of short texts, by way of their distinct words.

Each word is analysed once, however often it occurs. Catalogues repeat themselves: 24,600 listings hold 350,000 words,
but 41,000 distinct ones. The counts per text are then a product of two sparse matrices, whose entries are weighted.

The weights of one corpus can be kept and applied to other texts, whose vectors then do not depend on each other: the
same text has the same vector, to the last bit, whatever texts are beside it.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Analyser = Callable[[str], Iterable[str]]
#: Gives the columns of the known terms of a word, and its other terms.
Reader = Callable[[str], tuple["array[int]", tuple[str, ...]]]

#: Words whose terms are remembered, for each kind of terms: 8 MiB of n-grams, and most words of any title.
_REMEMBERED_WORDS = 2**14

#: Entries and rows of a matrix that are processed at once: intermediate results take a few 10 MiB, not a multiple of
#: the matrix.
_BLOCK, _BLOCK_ROWS = 2**20, 2**14


@dataclass(frozen=True)
class TermWeights:
    """The terms of a corpus and their inverse document frequencies (IDF), in the order of the columns.

    Attributes:
        terms: the terms, without white space at a line's end.
        idf: float32, shape (terms + further,).
        unseen: IDF of a term that the corpus lacks, as if one text had it; 0 leaves such terms out.
        further: terms of other texts that the corpus lacks, the last columns.
    """

    terms: list[str]
    idf: NDArray[np.float32]
    unseen: float
    further: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each term."""
        return {term: column for column, term in enumerate(self.terms)}

    def term(self, column: int) -> str:
        """The term of a column."""
        known = len(self.terms)
        return self.terms[column] if column < known else self.further[column - known]

    @cached_property
    def are_numbers(self) -> NDArray[np.bool_]:
        """Which of `terms` begin with a digit, shape (terms,)."""
        return begin_with_digits(self.terms)

    def extended(self, further: Sequence[str]) -> "TermWeights":
        """The same weights with further terms, which the corpus lacks."""
        if not further:
            return self
        unseen = np.full(len(further), self.unseen, np.float32)
        return TermWeights(self.terms, np.concatenate([self.idf, unseen]), self.unseen, tuple(further))

    def reader(self, analyse: Analyser) -> "Reader":
        """What gives the terms of a word; it remembers words, since catalogues repeat them."""
        if analyse not in self._readers:
            self._readers[analyse] = lru_cache(_REMEMBERED_WORDS)(
                partial(_read, analyse, self.columns, bool(self.unseen))
            )
        return self._readers[analyse]

    @cached_property
    def _readers(self) -> dict[Analyser, "Reader"]:
        return {}

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

    def __init__(self, **sides: Iterable[str]) -> None:
        """Count the words of several named lists of texts, over one vocabulary."""
        vocabulary = _vocabulary()
        self._counts = {name: _counted((text.split() for text in texts), vocabulary) for name, texts in sides.items()}
        self._words = list(vocabulary) or [""]

    def vectors(
        self,
        analyse: Analyser,
        fit: Sequence[str],
        others: Sequence[str] = (),
        *,
        min_df: int = 1,
    ) -> tuple[list[csr_matrix], TermWeights]:
        """TF-IDF vectors of length 1, tf being 1 + ln(count), with the weights of these texts.

        Args:
            analyse: splits a word into the terms that are counted, such as its character n-grams.
            fit: names of the lists from which document frequencies are counted.
            others: names of further lists to turn into vectors.
            min_df: terms in fewer texts are left out, unless that leaves none.

        Returns:
            one matrix for each of `fit` and `others`; the weights of its columns.
        """
        names = (*fit, *others)
        found = _vocabulary()
        terms = _counted(map(analyse, self._words), found)
        counts = {name: self._terms_of(name, terms) for name in names}
        frequency = np.sum([_frequencies(counts[name]) for name in fit], axis=0)
        weights, frequent = self._fitted(found, frequency, fit, min_df)
        if frequent is not None:
            counts = {name: matrix[:, frequent] for name, matrix in counts.items()}
        return [_weighted_by_rarity(counts[name], weights.idf) for name in names], weights

    def weights(self, analyse: Analyser, fit: Sequence[str], *, min_df: int = 1) -> TermWeights:
        """The weights alone, as of `vectors`; the texts are counted in blocks."""
        found = _vocabulary()
        terms = _counted(map(analyse, self._words), found)
        frequency = np.zeros(terms.shape[1], np.int64)
        for name in fit:
            for start in range(0, self._counts[name].shape[0], _BLOCK_ROWS):
                frequency += _frequencies(self._terms_of(name, terms, slice(start, start + _BLOCK_ROWS)))
        return self._fitted(found, frequency, fit, min_df)[0]

    def _terms_of(self, name: str, terms: csr_matrix, rows: slice = slice(None)) -> csr_matrix:
        """The count of each term in some texts of a list, from those in each word."""
        return (widen(self._counts[name], len(self._words))[rows] @ terms).tocsr()

    def _fitted(
        self, found: dict[str, int], frequency: NDArray[np.int64], fit: Sequence[str], min_df: int
    ) -> tuple[TermWeights, NDArray[np.bool_] | None]:
        """The weights of terms by the number of texts that have each, and which are counted; None for all."""
        frequent = frequency >= min_df
        selective = min_df > 1 and bool(frequent.any())
        names = np.array([*found, *[""] * (len(frequency) - len(found))], object)
        if selective:
            names, frequency = names[frequent], frequency[frequent]
        texts = sum(self._counts[name].shape[0] for name in fit)
        unseen = 0.0 if selective else float(_idf(texts, 1))
        return TermWeights(names.tolist(), _idf(texts, frequency), unseen), frequent if selective else None


def _frequencies(counts: csr_matrix) -> NDArray[np.int64]:
    """The number of texts that have each term, shape (terms,)."""
    found = np.zeros(counts.shape[1], np.int64)
    for start in range(0, len(counts.indices), _BLOCK):
        found += np.bincount(counts.indices[start : start + _BLOCK], minlength=len(found))
    return found


def _idf(texts: int, frequency: NDArray[np.int64] | int) -> NDArray[np.float32]:
    """The smoothed IDF, as if one more text had every term."""
    return np.asarray(np.log((1 + texts) / (1 + np.asarray(frequency))) + 1, np.float32)


def begin_with_digits(terms: Sequence[str]) -> NDArray[np.bool_]:
    """Which terms begin with a digit, shape (terms,)."""
    return np.array([term[:1].isdigit() for term in terms], bool)


def _read(
    analyse: Analyser, columns: dict[str, int], keeps_unseen: bool, word: str
) -> tuple["array[int]", tuple[str, ...]]:
    """The columns of the terms of a word, and those that the corpus lacks, unless they are left out."""
    terms = list(analyse(word))
    found = [*map(columns.get, terms)]
    known = array("i", [column for column in found if column is not None])
    if not keeps_unseen or len(known) == len(terms):
        return known, ()
    return known, tuple(term for term, column in zip(terms, found, strict=True) if column is None)


def vectors_by(weights: TermWeights, analyse: Analyser, *lists: Iterable[str]) -> tuple[list[csr_matrix], TermWeights]:
    """TF-IDF vectors of texts with the weights of another corpus, as of `Texts.vectors`.

    Unseen terms are further columns, sorted, so that vectors are reproducible. Nothing takes longer with more terms in
    the corpus.

    Args:
        weights: of the corpus; its terms are the first columns.
        analyse: as the weights were made with.
        lists: of texts.

    Returns:
        one matrix for each list; the weights of its columns.
    """
    read, count = weights.reader(analyse), len(weights.terms)
    columns, starts, ends = array("i"), array("q", [0]), [0]
    found = _vocabulary()
    for texts in lists:
        for text in texts:
            for known, unseen in map(read, text.split()):
                columns.extend(known)
                if unseen:
                    columns.extend([count + found[term] for term in unseen])
            starts.append(len(columns))
        ends.append(len(starts) - 1)
    further = sorted(found)
    places = np.empty(len(further), np.int32)
    places[[found[term] for term in further]] = np.arange(count, count + len(further))
    indices = np.array(columns, np.int32)
    new = indices >= count
    indices[new] = places[indices[new] - count]
    extended = weights.extended(further)
    matrix = _weighted_by_rarity(_count_matrix(indices, starts, len(extended.idf)), extended.idf)
    return [_rows(matrix, start, end) for start, end in pairwise(ends)], extended


def _rows(matrix: csr_matrix, start: int, end: int) -> csr_matrix:
    """Some rows of a matrix, which share its memory."""
    starts = matrix.indptr[start : end + 1]
    part = slice(starts[0], starts[-1])
    return csr_matrix((matrix.data[part], matrix.indices[part], starts - starts[0]), (end - start, matrix.shape[1]))


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


def _vocabulary() -> defaultdict[str, int]:
    """A vocabulary that numbers new items when they are looked up."""
    vocabulary: defaultdict[str, int] = defaultdict()
    vocabulary.default_factory = vocabulary.__len__
    return vocabulary


def _counted(lists: Iterable[Iterable[str]], vocabulary: defaultdict[str, int]) -> csr_matrix:
    """The count matrix, shape (lists, vocabulary); new items are appended to the vocabulary."""
    columns, starts = array("i"), array("q", [0])
    for items in lists:
        columns.extend([vocabulary[item] for item in items])
        starts.append(len(columns))
    return _count_matrix(np.array(columns, np.int32), starts, len(vocabulary))


def _count_matrix(columns: NDArray[np.int32], starts: "array[int]", width: int) -> csr_matrix:
    """The count matrix of lists of columns one after another, given where each starts; shape (lists, width)."""
    ones = np.ones(len(columns), np.float32)
    matrix = csr_matrix((ones, columns, np.array(starts)), shape=(len(starts) - 1, max(width, 1)))
    matrix.sum_duplicates()
    return matrix


def widen(matrix: csr_matrix, columns: int) -> csr_matrix:
    """The same rows, resized to a vocabulary that has grown since."""
    matrix.resize((matrix.shape[0], max(columns, 1)))
    return matrix
