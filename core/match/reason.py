"""A reason: one piece of evidence for or against a match, in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import CoreError


class Direction(StrEnum):
    """Which answer a reason speaks for."""

    FOR = "for"
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence.

    Attributes:
        group: what it is about: `model number`, `price` …
        text: what it says of the two listings.
        contribution: what it adds to the log-odds of a match, before calibration.
    """

    group: str
    text: str
    contribution: float

    @property
    def direction(self) -> Direction:
        """Which answer it speaks for."""
        return Direction.FOR if self.contribution > 0 else Direction.AGAINST

    def to_json(self) -> dict[str, Any]:
        """As it stands in files and on the engine's pipe."""
        return {
            "group": self.group,
            "text": self.text,
            "contribution": round(self.contribution, 4),
            "direction": self.direction.value,
        }


@dataclass(frozen=True, slots=True)
class Reasons:
    """The strongest reasons, strongest first.

    Attributes:
        score: the log-odds of a match before calibration.
        start: what every pair starts from, before any evidence of its own.
        rest: what the other features add: those that are no reason in words, and reasons too weak to be among these.
    """

    pros: tuple[Reason, ...]
    cons: tuple[Reason, ...]
    score: float
    start: float
    rest: float

    def to_json(self) -> dict[str, Any]:
        """As it stands in files and on the engine's pipe."""
        return {
            Direction.FOR.value: [reason.to_json() for reason in self.pros],
            Direction.AGAINST.value: [reason.to_json() for reason in self.cons],
            "score": round(self.score, 4),
            "start": round(self.start, 4),
            "rest": round(self.rest, 4),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Reasons":
        """What `to_json` made.

        Raises:
            CoreError: it did not make this.
        """
        try:
            sides = (
                tuple(Reason(str(r["group"]), str(r["text"]), float(r["contribution"])) for r in value[side])
                for side in Direction
            )
            pros, cons = sides
            return cls(pros, cons, *(float(value[name]) for name in ("score", "start", "rest")))
        except (KeyError, TypeError, ValueError) as error:
            raise CoreError("The engine's answer makes no sense.", "Leave the desk and start it again.") from error
