"""The matcher before the first labels: weights that come with the package.

`make prior` fits them to catalogues that the demo's generator makes (`tests/bench/prior.py`). No label of a user and no
benchmark takes part, so that its precision on a catalogue of one's own is unknown: what it says is never called a
probability. It orders candidates and questions, and the first fits begin with it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.matching.learners import Linear, Scale
from core.matching.prior_weights import EXPECTED

#: Of the learner, and of bands that are cut through its scores, as in `prior:high`.
NAME = "prior"
PRIOR_FILE = Path(__file__).parent / "data" / "prior.json"

#: What trade item numbers say before any label, in log-odds: the generated catalogues take no part in it, since they do
#: not know how retailers' numbers go wrong. The same one is first whatever the texts say; two different ones keep equal
#: texts out of the band high, since retailers list variants, packs and old numbers under others.
_GTINS = {"gtin_equal": 15.0, "gtin_conflict": -4.5}
#: The candidates at hand weigh as much as the generated ones, for centre and spread, when there are so many: those of
#: thirty queries. With far fewer, the best of a few pairs would look like a match whatever it is.
_PAIRS = 300
#: ln(0.95 / 0.05) / 0.1
_SLOPE = 29.4


@dataclass(frozen=True, slots=True)
class Weight:
    """What is known of one feature before any label.

    Attributes:
        centre, spread: of the feature over the candidates of the generated catalogues.
        weight: log-odds of a match per spread.
    """

    centre: float
    spread: float
    weight: float


class Expected(NamedTuple):
    """Before any label: weights per spread of each feature, shape (features,), and log-odds at the centre of all."""

    weights: NDArray[np.float64]
    intercept: float


@dataclass(frozen=True, slots=True)
class Prior:
    """The content of `prior.json`.

    Attributes:
        weights: by the feature's name; a feature that is absent says nothing.
        intercept: log-odds of a match at the centre of all features.
        high, low: at or above it and below it a band is firm; of sigmoid(score), which is no calibrated probability.
    """

    weights: dict[str, Weight]
    intercept: float
    high: float
    low: float

    def expected(self, features: tuple[str, ...]) -> Expected:
        """What a fit to labels begins with."""
        weights = [self.weights[name].weight if name in self.weights else EXPECTED.get(name, 0.0) for name in features]
        return Expected(np.array(weights, float), self.intercept)

    def learner(self, features: tuple[str, ...], evidence: NDArray[np.float32]) -> Linear:
        """The weights as a learner over these features.

        Args:
            features: names of the columns of the evidence.
            evidence: of the pairs to be judged, shape (n, features), which sets the scale as far as it is enough.
        """
        nothing = Weight(0.0, 1.0, 0.0)
        rows = [self.weights.get(name, nothing) for name in features]
        centre, spread, weights = (
            np.array([getattr(row, part) for row in rows], float) for part in ("centre", "spread", "weight")
        )
        scale = _scale(centre, spread, evidence)
        for name in _GTINS.keys() & set(features):
            place = features.index(name)
            scale.centre[place], scale.spread[place], weights[place] = 0.0, 1.0, _GTINS[name]
        return Linear(scale, weights, self.intercept, NAME)


def _scale(centre: NDArray[np.float64], spread: NDArray[np.float64], evidence: NDArray[np.float32]) -> Scale:
    """Centre and spread of evidence and generated pairs together, the latter counted as `_PAIRS`."""
    known = ~np.isnan(evidence)
    count = known.sum(axis=0) + _PAIRS
    values = np.where(known, evidence, 0.0).astype(float)
    mean = (values.sum(axis=0) + _PAIRS * centre) / count
    squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) + _PAIRS * (spread**2 + (centre - mean) ** 2)
    return Scale(mean, np.sqrt(squares / count))


@cache
def packaged_prior() -> Prior:
    """The prior that comes with the package."""
    value = json.loads(PRIOR_FILE.read_text(encoding="utf-8"))
    weights = {name: Weight(*map(float, row)) for name, row in value["weights"].items()}
    return Prior(weights, float(value["intercept"]), float(value["high"]), float(value["low"]))


@dataclass(frozen=True, slots=True)
class CosinePrior:
    """A line through the cosine: even odds at `boundary`, 0.95 one tenth above it.

    Matchers that earlier versions saved before the first labels hold it.

    Attributes:
        boundary: the middle of the medium band.
        column: where the cosine stands in the evidence.
    """

    boundary: float
    column: int = 0
    name: str = NAME

    def scores(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,); an unknown cosine is a quarter below the boundary."""
        cosines = np.nan_to_num(evidence[:, self.column].astype(float), nan=self.boundary - 0.25)
        scores: NDArray[np.float64] = _SLOPE * (cosines - self.boundary)
        return scores

    def contributions(self, evidence: NDArray[np.float32]) -> NDArray[np.float64]:
        """All of the score is the cosine's."""
        found = np.zeros((len(evidence), evidence.shape[1] + 1))
        found[:, self.column] = self.scores(evidence)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {"name": self.name, "boundary": self.boundary, "column": self.column}
