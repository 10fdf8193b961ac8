"""Wilson score intervals of proportions."""

from bisect import bisect_right
from dataclasses import dataclass

#: Upper bound of the search for the number of checks.
_MAX_CHECKS = 10**9


@dataclass(frozen=True, slots=True)
class Precision:
    """A precision with its 95 % interval.

    Attributes:
        right: labels that agree with the answer.
        labels: all labels.
        low: lower end of the 95 % interval of right / labels.
        high: its upper end.
    """

    right: int
    labels: int
    low: float
    high: float


def wilson(right: int, labels: int) -> Precision:
    """A proportion with its 95 % Wilson score interval; (0, 1) without labels."""
    if not labels:
        return Precision(0, 0, 0.0, 1.0)
    return Precision(right, labels, *wilson_interval(right / labels, labels))


def wilson_interval(share: float, count: float) -> tuple[float, float]:
    """The 95 % Wilson score interval (Wilson 1927), which stays within 0 and 1 and is valid for small counts.

    Args:
        share: the observed proportion.
        count: number of observations; may be fractional, as an effective sample size is.
    """
    z = 1.959964
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def checks_needed(found: Precision, target: float) -> int:
    """The number of further checks, all right, that lift the lower end of the interval above the target."""
    return bisect_right(
        range(_MAX_CHECKS), target, key=lambda more: wilson(found.right + more, found.labels + more).low
    )
