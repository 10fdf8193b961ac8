"""The triage queue: the next queries by an active-learning strategy, each with a reason in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.matching.bands import percent
from core.queue.batches import next_batch
from core.queue.refit_result import COLD_START_REASON, ExpectedGain
from core.queue.strategies import STRATEGIES, Strategy, UnlabelledPool

#: Pairs chosen per refit; their queries are then reviewed with all candidates.
_BATCH_SIZE = 150
#: Pairs chosen before the first answer.
_COLD_START_SIZE = 40
#: Difference of probabilities below which two candidates count as close.
_CLOSE = 0.15
#: Distance to 0.5 below which a probability counts as undecided.
_EVEN = 0.15
#: Difference of probabilities above which matcher and judge contradict each other.
_CONTRADICTION = 0.5
#: Number of further answers that the expected gain is for.
_GAIN_ANSWERS = 50


@dataclass(frozen=True, slots=True)
class RankedQuery:
    """A query to review: its number, and why it is next."""

    query: int
    reason: str


def triage(pool: UnlabelledPool, random: np.random.Generator, strategy: Strategy | None = None) -> list[RankedQuery]:
    """The queries to review next, first one first.

    Args:
        pool: pairs of all training queries; those of answered queries count as labelled.
        random: orders equal priorities.
        strategy: the default one if None.
    """
    cold = not pool.labelled.any()
    chosen = next_batch(
        pool, strategy or next(iter(STRATEGIES.values())), _COLD_START_SIZE if cold else _BATCH_SIZE, random
    )
    best = _best_two(pool)
    ranked: dict[int, RankedQuery] = {}
    for place in chosen:
        number = int(pool.query[place])
        if number not in ranked:
            chosen_pair = float(pool.probabilities[place]), float(pool.judge[place])
            reason = _reason(*chosen_pair, *best[number], pool.threshold)
            ranked[number] = RankedQuery(number, COLD_START_REASON if cold or not pool.calibrated else reason)
    return list(ranked.values())


def remaining_gain(pool: UnlabelledPool) -> ExpectedGain:
    """The expected gain of further answers, one per query."""
    open_ = sorted(set(pool.query[~pool.labelled].tolist()))
    best = _best_two(pool)
    tops = np.array([best[query][0] for query in open_], float)
    errors = np.sort(np.where(tops >= pool.threshold, 1 - tops, tops))[::-1]
    return ExpectedGain(len(open_), float(errors.sum()), float(errors[:_GAIN_ANSWERS].sum()))


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


def _reason(chosen: float, judge: float, best: float, second: float, threshold: float) -> str:
    """Why a query is next, from the probabilities of its chosen pair and of its two best candidates."""
    if abs(chosen - judge) > _CONTRADICTION:
        return f"Judge and matcher disagree on a candidate: {percent(judge)} and {percent(chosen)}."
    if second >= threshold and best - second < _CLOSE:
        return f"Two candidates are close: {percent(best)} and {percent(second)}."
    if chosen < best and best - chosen > _EVEN:
        return f"To check: a candidate has {percent(chosen)}, the best {percent(best)}."
    if abs(best - 0.5) < _EVEN:
        return f"Undecided: best probability {percent(best)}."
    expected = "a match" if best >= threshold else "no match"
    # Without the threshold, a match at 30% or none at 70% would look like a mistake.
    if (best >= threshold) != (best >= 0.5):
        return f"Matcher expects {expected}: best {percent(best)}, threshold {percent(threshold)}."
    return f"Matcher expects {expected}: best probability {percent(best)}."
