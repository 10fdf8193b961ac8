"""Attribute features: whether titles agree on quantities, pack count, colours and the like."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.matching.features.base import Feature, SmallSets
from core.matching.features.parsed import KnownTexts, known_texts
from core.retrieval.array_file import TextRows
from core.text.packs import pack_count
from core.text.quantities import STORAGE_TOLERANCE, TOLERANCE, Quantity, quantities
from core.text.units import COUNTS
from core.text.vocabulary import Vocabulary

#: Dimensions with a feature of their own; all others only add to the totals.
_SEPARATE_DIMENSIONS = ("length", "storage", "power")
_AGREEMENT = "-1 conflict to 1 equal"
#: Values compared in one dimension: a title that states more lists every variant.
_MAX_VALUES = 8


@dataclass(frozen=True)
class TitleAttributes:
    """The attributes that one title states; each is parsed on first use.

    Both the features below and the explanations (`core.matching.explain`) read titles through this class.
    """

    title: str
    vocabulary: Vocabulary

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The stated quantities, in order."""
        return quantities(self.title)

    @cached_property
    def values(self) -> dict[str, tuple[float, ...]]:
        """The distinct positive values of each dimension, in its base unit."""
        found: dict[str, list[float]] = {}
        for quantity in self.quantities:
            if quantity.value > 0:
                found.setdefault(quantity.dimension, []).append(quantity.value)
        return {dimension: tuple(dict.fromkeys(values)) for dimension, values in found.items()}

    @cached_property
    def pack(self) -> int | None:
        """The number of items; None where none is stated."""
        return pack_count(self.title, self.quantities)

    @cached_property
    def colours(self) -> frozenset[str]:
        """Canonical colour names."""
        return frozenset(self.vocabulary.colours(self.title))

    @cached_property
    def audiences(self) -> frozenset[str]:
        """Canonical names of those whom the product is made for: men, women, children."""
        return frozenset(self.vocabulary.audiences(self.title))

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Canonical names of accessories and parts."""
        return frozenset(self.vocabulary.kinds(self.title))

    @cached_property
    def generations(self) -> frozenset[str]:
        """Generations, versions and years."""
        return frozenset(self.vocabulary.generations(self.title))

    @cached_property
    def condition(self) -> str:
        """The condition, such as refurbished; empty where none is stated."""
        return self.vocabulary.condition(self.title)

    @cached_property
    def compatible(self) -> bool:
        """Whether the product fits or replaces another maker's."""
        return self.vocabulary.compatible(self.title)

    def to_json(self) -> str:
        """All attributes but the quantities as they are written in the title."""
        sets = (sorted(each) for each in (self.colours, self.audiences, self.kinds, self.generations))
        return json.dumps([self.values, self.pack, *sets, self.condition, self.compatible], separators=(",", ":"))

    @classmethod
    def from_json(cls, title: str, vocabulary: Vocabulary, text: str) -> "TitleAttributes":
        """The attributes of `to_json`, which are parsed no more."""
        found = cls(title, vocabulary)
        values, pack, colours, audiences, kinds, generations, condition, compatible = json.loads(text)
        vars(found).update(
            values={dimension: tuple(each) for dimension, each in values.items()}, pack=pack,
            colours=frozenset(colours), audiences=frozenset(audiences), kinds=frozenset(kinds),
            generations=frozenset(generations), condition=condition, compatible=compatible,
        )  # fmt: skip
        return found


