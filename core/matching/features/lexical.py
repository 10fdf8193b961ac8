"""Lexical features: shared character n-grams, words and numbers, weighted by inverse document frequency (IDF).

TF-IDF vectors are computed by way of the distinct words: each word is analysed once, however often it occurs.
Catalogues repeat themselves: 24,600 listings hold 350,000 words, but 41,000 distinct ones. The counts per text are then
a product of two sparse matrices, which scikit-learn's transformer weights.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from scipy.sparse import csr_matrix, vstack

from core.catalog.product import Product
from core.matching.features.base import (
    LONGEST,
    OTHER,
    ExtendedVocabulary,
    Feature,
    compare_texts,
    dots,
    row_maxima,
    row_sums,
    widen,
    widened,
)


class Texts:
    """Texts as counts of their whitespace-separated words."""

    def __init__(self, **sides: Sequence[str]) -> None:
        """Count the words of several named lists of texts, over one vocabulary."""
        vocabulary: dict[str, int] = {}
        self._counts = {name: _counted((text.split() for text in texts), vocabulary) for name, texts in sides.items()}
        self._words = list(vocabulary) or [""]

    def vectors(
        self,
        analyse: Callable[[str], Iterable[str]],
        fit: Sequence[str],
        others: Sequence[str] = (),
        *,
        min_df: int = 1,
    ) -> tuple[list[csr_matrix], NDArray[np.float32], list[str]]:
        """TF-IDF vectors of length 1, tf being 1 + ln(count).

        Args:
            analyse: splits a word into the terms that are counted, such as its character n-grams.
            fit: names of the lists from which document frequencies are counted.
            others: names of further lists to turn into vectors.
            min_df: terms in fewer texts are left out, unless that leaves none.

        Returns:
            one matrix for each of `fit` and `others`; the IDF of each term; the terms, in the order of the columns.
        """
        from sklearn.feature_extraction.text import TfidfTransformer

        found: dict[str, int] = {}
        terms = _counted((analyse(word) for word in self._words), found)
        counts = {name: (widen(self._counts[name], len(self._words)) @ terms).tocsr() for name in (*fit, *others)}
        names = np.array([*found, *[""] * (terms.shape[1] - len(found))], object)
        fitted = vstack([counts[name] for name in fit], format="csr")
        frequent = np.bincount(fitted.indices, minlength=fitted.shape[1]) >= min_df
        if min_df > 1 and frequent.any():
            counts = {name: matrix[:, frequent] for name, matrix in counts.items()}
            fitted, names = fitted[:, frequent], names[frequent]
        transformer = TfidfTransformer(sublinear_tf=True).fit(fitted)
        vectors = [transformer.transform(counts[name]) for name in (*fit, *others)]
        for matrix in vectors:
            matrix.sort_indices()
        return vectors, transformer.idf_.astype(np.float32), names.tolist()


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


@dataclass(frozen=True)
class FittedTerms:
    """The terms and document frequencies of `Texts.vectors`, for further texts.

    Attributes:
        analyse: splits a word into terms.
        names: the terms, in the order of the columns.
        rarity: the IDF of each term.
        closed: whether other terms are left out, as those in fewer than `min_df` texts are; else they count as the
            rarest, in columns after the others.
    """

    analyse: Callable[[str], Iterable[str]]
    names: Sequence[str]
    rarity: NDArray[np.float32]
    closed: bool = False

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {name: column for column, name in enumerate(self.names)}

    def vectors(self, *lists: Sequence[str]) -> tuple[list[csr_matrix], NDArray[np.float32], list[str]]:
        """TF-IDF vectors as those of `Texts.vectors`: a matrix for each list; IDF and name of every column."""
        from sklearn.feature_extraction.text import TfidfTransformer

        vocabulary = ExtendedVocabulary(self._columns)
        counts = [
            _counted((chain.from_iterable(map(self.analyse, t.split())) for t in texts), vocabulary) for texts in lists
        ]
        further = [] if self.closed else vocabulary.further
        rarest = np.full(len(further), self.rarity.max(initial=1.0), np.float32)
        transformer = TfidfTransformer(sublinear_tf=True)
        transformer.idf_ = np.concatenate([self.rarity, rarest])
        vectors = []
        for matrix in counts:
            widen(matrix, len(transformer.idf_))  # a closed vocabulary drops the terms that it lacks
            vectors.append(transformer.transform(matrix))
            vectors[-1].sort_indices()
        return vectors, transformer.idf_, [*self.names, *further]


def _counted(lists: Iterable[Iterable[str]], vocabulary: dict[str, int] | ExtendedVocabulary) -> csr_matrix:
    """The count matrix, shape (lists, vocabulary); new items are appended to the vocabulary."""
    columns = [[vocabulary.setdefault(item, len(vocabulary)) for item in items] for items in lists]
    starts = np.cumsum([0, *map(len, columns)])
    indices = np.fromiter(chain.from_iterable(columns), np.int32, count=int(starts[-1]))
    ones = np.ones(len(indices), np.float32)
    matrix = csr_matrix((ones, indices, starts), shape=(len(columns), max(len(vocabulary), 1)))
    matrix.sum_duplicates()
    return matrix


#: Letters and digits are separate words: `4gb`, `4 gb` and `4-gb` are the same two words.
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")

_SHARE = "share by rarity"
_SUM = "sum of rarities"


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case."""
    return _WORD.findall(text.lower())


