"""The threshold: at or above which probability a pair is called a match."""

from typing import TYPE_CHECKING

from core.match.bands import MIN_LABELS, Cuts
from core.stats.wilson import wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

from typing import TYPE_CHECKING

from core.match.calibration import BetaCalibration
from core.match.learner import Learner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: So many pairs to be judged are enough to find the threshold.
_JUDGED = 5000
#: Of which the median threshold is taken.
_RESAMPLINGS = 40


def threshold_of_many(
    probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]", weights: "NDArray[np.float64]", seed: int
) -> float:
    """The mean of the expected and of the resampled optimum: F1 is flat near its top, and either alone wanders.

    Args:
        probabilities: of each labelled pair by a learner that has not seen its query, shape (n,).
        labels: shape (n,); thousands.
        weights: of the labels, shape (n,).
        seed: of the resampling.
    """
    expected = best_threshold(probabilities, weights)
    return (expected + bagged_threshold(probabilities, labels, weights, seed)) / 2


def threshold_over(learner: Learner, background: "NDArray[np.float32]", seed: int) -> float:
    """The threshold with the best F1 to be expected over the pairs to be judged.

    Few labels are chosen where the matcher wavers: they say what a score means, not how common it is. The pairs to be
    judged do.
    """
    import numpy as np  # noqa: PLC0415

    if len(background) > _JUDGED:
        background = background[np.random.default_rng(seed).choice(len(background), _JUDGED, replace=False)]
    probabilities = BetaCalibration().probabilities(learner.scores(background))
    return best_threshold(probabilities, np.ones(len(probabilities)))


def bagged_threshold(
    probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]", weights: "NDArray[np.float64]", seed: int
) -> float:
    """The median, over resamplings of the labels, of the threshold with the best F1.

    The best threshold of the labels as they are jumps with single labels near the top; that of resamplings, taken
    together, does not. On halves of Walmart-Amazon's training pairs it gives an F1 of 0.909 on the other half,
    against 0.905 for the expectation below, which needs probabilities that hold in the thinly populated middle.
    """
    import numpy as np  # noqa: PLC0415
    from sklearn.metrics import precision_recall_curve  # noqa: PLC0415

    generator = np.random.default_rng(seed)
    found = []
    for _ in range(_RESAMPLINGS):
        drawn = generator.integers(0, len(labels), len(labels))
        if not labels[drawn].any():
            continue
        precision, recall, thresholds = precision_recall_curve(
            labels[drawn], probabilities[drawn], sample_weight=weights[drawn]
        )
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        found.append(float(thresholds[int(f1[:-1].argmax())]))
    return float(np.median(found))


def best_threshold(probabilities: "NDArray[np.float64]", weights: "NDArray[np.float64]") -> float:
    """The threshold with the best F1 to be expected if the probabilities hold.

    The labels' own F1 jumps with every single label near the top, its expectation does not; and at the optimum the
    threshold is half the F1 (Lipton et al. 2014, arXiv:1402.1892).
    """
    import numpy as np  # noqa: PLC0415

    order = np.argsort(-probabilities, kind="stable")
    sorted_ = probabilities[order]
    right = np.cumsum(sorted_ * weights[order])
    called = np.cumsum(weights[order])
    f1 = 2 * right / (called + right[-1])
    return float(f1.max() / 2)


def cut(probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]", target: float) -> Cuts:
    """The widest bands whose out-of-fold precision reaches the target.

    Nine in ten pairs are no matches, so that a precision of "no match" pooled over all of them would be reached
    almost anywhere: there the probability itself must promise it for each pair. With too few labels to read a
    precision off, the probability's promise is all there is, both ways.

    Args:
        probabilities: calibrated, of pairs whose learner has not seen them, shape (n,).
        labels: shape (n,).
        target: the precision to reach, both ways.
    """
    high = min(_widest(probabilities, labels, target), target)
    low = min(1 - _widest(1 - probabilities, ~labels, target), 1 - target)
    high = max(high, 0.5)
    above, below = probabilities >= high, probabilities < low
    return Cuts(
        high,
        low,
        wilson(int(labels[above].sum()), int(above.sum())),
        wilson(int((~labels[below]).sum()), int(below.sum())),
    )


def _widest(probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]", target: float) -> float:
    """The lowest cut at and above which the share of `labels` reaches the target; the target itself if none."""
    import numpy as np  # noqa: PLC0415

    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(labels[order])
    counts = np.arange(1, len(order) + 1)
    ends = np.append(np.diff(probabilities[order]) != 0, True) if len(order) else np.zeros(0, bool)
    reached = np.flatnonzero(ends & (counts >= MIN_LABELS) & (right >= target * counts))
    return float(probabilities[order][reached[-1]]) if len(reached) else target
