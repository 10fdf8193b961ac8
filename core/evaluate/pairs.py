"""How well pairs are told apart: F1, precision, recall, average precision, calibration."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ECE_BINS = 10


def pair_metrics(labels: Sequence[bool], probabilities: Sequence[float], threshold: float) -> dict[str, float]:
    """Metrics of probabilities against labels.

    Args:
        labels: what is true.
        probabilities: P(match) of each pair, in [0, 1].
        threshold: at or above it a pair is called a match; chosen elsewhere than on these labels.

    Returns:
        `f1`, `precision`, `recall` at the threshold, `average_precision`, `ece` (expected calibration error over
        ten bins of equal width, Guo et al. 2017, arXiv:1706.04599), `threshold`, `pairs`.
    """
    import numpy as np  # noqa: PLC0415
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support  # noqa: PLC0415

    truth, scores = np.asarray(labels, bool), np.asarray(probabilities, float)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, scores >= threshold, average="binary", zero_division=0
    )
    return {
        "f1": float(f1),
        "precision": float(precision),
        "recall": float(recall),
        "average_precision": float(average_precision_score(truth, scores)) if truth.any() else 0.0,
        "ece": expected_calibration_error(truth, scores),
        "threshold": float(threshold),
        "pairs": len(truth),
    }


def expected_calibration_error(truth: "NDArray[np.bool_]", probabilities: "NDArray[np.float64]") -> float:
    """Mean distance between what was promised and what came true, over bins of equal width, by their size."""
    import numpy as np  # noqa: PLC0415

    bins = np.minimum((probabilities * _ECE_BINS).astype(int), _ECE_BINS - 1)
    error = 0.0
    for number in range(_ECE_BINS):
        inside = bins == number
        if inside.any():
            error += inside.mean() * abs(truth[inside].mean() - probabilities[inside].mean())
    return float(error)


def best_f1_threshold(labels: Sequence[bool], probabilities: Sequence[float]) -> float:
    """The threshold with the highest F1; in the middle between the two scores that it parts."""
    import numpy as np  # noqa: PLC0415
    from sklearn.metrics import precision_recall_curve  # noqa: PLC0415

    precision, recall, thresholds = precision_recall_curve(np.asarray(labels, bool), np.asarray(probabilities, float))
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(np.argmax(f1[:-1]))
    below = thresholds[best - 1] if best else 0.0
    return float((thresholds[best] + below) / 2)
