"""Calibration of scores, the classification threshold, and the bounds of the bands."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from core.matching.bands import Cuts
from core.matching.learners import Learner
from core.stats.exact import lower_bound, upper_bound
from core.stats.wilson import Precision, wilson

#: Labels of each class below which the calibration would be fitted to noise.
_MIN_LABELS_PER_CLASS = 10


@dataclass(frozen=True, slots=True)
class BetaCalibration:
    """P = σ(a · ln p - b · ln(1 - p) + c) for p = σ(score): beta calibration, Kull et al. 2017 (AISTATS).

    Fitted out of fold on Walmart-Amazon's training pairs it has an expected calibration error of 0.005 on the
    validation pairs, against 0.009 for isotonic regression and for no calibration. It bends the two
    ends independently, and with a, b ≥ 0 it keeps the order of the scores. a = b = 1, c = 0 is the identity.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """P(match) of each score, shape (n,)."""
        # 1 - σ(s) = σ(-s).
        probabilities: NDArray[np.float64] = expit(self.a * log_expit(scores) - self.b * log_expit(-scores) + self.c)
        return probabilities


def fit_beta(scores: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]) -> BetaCalibration:
    """Fit the calibration to out-of-fold scores; the identity while there are too few labels.

    Args:
        scores: of each pair by a learner that was not fitted on it, shape (n,).
        labels: shape (n,).
        weights: of the labels, shape (n,).
    """
    if min(labels.sum(), (~labels).sum()) < _MIN_LABELS_PER_CLASS:
        return BetaCalibration()
    # Half a second to import, which commands that only apply a calibration save.
    from scipy.optimize import minimize  # noqa: PLC0415

    terms = np.column_stack([log_expit(scores), -log_expit(-scores), np.ones(len(scores))])
    signs = np.where(labels, 1.0, -1.0)
    total = weights.sum()

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (terms @ parameters)
        slope = -signs * weights * expit(-margins)
        # A weak pull towards the identity bounds the slopes where the labels are perfectly separated.
        pull = parameters - np.array([1.0, 1.0, 0.0])
        value = -weights @ log_expit(margins) + 0.5 * pull @ pull
        return float(value / total), (slope @ terms + pull) / total

    found = minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, bounds=[(0.05, None), (0.05, None), (None, None)])
    return BetaCalibration(*(float(x) for x in found.x))


#: Pairs sampled to find the expected threshold.
_BACKGROUND_SAMPLE = 5000
#: Resamplings of which the median threshold is taken.
_RESAMPLINGS = 40


def many_labels_threshold(
    probabilities: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64], seed: int
) -> float:
    """The mean of the expected and of the resampled optimum: F1 is flat near its maximum, and each alone is noisy.

    Args:
        probabilities: of each labelled pair by a learner that was not fitted on its query, shape (n,).
        labels: thousands, shape (n,).
        weights: of the labels, shape (n,).
        seed: of the resampling.
    """
    return (best_threshold(probabilities, weights) + bagged_threshold(probabilities, labels, weights, seed)) / 2


def expected_threshold(learner: Learner, background: NDArray[np.float32], seed: int) -> float:
    """The threshold with the best expected F1 over the pairs to be scored.

    Few labels are chosen where the matcher is uncertain: they tell what a score means, but not how common it is.

    Args:
        learner: gives the scores.
        background: vectors of the pairs to be scored, shape (n, features).
        seed: of the sample.
    """
    if len(background) > _BACKGROUND_SAMPLE:
        background = background[np.random.default_rng(seed).choice(len(background), _BACKGROUND_SAMPLE, replace=False)]
    probabilities = BetaCalibration().probabilities(learner.scores(background))
    return best_threshold(probabilities, np.ones(len(probabilities)))


def bagged_threshold(
    probabilities: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64], seed: int
) -> float:
    """The median, over resamplings of the labels, of the threshold with the best F1.

    Without resampling the best threshold jumps with single labels near the maximum. On halves of Walmart-Amazon's
    training pairs the median gives an F1 of 0.909 on the other half, against 0.905 for the expectation below, which
    needs probabilities that are calibrated in the sparsely populated middle.
    """
    from sklearn.metrics import precision_recall_curve

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


