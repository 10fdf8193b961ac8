"""Field features: brand, price, category, further listing fields, GTIN."""

import math
from collections import Counter
from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from core.catalog.product import Product, default_gtins, identifying_gtins
from core.matching.features.base import LONGEST, OTHER, Feature, dots, widened
from core.matching.features.lexical import FittedTerms, Texts, binary, overlap, weighted, words
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
        self._vocabulary, self._store_brands = vocabulary, store_brands
        self._brands: list[list[str]] = [[], []]
        self._texts: list[list[str]] = [[], []]
        self._prices: list[NDArray[np.float64]] = [np.empty(0)] * 2
        self._currencies: list[NDArray[np.str_]] = [np.empty(0, str)] * 2
        for place, side in enumerate((queries, products)):
            self._set_side(place, side)

    def _set_side(self, place: int, side: Sequence[Product]) -> None:
        brands = [_brand(self._vocabulary, p.brand, store_brands=self._store_brands) for p in side]
        self._brands[place] = brands
        self._texts[place] = [alphanumeric(f"{p.title} {p.brand} {p.model}") for p in side]
        self._prices[place] = np.log([p.price if p.price and p.price > 0 else np.nan for p in side])
        self._currencies[place] = np.array([p.currency for p in side], str)

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """As `QueryFeatureGroup.with_queries`."""
        other = copy(self)
        for name in ("_brands", "_texts", "_prices", "_currencies"):
            setattr(other, name, list(getattr(self, name)))
        other._set_side(0, queries)
        return other

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

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        neighbours: tuple[NDArray[np.int64], NDArray[np.int64]],
    ) -> None:
        """Count the categories.

        Args:
            queries: with categories.
            products: likewise.
            neighbours: indices of queries and products that are each other's nearest neighbour.
        """
        self._categories = _categories(queries), _categories(products)
        pairs = [(self._categories[0][q], self._categories[1][p]) for q, p in zip(*neighbours, strict=True)]
        self._together = Counter(pair for pair in pairs if all(pair))
        self._of_query = Counter(query for query, _ in self._together.elements())
        self._of_product = Counter(product for _, product in self._together.elements())

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """As `QueryFeatureGroup.with_queries`."""
        other = copy(self)
        other._categories = _categories(queries), self._categories[1]
        return other

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The one column."""
        names = zip((self._categories[0][r] for r in rows), (self._categories[1][c] for c in columns), strict=True)
        return [np.array([self._association(query, product) for query, product in names], np.float32)]

    def _association(self, query: str, product: str) -> float:
        if not query or not product or not self._together:
            return math.nan
        by_chance = self._of_query[query] * self._of_product[product] / self._together.total()
        return math.log((self._together[(query, product)] + _SMOOTHING) / (by_chance + _SMOOTHING))


def _categories(products: Sequence[Product]) -> list[str]:
    return [p.category.lower() for p in products]


_SHARE = "share by rarity"


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

    def __init__(self, queries: Sequence[Product], products: Sequence[Product]) -> None:
        sides = (queries, products)
        texts = Texts(
            queries=[_listing(p) for p in queries],
            products=[_listing(p) for p in products],
            query_titles=[p.title.lower() for p in queries],
            product_titles=[p.title.lower() for p in products],
        )
        vectors, rarity, names = texts.vectors(words, ["queries", "products"], ["query_titles", "product_titles"])
        self._terms = FittedTerms(words, names, rarity)
        self._vectors = vectors[:2]
        self._present = [binary(side) for side in vectors[:2]]
        self._titles = [weighted(binary(side), rarity) for side in vectors[2:]]
        self._has_extra = [np.array([bool(p.extra) for p in side]) for side in sides]

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """As `QueryFeatureGroup.with_queries`."""
        listings, titles = [_listing(p) for p in queries], [p.title.lower() for p in queries]
        (vectors, in_titles), rarity, _ = self._terms.vectors(listings, titles)
        other, columns = copy(self), len(rarity)
        other._vectors = [vectors, widened(self._vectors[1], columns)]
        other._present = [binary(vectors), widened(self._present[1], columns)]
        other._titles = [weighted(binary(in_titles), rarity), widened(self._titles[1], columns)]
        other._has_extra = [np.array([bool(p.extra) for p in queries]), self._has_extra[1]]
        return other

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        known = self._has_extra[0][rows] | self._has_extra[1][columns]
        found = [
            dots(self._vectors[0][rows], self._vectors[1][columns]),
            overlap([self._titles[0], self._titles[1]], self._present, rows, columns)[0],
            overlap(self._titles[::-1], self._present[::-1], columns, rows)[0],
        ]
        return [np.where(known, column, np.nan).astype(np.float32) for column in found]


def _listing(product: Product) -> str:
    return " ".join([product.title, product.brand, product.model, *product.extra.values()]).lower()


class GtinFeatures:
    """Verified GTINs compared; NaN where one side has none."""

    features = (
        Feature("gtin_equal", "yes or no", "Both listings carry the same GTIN", "GTIN"),
        Feature("gtin_conflict", "yes or no", "The listings carry different GTINs", "GTIN"),
    )

    def __init__(self, queries: Sequence[Product], products: Sequence[Product]) -> None:
        self._defaults = default_gtins(queries)
        self._gtins = [_numbers(identifying_gtins(side)) for side in (queries, products)]

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """As `QueryFeatureGroup.with_queries`."""
        other = copy(self)
        gtins = ["" if (p.source, p.gtin) in self._defaults else p.gtin for p in queries]
        other._gtins = [_numbers(gtins), self._gtins[1]]
        return other

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        left, right = self._gtins[0][rows], self._gtins[1][columns]
        equal = np.where((left > 0) & (right > 0), left == right, np.nan).astype(np.float32)
        return [equal, 1 - equal]


def _numbers(gtins: Sequence[str]) -> NDArray[np.int64]:
    """GTINs as integers, 0 for none: fourteen digits fit into 64 bits."""
    return np.array([int(gtin or 0) for gtin in gtins], np.int64)
