"""95 % confidence intervals of evaluation metrics.

The bootstrap resamples queries, not pairs, since the pairs of one query are dependent.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from core.evaluation.retrieval import query_values
from core.stats import bootstrap
from core.stats.wilson import wilson_interval
from labels.model import ProductRef

#: Fewer resamples than for other metrics, since average precision sorts all pairs for each.
_RESAMPLES, _SEED = 200, 31

#: Lower and upper end of a 95 % interval.
Interval = tuple[float, float]


def retrieval_intervals(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, Interval]:
    """Intervals of `retrieval_metrics`: Wilson for the hit rates, bootstrap for the means.

    A metric is missing if all queries have the same value, or there are no queries.
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
    """Intervals of the change of `retrieval_metrics` between two rankings, by paired bootstrap.

    Pairing by query makes them narrower than the intervals of the two metrics suggest. A metric is missing if it
    changes equally for all queries.
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
    """Intervals of F1, precision, recall and average precision, by bootstrap over queries.

    A metric is missing if it is the same in all resamples.

    Args:
        labels: true labels, shape (n,).
        probabilities: P(match), shape (n,).
        threshold: a pair is classified as a match at or above it.
        queries: query of each pair, shape (n,).
    """
    truth, scores = np.asarray(labels, bool), np.asarray(probabilities, float)
    number: dict[object, int] = {}
    group = np.array([number.setdefault(query, len(number)) for query in queries], np.int64)
    predicted = scores >= threshold
    counts = bootstrap.by_query(queries, truth & predicted, predicted, truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "f1": bootstrap.interval(counts, lambda sums: 2 * sums[:, 0] / (sums[:, 1] + sums[:, 2])),
            "precision": bootstrap.interval(counts, lambda sums: sums[:, 0] / sums[:, 1]),
            "recall": bootstrap.interval(counts, lambda sums: sums[:, 0] / sums[:, 2]),
            "average_precision": _average_precision_interval(truth, scores, group),
        }
    return {name: ends for name, ends in found.items() if ends is not None}


def _average_precision_interval(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], group: NDArray[np.int64]
) -> Interval | None:
    """Interval of average precision, which is not a function of sums over queries: each resample ranks all pairs."""
    from sklearn.metrics import average_precision_score

    generator, queries = np.random.default_rng(_SEED), int(group.max(initial=-1)) + 1
    found = []
    for _ in range(_RESAMPLES if queries > 1 else 0):
        weights = np.bincount(generator.integers(0, queries, queries), minlength=queries)[group].astype(float)
        if weights[truth].any():
            found.append(average_precision_score(truth, scores, sample_weight=weights))
    if not found or np.ptp(found) < 1e-12:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