def best_threshold(probabilities: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The threshold with the best expected F1, assuming calibrated probabilities.

    Unlike the labels' own F1, its expectation does not jump with single labels near the maximum. At the optimum the
    threshold is half the F1 (Lipton et al. 2014, arXiv:1402.1892).
    """
    order = np.argsort(-probabilities, kind="stable")
    sorted_ = probabilities[order]
    right = np.cumsum(sorted_ * weights[order])
    called = np.cumsum(weights[order])
    f1 = 2 * right / (called + right[-1])
    return float(f1.max() / 2)


def band_cuts(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    target: float,
    groups: NDArray[np.int64] | None = None,
) -> Cuts:
    """The widest bands whose precision reaches the target with 95 % confidence, by out-of-fold probabilities.

    Nine in ten pairs are no matches, so the pooled precision of the low band would reach the target almost anywhere:
    there the probability itself must reach it for each pair. Where the labels are too few to prove the target, the
    probability decides in both bands, and what they do prove is the promise.

    Args:
        probabilities: calibrated, of each pair by a learner that was not fitted on it, shape (n,).
        labels: shape (n,).
        target: the precision that both firm bands must reach.
        groups: the query of each pair as a number, shape (n,); each pair has its own if None.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    high, match, match_promise = _firm_band(probabilities, labels, groups, target, floor=0.5, sure=target, top=1.0)
    # On negated probabilities, since 1 - p would round.
    sure = target - 1
    low, no_match, no_match_promise = _firm_band(-probabilities, ~labels, groups, target, floor=sure, sure=sure, top=0)
    # A probability at the bound is in the band high, but not in the band low.
    return Cuts(high, float(np.nextafter(-low, 1)) if low else 0.0, match, no_match, match_promise, no_match_promise)


def _firm_band(
    scores: NDArray[np.float64],
    right: NDArray[np.bool_],
    groups: NDArray[np.int64],
    target: float,
    *,
    floor: float,
    sure: float,
    top: float,
) -> tuple[float, Precision, float]:
    """The lowest score from which the answer of a band is right often enough; its precision; the promise.

    The pairs of a query are right or wrong together, so that a bound counts queries, not pairs.

    Args:
        scores: the higher, the more likely the answer is right, shape (n,).
        right: whether it is, shape (n,).
        groups: the query of each pair, shape (n,).
        target: the precision to reach.
        floor: the score that each pair must have.
        sure: the score of a pair whose answer is right with the probability `target`.
        top: the score of a band without pairs.
    """
    order = np.argsort(-scores, kind="stable")
    sorted_ = scores[order]
    first = np.zeros(len(order), bool)
    first[np.unique(groups[order], return_index=True)[1]] = True
    queries, pairs, hits = np.cumsum(first), np.arange(1, len(order) + 1), np.cumsum(right[order])
    effective = hits / pairs * queries
    promises = lower_bound(effective, queries)
    # Equal scores are in one band.
    ends = np.flatnonzero(np.append(np.diff(sorted_) != 0, len(order) > 0)[: len(order)] & (sorted_ >= floor))
    proven = ends[promises[ends] >= target]
    certain = ends[sorted_[ends] >= sure]
    possible = certain[upper_bound(effective[certain], queries[certain]) >= target]
    if len(proven):
        # Up to the floor there may be no label, but the probability vouches for such pairs.
        cut = sure if floor == sure and proven[-1] == ends[-1] else float(sorted_[proven[-1]])
    elif len(possible) < len(certain):
        # The labels refute the probabilities, for a part of the band or for all of it.
        cut = float(sorted_[possible[-1]]) if len(possible) else top
    else:
        cut = sure
    count = int((sorted_ >= cut).sum())
    if not count:
        return cut, wilson(0, 0), 0.0
    return cut, wilson(int(hits[count - 1]), count), float(promises[count - 1])
