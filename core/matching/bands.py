"""Bands of probabilities and cosines: high (match), low (no match), and medium, which needs review.

Free of numpy, since the desk imports it.
"""

from dataclasses import dataclass
from enum import StrEnum

from core.stats.wilson import Precision
from labels.wording import counted

#: Labels of one band below which its precision cannot be estimated.
MIN_LABELS = 20
#: Prefixes of uncalibrated bands: by the packaged prior, or by the cosine where no matcher has scored the pair.
_PRIOR, _COSINE = "prior", "cosine"


class Band(StrEnum):
    """The answer of a score: match, needs review, no match."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def percent(probability: float) -> str:
    """A probability in whole percent, as in all lists and sentences; 0% and 100% only for 0 and 1."""
    if 0 < probability < 0.01:
        return "<1%"
    return ">99%" if 0.99 < probability < 1 else f"{probability:.0%}"


def band_of(value: float | None, high: float, medium: float) -> Band:
    """The band of a probability or a cosine, with the lower bounds `high` and `medium`; low for None and NaN."""
    if value is None or not value >= medium:
        return Band.LOW
    return Band.HIGH if value >= high else Band.MEDIUM


def band_name(band: Band, *, calibrated: bool) -> str:
    """The name of a matcher's band: `high`, or `prior:high` before labels calibrate the matcher."""
    return band.value if calibrated else f"{_PRIOR}:{band}"


def cosine_band(similarity: float, high: float, medium: float) -> str:
    """The name of a cosine's band, with the lower bounds `high` and `medium`: `cosine:high`."""
    return f"{_COSINE}:{band_of(similarity, high, medium)}"


def band_names(band: Band) -> tuple[str, ...]:
    """All names of a band: `high`, `prior:high` and `cosine:high`."""
    return (band.value, f"{_PRIOR}:{band}", f"{_COSINE}:{band}")


def default_band(name: str) -> str:
    """The band in a name with or without prefix: `high` for `prior:high` and for `high`."""
    return name.rpartition(":")[2]


def is_rough(labels: int, matches: int | None) -> bool:
    """Whether the matcher was fitted on too few labels of one class to estimate a precision.

    Args:
        labels: number of labels the matcher was fitted on.
        matches: how many of them were matches; None if unknown.
    """
    fewer = labels // 2 if matches is None else min(matches, labels - matches)
    return fewer < MIN_LABELS


def basis_remark(labels: int, matches: int | None) -> str:
    """The remark shown with probabilities that rest on too few labels; empty where there are enough."""
    if not labels:
        return (
            "Uncalibrated: no labels of both classes yet. `probability` is empty, order and bands such as"
            f" {band_name(Band.HIGH, calibrated=False)} come from the packaged prior, whose precision here is unknown."
        )
    return f"Probabilities are {calibrated_on(labels, matches)}." if is_rough(labels, matches) else ""


def calibrated_on(labels: int, matches: int | None) -> str:
    """The calibration in words, such as `calibrated on 12 labelled pairs (3 matches): rough`."""
    if not labels:
        return "uncalibrated: no labels of both classes yet"
    pairs = f"calibrated on {counted(labels, 'labelled pair')}"
    if not is_rough(labels, matches):
        return pairs
    found = "" if matches is None else f" ({counted(matches, 'match', 'matches')})"
    return f"{pairs}{found}: rough"


@dataclass(frozen=True, slots=True)
class Cuts:
    """The bounds of a matcher's bands, and the out-of-fold precision of the two firm ones.

    Attributes:
        high: lower bound of the high band.
        low: upper bound of the low band.
        match: precision of the high band, whose answer is match.
        no_match: precision of the low band, whose answer is no match.
        match_promise: precision of the high band that holds with 95 % confidence; 0 without labels.
        no_match_promise: the same of the low band.
    """

    high: float
    low: float
    match: Precision
    no_match: Precision
    match_promise: float = 0.0
    no_match_promise: float = 0.0

    def band(self, probability: float) -> Band:
        """The band of a probability."""
        return band_of(probability, self.high, self.low)
