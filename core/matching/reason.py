"""Reasons and facts: the explanation of a score, and the short statements that it is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from core.errors import CoreError


class Direction(StrEnum):
    """Which answer a reason supports."""

    FOR = "for"
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class Reason:
    """The contribution of one concept to a score, in words.

    Attributes:
        group: the concept: `model number`, `price` …
        text: what the two listings state.
        contribution: log-odds of a match added by it, before calibration.
    """

    group: str
    text: str
    contribution: float

    @property
    def direction(self) -> Direction:
        """Which answer it supports."""
        return Direction.FOR if self.contribution > 0 else Direction.AGAINST

    def to_json(self) -> dict[str, Any]:
        """As in files, and in the matcher worker's responses."""
        return {
            "group": self.group,
            "text": self.text,
            "contribution": round(self.contribution, 4),
            "direction": self.direction.value,
        }


@dataclass(frozen=True, slots=True)
class Reasons:
    """The strongest reasons for and against a match, strongest first. All parts add up to the score.

    Attributes:
        score: log-odds of a match before calibration.
        baseline: the part that all pairs share.
        other: the sum of all features that are in none of these reasons.
    """

    pros: tuple[Reason, ...]
    cons: tuple[Reason, ...]
    score: float
    baseline: float
    other: float

    def to_json(self) -> dict[str, Any]:
        """As in files, and in the matcher worker's responses."""
        return {
            Direction.FOR.value: [reason.to_json() for reason in self.pros],
            Direction.AGAINST.value: [reason.to_json() for reason in self.cons],
            "score": round(self.score, 4),
            "start": round(self.baseline, 4),
            "rest": round(self.other, 4),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Reasons":
        """The inverse of `to_json`.

        Raises:
            CoreError: the value has another shape.
        """
        try:
            pros, cons = (
                tuple(Reason(str(r["group"]), str(r["text"]), float(r["contribution"])) for r in value[side])
                for side in Direction
            )
            return cls(pros, cons, *(float(value[name]) for name in ("score", "start", "rest")))
        except (KeyError, TypeError, ValueError) as error:
            raise CoreError(
                "The matcher worker sent an invalid response.", "Quit the desk and start it again."
            ) from error


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement about a pair of listings.

    Attributes:
        text: a few words.
        sign: +1 where it supports a match, -1 where it speaks against one, 0 where it does neither.
    """

    text: str
    sign: int


#: Characters of a quoted word or field: a catalogue may contain words as long as a page.
_MAX_TEXT_LENGTH = 40
#: Words in one statement.
_MAX_WORDS = 3


def shorten(text: str) -> str:
    """A text on one line, truncated to the length that a statement allows."""
    text = " ".join(text.split())
    return text if len(text) <= _MAX_TEXT_LENGTH else text[: _MAX_TEXT_LENGTH - 1] + "…"


def join_words(words: Iterable[str]) -> str:
    """The first few words, separated by commas."""
    return ", ".join(shorten(word) for word in islice(words, _MAX_WORDS))


def quote_words(words: Iterable[str]) -> str:
    """The first few words in quotes: 'duo', 'case'."""
    return ", ".join(f"'{shorten(word)}'" for word in islice(words, _MAX_WORDS))


def compare_sets(query: Iterable[str], candidate: Iterable[str], template: str = "{}") -> list[Fact]:
    """Facts about two sets of words: shared, conflicting, and one-sided ones.

    Args:
        query: the query's words.
        candidate: the candidate's words.
        template: how words are named, such as `generation {}`.
    """
    left, right = sorted(set(query)), sorted(set(candidate))
    shared = [word for word in left if word in right]
    facts = []
    if shared:
        facts.append(Fact(f"{template.format(join_words(shared))} in both", +1))
    if left and right and not shared:
        facts.append(Fact(f"{template.format(join_words(left))} against {join_words(right)}", -1))
    for side, own, other in (("query", left, right), ("candidate", right, left)):
        only = [word for word in own if word not in other]
        if only and (shared or not other):
            facts.append(Fact(f"{template.format(join_words(only))} only in the {side}", -1))
    return facts
