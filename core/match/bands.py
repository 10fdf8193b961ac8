"""Bands: what a score lets one do, cut where the promise of a precision holds."""

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from labels.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Labels beyond a cut below which no precision can be read off.
_FEWEST = 20
#: What a band is cut through that no labels stand behind: the packaged prior, and where that has not spoken the cosine.
_PRIOR, _COSINE = "prior", "cosine"
#: More checks than anybody will make.
_ENDLESS = 10**9


class Band(StrEnum):
    """How firm the machine is: a match, a case for people, no match."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def percent(probability: float) -> str:
    """A probability in whole percents, as every list and sentence rounds it; only what is certain is 0 or 100."""
    if 0 < probability < 0.01:
        return "<1%"
    return ">99%" if 0.99 < probability < 1 else f"{probability:.0%}"


def band_of(value: float | None, high: float, medium: float) -> Band:
    """The band of a probability or a cosine, cut at `high` and `medium`; unknown is low."""
    # Written so that a NaN is low.
    if value is None or not value >= medium:
        return Band.LOW
    return Band.HIGH if value >= high else Band.MEDIUM


def band_name(band: Band, *, calibrated: bool) -> str:
    """What a band of the matcher is called: `high`, and `prior:high` while no labels stand behind it."""
    return band.value if calibrated else f"{_PRIOR}:{band}"


def cosine_band(similarity: float, high: float, medium: float) -> str:
    """The band of a cosine, cut at `high` and `medium`, named so: `cosine:high`."""
    return f"{_COSINE}:{band_of(similarity, high, medium)}"


def bare_band(name: str) -> str:
    """The band itself of a name that may say what it is cut through: `high` of `prior:high` and of `high`."""
    return name.rpartition(":")[2]


def is_rough(labels: int, matches: int | None) -> bool:
    """Whether too few labels of one class stand behind the probabilities to read a precision off.

    Args:
        labels: that the matcher was fitted on.
        matches: how many of them were matches; None if unknown.
    """
    fewer = labels // 2 if matches is None else min(matches, labels - matches)
    return fewer < _FEWEST


def basis_remark(labels: int, matches: int | None) -> str:
    """What must be said beside probabilities that too few labels stand behind; empty where enough do."""
    if not labels:
        return (
            "Uncalibrated: no labels of both classes yet. `probability` is empty, order and bands such as"
            f" {band_name(Band.HIGH, calibrated=False)} come from the packaged prior, whose precision here is unknown."
        )
    return f"Probabilities are {calibrated_on(labels, matches)}." if is_rough(labels, matches) else ""


def calibrated_on(labels: int, matches: int | None) -> str:
    """What the probabilities rest on, in words, such as `calibrated on 12 labelled pairs (3 matches): rough`."""
    if not labels:
        return "uncalibrated: no labels of both classes yet"
    pairs = f"calibrated on {counted(labels, 'labelled pair')}"
    if not is_rough(labels, matches):
        return pairs
    found = "" if matches is None else f" ({counted(matches, 'match', 'matches')})"
    return f"{pairs}{found}: rough"


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


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the bands are cut, and how well the two firm ones keep their promise.

    Attributes:
        high: from this probability on, a pair is a match.
        low: below this probability, it is none.
        match: of the band `high`, whose answer is match.
        no_match: of the band `low`, whose answer is no match.
    """

    high: float
    low: float
    match: Precision
    no_match: Precision

    def band(self, probability: float) -> Band:
        """The band of a probability."""
        return band_of(probability, self.high, self.low)


def wilson(right: int, labels: int) -> Precision:
    """A share with its 95 % interval (Wilson 1927), which stays within 0 and 1 and holds for small counts."""
    if not labels:
        return Precision(0, 0, 0.0, 1.0)
    return Precision(right, labels, *interval(right / labels, labels))


def interval(share: float, count: float) -> tuple[float, float]:
    """Both ends of Wilson's 95 % interval of a share that was observed so many times, which may be a fraction."""
    z = 1.959964
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def more_needed(found: Precision, target: float) -> int:
    """How many further checks, all of them right, would lift the lower end of the interval above the target."""
    return bisect_right(range(_ENDLESS), target, key=lambda more: wilson(found.right + more, found.labels + more).low)


def cut(probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]", target: float) -> Cuts:
    """The widest bands whose out-of-fold precision reaches the target.

    Nine in ten pairs are no matches, so that a precision of "no match" pooled over all of them would be reached
    almost anywhere: there the probability itself must promise it for each pair. With too few labels to read a
    precision off, the probability's promise is all there is, both ways.

    Args:
        probabilities: calibrated, of pairs whose learner has not seen them, shape (n,).
        labels: shape (n,).
        target: the precision to reach, both ways.
    """
    high = min(_widest(probabilities, labels, target), target)
    low = min(1 - _widest(1 - probabilities, ~labels, target), 1 - target)
    high = max(high, 0.5)
    above, below = probabilities >= high, probabilities < low
    return Cuts(
        high,
        low,
        wilson(int(labels[above].sum()), int(above.sum())),
        wilson(int((~labels[below]).sum()), int(below.sum())),
    )


def _widest(probabilities: "NDArray[np.float64]", labels: "NDArray[np.bool_]", target: float) -> float:
    """The lowest cut at and above which the share of `labels` reaches the target; the target itself if none."""
    import numpy as np  # noqa: PLC0415

    order = np.argsort(-probabilities, kind="stable")
    right = np.cumsum(labels[order])
    counts = np.arange(1, len(order) + 1)
    ends = np.append(np.diff(probabilities[order]) != 0, True) if len(order) else np.zeros(0, bool)
    reached = np.flatnonzero(ends & (counts >= _FEWEST) & (right >= target * counts))
    return float(probabilities[order][reached[-1]]) if len(reached) else target
