"""How far a figure might be from the truth, for no other reason than which queries were judged on.

Queries are resampled, not pairs: the pairs of one query stand or fall together.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from core.evaluation.retrieval import query_values
from core.stats import bootstrap
from core.stats.wilson import wilson_interval
from labels.model import ProductRef

#: Average precision sorts all pairs for every resampling.
_RESAMPLINGS, _SEED = 200, 31

#: Ends of the 95 % interval.
Interval = tuple[float, float]


def retrieval_intervals(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, Interval]:
    """The 95 % intervals of `retrieval_metrics`: Wilson's for the hits, by bootstrap for the means.

    A figure is absent where all queries are alike, so that resampling them tells nothing, or there are none.
    """
    count = len(gold)
    found: dict[str, Interval | None] = {}
    for name, values in query_values(ranked, gold).items() if count else ():
        if name.startswith("hit@"):
            found[name] = wilson_interval(sum(values) / count, count)
        else:
            found[name] = bootstrap.interval(np.array(values)[:, None], lambda sums: sums[:, 0] / count)
    return {name: ends for name, ends in found.items() if ends is not None}


def change_intervals(
    before: Mapping[ProductRef, Sequence[ProductRef]],
    after: Mapping[ProductRef, Sequence[ProductRef]],
    gold: Mapping[ProductRef, AbstractSet[ProductRef]],
) -> dict[str, Interval]:
    """The 95 % intervals of how `retrieval_metrics` change from one ranking to another, by bootstrap.

    Each query is its own control, so that the interval is narrower than those of the two figures let one think. A
    figure is absent where it changes alike for all queries.
    """
    values = [query_values(ranking, gold) for ranking in (before, after)]
    found = {
        name: bootstrap.interval(
            (np.array(values[1][name]) - np.array(values[0][name]))[:, None], lambda sums: sums[:, 0] / len(gold)
        )
        for name in values[0]
    }
    return {name: ends for name, ends in found.items() if ends is not None}


def pair_intervals(
    labels: Sequence[bool], probabilities: Sequence[float], threshold: float, queries: Sequence[object]
) -> dict[str, Interval]:
    """The 95 % intervals of F1, precision, recall and average precision, by bootstrap over the queries.

    A figure is absent where resampling tells nothing of it.

    Args:
        labels: what is true, shape (n,).
        probabilities: P(match), shape (n,).
        threshold: at or above it a pair is called a match.
        queries: the query of each pair, shape (n,).
    """
    truth, scores = np.asarray(labels, bool), np.asarray(probabilities, float)
    number: dict[object, int] = {}
    group = np.array([number.setdefault(query, len(number)) for query in queries], np.int64)
    called = scores >= threshold
    counts = bootstrap.by_query(queries, truth & called, called, truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "f1": bootstrap.interval(counts, lambda sums: 2 * sums[:, 0] / (sums[:, 1] + sums[:, 2])),
            "precision": bootstrap.interval(counts, lambda sums: sums[:, 0] / sums[:, 1]),
            "recall": bootstrap.interval(counts, lambda sums: sums[:, 0] / sums[:, 2]),
            "average_precision": _of_average_precision(truth, scores, group),
        }
    return {name: ends for name, ends in found.items() if ends is not None}


def _of_average_precision(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], group: NDArray[np.int64]
) -> Interval | None:
    """It is no function of sums over queries: every resampling ranks the pairs anew."""
    from sklearn.metrics import average_precision_score

    generator, queries = np.random.default_rng(_SEED), int(group.max(initial=-1)) + 1
    found = []
    for _ in range(_RESAMPLINGS if queries > 1 else 0):
        weights = np.bincount(generator.integers(0, queries, queries), minlength=queries)[group].astype(float)
        if weights[truth].any():
            found.append(average_precision_score(truth, scores, sample_weight=weights))
    if not found or np.ptp(found) < 1e-12:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
