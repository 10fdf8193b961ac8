"""How far a figure might be from the truth, for no other reason than which queries were judged on.

Queries are resampled, not pairs: the pairs of one query stand or fall together.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from core.evaluate.retrieval import query_values
from labels.model import ProductRef

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RESAMPLINGS, _SEED = 1000, 31
#: Average precision sorts all pairs every time.
_FEWER = 200

#: Ends of the 95 % interval.
Interval = tuple[float, float]


def retrieval_intervals(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, Interval]:
    """The 95 % interval of each of `retrieval_metrics`, by bootstrap over the queries; none without queries."""
    import numpy as np  # noqa: PLC0415

    if not gold:
        return {}
    drawn = _drawn(len(gold), _RESAMPLINGS)
    return {name: _ends(np.asarray(values)[drawn].mean(axis=1)) for name, values in query_values(ranked, gold).items()}


def pair_intervals(
    labels: Sequence[bool], probabilities: Sequence[float], threshold: float, queries: Sequence[object]
) -> dict[str, Interval]:
    """The 95 % interval of F1, precision, recall and average precision, by bootstrap over the queries.

    Args:
        labels: what is true, shape (n,).
        probabilities: P(match), shape (n,).
        threshold: at or above it a pair is called a match.
        queries: the query of each pair, shape (n,).
    """
    import numpy as np  # noqa: PLC0415

    truth, scores = np.asarray(labels, bool), np.asarray(probabilities, float)
    number = {query: place for place, query in enumerate(dict.fromkeys(queries))}
    group = np.array([number[query] for query in queries], np.int64)
    called = scores >= threshold
    drawn = _drawn(len(number), _RESAMPLINGS)
    right, calls, matches = (
        np.bincount(group, weights=flags, minlength=len(number))[drawn].sum(axis=1)
        for flags in (truth & called, called, truth)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        figures = {"f1": 2 * right / (calls + matches), "precision": right / calls, "recall": right / matches}
    figures["average_precision"] = _average_precisions(truth, scores, group, drawn[:_FEWER])
    return {name: _ends(values) for name, values in figures.items()}


def _average_precisions(
    truth: "NDArray[np.bool_]", scores: "NDArray[np.float64]", group: "NDArray[np.int64]", drawn: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    import numpy as np  # noqa: PLC0415
    from sklearn.metrics import average_precision_score  # noqa: PLC0415

    found = []
    for queries in drawn:
        weights = np.bincount(queries, minlength=drawn.shape[1])[group].astype(float)
        found.append(average_precision_score(truth, scores, sample_weight=weights) if weights[truth].any() else np.nan)
    return np.asarray(found, float)


def _drawn(count: int, times: int) -> "NDArray[np.int64]":
    """Places of resampled queries, shape (times, count)."""
    import numpy as np  # noqa: PLC0415

    return np.random.default_rng(_SEED).integers(0, count, (times, count))


def _ends(values: "NDArray[np.float64]") -> Interval:
    import numpy as np  # noqa: PLC0415

    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
