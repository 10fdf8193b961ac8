"""Several judges as one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from core.judge.case import Case
from core.judge.judge import Judge
from core.judge.verdict import Answer, Verdict


class Ensemble:
    """Asks all, and says what they add up to: the mean of their probabilities, or the answer of most of them.

    A judge that gives no verdict on a case is left out there; where none gives one, neither does the ensemble, and
    where a vote is even, the mean decides.
    """

    def __init__(self, judges: Sequence[Judge], combine: Literal["mean", "vote"]) -> None:
        self._judges = judges
        self._combine = combine

    @property
    def name(self) -> str:
        """All of them, and how they are combined."""
        return f"{self._combine}({', '.join(judge.name for judge in self._judges)})"

    def verdicts(self, cases: Iterable[Case]) -> Iterator[Verdict]:
        """One verdict for each case."""
        listed = list(cases)
        for said in zip(*(judge.verdicts(listed) for judge in self._judges), strict=True):
            yield self._added_up(said)

    def close(self) -> None:
        """Let go of all."""
        for judge in self._judges:
            judge.close()

    def _added_up(self, said: Sequence[Verdict]) -> Verdict:
        known = [verdict.probability for verdict in said if verdict.probability is not None]
        probability = sum(known) / len(known) if known else None
        votes = [verdict.answer for verdict in said if verdict.answer is not None]
        lead = votes.count(Answer.MATCH) - votes.count(Answer.NO_MATCH)
        if self._combine == "vote" and lead:
            answer: Answer | None = Answer.MATCH if lead > 0 else Answer.NO_MATCH
        elif probability is not None:
            answer = Answer.MATCH if probability >= 0.5 else Answer.NO_MATCH
        else:
            answer = None
        reasoning = "\n\n".join(f"{verdict.judge}:\n{verdict.reasoning}" for verdict in said if verdict.reasoning)
        return Verdict(
            answer, probability, None, reasoning, self.name, sum(verdict.seconds for verdict in said),
            sum(verdict.tokens_in for verdict in said), sum(verdict.tokens_out for verdict in said),
        )  # fmt: skip
