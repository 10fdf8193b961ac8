"""The feature builder: all feature groups as one matrix, for two product lists or for a workspace's corpus."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import DefaultGtins, Product
from core.jobs.progress import Reporter
from core.matching.features.attributes import AttributeFeatures, parsed_attributes
from core.matching.features.base import Feature, FeatureGroup
from core.matching.features.differences import DIFFERENCE_WEIGHTS, DifferenceFeatures, difference_weights
from core.matching.features.fields import (
    CategoryCounts,
    CategoryFeatures,
    DetailFeatures,
    FieldFeatures,
    GtinFeatures,
    listing_weights,
)
from core.matching.features.lexical import KnownVectors, LexicalFeatures, lexical_vectors, title_weights
from core.matching.features.model_numbers import ModelNumberFeatures, parsed_codes
from core.matching.features.neighbours import CorpusRows, NeighbourFeatures, Neighbourhood, neighbour_features
from core.matching.features.parsed import KnownTexts, known_texts
from core.matching.features.statistics import (
    CorpusStatistics,
    boilerplate_arrays,
    boilerplate_of,
    listing_rows,
    neighbour_arrays,
    neighbours_of,
    own_rows,
    parsed_arrays,
    parsed_of,
    sources_of,
)
from core.retrieval.array_file import Arrays, TextRows, weights_arrays, weights_of
from core.retrieval.corpus import Corpus
from core.retrieval.run_files import RunFiles
from core.retrieval.tfidf import TermWeights
from core.settings import Settings
from core.text.boilerplate import Boilerplate
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import ProductRef

COSINE = Feature("cosine", "cosine", "Similarity by the encoder", "similarity")

#: The columns that depend on the two listings and the weights of terms, in order.
FEATURES: tuple[Feature, ...] = (
    COSINE,
    *LexicalFeatures.features,
    *ModelNumberFeatures.features,
    *AttributeFeatures.features,
    *FieldFeatures.features,
    *CategoryFeatures.features,
    *DetailFeatures.features,
    *GtinFeatures.features,
    *DifferenceFeatures.features,
)
#: All columns, in order: those that compare a pair with its neighbours follow.
ALL_FEATURES = (
    *FEATURES,
    *neighbour_features("characters", "shared character sequences"),
    *neighbour_features("words", "shared words"),
)
_COLUMNS = {feature.name: column for column, feature in enumerate(ALL_FEATURES)}
#: The columns of `DifferenceFeatures`.
DIFFERENCE_COLUMNS = slice(len(FEATURES) - len(DifferenceFeatures.features), len(FEATURES))


class FeatureBuilder:
    """Prepares queries and products once, then computes features for many pairs at a time.

    Attributes:
        statistics: of the corpus.
    """

    features = ALL_FEATURES

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        vocabulary: Vocabulary,
        *,
        store_brands: bool = False,
        statistics: CorpusStatistics | None = None,
        defaults: DefaultGtins | None = None,
        digests: Mapping[ProductRef, str] | None = None,
    ) -> None:
        """Prepare both lists.

        Args:
            queries: pairs refer to them by index.
            products: likewise.
            vocabulary: colours, part types, brands.
            store_brands: whether retailers' own brands count as one brand.
            statistics: of the corpus that the lists are part of; by default the lists are the corpus.
            defaults: the GTINs of the corpus that are default values, likewise.
            digests: of the products' content; by default they are computed.
        """
        known = statistics.weights if statistics is not None else {}
        rows = None if statistics is None else statistics.rows_of(queries, products, digests)
        listings = queries, products
        boilerplate = statistics.boilerplate if statistics is not None else _learned(listings, vocabulary)
        texts = _known_texts(statistics, rows)
        queries, products = _without(boilerplate, queries), _without(boilerplate, products, texts.get("titles"))
        words = LexicalFeatures(queries, products, known, _known_vectors(statistics, rows))
        details = DetailFeatures(queries, products, known.get("listing"))
        self._prepare_differences = partial(DifferenceFeatures, queries, products, vocabulary, known)
        models = ModelNumberFeatures(queries, products, texts.get("codes"))
        attributes = AttributeFeatures(queries, products, vocabulary, texts.get("attributes"))
        if statistics is None:
            titles = _changed_titles(listings[1], products)
            parsed = {"titles": titles, "attributes": attributes.parsed, "codes": models.parsed}
            statistics = _statistics(*listings, boilerplate, words, details, self._differences, parsed)
        self.statistics = statistics
        neighbours = self.statistics.neighbours
        self._parts: tuple[FeatureGroup, ...] = (
            words,
            models,
            attributes,
            FieldFeatures(queries, products, vocabulary, store_brands=store_brands),
            CategoryFeatures(queries, products, self.statistics.categories),
            details,
            GtinFeatures(queries, products, defaults),
        )
        self._neighbours = {
            "characters": NeighbourFeatures(words.characters, neighbours["characters"], rows),
            "words": NeighbourFeatures(words.words, neighbours["words"], rows),
        }

    @cached_property
    def _differences(self) -> DifferenceFeatures:
        """Prepared on first use: the features of a pool do without."""
        return self._prepare_differences()

    def compute(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        cosines: NDArray[np.float32],
        *,
        differences: bool = True,
    ) -> NDArray[np.float32]:
        """The features of pairs, float32, shape (n, features), NaN where unknown.

        Args:
            rows: indices of the queries, shape (n,).
            columns: indices of the products, shape (n,).
            cosines: encoder similarities, shape (n,); NaN where unknown.
            differences: whether `DifferenceFeatures` are computed; NaN otherwise.
        """
        found = [cosines.astype(np.float32)]
        for part in self._parts:
            found += part.compute(rows, columns)
        if differences:
            found += self._differences.compute(rows, columns)
        else:
            found += [np.full(len(rows), np.nan, np.float32)] * len(DifferenceFeatures.features)
        for kind, neighbours in self._neighbours.items():
            found += neighbours.compute(rows, columns, found[_COLUMNS[kind]])
        return np.stack(found, axis=1)


def _known_vectors(statistics: CorpusStatistics | None, rows: CorpusRows | None) -> Mapping[str, KnownVectors] | None:
    """The vectors of products that are in the corpus with the same content."""
    if statistics is None or rows is None:
        return None
    return {
        kind: KnownVectors(neighbours.indexes[1].rows, rows.content[1])
        for kind, neighbours in statistics.neighbours.items()
    }


def _known_texts(statistics: CorpusStatistics | None, rows: CorpusRows | None) -> Mapping[str, KnownTexts]:
    """What the statistics of a corpus have of the products, by kind."""
    if statistics is None or rows is None:
        return {}
    return {kind: KnownTexts(texts, rows.content[1]) for kind, texts in statistics.parsed.items()}


def _learned(listings: Iterable[Sequence[Product]], vocabulary: Vocabulary) -> Boilerplate:
    """The boilerplate of all distinct titles: a listing may be a query and a product."""
    return Boilerplate.learn(list(dict.fromkeys(each.title for side in listings for each in side)), vocabulary)


def _without(boilerplate: Boilerplate, listings: Sequence[Product], known: KnownTexts | None = None) -> list[Product]:
    """The listings with the boilerplate taken out of their titles; `known` is of these, as of `_changed_titles`."""
    titles = [
        boilerplate.clean(each.title) if text is None else text or each.title
        for each, text in zip(listings, known_texts(known, len(listings)), strict=True)
    ]
    return [
        each if title == each.title else replace(each, title=title)
        for each, title in zip(listings, titles, strict=True)
    ]


def _changed_titles(listings: Iterable[Product], without: Iterable[Product]) -> TextRows:
    """The titles without boilerplate, empty where they have none."""
    pairs = zip(listings, without, strict=True)
    return TextRows.of("" if before.title == after.title else after.title for before, after in pairs)


def _statistics(
    queries: Sequence[Product],
    products: Sequence[Product],
    boilerplate: Boilerplate,
    words: LexicalFeatures,
    details: DetailFeatures,
    differences: DifferenceFeatures,
    parsed: Mapping[str, TextRows],
) -> CorpusStatistics:
    rows = listing_rows(queries), listing_rows(products)
    own = own_rows(rows[1], queries)
    sources = sources_of(queries, products)
    by_characters = Neighbourhood.of(words.characters, own, sources=sources)
    return CorpusStatistics(
        weights={**words.weights, "listing": details.weights, **differences.weights},
        boilerplate=boilerplate,
        categories=CategoryCounts.of(queries, products, by_characters.mutual()),
        neighbours={"characters": by_characters, "words": Neighbourhood.of(words.words, own, sources=sources)},
        rows=rows,
        parsed=parsed,
    )


def large_statistics(corpus: Corpus, vocabulary: Vocabulary, files: RunFiles, reporter: Reporter) -> CorpusStatistics:
    """The same statistics as of a builder of all listings, whose features are never in memory together.

    Args:
        corpus: queries and products.
        vocabulary: as of a builder.
        files: keep what is large, kind by kind.
        reporter: receives the progress.
    """
    queries, products = corpus.queries, corpus.products
    rows = listing_rows(queries, corpus.digests), listing_rows(products, corpus.digests)
    own = own_rows(rows[1], queries)
    reporter.stage("find the boilerplate of titles")
    boilerplate = boilerplate_of(
        files.kept("boilerplate.safetensors", lambda: boilerplate_arrays(_learned((queries, products), vocabulary)))
    )
    queries, products = (_without(boilerplate, side) for side in (queries, products))

    def neighbours(kind: str) -> Arrays:
        reporter.stage("count the terms of the catalogue")
        vectors, weights = lexical_vectors(queries, products, kind)
        sources = sources_of(queries, products)
        found = Neighbourhood.of(vectors, own, reporter, sources=sources, files=files, kind=kind)
        return {**weights_arrays(kind, weights), **neighbour_arrays(kind, found)}

    of_kind = {kind: files.kept(f"{kind}.safetensors", partial(neighbours, kind)) for kind in ("characters", "words")}
    reporter.stage("count the terms of the catalogue")
    terms = files.kept(
        "terms.safetensors",
        lambda: {
            **weights_arrays("title_characters", title_weights(queries, products)),
            **weights_arrays("listing", listing_weights(queries, products)),
            **_named(difference_weights(queries, products, vocabulary)),
        },
    )
    reporter.stage("parse the titles")
    parsed = files.kept("parsed.safetensors", lambda: parsed_arrays(_parsed(corpus.products, products, vocabulary)))
    found = {kind: neighbours_of(kind, arrays, rows) for kind, arrays in of_kind.items()}
    kinds = {
        "characters": of_kind["characters"],
        "title_characters": terms,
        "words": of_kind["words"],
        "listing": terms,
        **dict.fromkeys(DIFFERENCE_WEIGHTS, terms),
    }
    return CorpusStatistics(
        weights={kind: weights_of(kind, arrays) for kind, arrays in kinds.items()},
        boilerplate=boilerplate,
        categories=CategoryCounts.of(queries, products, found["characters"].mutual()),
        neighbours=found,
        rows=rows,
        parsed=parsed_of(parsed),
    )


def _parsed(listings: Sequence[Product], products: Sequence[Product], vocabulary: Vocabulary) -> dict[str, TextRows]:
    """What is parsed of listings, also given without boilerplate."""
    return {
        "titles": _changed_titles(listings, products),
        "attributes": parsed_attributes(products, vocabulary),
        "codes": parsed_codes(products),
    }


def _named(weights: Mapping[str, TermWeights]) -> Arrays:
    found: Arrays = {}
    for kind, each in weights.items():
        found |= weights_arrays(kind, each)
    return found


@dataclass(frozen=True)
class CorpusPart:
    """The features of some listings of a corpus.

    Attributes:
        queries: their indices in the corpus, ascending.
        products: likewise.
        builder: of these listings, in this order.
    """

    queries: NDArray[np.int64]
    products: NDArray[np.int64]
    builder: FeatureBuilder

    def compute(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        cosines: NDArray[np.float32],
        *,
        differences: bool = True,
    ) -> NDArray[np.float32]:
        """As `FeatureBuilder.compute`, by indices in the corpus."""
        places = np.searchsorted(self.queries, rows), np.searchsorted(self.products, columns)
        return self.builder.compute(*places, cosines, differences=differences)


@dataclass(frozen=True)
class CorpusFeatures:
    """The features of one corpus. The builder is created on first use, since preparing all products takes seconds.

    Attributes:
        workspace: with the vocabulary.
        settings: whether store brands count as equivalent.
        corpus: queries and products; pairs refer to them by index.
        statistics: of the last full index run; with them only the listings of the asked pairs are prepared. By default
            those of `corpus`.
    """

    workspace: Workspace
    settings: Settings
    corpus: Corpus
    statistics: CorpusStatistics | None = None

    @cached_property
    def builder(self) -> FeatureBuilder:
        """The builder of all products."""
        return self._builder(self.corpus.queries, self.corpus.products)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of the workspace."""
        return Vocabulary.load(self.workspace.vocabulary)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(feature.name for feature in ALL_FEATURES)

    def compute(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        cosines: NDArray[np.float32],
        *,
        differences: bool = True,
    ) -> NDArray[np.float32]:
        """As `FeatureBuilder.compute`."""
        if not len(rows):
            return np.zeros((0, len(ALL_FEATURES)), np.float32)
        return self.part(rows, columns).compute(rows, columns, cosines, differences=differences)

    def part(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> "CorpusPart":
        """The features of the listings of some pairs, prepared once for several calls.

        Args:
            rows: indices of the queries.
            columns: indices of the products.
        """
        if self.statistics is None:
            every = np.arange(len(self.corpus.queries)), np.arange(len(self.corpus.products))
            return CorpusPart(*every, self.builder)
        queries, products = np.unique(rows), np.unique(columns)
        listings = [self.corpus.queries[i] for i in queries], [self.corpus.products[i] for i in products]
        return CorpusPart(queries, products, self._builder(*listings))

    def differences(
        self, statistics: CorpusStatistics, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The columns `DIFFERENCE_COLUMNS` of the features of pairs, shape (n, their number).

        Args:
            statistics: of the corpus.
            rows: indices of the queries, shape (n,).
            columns: indices of the products, shape (n,).
        """
        queries, products = np.unique(rows), np.unique(columns)
        listings = [self.corpus.queries[i] for i in queries], [self.corpus.products[i] for i in products]
        cleaned = [_without(statistics.boilerplate, side) for side in listings]
        group = DifferenceFeatures(cleaned[0], cleaned[1], self.vocabulary, statistics.weights)
        return np.stack(group.compute(np.searchsorted(queries, rows), np.searchsorted(products, columns)), axis=1)

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """The features of the same products for other queries, with the statistics of this corpus.

        So the features of a query do not depend on which queries are given together.
        """
        statistics = self.statistics or self.builder.statistics
        other = replace(self, corpus=self.corpus.with_queries(queries), statistics=statistics)
        vars(other)["vocabulary"] = self.vocabulary  # in place of one that would be read again
        return other

    def _builder(self, queries: Sequence[Product], products: Sequence[Product]) -> FeatureBuilder:
        return FeatureBuilder(
            queries,
            products,
            self.vocabulary,
            store_brands=self.settings.match.store_brands == "equivalent",
            statistics=self.statistics,
            defaults=self.corpus.default_gtins,
            digests=self.corpus.product_digests,
        )
