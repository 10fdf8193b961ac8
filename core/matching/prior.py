"""The packaged prior: the matcher before the first labels, and the prior mean of the first fits.

`make prior` fits its weights to catalogues from the demo's generator (`tests/bench/prior.py`), without user labels or
benchmarks. Its precision on another catalogue is unknown, so its output orders candidates and review queries, but is
never shown as a probability.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.matching.learners import Linear, Scale, scale_sample
from core.matching.prior_weights import PRIOR_WEIGHTS

#: Name of the learner, and prefix of the bands made from its scores, as in `prior:high`.
NAME = "prior"
PRIOR_FILE = Path(__file__).parent / "data" / "prior.json"

#: Log-odds of GTIN features before any label. They are not fitted to the generated catalogues, which do not reproduce
#: the errors in retailers' numbers. Equal GTINs rank a pair first whatever the texts are; different ones keep equal
#: texts out of the high band, since retailers list variants, packs and old numbers under other GTINs.
_GTIN_WEIGHTS = {"gtin_equal": 15.0, "gtin_conflict": -4.5}
#: Weight of the generated catalogues in the scale, as a number of pairs: the candidates of thirty queries. With far
#: fewer pairs at hand, the best of them would look like a match whatever it is.
_SCALE_PAIRS = 300
#: Log-odds per unit of cosine: ln(0.95 / 0.05) / 0.1.
_SLOPE = 29.4


@dataclass(frozen=True, slots=True)
class FeatureWeight:
    """The packaged scale and weight of one feature.

    Attributes:
        centre, spread: mean and standard deviation over the candidates of the generated catalogues.
        weight: log-odds of a match per standard deviation.
    """

    centre: float
    spread: float
    weight: float


class PriorMean(NamedTuple):
    """The mean of the Gaussian prior on a linear learner.

    Attributes:
        weights: log-odds per standard deviation of each feature, shape (features,).
        intercept: log-odds of a match at the mean of all features.
    """

    weights: NDArray[np.float64]
    intercept: float


@dataclass(frozen=True, slots=True)
class Prior:
    """The content of `prior.json`.

    Attributes:
        weights: by feature name; absent features have weight 0.
        intercept: log-odds of a match at the mean of all features.
        high: lower bound of the high band, in sigmoid(score), which is not a calibrated probability.
        low: upper bound of the low band, likewise.
    """

    weights: dict[str, FeatureWeight]
    intercept: float
    high: float
    low: float

    def mean(self, features: tuple[str, ...]) -> PriorMean:
        """The prior mean for a fit to labels."""
        weights = [
            self.weights[name].weight if name in self.weights else PRIOR_WEIGHTS.get(name, 0.0) for name in features
        ]
        return PriorMean(np.array(weights, float), self.intercept)

    def learner(self, features: tuple[str, ...], vectors: NDArray[np.float32]) -> Linear:
        """The weights as a learner over these features.

        Args:
            features: names of the columns.
            vectors: of the pairs to be scored, shape (n, features); they take part in the scale.
        """
        absent = FeatureWeight(0.0, 1.0, 0.0)
        rows = [self.weights.get(name, absent) for name in features]
        centre, spread, weights = (
            np.array([getattr(row, part) for row in rows], float) for part in ("centre", "spread", "weight")
        )
        scale = _scale(centre, spread, vectors)
        for name in _GTIN_WEIGHTS.keys() & set(features):
            column = features.index(name)
            scale.centre[column], scale.spread[column], weights[column] = 0.0, 1.0, _GTIN_WEIGHTS[name]
        return Linear(scale, weights, self.intercept, NAME)


def _scale(centre: NDArray[np.float64], spread: NDArray[np.float64], vectors: NDArray[np.float32]) -> Scale:
    """The pooled scale of the vectors and of the generated catalogues, the latter counted as `_SCALE_PAIRS` pairs."""
    vectors = scale_sample(vectors)
    known = ~np.isnan(vectors)
    count = known.sum(axis=0) + _SCALE_PAIRS
    values = np.where(known, vectors, 0.0).astype(float)
    mean = (values.sum(axis=0) + _SCALE_PAIRS * centre) / count
    squares = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) + _SCALE_PAIRS * (spread**2 + (centre - mean) ** 2)
    return Scale(mean, np.sqrt(squares / count))


@cache
def packaged_prior() -> Prior:
    """The prior in `prior.json`."""
    value = json.loads(PRIOR_FILE.read_text(encoding="utf-8"))
    weights = {name: FeatureWeight(*map(float, row)) for name, row in value["weights"].items()}
    return Prior(weights, float(value["intercept"]), float(value["high"]), float(value["low"]))


@dataclass(frozen=True, slots=True)
class CosinePrior:
    """A logistic function of the cosine: 0.5 at `boundary`, 0.95 at 0.1 above it.

    Read only: earlier versions saved it as the matcher before the first labels.

    Attributes:
        boundary: the middle of the medium band.
        column: index of the cosine feature.
    """

    boundary: float
    column: int = 0
    name: str = NAME

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each pair, shape (n,); an unknown cosine counts as 0.25 below the boundary."""
        cosines = np.nan_to_num(vectors[:, self.column].astype(float), nan=self.boundary - 0.25)
        scores: NDArray[np.float64] = _SLOPE * (cosines - self.boundary)
        return scores

    def contributions(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """The whole score, in the cosine's column."""
        found = np.zeros((len(vectors), vectors.shape[1] + 1))
        found[:, self.column] = self.scores(vectors)
        return found

    def to_json(self) -> dict[str, Any]:
        """The learner as numbers, strings and lists."""
        return {"name": self.name, "boundary": self.boundary, "column": self.column}
