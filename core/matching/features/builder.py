"""The feature builder: all feature groups as one matrix, for two product lists or for a workspace's corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.matching.features.attributes import AttributeFeatures
from core.matching.features.base import Feature, FeatureGroup
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
        words = LexicalFeatures(queries, products)
        by_characters = NeighbourFeatures("characters", "shared character sequences", words.characters)
        self._parts: tuple[FeatureGroup, ...] = (
            words,
            ModelNumberFeatures(queries, products),
            AttributeFeatures(queries, products, vocabulary),
            FieldFeatures(queries, products, vocabulary, store_brands=store_brands),
            CategoryFeatures(queries, products, by_characters.mutual()),
            DetailFeatures(queries, products),
            GtinFeatures(queries, products),
            by_characters,
            NeighbourFeatures("words", "shared words", words.words),
        )
        self.features = (COSINE, *(feature for part in self._parts for feature in part.features))

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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(feature.name for feature in self.builder.features)

    def compute(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """As `FeatureBuilder.compute`."""
        return self.builder.compute(rows, columns, cosines)
