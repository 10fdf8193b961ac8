"""Pair classification metrics: F1, precision, recall, average precision, calibration, precision per band."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from core.matching.bands import Band, Cuts, band_name
from core.stats.wilson import wilson

_ECE_BINS = 10


def pair_metrics(labels: Sequence[bool], probabilities: Sequence[float], threshold: float) -> dict[str, float]:
    """Classification metrics of probabilities.

    Args:
        labels: true labels.
        probabilities: P(match) of each pair, in [0, 1].
        threshold: a pair is classified as a match at or above it; not chosen on these labels.

    Returns:
        `f1`, `precision`, `recall` at the threshold, `average_precision`, `ece` (expected calibration error over
        ten bins of equal width, Guo et al. 2017, arXiv:1706.04599), `threshold`, `pairs`.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

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


def expected_calibration_error(truth: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    """Mean distance between predicted and observed share of matches over bins of equal width, weighted by size."""
    bins = np.minimum((probabilities * _ECE_BINS).astype(int), _ECE_BINS - 1)
    error = 0.0
    for number in range(_ECE_BINS):
        inside = bins == number
        if inside.any():
            error += inside.mean() * abs(truth[inside].mean() - probabilities[inside].mean())
    return float(error)


def reliability(labels: Sequence[bool], probabilities: Sequence[float]) -> list[dict[str, float]]:
    """The reliability curve: predicted and observed share of matches per non-empty bin.

    Returns:
        `promised` (mean probability), `true` (observed share of matches), `pairs`, by ascending probability.
    """
    truth, scores = np.asarray(labels, bool), np.asarray(probabilities, float)
    bins = np.minimum((scores * _ECE_BINS).astype(int), _ECE_BINS - 1)
    return [
        {
            "promised": float(scores[inside].mean()),
            "true": float(truth[inside].mean()),
            "pairs": int(inside.sum()),
        }
        for number in range(_ECE_BINS)
        if (inside := bins == number).any()
    ]


def band_table(
    cuts: Cuts, labels: Sequence[bool], probabilities: Sequence[float], *, calibrated: bool = True
) -> list[dict[str, object]]:
    """The bands high and low: threshold, precision expected from cross-validation, and precision measured.

    Args:
        cuts: of the matcher.
        labels: true labels.
        probabilities: P(match) of each pair.
        calibrated: whether the matcher is fitted to labels; otherwise the bands are named `prior:high`.

    Returns:
        for `high` and `low`: `answer`, `cut`, `promised` (on folds of the training labels) and `measured`, the last two
        as `right`, `labels` and the 95 % interval `low`, `high`.
    """
    found: list[dict[str, object]] = []
    for band, answer, bound, promised in (
        (Band.HIGH, True, cuts.high, cuts.match),
        (Band.LOW, False, cuts.low, cuts.no_match),
    ):
        inside = [label for label, p in zip(labels, probabilities, strict=True) if cuts.band(p) is band]
        measured = wilson(sum(label is answer for label in inside), len(inside))
        found.append(
            {
                "band": band_name(band, calibrated=calibrated),
                "answer": "match" if answer else "no_match",
                "cut": bound,
                "promised": asdict(promised),
                "measured": asdict(measured),
            }
        )
    return found
