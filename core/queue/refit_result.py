"""What a refit tells a desk: what to ask next, and the probabilities that people will see there."""

from dataclasses import dataclass, field
from typing import Any

from core.errors import CoreError
from core.retrieval.candidates import MatcherSummary
from labels.model import ProductRef

#: Why a query is asked about before anybody has answered one; the only reason that tells no probability.
COLD = "To begin with, likely matches and near misses in turn."


@dataclass(frozen=True, slots=True)
class ExpectedGain:
    """What is to be gained by going on.

    Attributes:
        queries: how many wait for an answer.
        wrong: in how many of them the matcher's own answer would be wrong, if its probabilities hold.
        gain: how many of these the next fifty answers would set right.
    """

    queries: int
    wrong: float
    gain: float


@dataclass(frozen=True)
class RefitResult:
    """The matcher's word after a refit.

    Attributes:
        standing: what its probabilities are worth.
        order: the queries to ask about next, the first one first; not all that are open.
        reasons: why each of them is asked.
        probabilities: P(match) of each of their candidates.
        outlook: what is to be gained by going on.
    """

    standing: MatcherSummary
    order: tuple[ProductRef, ...]
    reasons: dict[ProductRef, str] = field(default_factory=dict)
    probabilities: dict[ProductRef, dict[ProductRef, float]] = field(default_factory=dict)
    outlook: ExpectedGain | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "RefitResult":
        """What the engine answered.

        Raises:
            CoreError: it is not of this shape, as by another version of the program.
        """
        try:
            rows = [(ProductRef(*row["query"]), row) for row in value["order"]]
            return cls(
                standing=MatcherSummary(**value["standing"]),
                order=tuple(query for query, _ in rows),
                reasons={query: str(row["reason"]) for query, row in rows},
                probabilities={
                    query: {ProductRef(source, key): float(p) for source, key, p in row["candidates"]}
                    for query, row in rows
                },
                outlook=ExpectedGain(**value["outlook"]) if value.get("outlook") else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CoreError("The engine's answer makes no sense.", "Leave the desk and start it again.") from error
