"""The feature builder: all feature groups as one matrix, for two product lists or for a workspace's corpus."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.matching.features.attributes import AttributeFeatures
from core.matching.features.base import Feature, FeatureGroup, QueryFeatureGroup
from core.matching.features.fields import CategoryFeatures, DetailFeatures, FieldFeatures, GtinFeatures
from core.matching.features.lexical import LexicalFeatures
from core.matching.features.model_numbers import ModelNumberFeatures
from core.matching.features.neighbours import NeighbourFeatures
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace

COSINE = Feature("cosine", "cosine", "Similarity by the encoder", "similarity")

#: The columns whose names do not depend on the builder, in order; the neighbour features follow them.
FEATURES: tuple[Feature, ...] = (
    COSINE,
    *LexicalFeatures.features,
    *ModelNumberFeatures.features,
    *AttributeFeatures.features,
    *FieldFeatures.features,
    *CategoryFeatures.features,
    *DetailFeatures.features,
    *GtinFeatures.features,
)


class FeatureBuilder:
    """Prepares queries and products once, then computes features for many pairs at a time."""

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        vocabulary: Vocabulary,
        *,
        store_brands: bool = False,
    ) -> None:
        """Prepare both lists.

        Args:
            queries: pairs refer to them by index.
            products: likewise.
            vocabulary: colours, part types, brands.
            store_brands: whether retailers' own brands count as one brand.
        """
        self._texts = LexicalFeatures(queries, products)
        self._by_characters = NeighbourFeatures("characters", "shared character sequences", self._texts.characters)
        self._by_words = NeighbourFeatures("words", "shared words", self._texts.words)
        self._others: tuple[QueryFeatureGroup, ...] = (
            ModelNumberFeatures(queries, products),
            AttributeFeatures(queries, products, vocabulary),
            FieldFeatures(queries, products, vocabulary, store_brands=store_brands),
            CategoryFeatures(queries, products, self._by_characters.mutual()),
            DetailFeatures(queries, products),
            GtinFeatures(queries, products),
        )
        self.features = (COSINE, *(feature for part in self._parts for feature in part.features))

    @property
    def _parts(self) -> tuple[FeatureGroup, ...]:
        return (self._texts, *self._others, self._by_characters, self._by_words)

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """The features of the same products for other queries.

        Document frequencies, category counts and the rivals of each product stay those of the original queries, so that
        the features of a query do not depend on which queries are given together.
        """
        other = copy(self)
        other._texts = self._texts.with_queries(queries)
        other._others = tuple(part.with_queries(queries) for part in self._others)
        other._by_characters = self._by_characters.with_queries(other._texts.characters)
        other._by_words = self._by_words.with_queries(other._texts.words)
        return other

    def compute(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The features of pairs, float32, shape (n, features), NaN where unknown.

        Args:
            rows: indices of the queries, shape (n,).
            columns: indices of the products, shape (n,).
            cosines: encoder similarities, shape (n,); NaN where unknown.
        """
        found = [cosines.astype(np.float32)]
        for part in self._parts:
            found += part.compute(rows, columns)
        return np.stack(found, axis=1)


@dataclass(frozen=True)
class CorpusFeatures:
    """The features of one corpus. The builder is created on first use, since preparing all products takes seconds.

    Attributes:
        workspace: with the vocabulary.
        settings: whether store brands count as equivalent.
        corpus: queries and products; pairs refer to them by index.
    """

    workspace: Workspace
    settings: Settings
    corpus: Corpus

    @cached_property
    def builder(self) -> FeatureBuilder:
        """The builder of all products."""
        return FeatureBuilder(
            self.corpus.queries,
            self.corpus.products,
            Vocabulary.load(self.workspace.vocabulary),
            store_brands=self.settings.match.store_brands == "equivalent",
        )

    def with_queries(self, queries: Sequence[Product]) -> Self:
        """The features of other queries, as `FeatureBuilder.with_queries`."""
        other = replace(self, corpus=replace(self.corpus, queries=list(queries)))
        vars(other)["builder"] = self.builder.with_queries(queries)  # in place of one that would be created
        return other

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(feature.name for feature in self.builder.features)

    def compute(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """As `FeatureBuilder.compute`."""
        return self.builder.compute(rows, columns, cosines)
