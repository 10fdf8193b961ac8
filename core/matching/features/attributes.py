"""Evidence of what titles state: quantities by dimension, pack counts, colours, kinds, generations, condition."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.matching.features.base import Feature, dots, incidence, row_sums, widen
from core.text.packs import pack_count
from core.text.quantities import STORAGE_TOLERANCE, TOLERANCE, quantities
from core.text.units import COUNTS
from core.text.vocabulary import Vocabulary

#: Dimensions that are told apart; the others only count in the totals.
_OWN = ("length", "storage", "power")
_AGREEMENT = "-1 conflict to 1 equal"
#: Values of one dimension that are compared: a title that states more is a list of everything.
_MOST = 8


class AttributeFeatures:
    """Statements as sets; quantities are equal as `core.text.quantities.same` has it, but for rounding."""

    features = (
        Feature("quantities_equal", "quantities", "Quantities that both titles state", "quantities"),
        Feature("quantities_conflicting", "dimensions", "Dimensions in which the titles state different quantities",
                "quantities"),
        Feature("quantities_one_sided", "dimensions", "Dimensions of which only one title states a quantity",
                "quantities"),
        *(Feature(name, _AGREEMENT, f"Whether the titles agree on {name}", "quantities") for name in _OWN),
        Feature("pack", _AGREEMENT, "Whether the titles agree on the number of items", "pack"),
        Feature("pack_ratio", "log ratio", "The query's number of items against the candidate's, unsaid as one",
                "pack"),
        Feature("colours", _AGREEMENT, "Whether the titles agree on colours", "colour"),
        Feature("kinds", _AGREEMENT, "Whether the titles name the same accessories or parts", "kind"),
        Feature("kinds_one_sided", "kinds", "Accessories or parts that only one title names", "kind"),
        Feature("generations", _AGREEMENT, "Whether the titles agree on generation, version or year", "generation"),
        Feature("condition", "yes or no", "The titles state different conditions, such as refurbished", "condition"),
        Feature("compatible", "yes or no", "Only one title offers a part or replacement for another maker's product",
                "condition"),
    )  # fmt: skip

    def __init__(self, queries: Sequence[Product], products: Sequence[Product], vocabulary: Vocabulary) -> None:

        sides = (queries, products)
        stated = [[_stated(p.title) for p in side] for side in sides]
        dimensions = sorted({dimension for side in stated for each in side for dimension in each})
        self._values = {d: tuple(_Values([each.get(d, ()) for each in side]) for side in stated) for d in dimensions}
        packs = [[pack_count(p.title) for p in side] for side in sides]
        self._packs = [np.array([n or np.nan for n in side], np.float64) for side in packs]
        texts = [[p.title for p in side] for side in sides]
        self._colours = _Sets([[vocabulary.colours(t) for t in side] for side in texts])
        self._kinds = _Sets([[vocabulary.kinds(t) for t in side] for side in texts])
        self._generations = _Sets([[vocabulary.generations(t) for t in side] for side in texts])
        names: dict[str, int] = {"": 0}
        self._conditions = [
            np.array([names.setdefault(vocabulary.condition(t), len(names)) for t in side]) for side in texts
        ]
        self._compatible = [np.array([vocabulary.compatible(t) for t in side]) for side in texts]

    def of(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The columns, in the order of `features`."""
        n = len(rows)
        equal, conflicting, one_sided = (np.zeros(n, np.float32) for _ in range(3))
        own = {name: np.full(n, np.nan, np.float32) for name in _OWN}
        for dimension, (left, right) in self._values.items():
            of_query, of_candidate = left.counts[rows], right.counts[columns]
            both = (of_query > 0) & (of_candidate > 0)
            shared = np.zeros(n, np.float32)
            shared[both] = _shared(left.of(rows[both]), right.of(columns[both]), _tolerance(dimension))
            equal += shared
            conflicting += both & (shared == 0)
            one_sided += (of_query > 0) ^ (of_candidate > 0)
            if dimension in own:
                own[dimension] = _agreement(shared, of_query, of_candidate)
        packs = self._packs[0][rows], self._packs[1][columns]
        stated = ~np.isnan(packs[0]) & ~np.isnan(packs[1])
        kinds = self._kinds.counts(rows, columns)
        return [
            equal, conflicting, one_sided, *own.values(),
            np.where(stated, np.where(packs[0] == packs[1], 1.0, -1.0), np.nan).astype(np.float32),
            np.log(np.nan_to_num(packs[0], nan=1.0) / np.nan_to_num(packs[1], nan=1.0)).astype(np.float32),
            self._colours.agreement(rows, columns),
            self._kinds.agreement(rows, columns),
            kinds[0] + kinds[1] - 2 * self._kinds.shared(rows, columns),
            self._generations.agreement(rows, columns),
            (self._conditions[0][rows] != self._conditions[1][columns]).astype(np.float32),
            (self._compatible[0][rows] != self._compatible[1][columns]).astype(np.float32),
        ]  # fmt: skip


