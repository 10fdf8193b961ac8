"""The result of a refit that the desk reads: the order of the queue, reasons, and probabilities.

Free of numpy, since the desk imports it.
"""

from dataclasses import dataclass, field
from typing import Any

from core.errors import CoreError
from core.retrieval.candidates import MatcherSummary
from labels.model import ProductRef

#: The reason for every query before the first answer; the only one without a probability.
COLD_START_REASON = "Cold start: likely matches and near misses alternate."


@dataclass(frozen=True, slots=True)
class ExpectedGain:
    """The expected gain of further answers, assuming calibrated probabilities.

    Attributes:
        queries: open queries.
        wrong: expected number of them that the matcher answers wrongly.
        gain: how many of those the next fifty answers would correct.
    """

    queries: int
    wrong: float
    gain: float


@dataclass(frozen=True)
class RefitResult:
    """The result of a refit.

    Attributes:
        summary: of the fitted matcher.
        order: the queries to review next, first one first; not all open ones.
        reasons: why each of them is next.
        probabilities: P(match) of each of their candidates.
        expected_gain: the gain of further answers.
    """

    summary: MatcherSummary
    order: tuple[ProductRef, ...]
    reasons: dict[ProductRef, str] = field(default_factory=dict)
    probabilities: dict[ProductRef, dict[ProductRef, float]] = field(default_factory=dict)
    expected_gain: ExpectedGain | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "RefitResult":
        """A response of the matcher worker.

        Raises:
            CoreError: the response has another shape, as from another version of the program.
        """
        try:
            rows = [(ProductRef(*row["query"]), row) for row in value["order"]]
            return cls(
                summary=MatcherSummary(**value["standing"]),
                order=tuple(query for query, _ in rows),
                reasons={query: str(row["reason"]) for query, row in rows},
                probabilities={
                    query: {ProductRef(source, key): float(p) for source, key, p in row["candidates"]}
                    for query, row in rows
                },
                expected_gain=ExpectedGain(**value["outlook"]) if value.get("outlook") else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CoreError(
                "The matcher worker sent an invalid response.", "Quit the desk and start it again."
            ) from error
