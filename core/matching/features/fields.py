"""Field features: brand, price, category, further listing fields, GTIN."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from core.catalog.product import DefaultGtins, Product, identifying_gtins
from core.matching.features.base import LONGEST, OTHER, Feature, dots
from core.matching.features.lexical import binary, listing_texts, overlap, weighted, words
from core.retrieval.tfidf import TermWeights, vectors_by
from core.text.model_numbers import alphanumeric
from core.text.vocabulary import Vocabulary

#: Characters from which part of a brand is compared: two letters occur in other brands by chance.
_MIN_PARTIAL_LENGTH = 3


class FieldFeatures:
    """Brands by their canonical names, prices as logarithms."""

    features = (
        Feature("brand", "share", "Similarity of the brands, aliases counted as equal", "brand"),
        Feature("query_brand_found", "yes or no", "The query's brand occurs in the candidate's text", "brand"),
        Feature("candidate_brand_found", "yes or no", "The candidate's brand occurs in the query's text", "brand"),
        Feature("price_ratio", "log ratio", "The query's price against the candidate's", "price"),
        Feature("price_distance", "log ratio", "Absolute log ratio of the prices", "price"),
        Feature("price_level", "log price", "The lower of the two prices", OTHER),
    )

    def __init__(
        self, queries: Sequence[Product], products: Sequence[Product], vocabulary: Vocabulary, *, store_brands: bool
    ) -> None:
        sides = (queries, products)
        self._brands = [[_brand(vocabulary, p.brand, store_brands=store_brands) for p in side] for side in sides]
        self._texts = [[alphanumeric(f"{p.title} {p.brand} {p.model}") for p in side] for side in sides]
        self._prices = [np.log([p.price if p.price and p.price > 0 else np.nan for p in side]) for side in sides]
        self._currencies = [np.array([p.currency for p in side], str) for side in sides]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        left, right = [self._brands[0][r] for r in rows], [self._brands[1][c] for c in columns]
        prices = [self._prices[0][rows], self._prices[1][columns]]
        ours, theirs = self._currencies[0][rows], self._currencies[1][columns]
        # Prices in different currencies cannot be compared, and count as unknown.
        foreign = (ours != theirs) & (ours != "") & (theirs != "")
        ratio = np.where(foreign, np.nan, prices[0] - prices[1])
        return [
            np.array([_similarity(one, other) for one, other in zip(left, right, strict=True)], np.float32),
            _found(left, [self._texts[1][c] for c in columns]),
            _found(right, [self._texts[0][r] for r in rows]),
            ratio.astype(np.float32),
            np.abs(ratio).astype(np.float32),
            np.where(foreign, np.nan, np.fmin(*prices)).astype(np.float32),
        ]


def _brand(vocabulary: Vocabulary, name: str, *, store_brands: bool) -> str:
    """The canonical brand; the same for all store brands where they count as equivalent."""
    return "storebrand" if store_brands and vocabulary.is_store_brand(name) else vocabulary.brand(name)


def _similarity(one: str, other: str) -> float:
    if not one or not other:
        return float("nan")
    one, other = one[:LONGEST], other[:LONGEST]
    if min(len(one), len(other)) < _MIN_PARTIAL_LENGTH:
        return float(one == other)
    return float(fuzz.partial_ratio(one, other)) / 100


def _found(brands: Sequence[str], texts: Sequence[str]) -> NDArray[np.float32]:
    found = [float(brand in text) if brand else np.nan for brand, text in zip(brands, texts, strict=True)]
    return np.array(found, np.float32)


#: Added to both counts, so that a category seen twice does not get an extreme value.
_SMOOTHING = 0.3


class CategoryFeatures:
    """Pointwise mutual information of two categories (Church and Hanks 1990).

    Retailers name categories differently. Counts come from pairs of listings that are each other's nearest neighbour,
    not from labels.
    """

    features = (
        Feature("categories", "log ratio", "How much more often the two categories go together than by chance",
                "category"),
    )  # fmt: skip

    def __init__(self, queries: Sequence[Product], products: Sequence[Product], counts: "CategoryCounts") -> None:
        """Prepare both lists.

        Args:
            queries: with categories.
            products: likewise.
            counts: of the corpus.
        """
        self._categories = [p.category.lower() for p in queries], [p.category.lower() for p in products]
        self._counts = counts

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The one column."""
        names = zip((self._categories[0][r] for r in rows), (self._categories[1][c] for c in columns), strict=True)
        return [np.array([self._association(query, product) for query, product in names], np.float32)]

    def _association(self, query: str, product: str) -> float:
        counts = self._counts
        if not query or not product or not counts.total:
            return math.nan
        by_chance = counts.of_query[query] * counts.of_product[product] / counts.total
        return math.log((counts.together[(query, product)] + _SMOOTHING) / (by_chance + _SMOOTHING))


