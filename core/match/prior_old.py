"""From a cosine to a probability, until the matcher takes over: a logistic curve through the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CosineCurve:
    """P(match) = 1 / (1 + exp(-(slope × cosine + intercept))), Platt 1999.

    Attributes:
        threshold: the probability from which a pair is called a match.
        labels: how many labels it was fitted on; 0 for the curve that is used before any.
    """

    slope: float
    intercept: float
    threshold: float
    labels: int

    def probabilities(self, cosines: Sequence[float]) -> "NDArray[np.float64]":
        """P(match) of each cosine, shape (n,)."""
        import numpy as np  # noqa: PLC0415

        scores = self.slope * np.asarray(cosines, float) + self.intercept
        probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-scores))
        return probabilities


def unfitted(boundary: float) -> CosineCurve:
    """The curve before any label: one half at the cosine `boundary`, and 0.95 one tenth above it."""
    slope = 29.4  # ln(0.95 / 0.05) / 0.1
    return CosineCurve(slope, -slope * boundary, 0.5, 0)


def fit_curve(cosines: Sequence[float], labels: Sequence[bool], boundary: float) -> CosineCurve:
    """The curve that fits the labels best; the unfitted one while there is not one label of each class."""
    import numpy as np  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    from core.evaluate.pairs import best_f1_threshold  # noqa: PLC0415

    if len(set(labels)) < 2:
        return unfitted(boundary)
    model = LogisticRegression(C=100.0).fit(np.asarray(cosines, float)[:, None], np.asarray(labels, bool))
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    curve = CosineCurve(slope, intercept, 0.5, len(labels))
    threshold = best_f1_threshold(labels, curve.probabilities(cosines).tolist())
    return CosineCurve(slope, intercept, threshold, len(labels))
