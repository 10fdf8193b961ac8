"""Lexical features: shared character n-grams, words and numbers, weighted by inverse document frequency (IDF)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from scipy.sparse import csr_matrix, vstack

from core.catalog.product import Product
from core.matching.features.base import LONGEST, OTHER, Feature, RowDots, compare_texts, dots, row_maxima, row_sums
from core.retrieval.tfidf import Analyser, TermWeights, Texts, begin_with_digits, character_ngrams, vectors_by, widen

#: Letters and digits are separate words: `4gb`, `4 gb` and `4-gb` are the same two words.
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")

_SHARE = "share by rarity"
_SUM = "sum of rarities"


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case."""
    return _WORD.findall(text.lower())


#: Names of the texts, and what is counted in them.
_WHOLE, _TITLES = ("queries", "products"), ("query_titles", "product_titles")
_CHARACTERS, _TITLE_CHARACTERS = character_ngrams(3, 3), character_ngrams(2, 4)
#: Titles that a character n-gram is in, at the least.
_MIN_TITLES = 2


@dataclass(frozen=True)
class KnownVectors:
    """The vectors of texts that a corpus has, too.

    Attributes:
        vectors: of the corpus.
        rows: index of each text in the corpus, shape (texts,); -1 for one that it lacks.
    """

    vectors: csr_matrix
    rows: NDArray[np.int64]

    @property
    def new(self) -> NDArray[np.int64]:
        """The texts that the corpus lacks."""
        return np.flatnonzero(self.rows < 0)

    def completed(self, new: csr_matrix) -> csr_matrix:
        """The vectors of all texts, given those of the texts that the corpus lacks."""
        known = widen(self.vectors[self.rows[self.rows >= 0]], new.shape[1])
        if not new.shape[0]:
            return known
        order = np.argsort(np.argsort(self.rows < 0, kind="stable"), kind="stable")
        return vstack([known, new], format="csr")[order]


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

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        weights: Mapping[str, TermWeights] | None = None,
        known: Mapping[str, KnownVectors] | None = None,
    ) -> None:
        """Prepare both lists.

        Args:
            queries: pairs refer to them by index.
            products: likewise.
            weights: of the terms of a corpus, as `weights` of another instance; by default those of the two lists.
            known: vectors of products with these weights, `characters` and `words`.
        """
        titles = [p.title.lower() for p in queries], [p.title.lower() for p in products]
        self._titles = [[title[:LONGEST] for title in side] for side in titles]
        self._lengths = [np.array([len(t) for t in side], np.float32) for side in titles]
        if weights:
            new = range(len(products)) if known is None else known["characters"].new.tolist()
            whole = [[*map(_text, side)] for side in (queries, (products[i] for i in new))]
            by_character, characters = vectors_by(weights["characters"], _CHARACTERS, *whole)
            of_titles, title_characters = vectors_by(weights["title_characters"], _TITLE_CHARACTERS, *titles)
            by_word, of_words = vectors_by(weights["words"], words, *whole, *titles)
            if known is not None:
                by_character[1] = known["characters"].completed(by_character[1])
                by_word[1] = known["words"].completed(by_word[1])
        else:
            texts = listing_texts(queries, products, _text)
            by_character, characters = texts.vectors(_CHARACTERS, _WHOLE)
            of_titles, title_characters = texts.vectors(_TITLE_CHARACTERS, _TITLES, min_df=_MIN_TITLES)
            by_word, of_words = texts.vectors(words, _WHOLE, _TITLES)
        #: Unit vectors of the queries, and of the products.
        self.characters = by_character[0], by_character[1]
        self.words = by_word[0], by_word[1]
        #: Of the terms, by kind.
        self.weights = {"characters": characters, "title_characters": title_characters, "words": of_words}
        self._present, in_title = [[*map(binary, sides)] for sides in (self.words, by_word[2:])]
        rarity = [weighted(side, of_words.idf) for side in self._present]
        self._title_rarity = [weighted(side, of_words.idf) for side in in_title]
        corpus = weights["words"] if weights else of_words  # which remembers what it has found
        are_numbers = np.concatenate([corpus.are_numbers, begin_with_digits(of_words.further)])
        numbers = _of_numbers(self._title_rarity, are_numbers)
        self._totals = [[*map(row_sums, sides)] for sides in (rarity, self._title_rarity, numbers)]
        for side in numbers:
            side.eliminate_zeros()
        self._dots = RowDots(
            (self.characters[0], of_titles[0], *by_word[::2], rarity[0], self._title_rarity[0], numbers[0]),
            (self.characters[1], of_titles[1], *by_word[1::2], self._present[1], in_title[1], in_title[1]),
        )

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        dots = self._dots.compute(rows, columns)
        (query_found, candidate_found, shared, _, _), in_title, numbers = (
            _shares(found, of_query[rows], of_candidate[columns])
            for found, (of_query, of_candidate) in zip(dots[4:], self._totals, strict=True)
        )
        left, right = [self._titles[0][r] for r in rows], [self._titles[1][c] for c in columns]
        lengths = self._lengths[0][rows], self._lengths[1][columns]
        return [
            *dots[:4],
            query_found, candidate_found, shared,
            in_title[0], in_title[1], in_title[3], in_title[4],
            _rarest(self._title_rarity[0][rows], self._present[1][columns]),
            _rarest(self._title_rarity[1][columns], self._present[0][rows]),
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[4],
            *(compare_texts(left, right, scorer) / 100
              for scorer in (fuzz.token_set_ratio, fuzz.token_sort_ratio, fuzz.partial_ratio)),
            *lengths,
            np.log((lengths[0] + 1) / (lengths[1] + 1)),
        ]  # fmt: skip