class LexicalFeatures:
    """Texts of queries and products compared as TF-IDF vectors; the rarity of a word is its IDF."""

    features = (
        Feature("characters", "cosine", "Character 3-grams of title, brand and model number", "text"),
        Feature("title_characters", "cosine", "Character 2- to 4-grams of the titles", "text"),
        Feature("words", "cosine", "Words of title, brand and model number", "text"),
        Feature("title_words", "cosine", "Words of the titles", "text"),
        Feature("query_found", _SHARE, "Share of the query's text found in the candidate's", "query words"),
        Feature("candidate_found", _SHARE, "Share of the candidate's text found in the query's", "candidate words"),
        Feature("shared", _SUM, "Words of both texts", "text"),
        Feature("query_title_found", _SHARE, "Share of the query's title found in the candidate's", "query words"),
        Feature("candidate_title_found", _SHARE, "Share of the candidate's title found in the query's",
                "candidate words"),
        Feature("query_only", _SUM, "Words of the query's title that the candidate lacks", "query words"),
        Feature("candidate_only", _SUM, "Words of the candidate's title that the query lacks", "candidate words"),
        Feature("query_rarest", "rarity", "The rarest word of the query's title that the candidate lacks",
                "query words"),
        Feature("candidate_rarest", "rarity", "The rarest word of the candidate's title that the query lacks",
                "candidate words"),
        Feature("query_numbers_found", _SHARE, "Share of the numbers in the query's title found in the candidate's",
                "numbers"),
        Feature("candidate_numbers_found", _SHARE,
                "Share of the numbers in the candidate's title found in the query's", "numbers"),
        Feature("shared_numbers", _SUM, "Numbers of both titles", "numbers"),
        Feature("query_numbers_only", _SUM, "Numbers of the query's title that the candidate lacks", "numbers"),
        Feature("candidate_numbers_only", _SUM, "Numbers of the candidate's title that the query lacks", "numbers"),
        Feature("token_set", "share", "Similarity of the titles' sets of words (rapidfuzz token_set_ratio)", "text"),
        Feature("token_sort", "share", "Similarity of the titles' sorted words (rapidfuzz token_sort_ratio)", "text"),
        Feature("token_part", "share", "Similarity of the shorter title to a part of the longer (partial_ratio)",
                "text"),
        Feature("query_length", "characters", "Length of the query's title", OTHER),
        Feature("candidate_length", "characters", "Length of the candidate's title", OTHER),
        Feature("length_ratio", "log ratio", "Query's title length against the candidate's", OTHER),
    )  # fmt: skip

    def __init__(self, queries: Sequence[Product], products: Sequence[Product]) -> None:
        titles = _titles(queries), _titles(products)
        texts = Texts(
            queries=[_text(p) for p in queries],
            products=[_text(p) for p in products],
            query_titles=titles[0],
            product_titles=titles[1],
        )
        whole, in_titles = ("queries", "products"), ("query_titles", "product_titles")
        analysers = character_ngrams(3, 3), character_ngrams(2, 4)
        characters, rarity, names = texts.vectors(analysers[0], whole)
        self._characters = FittedTerms(analysers[0], names, rarity)
        title_characters, rarity, names = texts.vectors(analysers[1], in_titles, min_df=2)
        self._title_characters = FittedTerms(analysers[1], names, rarity, closed=True)
        by_word, rarity, names = texts.vectors(words, whole, in_titles)
        self._words = FittedTerms(words, names, rarity)
        self._query, self._product = (
            _Side.of(titles[i], characters[i], title_characters[i], by_word[i], by_word[2 + i], rarity, names)
            for i in range(2)
        )

    @property
    def characters(self) -> list[csr_matrix]:
        """The character vectors of the queries, and of the products."""
        return [self._query.characters, self._product.characters]

    @property
    def words(self) -> list[csr_matrix]:
        """The word vectors of the queries, and of the products."""
        return [self._query.words, self._product.words]

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """As `QueryFeatureGroup.with_queries`."""
        texts, titles = [_text(p) for p in queries], _titles(queries)
        (characters,), _, _ = self._characters.vectors(texts)
        (title_characters,), _, _ = self._title_characters.vectors(titles)
        (by_word, in_titles), rarity, names = self._words.vectors(texts, titles)
        other = copy(self)
        other._query = _Side.of(titles, characters, title_characters, by_word, in_titles, rarity, names)
        other._product = self._product.widened(characters.shape[1], by_word.shape[1])
        return other

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        query, product = self._query, self._product

        def cosine(one: csr_matrix, other: csr_matrix) -> NDArray[np.float32]:
            return dots(one[rows], other[columns])

        present, in_titles = (query.present, product.present), (query.present_in_title, product.present_in_title)
        query_found, candidate_found, shared, _, _ = overlap((query.rarity, product.rarity), present, rows, columns)
        in_title = overlap((query.title_rarity, product.title_rarity), in_titles, rows, columns)
        numbers = overlap((query.number_rarity, product.number_rarity), in_titles, rows, columns)
        left, right = [query.titles[r] for r in rows], [product.titles[c] for c in columns]
        lengths = query.lengths[rows], product.lengths[columns]
        return [
            cosine(query.characters, product.characters), cosine(query.title_characters, product.title_characters),
            cosine(query.words, product.words), cosine(query.title_words, product.title_words),
            query_found, candidate_found, shared,
            in_title[0], in_title[1], in_title[3], in_title[4],
            _rarest(query.title_rarity[rows], product.present[columns]),
            _rarest(product.title_rarity[columns], query.present[rows]),
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[4],
            *(compare_texts(left, right, scorer) / 100
              for scorer in (fuzz.token_set_ratio, fuzz.token_sort_ratio, fuzz.partial_ratio)),
            *lengths,
            np.log((lengths[0] + 1) / (lengths[1] + 1)),
        ]  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """The texts of the queries, or of the products, as vectors and as sets of words weighted by rarity."""

    titles: list[str]
    lengths: NDArray[np.float32]
    characters: csr_matrix
    title_characters: csr_matrix
    words: csr_matrix
    title_words: csr_matrix
    present: csr_matrix
    present_in_title: csr_matrix
    rarity: csr_matrix
    title_rarity: csr_matrix
    number_rarity: csr_matrix

    @classmethod
    def of(
        cls,
        titles: Sequence[str],
        characters: csr_matrix,
        title_characters: csr_matrix,
        by_word: csr_matrix,
        in_titles: csr_matrix,
        rarity: NDArray[np.float32],
        names: Sequence[str],
    ) -> "_Side":
        """A side from its vectors; rarity and name are those of each word."""
        present, present_in_title = binary(by_word), binary(in_titles)
        numbers = np.array([name[:1].isdigit() for name in names])
        return cls(
            titles=[title[:LONGEST] for title in titles],
            lengths=np.array([len(title) for title in titles], np.float32),
            characters=characters,
            title_characters=title_characters,
            words=by_word,
            title_words=in_titles,
            present=present,
            present_in_title=present_in_title,
            rarity=weighted(present, rarity),
            title_rarity=weighted(present_in_title, rarity),
            number_rarity=weighted(present_in_title, rarity * numbers),
        )

    def widened(self, characters: int, words: int) -> "_Side":
        """The same with this many columns of characters and of words."""
        by_word = ("words", "title_words", "present", "present_in_title", "rarity", "title_rarity", "number_rarity")
        wider = {name: widened(getattr(self, name), words) for name in by_word}
        return replace(self, characters=widened(self.characters, characters), **wider)


