"""The triage queue by the matcher's word: which queries to ask about next, and a sentence on why each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.matching.bands import percent
from core.queue.batches import next_batch
from core.queue.refit_result import COLD, ExpectedGain
from core.queue.strategies import STRATEGIES, Strategy, UnlabelledPool

#: A strategy chooses pairs, a person is asked about a query with all its candidates: so many pairs are chosen at once.
_PAIRS = 150
#: A first look, before anybody has answered anything.
_FIRST_PAIRS = 40
#: Two candidates closer than this are a choice between the two.
_CLOSE = 0.15
#: A probability this near one half is anybody's guess.
_EVEN = 0.15
#: Two probabilities farther apart than this contradict each other.
_APART = 0.5
#: The stopping hint looks this many answers ahead.
_AHEAD = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """A query to ask about: its number, and why it is asked."""

    query: int
    reason: str


def triage(pool: UnlabelledPool, random: np.random.Generator, strategy: Strategy | None = None) -> list[Asked]:
    """The queries to ask about next, the first one first; by the default strategy if none is named.

    Args:
        pool: pairs of all queries that train; those of answered queries are marked as labelled.
        random: for what is equal otherwise.
        strategy: how pairs are chosen.
    """
    cold = not pool.labelled.any()
    chosen = next_batch(pool, strategy or next(iter(STRATEGIES.values())), _FIRST_PAIRS if cold else _PAIRS, random)
    best = _best_two(pool)
    asked: dict[int, Asked] = {}
    for place in chosen:
        number = int(pool.query[place])
        if number not in asked:
            chosen_for = float(pool.probabilities[place]), float(pool.judge[place])
            reason = _why(*chosen_for, *best[number], pool.threshold)
            asked[number] = Asked(number, COLD if cold or not pool.calibrated else reason)
    return list(asked.values())


def outlook(pool: UnlabelledPool) -> ExpectedGain:
    """What is to be gained by going on, counting one answer for each query."""
    open_ = sorted(set(pool.query[~pool.labelled].tolist()))
    best = _best_two(pool)
    tops = np.array([best[query][0] for query in open_], float)
    errors = np.sort(np.where(tops >= pool.threshold, 1 - tops, tops))[::-1]
    return ExpectedGain(len(open_), float(errors.sum()), float(errors[:_AHEAD].sum()))


def _best_two(pool: UnlabelledPool) -> dict[int, tuple[float, float]]:
    """The highest and the second highest probability of each query; 0 where there is no second."""
    order = np.lexsort((-pool.probabilities, pool.query))
    queries, sorted_ = pool.query[order], pool.probabilities[order]
    starts = np.flatnonzero(np.append(True, np.diff(queries) != 0)) if len(order) else np.zeros(0, int)
    ends: Sequence[int] = [*starts[1:].tolist(), len(order)]
    return {
        int(queries[start]): (float(sorted_[start]), float(sorted_[start + 1]) if start + 1 < end else 0.0)
        for start, end in zip(starts.tolist(), ends, strict=True)
    }


def _why(chosen: float, judge: float, best: float, second: float, threshold: float) -> str:
    """One sentence on a query, of which a pair with the probability `chosen`, by the judge `judge`, was chosen."""
    if abs(chosen - judge) > _APART:
        return f"The judge gives a candidate {percent(judge)} that has {percent(chosen)} here."
    if second >= threshold and best - second < _CLOSE:
        return f"Two candidates are close: {percent(best)} and {percent(second)}."
    if chosen < best and best - chosen > _EVEN:
        return f"The best candidate has {percent(best)}, but another one {percent(chosen)}."
    if abs(best - 0.5) < _EVEN:
        return f"As likely a match as not: the best candidate has {percent(best)}."
    if best < threshold:
        return f"Probably none of these, but the best candidate has {percent(best)}."
    return f"Probably a match, but the best candidate has only {percent(best)}."
