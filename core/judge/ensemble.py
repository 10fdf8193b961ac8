"""Several judges as one."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import tee
from typing import Literal

from core.judge.calibration import Calibration
from core.judge.case import Case
from core.judge.judge import RememberingJudge
from core.judge.verdict import Answer, Verdict, consistent
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair

#: Between what two of them say.
_BETWEEN = "\n\n"


class Ensemble:
    """Asks all, and says what they add up to: the mean of their probabilities, or the answer of most of them.

    A judge that gives no verdict on a case is left out there; where none gives one, neither does the ensemble, and
    where a vote is even, the mean decides. Where most say one thing and the mean another, there is no verdict either.
    """

    def __init__(self, judges: Sequence[RememberingJudge], combine: Literal["mean", "vote"]) -> None:
        self._judges = judges
        self._combine = combine

    @property
    def name(self) -> str:
        """All of them, and how they are combined."""
        return f"{self._combine}({', '.join(judge.name for judge in self._judges)})"

    def known(self, case: Case) -> Verdict | None:
        """What they add up to where all have spoken of this before."""
        said = [judge.known(case) for judge in self._judges]
        known = [verdict for verdict in said if verdict is not None]
        return self._added_up(known) if len(known) == len(said) else None

    def latest(self) -> dict[Pair, Verdict]:
        """What they add up to on every pair of which all have spoken."""
        said = [judge.latest() for judge in self._judges]
        common = set(said[0]).intersection(*said[1:])
        return {pair: self._added_up([each[pair] for each in said]) for pair in common}

    def verdicts(self, cases: Iterable[Case]) -> Iterator[Verdict]:
        """One verdict for each case."""
        asked = zip(self._judges, tee(cases, len(self._judges)), strict=True)
        for said in zip(*(judge.verdicts(each) for judge, each in asked), strict=True):
            yield self._added_up(said)

    def talk(self, case: Case) -> Generator[str, None, Verdict]:
        """The reasoning of one after the other, and in the end what they add up to."""
        said = []
        for place, judge in enumerate(self._judges):
            yield f"{_BETWEEN if place else ''}{judge.name}:\n"
            said.append((yield from judge.talk(case)))
        return self._added_up(said)

    def taught(self) -> frozenset[Pair]:
        """What any of them was trained on."""
        return frozenset().union(*(judge.taught() for judge in self._judges))

    def calibrate(self, workspace: Workspace, settings: Settings) -> list[Calibration]:
        """Fit the calibration of each of them anew."""
        return [fitted for judge in self._judges for fitted in judge.calibrate(workspace, settings)]

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
        reasoning = _BETWEEN.join(f"{verdict.judge}:\n{verdict.reasoning}" for verdict in said if verdict.reasoning)
        return consistent(
            Verdict(
                answer, probability, None, reasoning, self.name, sum(verdict.seconds for verdict in said),
                sum(verdict.tokens_in for verdict in said), sum(verdict.tokens_out for verdict in said),
            )
        )  # fmt: skip
