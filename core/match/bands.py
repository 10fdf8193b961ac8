"""Bands: what a score lets one do."""

from enum import StrEnum


class Band(StrEnum):
    """How firm the machine is about a pair."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def band_of(similarity: float | None, high: float, medium: float) -> Band:
    """The band of a cosine in [-1, 1], cut at `high` and `medium`; unknown is low."""
    # Written so that a NaN is low.
    if similarity is None or not similarity >= medium:
        return Band.LOW
    return Band.HIGH if similarity >= high else Band.MEDIUM
