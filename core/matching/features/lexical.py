"""Lexical features: shared character n-grams, words and numbers, weighted by inverse document frequency (IDF)."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from scipy.sparse import csr_matrix

from core.catalog.product import Product
from core.matching.features.base import LONGEST, OTHER, Feature, compare_texts, dots, row_maxima, row_sums
from core.retrieval.tfidf import TermWeights, Texts, character_ngrams

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

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        weights: Mapping[str, TermWeights] | None = None,
    ) -> None:
        """Prepare both lists.

        Args:
            queries: pairs refer to them by index.
            products: likewise.
            weights: of the terms of a corpus, as `weights` of another instance; by default those of the two lists.
        """
        titles = [p.title.lower() for p in queries], [p.title.lower() for p in products]
        self._titles = [[title[:LONGEST] for title in side] for side in titles]
        self._lengths = [np.array([len(t) for t in side], np.float32) for side in titles]
        texts = Texts(
            queries=[_text(p) for p in queries],
            products=[_text(p) for p in products],
            query_titles=titles[0],
            product_titles=titles[1],
        )
        known = weights or {}
        whole, in_titles = ("queries", "products"), ("query_titles", "product_titles")
        by_character, characters = texts.vectors(character_ngrams(3, 3), whole, weights=known.get("characters"))
        #: Unit vectors of the queries, and of the products.
        self.characters = by_character[0], by_character[1]
        self._title_characters, title_characters = texts.vectors(
            character_ngrams(2, 4), in_titles, min_df=2, weights=known.get("title_characters")
        )
        by_word, of_words = texts.vectors(words, whole, in_titles, weights=known.get("words"))
        #: Of the terms, by kind.
        self.weights = {"characters": characters, "title_characters": title_characters, "words": of_words}
        self.words, self._title_words = (by_word[0], by_word[1]), by_word[2:]
        rarity = of_words.idf
        numbers = of_words.numeric
        self._present = [binary(side) for side in self.words]
        self._present_in_title = [binary(side) for side in self._title_words]
        self._rarity = [weighted(side, rarity) for side in self._present]
        self._title_rarity = [weighted(side, rarity) for side in self._present_in_title]
        self._number_rarity = [weighted(side, rarity * numbers) for side in self._present_in_title]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""

        def cosine(sides: Sequence[csr_matrix]) -> NDArray[np.float32]:
            return dots(sides[0][rows], sides[1][columns])

        query_found, candidate_found, shared, _, _ = overlap(self._rarity, self._present, rows, columns)
        in_title = overlap(self._title_rarity, self._present_in_title, rows, columns)
        numbers = overlap(self._number_rarity, self._present_in_title, rows, columns)
        left, right = [self._titles[0][r] for r in rows], [self._titles[1][c] for c in columns]
        lengths = self._lengths[0][rows], self._lengths[1][columns]
        return [
            cosine(self.characters), cosine(self._title_characters), cosine(self.words), cosine(self._title_words),
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
