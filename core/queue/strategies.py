"""Strategies: which pair to ask about next. One function each, from a pool to a priority per pair.

Every strategy is a pure function of the pool and a random generator; the greatest priority is asked first. None of
them looks at labels: what was labelled is left out by whoever takes the first few (`core.queue.batches`).
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
    """n pairs, in any order; each attribute has one entry for each pair.

    Attributes:
        probabilities: P(match) by the matcher, shape (n,); before the first labels by the packaged prior.
        cosine: by the encoder, shape (n,); NaN where there is none.
        evidence: scaled so that one unit is one standard deviation and nothing is missing, shape (n, features).
        query: the pair's query as a number, shape (n,).
        labelled: whether somebody has answered the pair, shape (n,).
        family: a number shared by queries that are near-duplicates of each other, shape (n,).
        judge: P(match) by the judge, shape (n,); NaN where it was not asked.
        threshold: from this probability on a pair is called a match.
        calibrated: whether labels stand behind the probabilities, so that they may be told.
    """

    probabilities: NDArray[np.float64]
    cosine: NDArray[np.float64]
    evidence: NDArray[np.float64]
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
        """Whether a query of the pair's family has a label already, shape (n,)."""
        found: NDArray[np.bool_] = np.isin(self.family, self.family[self.labelled])
        return found


#: Pairs that are otherwise equal are asked in random order.
_JITTER = 0.01
#: How many labelled or unlabelled pairs novelty is measured against: more tell nothing new and take time.
_REFERENCE = 400


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to choose.

    Attributes:
        name: for the command line.
        meaning: one line for people.
        priorities: the priority of each pair, shape (n,).
        spread: how strongly one batch avoids pairs that are alike, from 0 (not at all) to 1.
    """

    name: str
    meaning: str
    priorities: "Callable[[UnlabelledPool, np.random.Generator], Priority]"
    spread: float = 0.0


def uncertainty(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Where a match is as likely as not (Lewis and Gale 1994, arXiv:cmp-lg/9407020): 1 at 0.5, 0 at 0 and 1."""
    found: Priority = 1 - 2 * np.abs(pool.probabilities - 0.5) + _JITTER * random.random(len(pool))
    return found


def doubt(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """The same, and where the judge was asked and is far from the matcher: 1 where one is sure and the other denies."""
    apart = np.nan_to_num(np.abs(pool.probabilities - pool.judge))
    found: Priority = np.maximum(uncertainty(pool, random), apart)
    return found


def margin(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Where a query's two best candidates are close together: for the best two of each query, 1 minus their gap.

    A query with one pair is compared with "none of these", whose probability is what the pair leaves over.
    """
    p = pool.probabilities
    order = np.lexsort((-p, pool.query))
    sorted_, first = p[order], np.append(True, np.diff(pool.query[order]) != 0)
    last = np.append(first[1:], True)
    following = np.append(sorted_[1:], 0.0)
    gap = np.ones(len(pool))
    # The best against the second, or against none of these; the second is as interesting as the best.
    rival = np.where(last, 1 - sorted_, np.maximum(following, 1 - sorted_))
    gap[order[first]] = np.abs(sorted_ - rival)[first]
    second = np.flatnonzero(first)[~last[first]] + 1
    gap[order[second]] = (sorted_[second - 1] - sorted_[second]).clip(0, 1)
    found: Priority = 1 - gap + _JITTER * random.random(len(pool))
    return found


def disagreement(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Where the matcher and another judge of the pair differ: the judge's verdict, else the encoder's cosine.

    Cosines are no probabilities: both are compared by their place among all pairs, and the matcher only counts
    where one of the two would call a match, so that a thousand sure non-matches do not drown the rest.
    """
    p = pool.probabilities
    share = max(float((p >= pool.threshold).mean()), 1 / max(len(pool), 1))
    apart = np.abs(_place(p) - _place(pool.cosine))
    near = np.maximum(_place(p), _place(pool.cosine)) >= 1 - 2 * share
    judged = ~np.isnan(pool.judge)
    found: Priority = np.where(near, apart, 0.5 * apart)
    found[judged] = 1 + np.abs(p[judged] - pool.judge[judged])
    return found + _JITTER * random.random(len(pool))


def diversity(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Unlike anything labelled so far: far from the nearest labelled pair (Sener and Savarese, arXiv:1708.00489)."""
    return novelty(pool, random) + _JITTER * random.random(len(pool))


def band_error(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """The expected error of the pair's band: how likely the answer that stands is wrong, by what is at stake.

    A wrong call of a match costs precision, a missed one recall; both weigh p(1 - p) at the threshold that decides,
    so errors in the band that people would not look at again come first.
    """
    p = pool.probabilities
    called = p >= pool.threshold
    error = np.where(called, 1 - p, p)
    found: Priority = error / np.where(called, 1 - pool.threshold, max(pool.threshold, 1e-6))
    return found + _JITTER * random.random(len(pool))


def drawn_at_random(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """Each pair with the same chance."""
    return random.random(len(pool))


#: By name, the default first.
STRATEGIES: dict[str, Strategy] = {
    s.name: s
    for s in (
        Strategy("mixed", "unsure, and no two alike in a batch", doubt, spread=0.3),
        Strategy("uncertainty", "where a match is as likely as not", uncertainty),
        Strategy("margin", "where a query's two best candidates are close", margin),
        Strategy("disagreement", "where matcher and encoder, or matcher and judge, differ", disagreement),
        Strategy("diversity", "unlike anything labelled so far", diversity, spread=1.0),
        Strategy("band-error", "where the call that stands is most likely wrong", band_error),
        Strategy("random", "drawn at random", drawn_at_random),
    )
}


def novelty(pool: UnlabelledPool, random: np.random.Generator) -> "Priority":
    """How far each pair is from the nearest labelled one, as a share of the farthest, shape (n,).

    While nothing is labelled, how far it is from the middle of the pool.
    """
    places = np.flatnonzero(pool.labelled)
    if not len(places):
        reference = pool.evidence.mean(axis=0, keepdims=True)
    else:
        if len(places) > _REFERENCE:
            places = random.choice(places, _REFERENCE, replace=False)
        reference = pool.evidence[places]
    squares = (pool.evidence**2).sum(axis=1)[:, None] + (reference**2).sum(axis=1) - 2 * pool.evidence @ reference.T
    nearest = np.sqrt(squares.min(axis=1).clip(0))
    found: Priority = nearest / max(float(nearest.max(initial=0.0)), 1e-9)
    return found


def _place(values: "Priority") -> "Priority":
    """The share of pairs with a lower value, shape (n,); unknown counts as the lowest."""
    found: Priority = np.empty(len(values))
    found[np.argsort(np.nan_to_num(values, nan=-np.inf), kind="stable")] = np.arange(len(values)) / max(len(values), 1)
    return found
