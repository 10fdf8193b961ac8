"""Bands: what a score lets one do, cut where the promise of a precision holds."""

from dataclasses import dataclass
from enum import StrEnum

from core.stats.wilson import Precision
from labels.wording import counted

#: Labels beyond a cut below which no precision can be read off.
MIN_LABELS = 20
#: What a band is cut through that no labels stand behind: the packaged prior, and where that has not spoken the cosine.
_PRIOR, _COSINE = "prior", "cosine"


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


def default_band(name: str) -> str:
    """The band itself of a name that may say what it is cut through: `high` of `prior:high` and of `high`."""
    return name.rpartition(":")[2]


def is_rough(labels: int, matches: int | None) -> bool:
    """Whether too few labels of one class stand behind the probabilities to read a precision off.

    Args:
        labels: that the matcher was fitted on.
        matches: how many of them were matches; None if unknown.
    """
    fewer = labels // 2 if matches is None else min(matches, labels - matches)
    return fewer < MIN_LABELS


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
