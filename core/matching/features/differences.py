"""Difference features: what is left of two titles once all that they share is taken away.

A shared word supports a match a little; a word that only one title has may tell two products apart. What is left is
described by its rarity, by where it stands, by codes that are nearly equal, and by whether it is a variant word. These
words are found without labels: in a catalogue with `… mouse 3500 red` and `… mouse 3500 pink`, they are what fills the
gap between otherwise equal titles: colours, sizes, editions, in any language.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein, Prefix
from scipy.sparse import csr_matrix

from core.catalog.product import Product
from core.matching.features.base import LONGEST, Feature, compare_texts, incidence
from core.retrieval.tfidf import TermWeights, widen
from core.text.vocabulary import Vocabulary
from core.text.word_forms import WordForms, has_digit, is_code

#: Words at the start of a title, which name the product.
_HEAD = 4
#: Words of a title, besides codes, from which it shows variant words: shorter ones are equal by chance.
_MIN_WORDS = 3
#: Weights are multiples of this, so that their sums are exact, and do not depend on the order of the words.
_STEP = 1 / 1024
#: Added to the number of titles with a word, so that one seen twice does not get an extreme share.
_SMOOTHING = 2

_SUM = "sum of rarities"
_FAMILIES = "log families"


#: Words of each title of which the matcher may learn a weight of its own: the most frequent of those left.
_NUMBERED = 4
#: Columns for what `core.matching.word_weights` learns: its score, and the words that it is the sum of.
WORD_SCORE = "left_words_score"
WORD_NUMBERS = tuple(f"{side}_left_word_{i}" for side in ("query", "candidate") for i in range(1, _NUMBERED + 1))
#: Numbers of words are below this, which a float of 32 bits holds exactly.
_MAX_NUMBER = 2**24

#: The kinds of `difference_weights`.
DIFFERENCE_WEIGHTS = ("title_words", "families", "variant_share")


class DifferenceFeatures:
    """The words that only one title has, compared with those that only the other has."""

    features = (
        Feature("query_left_rarest", "rarity", "The rarest word left of the query's title", "query words"),
        Feature("candidate_left_rarest", "rarity", "The rarest word left of the candidate's title", "candidate words"),
        Feature("query_left", _SUM, "Words left of the query's title", "query words"),
        Feature("candidate_left", _SUM, "Words left of the candidate's title", "candidate words"),
        Feature("query_left_head", "rarity", "The rarest word left of the first four of the query's title",
                "query words"),
        Feature("candidate_left_head", "rarity", "The rarest word left of the first four of the candidate's title",
                "candidate words"),
        Feature("query_left_words", "words", "Words without digits left of the query's title", "query words"),
        Feature("candidate_left_words", "words", "Words without digits left of the candidate's title",
                "candidate words"),
        Feature("query_left_digits", "words", "Words with digits left of the query's title", "numbers"),
        Feature("candidate_left_digits", "words", "Words with digits left of the candidate's title", "numbers"),
        Feature("both_left_rarest", "rarity", "The less rare of the rarest words left of the two titles",
                "differences"),
        Feature("both_left", _SUM, "Words left of the title that has fewer of them", "differences"),
        Feature("query_variant", _FAMILIES, "The best-known variant word left of the query's title", "differences"),
        Feature("candidate_variant", _FAMILIES, "The best-known variant word left of the candidate's title",
                "differences"),
        Feature("both_variant", _FAMILIES, "The less known of the variant words left of the two titles",
                "differences"),
        Feature("query_variant_share", "share", "The highest share of a left word of the query that varies",
                "differences"),
        Feature("candidate_variant_share", "share", "The highest share of a left word of the candidate that varies",
                "differences"),
        Feature("both_variant_share", "share", "The lower of the two shares", "differences"),
        Feature("left_codes_likeness", "share", "Similarity of the two most alike codes of those left", "codes"),
        Feature("left_codes_edits", "characters", "Characters to change to make two of the codes left equal", "codes"),
        Feature("left_codes_prefix", "share", "Common prefix of two of the codes left, as a share", "codes"),
        Feature("left_codes_rarest", "rarity", "The less rare of the rarest codes left of the two titles", "codes"),
        Feature("query_left_code", "rarity", "The rarest code left of the query's title", "codes"),
        Feature("candidate_left_code", "rarity", "The rarest code left of the candidate's title", "codes"),
        Feature(WORD_SCORE, "log-odds", "What the labels say of the words left; the matcher fills it in",
                "differences"),
        *(Feature(name, "number of a word", "One of the most frequent words left of a title", "differences")
          for name in WORD_NUMBERS),
    )  # fmt: skip

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        vocabulary: Vocabulary,
        weights: Mapping[str, TermWeights] | None = None,
    ) -> None:
        """Prepare both lists.

        Args:
            queries: pairs refer to them by index.
            products: likewise.
            vocabulary: names of colours and audiences.
            weights: of the words of a corpus, as `weights` of another instance; by default those of the two lists.
        """
        reader = WordForms(vocabulary)
        columns: dict[object, int] = {}
        words = [[reader.words(product.title[:LONGEST]) for product in side] for side in (queries, products)]
        own = [incidence(side, columns) for side in words]
        known = weights if weights and "title_words" in weights else None
        #: Of the words, by kind; see `_corpus_weights`.
        self.weights = known or _corpus_weights(own, [str(term) for term in columns])
        heads = [incidence((title[:_HEAD] for title in side), columns) for side in words]
        texts = [[f"{p.title} {p.brand} {p.model}"[:LONGEST] for p in side] for side in (queries, products)]
        # A form that is no word of a title takes nothing away.
        forms = [incidence((columns.keys() & reader.forms(text) for text in side), columns) for side in texts]
        self._terms = [str(term) for term in columns] or [""]
        count = len(self._terms)
        #: 1 for a word of the title, 2 for one of its head.
        self._words = [
            (widen(title, count) + widen(head, count)).tocsr() for title, head in zip(own, heads, strict=True)
        ]
        self._forms = [widen(side, count) for side in forms]
        self._is_code = np.array([is_code(term) for term in self._terms])
        self._numbers = np.array([_number(term) for term in self._terms], np.float32)
        self._has_digit = np.array([has_digit(term) for term in self._terms])
        self._rarity = _in_steps(self.weights["title_words"].of(self._terms))
        self._families, self._share = (self.weights[kind].of(self._terms) for kind in ("families", "variant_share"))

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        left = [
            _Left.of(self._words[0][rows], self._forms[1][columns]),
            _Left.of(self._words[1][columns], self._forms[0][rows]),
        ]
        rarest = [each.highest(self._rarity) for each in left]
        total = [each.total(self._rarity) for each in left]
        digits = [each.total(self._has_digit.astype(float)) for each in left]
        families = [each.highest(self._families) for each in left]
        share = [each.highest(self._share) for each in left]
        codes = [each.highest(self._rarity * self._is_code) for each in left]
        found = [
            *rarest, *total,
            *(each.highest(self._rarity, head=True) for each in left),
            *(each.counts - of_digits for each, of_digits in zip(left, digits, strict=True)), *digits,
            np.minimum(*rarest), np.minimum(*total),
            *families, np.minimum(*families), *share, np.minimum(*share),
            *self._near_codes(left), np.minimum(*codes), *codes,
            np.full(len(rows), np.nan), *self._frequent_words(left[0]), *self._frequent_words(left[1]),
        ]  # fmt: skip
        return [each.astype(np.float32) for each in found]

    def _frequent_words(self, left: "_Left") -> list[NDArray[np.float32]]:
        """The numbers of the most frequent words left, NaN where there are fewer, each of shape (n,)."""
        rows = np.repeat(np.arange(len(left.counts)), left.counts)
        words = left.matrix.indices
        order = np.lexsort((self._numbers[words], self._rarity[words], rows))
        place = np.arange(len(rows)) - left.matrix.indptr[rows]  # rows are in order before and after
        found = np.full((_NUMBERED, len(left.counts)), np.nan, np.float32)
        first = place < _NUMBERED
        found[place[first], rows[first]] = self._numbers[words[order]][first]
        return list(found)

    def _near_codes(self, left: Sequence["_Left"]) -> list[NDArray[np.float32]]:
        """Similarity, edits and common prefix of the two most alike codes left, each of shape (n,)."""
        sides = [each.by_row(self._is_code) for each in left]
        one, other, place = [], [], []
        for row in sorted(sides[0].keys() & sides[1].keys()):
            for query_code in sides[0][row]:
                for candidate_code in sides[1][row]:
                    one.append(self._terms[query_code])
                    other.append(self._terms[candidate_code])
                    place.append(row)
        found = [np.full(len(left[0].counts), np.nan, np.float32) for _ in range(3)]
        scorers = (Levenshtein.normalized_similarity, Levenshtein.distance, Prefix.normalized_similarity)
        if place:
            for values, scorer, best in zip(found, scorers, (np.fmax, np.fmin, np.fmax), strict=True):
                best.at(values, place, compare_texts(one, other, scorer))
        return found


def difference_weights(
    queries: Sequence[Product], products: Sequence[Product], vocabulary: Vocabulary
) -> dict[str, TermWeights]:
    """The weights of `DifferenceFeatures` alone, in less memory."""
    reader = WordForms(vocabulary)
    columns: dict[object, int] = {}
    titles = [
        incidence((reader.words(product.title[:LONGEST]) for product in side), columns) for side in (queries, products)
    ]
    return _corpus_weights(titles, [str(term) for term in columns])


def _corpus_weights(titles: Sequence[csr_matrix], terms: list[str]) -> dict[str, TermWeights]:
    """What a corpus says about the words of titles.

    Args:
        titles: which words each title has, by list of titles.
        terms: the words, in the order of the columns.

    Returns:
        `title_words`: the inverse document frequency; `families`: ln(1 + families in which the word varies);
        `variant_share`: these families as a share of the titles with the word.
    """
    terms = terms or [""]
    titles = [widen(side, len(terms)) for side in titles]
    codes = np.array([is_code(term) for term in terms])
    frequency = np.sum([np.bincount(side.indices, minlength=len(terms)) for side in titles], axis=0)
    texts = sum(side.shape[0] for side in titles)
    rarity = np.log((1 + texts) / (1 + frequency)) + 1
    families = np.sum([_families(side, codes) for side in titles], axis=0)
    varying = np.flatnonzero(families)
    names = [terms[column] for column in varying]
    share = families[varying] / (frequency[varying] + _SMOOTHING)
    return {
        "title_words": TermWeights(terms, rarity.astype(np.float32), float(np.log((1 + texts) / 2) + 1)),
        "families": TermWeights(names, np.log1p(families[varying]).astype(np.float32), 0.0),
        "variant_share": TermWeights(names, share.astype(np.float32), 0.0),
    }


def _families(titles: csr_matrix, codes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The number of families in which each word varies, shape (words,).

    A family is a title without one of its words, as far as two titles or more fill the gap with different ones. Codes
    do not count: each variant has another one. Titles are compared by the sum of random numbers, one a word.
    """
    count = titles.shape[1]
    kept = ~codes[titles.indices]
    row = np.repeat(np.arange(titles.shape[0]), np.diff(titles.indptr))[kept]
    word = titles.indices[kept].astype(np.int64)
    numbers = np.random.default_rng(0).integers(0, 2**63, count, np.uint64)
    size = np.bincount(row, minlength=titles.shape[0])
    total = np.zeros(titles.shape[0], np.uint64)
    np.add.at(total, row, numbers[word])
    long_enough = size[row] >= _MIN_WORDS
    gaps = np.stack([(total[row] - numbers[word])[long_enough], word[long_enough].astype(np.uint64)])
    gap, word = np.unique(gaps, axis=1) if gaps.size else gaps
    _, place, fillers = np.unique(gap, return_inverse=True, return_counts=True)
    varies = fillers[place] > 1
    return np.bincount(word[varies].astype(np.int64), minlength=count)