@dataclass(frozen=True)
class CategoryCounts:
    """Listings that are each other's nearest neighbour, counted by their categories in lower case.

    Attributes:
        together: by both categories, of those that both have one.
    """

    together: Counter[tuple[str, str]]

    @classmethod
    def of(
        cls,
        queries: Sequence[Product],
        products: Sequence[Product],
        neighbours: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> "CategoryCounts":
        """Count the categories.

        Args:
            queries: with categories.
            products: likewise.
            neighbours: indices of queries and products that are each other's nearest neighbour.
        """
        pairs = ((queries[q].category.lower(), products[p].category.lower()) for q, p in zip(*neighbours, strict=True))
        return cls(Counter(pair for pair in pairs if all(pair)))

    @cached_property
    def of_query(self) -> Counter[str]:
        """By the query's category."""
        return self._of_side(0)

    @cached_property
    def of_product(self) -> Counter[str]:
        """By the product's category."""
        return self._of_side(1)

    @cached_property
    def total(self) -> int:
        """All of them."""
        return self.together.total()

    def _of_side(self, side: int) -> Counter[str]:
        found: Counter[str] = Counter()
        for pair, count in self.together.items():
            found[pair[side]] += count
        return found


_SHARE = "share by rarity"


_LISTINGS = ("queries", "products")


class DetailFeatures:
    """Whole listings compared with titles; NaN where neither listing has fields beyond the usual ones.

    One retailer puts into the title what the other puts into the description.
    """

    features = (
        Feature("listing_words", "cosine", "Words of both whole listings", "details"),
        Feature("query_title_in_listing", _SHARE, "Share of the query's title found anywhere in the candidate's"
                " listing", "details"),
        Feature("candidate_title_in_listing", _SHARE, "Share of the candidate's title found anywhere in the"
                " query's listing", "details"),
    )  # fmt: skip

    def __init__(
        self, queries: Sequence[Product], products: Sequence[Product], weights: TermWeights | None = None
    ) -> None:
        """Prepare both lists; `weights` of the words of a corpus replace those of the two lists."""
        self._has_extra = [np.array([bool(p.extra) for p in side]) for side in (queries, products)]
        if weights is not None and not any(side.any() for side in self._has_extra):
            self.weights = weights
            return  # nothing will be compared
        if weights is None:
            texts = listing_texts(queries, products, _listing)
            vectors, self.weights = texts.vectors(words, _LISTINGS, ["query_titles", "product_titles"])
        else:
            listings = (map(_listing, side) for side in (queries, products))
            titles = ((p.title.lower() for p in side) for side in (queries, products))
            vectors, self.weights = vectors_by(weights, words, *listings, *titles)
        self._vectors = vectors[:2]
        self._present = [binary(side) for side in vectors[:2]]
        self._titles = [weighted(binary(side), self.weights.idf) for side in vectors[2:]]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        known = self._has_extra[0][rows] | self._has_extra[1][columns]
        if not known.any():
            return [np.full(len(rows), np.nan, np.float32) for _ in self.features]
        found = [
            dots(self._vectors[0][rows], self._vectors[1][columns]),
            overlap([self._titles[0], self._titles[1]], self._present, rows, columns)[0],
            overlap(self._titles[::-1], self._present[::-1], columns, rows)[0],
        ]
        return [np.where(known, column, np.nan).astype(np.float32) for column in found]


def listing_weights(queries: Sequence[Product], products: Sequence[Product]) -> TermWeights:
    """The weights of words as in `DetailFeatures`."""
    return listing_texts(queries, products, _listing).weights(words, _LISTINGS)


def _listing(product: Product) -> str:
    return " ".join([product.title, product.brand, product.model, *product.extra.values()]).lower()


class GtinFeatures:
    """Verified GTINs compared; NaN where one side has none."""

    features = (
        Feature("gtin_equal", "yes or no", "Both listings carry the same GTIN", "GTIN"),
        Feature("gtin_conflict", "yes or no", "The listings carry different GTINs", "GTIN"),
    )

    def __init__(
        self, queries: Sequence[Product], products: Sequence[Product], defaults: DefaultGtins | None = None
    ) -> None:
        """Prepare both lists; `defaults` are those of the corpus, by default those of the two lists."""
        # As integers, 0 for none: fourteen digits fit into 64 bits.
        self._gtins = [
            np.array([int(g or 0) for g in identifying_gtins(side, defaults)], np.int64) for side in (queries, products)
        ]

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        left, right = self._gtins[0][rows], self._gtins[1][columns]
        equal = np.where((left > 0) & (right > 0), left == right, np.nan).astype(np.float32)
        return [equal, 1 - equal]
