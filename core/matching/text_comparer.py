"""Compares listings by their texts alone, with trees fitted to labelled pairs.

The features of the matcher also compare columns, ranks and an encoder's vectors, which depend on the catalogue. Those
of texts can be computed of any two listings, such as two of one retailer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.matching.features.attributes import AttributeFeatures
from core.matching.features.base import FeatureGroup
from core.matching.features.differences import WORD_NUMBERS, WORD_SCORE, DifferenceFeatures
from core.matching.features.lexical import LexicalFeatures
from core.matching.features.model_numbers import ModelNumberFeatures
from core.matching.learners import Boosted, fit_boosted
from core.retrieval.tfidf import TermWeights
from core.text.boilerplate import Boilerplate
from core.text.vocabulary import Vocabulary

#: Groups of features that compare titles.
_GROUPS = (LexicalFeatures, ModelNumberFeatures, AttributeFeatures, DifferenceFeatures)
#: Columns that need a fit of their own.
_LEFT_OUT = {WORD_SCORE, *WORD_NUMBERS}
_COLUMNS = np.array([feature.name not in _LEFT_OUT for group in _GROUPS for feature in group.features])
#: Two boosters, or four times as many trees, change the log-loss on generated offers by less than 0.002.
_TREES = 50
#: Pairs of texts that are compared at once: what is computed for their features takes 100 MB.
_BLOCK = 2**14


@dataclass(frozen=True)
class TextFeatures:
    """The features of pairs of texts.

    Attributes:
        texts: set the weights of terms, and show what is boilerplate.
    """

    texts: tuple[str, ...]

    def prepare(self, ones: Iterable[str], others: Iterable[str]) -> "PreparedTexts":
        """Parse and count two lists of texts once, to compare many pairs of them."""
        sides = [{text: i for i, text in enumerate(dict.fromkeys(side))} for side in (ones, others)]
        return PreparedTexts((sides[0], sides[1]), self._groups(*map(self._listings, sides)))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary.load()

    @cached_property
    def _boilerplate(self) -> Boilerplate:
        return Boilerplate.learn(self.texts, self._vocabulary)

    @cached_property
    def _weights(self) -> Mapping[str, TermWeights]:
        listings = self._listings(self.texts)
        differences = DifferenceFeatures(listings, [], self._vocabulary)
        return {**LexicalFeatures(listings, []).weights, **differences.weights}

    def _listings(self, texts: Iterable[str]) -> list[Product]:
        return [Product("", "", self._boilerplate.clean(text)) for text in texts]

    def _groups(self, ones: Sequence[Product], others: Sequence[Product]) -> tuple[FeatureGroup, ...]:
        return (
            LexicalFeatures(ones, others, self._weights),
            ModelNumberFeatures(ones, others),
            AttributeFeatures(ones, others, self._vocabulary),
            DifferenceFeatures(ones, others, self._vocabulary, self._weights),
        )


@dataclass(frozen=True)
class PreparedTexts:
    """Two lists of texts, prepared.

    Attributes:
        places: of each text in its list.
        groups: of features of the lists.
    """

    places: tuple[Mapping[str, int], Mapping[str, int]]
    groups: Sequence[FeatureGroup]

    def compute(self, ones: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
        """The features of n pairs of texts, shape (n, features), NaN where unknown."""
        if not ones:
            return np.zeros((0, int(_COLUMNS.sum())), np.float32)
        rows, columns = (
            np.array([places[text] for text in side], np.int64)
            for places, side in zip(self.places, (ones, others), strict=True)
        )
        vectors = np.empty((len(ones), int(_COLUMNS.sum())), np.float32)
        for start in range(0, len(ones), _BLOCK):
            part = slice(start, start + _BLOCK)
            found = [each for group in self.groups for each in group.compute(rows[part], columns[part])]
            vectors[part] = np.stack(found, axis=1)[:, _COLUMNS]
        return vectors


@dataclass(frozen=True)
class TextComparer:
    """Log-odds that two texts are of one product.

    Attributes:
        features: of the texts.
        trees: fitted to labelled pairs.
    """

    features: TextFeatures
    trees: Boosted

    def scores(
        self, ones: Sequence[str], others: Sequence[str], prepared: PreparedTexts | None = None
    ) -> NDArray[np.float64]:
        """The log-odds of n pairs of texts, shape (n,); `prepared` are lists with all of them."""
        if not ones:
            return np.zeros(0)
        return self.trees.scores((prepared or self.features.prepare(ones, others)).compute(ones, others))

    @classmethod
    def fit(
        cls,
        features: TextFeatures,
        vectors: NDArray[np.float32],
        labels: NDArray[np.bool_],
        weights: NDArray[np.float64],
        seed: int,
    ) -> Self:
        """Fit to pairs of both classes; `vectors` are their features."""
        return cls(features, fit_boosted(vectors, labels, weights, seed=seed, boosters=1, trees=_TREES))

    def to_json(self) -> dict[str, Any]:
        """The trees, without the texts, which `from_json` takes."""
        return self.trees.to_json()

    @classmethod
    def from_json(cls, value: dict[str, Any], texts: tuple[str, ...]) -> Self:
        """The inverse of `to_json`.

        Raises:
            ValueError: the trees are of other features.
        """
        return cls(TextFeatures(texts), Boosted.from_json(value, int(_COLUMNS.sum())))