@dataclass(frozen=True)
class _Left:
    """The words left of one title of each pair: sparse, a row a pair.

    Attributes:
        matrix: 1 for a word left, 2 for one of the title's head.
        counts: words of each row, shape (n,).
    """

    matrix: csr_matrix
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, words: csr_matrix, forms: csr_matrix) -> "_Left":
        """What is left of some titles, given the forms of the titles beside them."""
        matrix = (words - words.multiply(forms)).tocsr()
        matrix.eliminate_zeros()
        return cls(matrix, np.diff(matrix.indptr))

    def total(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of the words' weights, shape (n,)."""
        return self._reduced(weights[self.matrix.indices], np.add.reduceat)

    def highest(self, weights: NDArray[np.float64], *, head: bool = False) -> NDArray[np.float64]:
        """The highest of the words' weights, 0 where there is none, shape (n,)."""
        values = weights[self.matrix.indices]
        return self._reduced(values * (self.matrix.data > 1) if head else values, np.maximum.reduceat)

    def by_row(self, chosen: NDArray[np.bool_]) -> dict[int, list[int]]:
        """The chosen words of each row that has some."""
        rows = np.repeat(np.arange(len(self.counts)), self.counts)
        kept = chosen[self.matrix.indices]
        found: dict[int, list[int]] = {}
        for row, word in zip(rows[kept].tolist(), self.matrix.indices[kept].tolist(), strict=True):
            found.setdefault(row, []).append(word)
        return found

    def _reduced(self, values: NDArray[np.float64], reduce: Callable[..., NDArray[np.float64]]) -> NDArray[np.float64]:
        found = np.zeros(len(self.counts))
        filled = np.flatnonzero(self.counts)
        if len(filled):
            found[filled] = reduce(values, self.matrix.indptr[filled])
        return found


def _number(word: str) -> int:
    """A number for a word, the same in every catalogue and from 1 on; two words seldom share one."""
    return crc32(word.encode("utf-8", "surrogatepass")) % (_MAX_NUMBER - 1) + 1


def _in_steps(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded: NDArray[np.float64] = np.round(weights / _STEP) * _STEP
    return rounded
