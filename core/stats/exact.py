"""Exact bounds of proportions by Clopper and Pearson (1934, Biometrika 26)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

#: Confidence of a one-sided bound.
CONFIDENCE = 0.95
#: Upper limit of the search for the number of further observations.
_MAX_MORE = 10**6


def lower_bound(right: ArrayLike, count: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """The one-sided lower bound of a proportion; 0 without observations.

    Args:
        right: successes; may be fractional, as with an effective sample size.
        count: observations, at least `right`.
        confidence: probability with which the proportion is not below the bound.
    """
    right, count = np.asarray(right, float), np.asarray(count, float)
    seen = right > 0
    found: NDArray[np.float64] = np.where(
        seen, betaincinv(np.where(seen, right, 1.0), np.where(seen, count - right, 0.0) + 1, 1 - confidence), 0.0
    )
    return found


def upper_bound(right: ArrayLike, count: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """The one-sided upper bound of a proportion; 1 without observations. Arguments as for `lower_bound`."""
    return 1 - lower_bound(np.asarray(count, float) - np.asarray(right, float), count, confidence)


def successes_needed(right: int, count: int, target: float) -> int:
    """The number of further observations, all of them successes, that lift the lower bound to the target."""
    low, high = 0, _MAX_MORE
    while low < high:
        middle = (low + high) // 2
        if lower_bound(right + middle, count + middle) >= target:
            high = middle
        else:
            low = middle + 1
    return low