class _Sets:
    """The sets of two sides over one vocabulary."""

    def __init__(self, sides: Sequence[Sequence[Sequence[object] | frozenset[object] | frozenset[str]]]) -> None:
        vocabulary: dict[object, int] = {}
        matrices = [incidence(side, vocabulary) for side in sides]
        self._present = [widen(matrix, len(vocabulary)) for matrix in matrices]
        self._sizes = [row_sums(matrix) for matrix in self._present]

    def shared(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """How many items both sets hold."""
        return dots(self._present[0][rows], self._present[1][columns])

    def counts(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How many items each set holds."""
        return self._sizes[0][rows], self._sizes[1][columns]

    def agreement(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """1 where the smaller set is all in the larger, -1 where they share nothing, between where some; else NaN."""
        return _agreement(self.shared(rows, columns), *self.counts(rows, columns))


def _agreement(
    shared: NDArray[np.float32], of_query: NDArray[np.float32], of_candidate: NDArray[np.float32]
) -> NDArray[np.float32]:

    smaller = np.minimum(of_query, of_candidate)
    with np.errstate(divide="ignore", invalid="ignore"):
        agreement: NDArray[np.float32] = np.where(smaller > 0, 2 * shared / smaller - 1, np.nan).astype(np.float32)
    return agreement


def _stated(title: str) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = {}
    for quantity in quantities(title):
        if quantity.value > 0:
            found.setdefault(quantity.dimension, []).append(quantity.value)
    return {dimension: tuple(dict.fromkeys(values)) for dimension, values in found.items()}


class _Values:
    """The logarithms of the values that products state in one dimension; most state none."""

    def __init__(self, stated: Sequence[Sequence[float]]) -> None:

        self.counts = np.array([min(len(values), _MOST) for values in stated], np.float32)
        speaking = np.flatnonzero(self.counts)
        self._place = np.zeros(len(stated), np.int64)
        self._place[speaking] = np.arange(len(speaking))
        self._table = np.full((len(speaking), int(self.counts.max(initial=0))), np.nan)
        for place, product in enumerate(speaking):
            values = stated[int(product)][:_MOST]
            self._table[place, : len(values)] = np.log(values)

    def of(self, products: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values of products that state some, shape (n, most), filled up with NaN."""
        table: NDArray[np.float64] = self._table[self._place[products]]
        return table


def _shared(one: NDArray[np.float64], other: NDArray[np.float64], tolerance: float) -> NDArray[np.float32]:
    """How many values of each row stand in the other's row too, whichever side has fewer such."""
    equal = np.abs(one[:, :, None] - other[:, None, :]) <= tolerance
    shared: NDArray[np.int64] = np.minimum(equal.any(axis=2).sum(axis=1), equal.any(axis=1).sum(axis=1))
    return shared.astype(np.float32)


def _tolerance(dimension: str) -> float:
    """How far the logarithms of equal values may be apart."""
    if dimension in COUNTS:
        return 1e-9
    return -math.log1p(-(STORAGE_TOLERANCE if dimension == "storage" else TOLERANCE)) + 1e-9
