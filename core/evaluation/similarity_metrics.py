"""How well the cosine of an encoder separates matches from non-matches, on the whole set and in every resampling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.pairs import expected_calibration_error, reliability
from core.stats import bootstrap

#: Names of the metrics of `weighted_metrics`, in display order.
SIMILARITY_METRICS = (
    "spearman", "margin", "auc_roc", "average_precision", "cohens_d", "best_f1", "false_positives",
)  # fmt: skip

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Confusion:
    """Pairs by label and by whether the cosine reaches a threshold."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """The reliability of the cosine once it is mapped to a probability.

    Attributes:
        ece: expected calibration error.
        bins: the reliability curve, as of `core.evaluation.pairs.reliability`.
    """

    ece: float
    bins: tuple[dict[str, float], ...]


def weighted_metrics(
    labels: NDArray[np.bool_], cosines: NDArray[np.float64], weights: NDArray[np.float64], threshold: float
) -> dict[str, NDArray[np.float64]]:
    """The metrics under several weightings of the pairs at once.

    Args:
        labels: whether each pair is a match, shape (n,).
        cosines: shape (n,).
        weights: how often each pair counts, shape (weightings, n); ones for the plain metrics.
        threshold: of `false_positives`.

    Returns:
        by name, each of shape (weightings,), NaN where a class has no weight:
        `spearman`, rank correlation of cosine and label with mid-ranks for ties;
        `margin`, mean cosine of matches less that of non-matches;
        `auc_roc`, share of (match, non-match) pairs in the right order, ties counting half;
        `average_precision`, as scikit-learn's `average_precision_score`;
        `cohens_d`, the margin in pooled standard deviations (Cohen 1988);
        `best_f1`, F1 at the threshold that maximizes it;
        `false_positives`, the non-matches at or above the threshold.
    """
    order = np.argsort(-cosines, kind="stable")
    labels, cosines, weights = labels[order], cosines[order], weights[:, order]
    matched = weights * labels
    # The last pair of each distinct cosine: tied pairs are above or below a threshold together.
    ends = np.flatnonzero(np.append(np.diff(cosines) != 0, True))
    true = np.cumsum(matched, axis=1)[:, ends]
    false = np.cumsum(weights - matched, axis=1)[:, ends]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "spearman": _spearman(true, false),
            **_separation(labels, cosines, weights),
            **_ranking_quality(true, false),
            "false_positives": (weights - matched)[:, cosines >= threshold].sum(axis=1),
        }


def _ranking_quality(true: NDArray[np.float64], false: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """AUC, average precision and best F1 from the weights of both classes down to each distinct cosine."""
    matches, others = true[:, -1], false[:, -1]
    added = np.diff(true, axis=1, prepend=0)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
    f1 = (2 * true / (true + false + matches[:, None])).max(axis=1)
    return {
        # Each non-match is below all matches above it and, in a tie, below half of them.
        "auc_roc": (np.diff(false, axis=1, prepend=0) * (true - added / 2)).sum(axis=1) / (matches * others),
        "average_precision": (added * precision).sum(axis=1) / matches,
        "best_f1": np.where(matches > 0, f1, np.nan),
    }


def _spearman(true: NDArray[np.float64], false: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson correlation of the label with the mid-rank of the cosine."""
    total = true + false
    size = np.diff(total, axis=1, prepend=0)
    # Mid-ranks up to a constant, which cancels; descending, hence the sign below.
    ranks = total - size / 2
    count = total[:, -1]
    share = true[:, -1] / count
    mean = (size * ranks).sum(axis=1) / count
    centred = ranks - mean[:, None]
    covariance = (np.diff(true, axis=1, prepend=0) * centred).sum(axis=1) / count
    variance = (size * centred**2).sum(axis=1) / count
    found: NDArray[np.float64] = -covariance / np.sqrt(variance * share * (1 - share))
    return found


def _separation(
    labels: NDArray[np.bool_], cosines: NDArray[np.float64], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Difference of the class means, in cosine and in pooled standard deviations."""
    counts, means, squares = [], [], []
    for side in (labels, ~labels):
        count = weights[:, side].sum(axis=1)
        mean = weights[:, side] @ cosines[side] / count
        counts.append(count)
        means.append(mean)
        squares.append((weights[:, side] * (cosines[side] - mean[:, None]) ** 2).sum(axis=1))
    margin = means[0] - means[1]
    pooled = np.sqrt((squares[0] + squares[1]) / (counts[0] + counts[1] - 2))
    return {"margin": margin, "cohens_d": np.where(pooled > 0, margin / pooled, np.nan)}


def best_threshold(labels: NDArray[np.bool_], cosines: NDArray[np.float64]) -> float:
    """The cosine at or above which calling a pair a match maximizes F1; of several the highest."""
    order = np.argsort(-cosines, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(cosines[order]) != 0, True))
    true = np.cumsum(labels[order])[ends]
    f1 = 2 * true / (ends + 1 + labels.sum())
    return float(cosines[order][ends[np.argmax(f1)]])


def confusion(labels: NDArray[np.bool_], cosines: NDArray[np.float64], threshold: float) -> Confusion:
    """The confusion matrix at a threshold."""
    predicted = cosines >= threshold
    return Confusion(
        int((labels & predicted).sum()), int((~labels & predicted).sum()),
        int((labels & ~predicted).sum()), int((~labels & ~predicted).sum()),
    )  # fmt: skip


def resampled_metrics(
    labels: NDArray[np.bool_], cosines: NDArray[np.float64], queries: Sequence[object], threshold: float
) -> dict[str, NDArray[np.float64]]:
    """`weighted_metrics` in every resampling of the queries, by name, shape (resamplings,).

    Pairs of one query are drawn together, since they depend on one another. Two models on the same pairs get the same
    draws. Fewer than two queries give no resampling.
    """
    number: dict[object, int] = {}
    group = np.array([number.setdefault(query, len(number)) for query in queries], np.int64)
    if len(number) < 2:
        return {name: np.empty(0) for name in SIMILARITY_METRICS}
    blocks = [
        weighted_metrics(labels, cosines, drawn[:, group], threshold)
        for drawn in bootstrap.draws(len(number), len(group))
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in SIMILARITY_METRICS}


def calibration(
    labels: NDArray[np.bool_], cosines: NDArray[np.float64], queries: Sequence[object]
) -> Calibration | None:
    """Reliability of the cosine as a probability, after logistic regression on the other folds of the queries.

    A cosine is no probability. Fitting the map out of fold shows how far one threshold, learnt elsewhere, holds.

    Returns:
        None with fewer than two queries, or where a fold has one class alone to learn from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    number: dict[object, int] = {}
    group = np.array([number.setdefault(query, len(number)) for query in queries], np.int64)
    folds = min(_FOLDS, len(number))
    if folds < 2:
        return None
    probabilities = np.empty(len(labels))
    features = cosines[:, None]
    for train, test in GroupKFold(folds).split(features, labels, group):
        if labels[train].all() or not labels[train].any():
            return None
        # Cosines of one encoder span a few tenths: the default penalty would flatten the curve.
        learner = LogisticRegression(C=1e4).fit(features[train], labels[train])
        probabilities[test] = learner.predict_proba(features[test])[:, 1]
    bins = reliability(list(labels), list(probabilities))
    return Calibration(expected_calibration_error(labels, probabilities), tuple(bins))
