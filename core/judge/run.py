"""Judging many pairs: what is known costs nothing, what is asked keeps to a budget, and what is done is kept."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.judge.interface import StoredVerdictsJudge
from core.judge.pair_context import PairContext
from core.judge.verdict import Verdict
from labels.model import Pair
from labels.wording import counted


class End(StrEnum):
    """Why no more is asked."""

    ALL = "all"
    PAIRS = "pairs"
    MINUTES = "minutes"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be asked at most; None for no limit. What is known already costs nothing.

    Attributes:
        pairs: pairs that a judge is asked about.
        minutes: from the first question on; what a judge has begun by then is still waited for.
    """

    pairs: int | None = None
    minutes: float | None = None


class Allowance:
    """One run's budget, from the moment that it begins.

    Args:
        budget: what there is.
        clock: seconds, for tests.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock = clock
        self._begun = clock()

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self._budget.minutes is not None and self.seconds >= 60 * self._budget.minutes

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._begun

    def most(self, count: int) -> int:
        """How many of so many pairs it allows."""
        return count if self._budget.pairs is None else min(count, self._budget.pairs)

    def affordable(self, cases: "Sequence[PairContext]") -> "Iterator[PairContext]":
        """The cases that may be asked about; none after the time is over."""
        for case in cases[: self.most(len(cases))]:
            if self.late:
                return
            yield case


#: After the time is over, so many answers are waited for at most: more than any judge works on at once.
_MOST_BEGUN = 64


@dataclass(frozen=True, slots=True)
class JudgingResult:
    """What came out of one run.

    Attributes:
        judge: its name.
        verdicts: of all pairs that it has spoken of, now or before.
        known: how many of them it had spoken of before.
        asked: how many it was asked about now.
        left: pairs without a verdict, for the budget's sake or because somebody ended the run.
        end: why no more was asked.
        seconds: how long all of it took.
        tokens_in, tokens_out: of what was asked now.
    """

    judge: str
    verdicts: dict[Pair, Verdict]
    known: int
    asked: int
    left: int
    end: End
    seconds: float
    tokens_in: int
    tokens_out: int

    @property
    def words(self) -> str:
        """How it went, in a sentence or two."""
        done = f"{counted(self.asked, 'pair')} judged now, {self.known:,} known before."
        why = {
            End.ALL: "",
            End.PAIRS: f"The budget of pairs is spent; {counted(self.left, 'is', 'are')} left, and the same"
            " command goes on.",
            End.MINUTES: f"The time is over; {counted(self.left, 'is', 'are')} left, and the same command goes on.",
            End.INTERRUPTED: f"Ended; {counted(self.left, 'is', 'are')} left, and the same command goes on.",
        }
        return f"{done} {why[self.end]}".rstrip()


def judge_pairs(
    cases: Iterable[PairContext],
    judge: StoredVerdictsJudge,
    budget: Budget,
    reporter: Reporter,
    *,
    total: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> JudgingResult:
    """Ask a judge about many pairs, those first that it has spoken of before.

    A full budget or ctrl+c ends this with all verdicts kept, and the next run goes on; a kill or a power cut loses
    those that were not on disk yet, as `core.judge.cache` says.

    Args:
        cases: the pairs.
        judge: who is asked.
        budget: of what has to be asked.
        reporter: hears progress.
        total: how many cases there are, where that is known.
        clock: seconds, for tests.

    Raises:
        ModelError: the judge cannot be had, or does not answer at all.
    """
    begun, so_far = clock(), _SoFar()
    try:
        reporter.stage("look up verdicts", total or None)
        for number, case in enumerate(cases, 1):
            so_far.look_up(case, judge)
            reporter.advance(number)
        so_far.end = _asked(so_far, judge, Allowance(budget, clock), reporter)
    except KeyboardInterrupt:
        so_far.end = End.INTERRUPTED
    known, said = so_far.verdicts, so_far.answers
    count = len(known) + len(so_far.unknown)
    if so_far.end is End.INTERRUPTED:
        count = max(count, total)  # it may not have looked at all of them
    return JudgingResult(
        judge.name, {**known, **said}, len(known), len(said), count - len(known) - len(said), so_far.end,
        clock() - begun, sum(each.tokens_in for each in said.values()), sum(each.tokens_out for each in said.values()),
    )  # fmt: skip


@dataclass(slots=True)
class _SoFar:
    """Where a run is.

    Attributes:
        verdicts: those that were known.
        unknown: the pairs to ask about.
        answers: what was said of them.
    """

    verdicts: dict[Pair, Verdict] = field(default_factory=dict)
    unknown: dict[Pair, PairContext] = field(default_factory=dict)
    answers: dict[Pair, Verdict] = field(default_factory=dict)
    end: End = End.ALL

    def look_up(self, case: PairContext, judge: StoredVerdictsJudge) -> None:
        if (known := judge.known(case)) is None:
            self.unknown[case.pair] = case
        else:
            self.verdicts[case.pair] = known


def _asked(so_far: _SoFar, judge: StoredVerdictsJudge, allowance: Allowance, reporter: Reporter) -> End:
    """Ask about what is unknown; why no more was asked."""
    unknown = list(so_far.unknown.values())
    most, late = allowance.most(len(unknown)), 0
    reporter.stage("ask the judge", most)
    if not most:
        return End.PAIRS if unknown else End.ALL
    for case, verdict in zip(unknown, judge.verdicts(allowance.affordable(unknown)), strict=False):
        so_far.answers[case.pair] = verdict
        reporter.advance(len(so_far.answers))
        late += allowance.late
        if late > _MOST_BEGUN:
            return End.MINUTES
    if len(so_far.answers) < most:
        if not allowance.late:
            raise ModelError(f"{judge.name} gave fewer verdicts than it was asked for.", "What it gave is kept.")
        return End.MINUTES
    return End.ALL if most == len(unknown) else End.PAIRS
