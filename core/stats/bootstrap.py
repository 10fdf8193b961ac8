"""Bootstrap intervals over queries, and the significance of paired differences."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Enough for a 95 % interval by percentiles (Efron & Tibshirani 1993, section 14.2).
RESAMPLINGS = 1000
_SEED = 20
#: Drawn numbers in memory at once; 32 MB.
_BLOCK_SIZE = 4_000_000


def interval(
    counts: NDArray[np.float64], figure: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of a figure computed from sums over queries.

    The pairs of one query are correlated, so whole queries are drawn with replacement. Resamplings in which the figure
    is undefined are ignored.

    Args:
        counts: one row of counts per query, shape (queries, n).
        figure: from summed counts, shape (resamplings, n), to figures, shape (resamplings,); NaN where undefined.

    Returns:
        lower and upper end; None where all resamplings give the same value, or there are fewer than two queries.
    """
    if len(counts) < 2:
        return None
    return percentile_interval(np.concatenate([figure(sums) for sums in _resampled(counts)]))


def by_query(queries: Sequence[object], *columns: ArrayLike) -> NDArray[np.float64]:
    """The sums of columns over the pairs of each query, as input for `interval`, shape (queries, columns).

    Args:
        queries: the query of each pair, shape (n,).
        columns: values per pair, each of shape (n,).
    """
    number: dict[object, int] = {}
    group = np.array([number.setdefault(query, len(number)) for query in queries], np.int64)
    values = (np.asarray(column, float) for column in columns)
    return np.column_stack([np.bincount(group, weights=column, minlength=len(number)) for column in values])


def _resampled(counts: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """The summed counts of each resampling, in blocks of shape (block, n), RESAMPLINGS rows in all.

    Queries with the same counts are interchangeable, so the number of each distinct row is drawn from a multinomial
    distribution. This is equivalent and much faster, since most queries have the same counts.
    """
    generator = np.random.default_rng(_SEED)
    kinds, sizes = np.unique(counts, axis=0, return_counts=True)
    step = max(1, _BLOCK_SIZE // len(kinds))
    for start in range(0, RESAMPLINGS, step):
        drawn = generator.multinomial(len(counts), sizes / len(counts), size=min(step, RESAMPLINGS - start))
        yield drawn @ kinds


def draws(units: int, columns: int) -> Iterator[NDArray[np.float64]]:
    """How often each unit occurs in each resampling, in blocks of shape (block, units), RESAMPLINGS rows in all.

    The draws depend on `units` alone, so that figures of two models on the same units are paired draw by draw.

    Args:
        units: number of queries or groups that are drawn with replacement.
        columns: values per resampling that the caller derives, which bounds the size of a block.
    """
    generator = np.random.default_rng(_SEED)
    step = max(1, _BLOCK_SIZE // max(1, units, columns))
    for start in range(0, RESAMPLINGS, step):
        size = min(step, RESAMPLINGS - start)
        yield generator.multinomial(units, np.full(units, 1 / units), size=size).astype(float)


def percentile_interval(figures: NDArray[np.float64]) -> tuple[float, float] | None:
    """The 95 % percentile interval of a figure in all resamplings; None where it is always the same or undefined.

    Args:
        figures: shape (resamplings,); NaN where undefined.
    """
    found = figures[~np.isnan(figures)]
    if not len(found) or np.ptp(found) < 1e-12:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def two_sided_p(differences: NDArray[np.float64]) -> float | None:
    """The two-sided p-value of a paired bootstrap: how often a resampled difference is not on the observed side of 0.

    Inverts the percentile interval (Efron & Tibshirani 1993, section 15.4). Counting the observed sample too keeps it
    above 0 (Davison & Hinkley 1997, section 4.2).

    Args:
        differences: shape (resamplings,); NaN where undefined.

    Returns:
        the p-value, at most 1; None where no difference is defined.
    """
    found = differences[~np.isnan(differences)]
    if not len(found):
        return None
    # What rounding leaves of a difference of zero counts on both sides.
    fewest = min((found <= 1e-12).sum(), (found >= -1e-12).sum())
    return min(1.0, float(2 * (fewest + 1) / (len(found) + 1)))
