"""A reason: one piece of evidence for or against a match, in words."""

from collections.abc import Iterable
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


#: A catalogue may hold a word as long as a page.
_LONGEST = 40
#: More words than these say no more.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """What can be said.

    Attributes:
        text: a few words.
        leans: +1 where it reads as evidence for a match, -1 against, 0 where it only states.
    """

    text: str
    leans: int = 0


def cut(text: str) -> str:
    """A text as short as a reason may be."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def listed(items: Iterable[str]) -> str:
    """The first few, with commas."""
    return ", ".join(cut(item) for item in list(items)[:_MOST])


def quoted(words: Iterable[str]) -> str:
    """The first few in quotes: 'duo', 'case'."""
    return ", ".join(f"'{cut(word)}'" for word in list(words)[:_MOST])


def compared(name: str, query: Iterable[str], candidate: Iterable[str], *, told: str = "{}") -> list[Fact]:
    """What can be said of two sets of words.

    Args:
        name: what the words are, for the statement that leans nowhere.
        query: the query's.
        candidate: the candidate's.
        told: how a word is told, such as `generation {}`.
    """
    left, right = sorted(set(query)), sorted(set(candidate))
    shared = [word for word in left if word in right]
    facts = []
    if shared:
        facts.append(Fact(f"{told.format(listed(shared))} in both", +1))
    if left and right and not shared:
        facts.append(Fact(f"{told.format(listed(left))} against {listed(right)}", -1))
    for side, own, other in (("query", left, right), ("candidate", right, left)):
        only = [word for word in own if word not in other]
        if only and (shared or not other):
            facts.append(Fact(f"{told.format(listed(only))} only in the {side}", -1))
    said = f"{name}: {listed(left) or 'unsaid'} and {listed(right) or 'unsaid'}"
    return [*facts, Fact(said if left or right else f"{name}: neither title says any")]
