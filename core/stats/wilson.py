"""Wilson intervals of shares: the interval itself, a share with it, and how many more checks a target takes."""

from bisect import bisect_right
from dataclasses import dataclass

#: More checks than anybody will make.
_ENDLESS = 10**9


@dataclass(frozen=True, slots=True)
class Precision:
    """How often a band's answer was right among labels that its learner had not seen.

    Attributes:
        right: labels that bear the band's answer out.
        labels: all labels in the band.
        low: lower end of the 95 % interval of right / labels.
        high: its upper end.
    """

    right: int
    labels: int
    low: float
    high: float


def wilson(right: int, labels: int) -> Precision:
    """A share with its 95 % interval (Wilson 1927), which stays within 0 and 1 and holds for small counts."""
    if not labels:
        return Precision(0, 0, 0.0, 1.0)
    return Precision(right, labels, *wilson_interval(right / labels, labels))


def wilson_interval(share: float, count: float) -> tuple[float, float]:
    """Both ends of Wilson's 95 % interval of a share that was observed so many times, which may be a fraction."""
    z = 1.959964
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def checks_needed(found: Precision, target: float) -> int:
    """How many further checks, all of them right, would lift the lower end of the wilson_interval above the target."""
    return bisect_right(range(_ENDLESS), target, key=lambda more: wilson(found.right + more, found.labels + more).low)