def _titles(products: Sequence[Product]) -> list[str]:
    return [p.title.lower() for p in products]


def _text(product: Product) -> str:
    return f"{product.title} {product.brand} {product.model}".lower()


def binary(matrix: csr_matrix) -> csr_matrix:
    """1 at every stored entry of the matrix."""
    found = matrix.copy()
    found.data = np.ones_like(found.data)
    return found


def weighted(present: csr_matrix, weights: NDArray[np.float32]) -> csr_matrix:
    """The weight of the column at every stored entry of the matrix."""
    found = present.copy()
    found.data = weights[present.indices]
    return found


def overlap(
    weights: Sequence[csr_matrix],
    present: Sequence[csr_matrix],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> tuple[NDArray[np.float32], ...]:
    """The overlap of weighted sets, five arrays of shape (n,).

    Returns:
        share of the query's weight found in the candidate, and the reverse; weight in both, only in the query, only in
        the candidate.
    """
    shared = dots(weights[0][rows], present[1][columns])
    of_query, of_candidate = row_sums(weights[0])[rows], row_sums(weights[1])[columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (
            np.where(of_query > 0, shared / of_query, np.nan),
            np.where(of_candidate > 0, shared / of_candidate, np.nan),
        )
    return *found, shared, of_query - shared, of_candidate - shared


def _rarest(weighted: csr_matrix, other: csr_matrix) -> NDArray[np.float32]:
    """The maximum weight in each row among the terms that the other side lacks."""
    return row_maxima((weighted - weighted.multiply(other)).tocsr())
