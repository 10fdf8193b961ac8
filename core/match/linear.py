"""The learner for the first labels: logistic regression over scaled evidence, from weights expected beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.match.expected import FIXED_SCALE, INTERCEPT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Outliers (a title of a thousand characters, a price off by a hundred) must not outweigh everything else.
_CLIP = 3.0
#: How firmly weights are held to what is expected of them, in 1/variance of the log-odds per standard deviation: 3 and
#: 30 measure alike on halves of Walmart-Amazon's training pairs, 1 and 100 worse.
PRECISION = 10.0
#: How common matches are is hardly known beforehand.
_INTERCEPT_PRECISION = 0.05
#: Newton's method needs five to eight.
_NEWTON_STEPS = 25
#: A step so small changes no probability that anybody sees.
_ENOUGH = 1e-6


@dataclass(frozen=True, slots=True)
class Scale:
    """Centre and spread of each feature over the pairs that people are asked about.

    What is missing counts as the centre, so that it says nothing.
    """

    centre: "NDArray[np.float64]"
    spread: "NDArray[np.float64]"

    def __call__(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """Scaled evidence, shape (n, features), within ±3, nothing missing."""
        import numpy as np  # noqa: PLC0415

        scaled = (evidence - self.centre) / self.spread
        found: NDArray[np.float64] = np.clip(np.nan_to_num(scaled, nan=0.0), -_CLIP, _CLIP)
        return found


def scale_of(evidence: "NDArray[np.float32]", features: Sequence[str] = ()) -> Scale:
    """The scale of the evidence of many pairs; labels play no part in it.

    Args:
        evidence: shape (n, features).
        features: names of its columns; those with a fixed scale get that one.
    """
    import warnings  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature that is missing everywhere
        centre = np.nan_to_num(np.nanmean(evidence, axis=0, dtype=float))
        spread = np.nan_to_num(np.nanstd(evidence, axis=0, dtype=float), nan=1.0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    for name in FIXED_SCALE.keys() & set(features):
        centre[features.index(name)], spread[features.index(name)] = FIXED_SCALE[name]
    return Scale(centre, spread)


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights of the scaled features."""

    scale: Scale
    weights: "NDArray[np.float64]"
    intercept: float
    name: str = "linear"

    def scores(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """The score of each pair, shape (n,)."""
        scores: NDArray[np.float64] = self.scale(evidence) @ self.weights + self.intercept
        return scores

    def contributions(self, evidence: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """Weight times scaled value, and the intercept."""
        import numpy as np  # noqa: PLC0415

        return np.column_stack([self.scale(evidence) * self.weights, np.full(len(evidence), self.intercept)])

    def to_json(self) -> dict[str, Any]:
        """Everything to make it anew."""
        return {
            "name": self.name,
            "centre": self.scale.centre.tolist(),
            "spread": self.scale.spread.tolist(),
            "weights": self.weights.tolist(),
            "intercept": self.intercept,
        }


def fit_linear(
    evidence: "NDArray[np.float32]",
    labels: "NDArray[np.bool_]",
    weights: "NDArray[np.float64]",
    scale: Scale,
    expected: "NDArray[np.float64] | None" = None,
    *,
    intercept: float = INTERCEPT,
    precision: float = PRECISION,
) -> Linear:
    """The most probable weights, given the labels and what was expected of each feature beforehand.

    Logistic regression with a normal prior around the expected weights, by Newton's method (IRLS; Bishop 2006,
    section 4.3.3). Without labels the weights are the expected ones; each label moves them, together or one by one.

    Args:
        evidence: shape (n, features).
        labels: shape (n,); they may all be of one class.
        weights: of the labels, shape (n,).
        scale: of the features.
        expected: weights before any label, shape (features,); 0 for all of them if None.
        intercept: likewise.
        precision: how firmly the weights are held to what is expected of them, in 1/variance of the log-odds per
            standard deviation.
    """
    import numpy as np  # noqa: PLC0415

    columns = np.column_stack([scale(evidence), np.ones(len(evidence))])
    count = columns.shape[1] - 1
    centre = np.append(np.zeros(count) if expected is None else expected, intercept)
    held = np.append(np.full(count, precision), _INTERCEPT_PRECISION)
    signs = np.where(labels, 1.0, -1.0)

    def loss(found: "NDArray[np.float64]") -> float:
        return float(weights @ np.logaddexp(0, -signs * (columns @ found)) + held @ (found - centre) ** 2 / 2)

    found, value = centre, loss(centre)
    for _ in range(_NEWTON_STEPS):
        p = np.exp(-np.logaddexp(0, -(columns @ found)))
        slope = columns.T @ (weights * (p - labels)) + held * (found - centre)
        curvature = (columns * (weights * p * (1 - p))[:, None]).T @ columns + np.diag(held)
        step = np.linalg.solve(curvature, slope)
        # A full step may overshoot while the odds are still far off.
        while loss(found - step) > value and np.abs(step).max() > _ENOUGH:
            step = step / 2
        found, value = found - step, loss(found - step)
        if np.abs(step).max() <= _ENOUGH:
            break
    return Linear(scale, found[:-1], float(found[-1]))
