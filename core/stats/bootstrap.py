"""How far a figure would move with other queries: the bootstrap over queries."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Enough for a 95 % interval by percentiles (Efron & Tibshirani 1993, section 14.2).
RESAMPLINGS = 1000
_SEED = 20
#: Drawn numbers held in memory at once; 32 MB.
_AT_ONCE = 4_000_000


def interval(
    counts: NDArray[np.float64], figure: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a figure that is made of sums over queries.

    The pairs of one query stand and fall together, so whole queries are drawn, with replacement. A resampling in
    which the figure is undefined is left out.

    Args:
        counts: one row of counts per query, shape (queries, n).
        figure: from summed counts, shape (resamplings, n), to figures, shape (resamplings,); NaN where undefined.

    Returns:
        lower and upper end; None where the resamplings tell nothing, since they all come out alike.
    """
    if len(counts) < 2:
        return None
    found = np.concatenate([figure(sums) for sums in _resampled(counts)])
    found = found[~np.isnan(found)]
    if not len(found) or np.ptp(found) < 1e-12:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def by_query(queries: Sequence[object], *columns: ArrayLike) -> NDArray[np.float64]:
    """Sums over the pairs of each query: what `interval` draws from, shape (queries, columns).

    Args:
        queries: the query of each pair, shape (n,).
        columns: what is summed, each of shape (n,).
    """
    number: dict[object, int] = {}
    group = np.array([number.setdefault(query, len(number)) for query in queries], np.int64)
    values = (np.asarray(column, float) for column in columns)
    return np.column_stack([np.bincount(group, weights=column, minlength=len(number)) for column in values])


def _resampled(counts: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Sums over as many queries as there are, drawn anew each time; shapes (some, n), RESAMPLINGS rows in all.

    Queries with the same counts are interchangeable. So it is drawn how many of each kind come up, which has the
    same distribution and takes a fraction of the time: most queries are answered alike.
    """
    generator = np.random.default_rng(_SEED)
    kinds, sizes = np.unique(counts, axis=0, return_counts=True)
    step = max(1, _AT_ONCE // len(kinds))
    for start in range(0, RESAMPLINGS, step):
        drawn = generator.multinomial(len(counts), sizes / len(counts), size=min(step, RESAMPLINGS - start))
        yield drawn @ kinds