def listing_texts(queries: Sequence[Product], products: Sequence[Product], text: Callable[[Product], str]) -> Texts:
    """The texts `queries` and `products`, and their titles `query_titles` and `product_titles`.

    Args:
        queries: listings.
        products: listings.
        text: of a listing, in lower case.
    """
    return Texts(
        queries=map(text, queries),
        products=map(text, products),
        query_titles=(p.title.lower() for p in queries),
        product_titles=(p.title.lower() for p in products),
    )


def lexical_vectors(
    queries: Sequence[Product], products: Sequence[Product], kind: str
) -> tuple[tuple[csr_matrix, csr_matrix], TermWeights]:
    """The unit vectors of queries and products as in `LexicalFeatures`, of one kind: `characters` or `words`."""
    analyse: Analyser = _CHARACTERS if kind == "characters" else words
    (left, right), weights = listing_texts(queries, products, _text).vectors(analyse, _WHOLE)
    return (left, right), weights


def title_weights(queries: Sequence[Product], products: Sequence[Product]) -> TermWeights:
    """The weights of character n-grams of titles as in `LexicalFeatures`."""
    return listing_texts(queries, products, _text).weights(_TITLE_CHARACTERS, _TITLES, min_df=_MIN_TITLES)


def _text(product: Product) -> str:
    return f"{product.title} {product.brand} {product.model}".lower()


def _of_numbers(sides: Sequence[csr_matrix], are_numbers: NDArray[np.bool_]) -> list[csr_matrix]:
    """The entries of the terms that are numbers, 0 at all others."""
    found = [side.copy() for side in sides]
    for side in found:
        side.data[~are_numbers[side.indices]] = 0
    return found


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
    return _shares(shared, row_sums(weights[0])[rows], row_sums(weights[1])[columns])


def _shares(
    shared: NDArray[np.float32], of_query: NDArray[np.float32], of_candidate: NDArray[np.float32]
) -> tuple[NDArray[np.float32], ...]:
    """As `overlap`, from the weights in both, in the query and in the candidate, each of shape (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (
            np.where(of_query > 0, shared / of_query, np.nan),
            np.where(of_candidate > 0, shared / of_candidate, np.nan),
        )
    return *found, shared, of_query - shared, of_candidate - shared


def _rarest(weighted: csr_matrix, other: csr_matrix) -> NDArray[np.float32]:
    """The maximum weight in each row among the terms that the other side lacks."""
    return row_maxima((weighted - weighted.multiply(other)).tocsr())
