"""Active-learning strategies: functions from a pool of pairs to a priority per pair, the highest reviewed first.

Every strategy is a pure function of the pool and a random generator. None excludes labelled pairs; the batch does
(`core.queue.batches`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    Priority = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnlabelledPool:
    """n pairs in any order, as arrays with one entry per pair.

    Attributes:
        probabilities: P(match) by the matcher, shape (n,); before the first labels by the packaged prior.
        cosine: by the encoder, shape (n,); NaN where unknown.
        vectors: standardised features without missing values, shape (n, features).
        query: the pair's query as a number, shape (n,).
        labelled: whether the pair is labelled, shape (n,).
        family: the cluster of near-duplicate queries, as a number, shape (n,).
        judge: P(match) by the judge, shape (n,); NaN where it has not scored the pair.
        threshold: the probability from which a pair is classified as a match.
        calibrated: whether the matcher was fitted to labels, so that probabilities may be shown.
    """

    probabilities: NDArray[np.float64]
    cosine: NDArray[np.float64]
    vectors: NDArray[np.float64]
    query: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    family: NDArray[np.int64]
    judge: NDArray[np.float64]
    threshold: float = 0.5
    calibrated: bool = True

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def answered_families(self) -> NDArray[np.bool_]:
        """Whether a query of the pair's cluster is labelled, shape (n,)."""
        found: NDArray[np.bool_] = np.isin(self.family, self.family[self.labelled])
        return found


#: Amplitude of the noise that orders pairs of equal priority.
_JITTER = 0.01
#: Labelled pairs that novelty is measured against, at most: more change little and take time.
_MAX_REFERENCE_PAIRS = 400


@dataclass(frozen=True, slots=True)
class Strategy:
    """A named strategy.

    Attributes:
        name: for the command line.
        meaning: one line for people.
        priorities: the priority of each pair, shape (n,).
        spread: how strongly a batch avoids similar pairs, from 0 (not at all) to 1.
    """

    name: str
    meaning: str
    priorities: "Callable[[UnlabelledPool, np.random.Generator], Priority]"
    spread: float = 0.0


def uncertainty(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Uncertainty sampling (Lewis and Gale 1994, arXiv:cmp-lg/9407020): 1 at a probability of 0.5, 0 at 0 and 1."""
    found: Priority = 1 - 2 * np.abs(pool.probabilities - 0.5) + _JITTER * random.random(len(pool))
    return found


def uncertainty_or_judge(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """The uncertainty, or the difference between judge and matcher where that is greater."""
    apart = np.nan_to_num(np.abs(pool.probabilities - pool.judge))
    found: Priority = np.maximum(uncertainty(pool, random), apart)
    return found


def margin(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Margin sampling: for the two best candidates of each query, 1 minus the difference of their probabilities.

    The only pair of a query is compared with "none of these", whose probability is 1 - p.
    """
    p = pool.probabilities
    order = np.lexsort((-p, pool.query))
    sorted_, first = p[order], np.append(True, np.diff(pool.query[order]) != 0)
    last = np.append(first[1:], True)
    following = np.append(sorted_[1:], 0.0)
    gap = np.ones(len(pool))
    # The best against the second, or against "none of these"; the second has the same priority as the best.
    rival = np.where(last, 1 - sorted_, np.maximum(following, 1 - sorted_))
    gap[order[first]] = np.abs(sorted_ - rival)[first]
    second = np.flatnonzero(first)[~last[first]] + 1
    gap[order[second]] = (sorted_[second - 1] - sorted_[second]).clip(0, 1)
    found: Priority = 1 - gap + _JITTER * random.random(len(pool))
    return found


def disagreement(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Query by committee: the difference between the matcher and the judge, or else the encoder.

    Cosines are not probabilities, so the encoder is compared by rank among all pairs. Pairs that neither of the two
    ranks near the matches count half, so that the many clear non-matches do not dominate.
    """
    p = pool.probabilities
    share = max(float((p >= pool.threshold).mean()), 1 / max(len(pool), 1))
    apart = np.abs(_rank_share(p) - _rank_share(pool.cosine))
    near = np.maximum(_rank_share(p), _rank_share(pool.cosine)) >= 1 - 2 * share
    judged = ~np.isnan(pool.judge)
    found: Priority = np.where(near, apart, 0.5 * apart)
    found[judged] = 1 + np.abs(p[judged] - pool.judge[judged])
    return found + _JITTER * random.random(len(pool))


def diversity(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Distance to the nearest labelled pair (core-set selection, Sener and Savarese 2018, arXiv:1708.00489)."""
    return novelty(pool, random) + _JITTER * random.random(len(pool))


def band_error(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """The probability that the pair's classification is wrong, relative to its maximum at the threshold.

    A false match costs precision, a missed one recall; scaling both classes to 1 at the threshold weights them equally.
    """
    p = pool.probabilities
    called = p >= pool.threshold
    error = np.where(called, 1 - p, p)
    found: Priority = error / np.where(called, 1 - pool.threshold, max(pool.threshold, 1e-6))
    return found + _JITTER * random.random(len(pool))


def uniform(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Random priorities."""
    return random.random(len(pool))


#: By name, the default first.
STRATEGIES: dict[str, Strategy] = {
    s.name: s
    for s in (
        Strategy("mixed", "unsure, and no two alike in a batch", uncertainty_or_judge, spread=0.3),
        Strategy("uncertainty", "where a match is as likely as not", uncertainty),
        Strategy("margin", "where a query's two best candidates are close", margin),
        Strategy("disagreement", "where matcher and encoder, or matcher and judge, differ", disagreement),
        Strategy("diversity", "unlike anything labelled so far", diversity, spread=1.0),
        Strategy("band-error", "where the call that stands is most likely wrong", band_error),
        Strategy("random", "drawn at random", uniform),
    )
}


def novelty(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """The distance to the nearest labelled pair, relative to the maximum, shape (n,).

    While nothing is labelled, the distance to the mean of the pool.
    """
    places = np.flatnonzero(pool.labelled)
    if not len(places):
        reference = pool.vectors.mean(axis=0, keepdims=True)
    else:
        if len(places) > _MAX_REFERENCE_PAIRS:
            places = random.choice(places, _MAX_REFERENCE_PAIRS, replace=False)
        reference = pool.vectors[places]
    squares = (pool.vectors**2).sum(axis=1)[:, None] + (reference**2).sum(axis=1) - 2 * pool.vectors @ reference.T
    nearest = np.sqrt(squares.min(axis=1).clip(0))
    found: Priority = nearest / max(float(nearest.max(initial=0.0)), 1e-9)
    return found


def _rank_share(values: "Priority") -> "Priority":
    """The share of pairs with a lower value, shape (n,); NaN counts as the lowest."""
    found: Priority = np.empty(len(values))
    found[np.argsort(np.nan_to_num(values, nan=-np.inf), kind="stable")] = np.arange(len(values)) / max(len(values), 1)
    return found