class AttributeFeatures:
    """Title attributes compared. Quantities are equal as in `core.text.quantities.same`, within rounding."""

    features = (
        Feature("quantities_equal", "quantities", "Quantities that both titles state", "quantities"),
        Feature("quantities_conflicting", "dimensions", "Dimensions in which the titles state different quantities",
                "quantities"),
        Feature("quantities_one_sided", "dimensions", "Dimensions of which only one title states a quantity",
                "quantities"),
        *(Feature(name, _AGREEMENT, f"Whether the titles agree on {name}", "quantities")
          for name in _SEPARATE_DIMENSIONS),
        Feature("pack", _AGREEMENT, "Whether the titles agree on the number of items", "pack"),
        Feature("pack_ratio", "log ratio", "The query's number of items against the candidate's, not stated as one",
                "pack"),
        Feature("colours", _AGREEMENT, "Whether the titles agree on colours", "colour"),
        Feature("audiences", _AGREEMENT, "Whether the titles are for the same people: men, women, children",
                "audience"),
        Feature("kinds", _AGREEMENT, "Whether the titles name the same accessories or parts", "kind"),
        Feature("kinds_one_sided", "kinds", "Accessories or parts that only one title names", "kind"),
        Feature("generations", _AGREEMENT, "Whether the titles agree on generation, version or year", "generation"),
        Feature("condition", "yes or no", "The titles state different conditions, such as refurbished", "condition"),
        Feature("compatible", "yes or no", "Only one title offers a part or replacement for another maker's product",
                "condition"),
    )  # fmt: skip

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        vocabulary: Vocabulary,
        known: KnownTexts | None = None,
    ) -> None:
        """Prepare both lists.

        Args:
            queries: pairs refer to them by index.
            products: likewise.
            vocabulary: colours, part types.
            known: of products, as in `parsed` of another instance.
        """
        sides = [
            [TitleAttributes(product.title, vocabulary) for product in queries],
            [
                TitleAttributes(product.title, vocabulary) if text is None
                else TitleAttributes.from_json(product.title, vocabulary, text)
                for product, text in zip(products, known_texts(known, len(products)), strict=True)
            ],
        ]  # fmt: skip
        self._values = _values_by_dimension(sides)
        self._packs = [np.array([each.pack or np.nan for each in side], np.float64) for side in sides]
        self._colours = SmallSets([[each.colours for each in side] for side in sides])
        self._audiences = SmallSets([[each.audiences for each in side] for side in sides])
        self._kinds = SmallSets([[each.kinds for each in side] for side in sides])
        self._generations = SmallSets([[each.generations for each in side] for side in sides])
        numbers: dict[str, int] = {}
        self._conditions = [
            np.array([numbers.setdefault(each.condition, len(numbers)) for each in side]) for side in sides
        ]
        self._compatible = [np.array([each.compatible for each in side]) for side in sides]
        #: Those of the products, or of the corpus if they are known.
        self.parsed = known.texts if known is not None else TextRows.of(each.to_json() for each in sides[1])

    def compute(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        kinds = self._kinds.compare(rows, columns)
        return [
            *self._compare_quantities(rows, columns),
            *self._compare_packs(rows, columns),
            _agreement(*self._colours.compare(rows, columns)),
            _agreement(*self._audiences.compare(rows, columns)),
            _agreement(*kinds),
            kinds[1] + kinds[2] - 2 * kinds[0],
            _agreement(*self._generations.compare(rows, columns)),
            (self._conditions[0][rows] != self._conditions[1][columns]).astype(np.float32),
            (self._compatible[0][rows] != self._compatible[1][columns]).astype(np.float32),
        ]

    def _compare_quantities(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        n = len(rows)
        equal, conflicting, one_sided = (np.zeros(n, np.float32) for _ in range(3))
        separate = {name: np.full(n, np.nan, np.float32) for name in _SEPARATE_DIMENSIONS}
        for dimension, (left, right) in self._values.items():
            of_query, of_candidate = left.counts[rows], right.counts[columns]
            both = (of_query > 0) & (of_candidate > 0)
            shared = np.zeros(n, np.float32)
            shared[both] = _shared_values(left.of(rows[both]), right.of(columns[both]), _tolerance(dimension))
            equal += shared
            conflicting += both & (shared == 0)
            one_sided += (of_query > 0) ^ (of_candidate > 0)
            if dimension in separate:
                separate[dimension] = _agreement(shared, of_query, of_candidate)
        return [equal, conflicting, one_sided, *separate.values()]

    def _compare_packs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        left, right = self._packs[0][rows], self._packs[1][columns]
        stated = ~np.isnan(left) & ~np.isnan(right)
        return [
            np.where(stated, np.where(left == right, 1.0, -1.0), np.nan).astype(np.float32),
            np.log(np.nan_to_num(left, nan=1.0) / np.nan_to_num(right, nan=1.0)).astype(np.float32),
        ]


def parsed_attributes(products: Iterable[Product], vocabulary: Vocabulary) -> TextRows:
    """What `AttributeFeatures` parses of products, in less memory."""
    return TextRows.of(TitleAttributes(product.title, vocabulary).to_json() for product in products)


def _agreement(
    shared: NDArray[np.float32], of_query: NDArray[np.float32], of_candidate: NDArray[np.float32]
) -> NDArray[np.float32]:
    """From -1 (nothing shared) to 1 (the larger set contains the smaller); NaN where one set is empty."""
    smaller = np.minimum(of_query, of_candidate)
    with np.errstate(divide="ignore", invalid="ignore"):
        agreement: NDArray[np.float32] = np.where(smaller > 0, 2 * shared / smaller - 1, np.nan).astype(np.float32)
    return agreement


class _LogValues:
    """Logarithms of the values that products state in one dimension; most state none."""

    def __init__(self, stated: Mapping[int, Sequence[float]], count: int) -> None:
        """Take logarithms.

        Args:
            stated: values by the index of the product, ascending.
            count: number of products.
        """
        values = [each[:_MAX_VALUES] for each in stated.values()]
        filled = np.array([*stated], np.int64)
        self.counts = np.zeros(count, np.float32)
        self.counts[filled] = [len(each) for each in values]
        self._place = np.zeros(count, np.int64)
        self._place[filled] = np.arange(len(filled))
        self._table = np.full((len(filled), int(self.counts.max(initial=0))), np.nan)
        for place, each in enumerate(values):
            self._table[place, : len(each)] = np.log(each)

    def of(self, products: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values of products that state some, shape (n, max count), padded with NaN."""
        table: NDArray[np.float64] = self._table[self._place[products]]
        return table


def _values_by_dimension(sides: Sequence[Sequence[TitleAttributes]]) -> dict[str, tuple[_LogValues, ...]]:
    """For each stated dimension, the values of the queries and of the products."""
    stated: dict[str, tuple[dict[int, Sequence[float]], ...]] = {}
    for number, side in enumerate(sides):
        for row, each in enumerate(side):
            for dimension, values in each.values.items():
                if values:
                    stated.setdefault(dimension, tuple({} for _ in sides))[number][row] = values
    return {
        dimension: tuple(_LogValues(of_side, len(side)) for of_side, side in zip(stated[dimension], sides, strict=True))
        for dimension in sorted(stated)
    }


def _shared_values(one: NDArray[np.float64], other: NDArray[np.float64], tolerance: float) -> NDArray[np.float32]:
    """How many values each row shares with the row beside it, counted on the side with fewer of them."""
    equal = np.abs(one[:, :, None] - other[:, None, :]) <= tolerance
    shared: NDArray[np.int64] = np.minimum(equal.any(axis=2).sum(axis=1), equal.any(axis=1).sum(axis=1))
    return shared.astype(np.float32)


def _tolerance(dimension: str) -> float:
    """The largest difference between the logarithms of equal values."""
    if dimension in COUNTS:
        return 1e-9
    return -math.log1p(-(STORAGE_TOLERANCE if dimension == "storage" else TOLERANCE)) + 1e-9
