"""All evidence about pairs, as one matrix."""

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

#: The columns of the evidence, in order.
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
    """Prepares queries and products once; pairs of them are then compared many at a time."""

    def __init__(
        self,
        queries: "Sequence[Product]",
        products: "Sequence[Product]",
        vocabulary: Vocabulary,
        *,
        store_brands: bool = False,
    ) -> None:
        """Prepare both sides.

        Args:
            queries: pairs name them by their place here.
            products: likewise.
            vocabulary: colours, kinds, brands.
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

    def of(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The evidence about pairs, shape (n, features), NaN where unknown.

        Args:
            rows: places of the queries, shape (n,).
            columns: places of the products, likewise.
            cosines: by the encoder, likewise; NaN where there is none.
        """
        found = [cosines.astype(np.float32)]
        for part in self._parts:
            found += part.of(rows, columns)
        return np.stack(found, axis=1)


@dataclass(frozen=True)
class CorpusFeatures:
    """The evidence builder of a corpus, made when it is first needed: to prepare all products takes seconds.

    Attributes:
        workspace: whose vocabulary counts.
        settings: whether store brands are equivalent.
        corpus: queries and products; rows and columns of pairs are places in its lists.
    """

    workspace: Workspace
    settings: Settings
    corpus: Corpus

    @cached_property
    def builder(self) -> FeatureBuilder:
        """The builder itself."""
        return FeatureBuilder(
            self.corpus.queries,
            self.corpus.products,
            Vocabulary.load(self.workspace.vocabulary),
            store_brands=self.settings.match.store_brands == "equivalent",
        )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(feature.name for feature in self.builder.features)

    def of(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The evidence about pairs, shape (n, features)."""
        return self.builder.of(rows, columns, cosines)
