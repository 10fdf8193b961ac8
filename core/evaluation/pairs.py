"""Pair classification metrics: F1, precision, recall, average precision, calibration, precision per band."""

from collections.abc import Sequence
from dataclasses import asdict
from math import log

import numpy as np
from numpy.typing import NDArray

from core.matching.bands import Band, Cuts, band_name
from core.stats.exact import CONFIDENCE, successes_needed
from core.stats.wilson import Precision, wilson
from labels.wording import counted

_ECE_BINS = 10
#: Rounding error of a bound.
_ROUNDING = 1e-9


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
    cuts: Cuts, labels: Sequence[bool], probabilities: Sequence[float], target: float, *, calibrated: bool = True
) -> list[dict[str, object]]:
    """The bands high and low: threshold, precision promised by the training labels, and precision measured.

    Args:
        cuts: of the matcher.
        labels: true labels.
        probabilities: P(match) of each pair.
        target: the precision that both bands shall have.
        calibrated: whether the matcher is fitted to labels; otherwise the bands are named `prior:high`.

    Returns:
        for `high` and `low`: `answer`; `cut`; `promise`, the precision that the training labels prove with 95 %
        confidence; `promised` (on folds of the training labels) and `measured`, as `right`, `labels` and the 95 %
        interval `low`, `high`; `kept`, whether the promise is not above the measured interval, null without pairs;
        `remark`, why the band is narrow, empty or not proven.
    """
    found: list[dict[str, object]] = []
    for band, answer, bound, promised, promise in (
        (Band.HIGH, True, cuts.high, cuts.match, cuts.match_promise),
        (Band.LOW, False, cuts.low, cuts.no_match, cuts.no_match_promise),
    ):
        inside = [label for label, p in zip(labels, probabilities, strict=True) if cuts.band(p) is band]
        measured = wilson(sum(label is answer for label in inside), len(inside))
        found.append(
            {
                "band": band_name(band, calibrated=calibrated),
                "answer": "match" if answer else "no_match",
                "cut": bound,
                "promise": promise,
                "promised": asdict(promised),
                "measured": asdict(measured),
                "kept": promise <= measured.high if inside else None,
                "remark": _promise_remark(band, bound, promised, promise, target) if calibrated else "",
            }
        )
    return found


def _promise_remark(band: Band, cut: float, promised: Precision, promise: float, target: float) -> str:
    """Why a band is empty or narrow, or what is missing until its target is proven; empty if there is nothing to say.

    Args:
        band: high or low.
        cut: its bound.
        promised: its precision on the folds.
        promise: the precision proven with 95 % confidence.
        target: the precision it shall have.
    """
    certainty = cut if band is Band.HIGH else 1 - cut
    if promise >= target:
        if certainty <= target + _ROUNDING:
            return ""
        beyond = f"below {cut:.4f}" if band is Band.HIGH else f"from {cut:.4f}"
        return f"Narrow: {beyond}, the training labels do not prove a precision of {target:g}."
    if certainty >= 1:
        return f"Empty: the training labels contradict a precision of {target:g} at any probability."
    if not promised.labels:
        more = successes_needed(0, 0, target)
        return f"Not proven: no training label is in the band; {more:,} in it, all right, would prove {target:g}."
    right = f"{promised.right:,} of {counted(promised.labels, 'training label')} right prove {promise:.3f}"
    if promised.right < promised.labels:
        return f"Not proven: {right}, since a query counts once; {target:g} takes more queries."
    # The number of queries whose labels, all of them right, prove the promise: (1 - confidence) = promise ** queries.
    queries = round(log(1 - CONFIDENCE) / log(promise)) if 0 < promise < 1 else 0
    further = counted(successes_needed(queries, queries, target), "more query", "more queries")
    return f"Not proven: {right}, since a query counts once; about {further}, all right, would prove {target:g}."
