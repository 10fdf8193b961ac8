"""The learner for few labels: logistic regression over scaled evidence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Outliers (a title of a thousand characters, a price off by a hundred) must not outweigh everything else.
_CLIP = 3.0


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


def scale_of(evidence: "NDArray[np.float32]") -> Scale:
    """The scale of the evidence of many pairs; labels play no part in it."""
    import warnings  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature that is missing everywhere
        centre = np.nan_to_num(np.nanmean(evidence, axis=0, dtype=float))
        spread = np.nan_to_num(np.nanstd(evidence, axis=0, dtype=float), nan=1.0)
    return Scale(centre, np.where(spread > 1e-6, spread, 1.0))


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
    *,
    strength: float = 0.1,
) -> Linear:
    """The weights that fit the labels, held back by an L2 penalty.

    Args:
        evidence: shape (n, features).
        labels: shape (n,), both classes among them.
        weights: of the labels, shape (n,).
        scale: of the features.
        strength: inverse of the penalty.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    model = LogisticRegression(C=strength, max_iter=1000).fit(scale(evidence), labels, sample_weight=weights)
    return Linear(scale, model.coef_[0].copy(), float(model.intercept_[0]))
