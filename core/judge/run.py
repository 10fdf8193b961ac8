"""A judging run over many pairs: cached verdicts first, then the judge, within a budget."""

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


class StopReason(StrEnum):
    """Why a run stopped."""

    ALL = "all"
    PAIRS = "pairs"
    MINUTES = "minutes"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a run; None for no limit. Cached verdicts are free.

    Attributes:
        pairs: pairs that the judge is asked about.
        minutes: from the first question. Verdicts in progress at the end are still awaited.
    """

    pairs: int | None = None
    minutes: float | None = None


class BudgetTracker:
    """Tracks the budget of one run from its construction on.

    Args:
        budget: the limits.
        clock: monotonic seconds.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock = clock
        self._start = clock()

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit is reached."""
        return self._budget.minutes is not None and self._clock() - self._start >= 60 * self._budget.minutes

    def limit(self, count: int) -> int:
        """The number of pairs, capped by the budget."""
        return count if self._budget.pairs is None else min(count, self._budget.pairs)

    def within_budget(self, contexts: Sequence[PairContext]) -> Iterator[PairContext]:
        """Yield pairs until the budget is spent."""
        for context in contexts[: self.limit(len(contexts))]:
            if self.out_of_time:
                return
            yield context


#: Verdicts awaited at most after the time limit: more than any judge works on concurrently.
_MAX_IN_PROGRESS = 64


@dataclass(frozen=True, slots=True)
class JudgingResult:
    """The outcome of a run.

    Attributes:
        judge: name of the judge.
        verdicts: of all pairs, cached ones included.
        cached: number of verdicts from the cache.
        asked: number of pairs that the judge was asked about.
        remaining: number of pairs without a verdict, because of the budget or an interruption.
        stop_reason: why the run stopped.
        seconds: duration of the run.
        tokens_in, tokens_out: of the pairs that were asked.
        failed: number of requests that failed; their pairs have no verdict.
    """

    judge: str
    verdicts: dict[Pair, Verdict]
    cached: int
    asked: int
    remaining: int
    stop_reason: StopReason
    seconds: float
    tokens_in: int
    tokens_out: int
    failed: int = 0

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        done = f"{counted(self.asked, 'pair')} judged, {self.cached:,} from the cache."
        if self.failed:
            done += f" {counted(self.failed, 'request')} failed; the same command repeats them."
        reasons = {
            StopReason.PAIRS: "The pair budget is spent",
            StopReason.MINUTES: "The time budget is spent",
            StopReason.INTERRUPTED: "Interrupted",
        }
        if self.stop_reason not in reasons:
            return done
        return f"{done} {reasons[self.stop_reason]}, {self.remaining:,} remaining; run the same command to continue."


def judge_pairs(
    contexts: Iterable[PairContext],
    judge: StoredVerdictsJudge,
    budget: Budget,
    reporter: Reporter,
    *,
    total: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> JudgingResult:
    """Look up cached verdicts on all pairs, then ask the judge about the others within the budget.

    A spent budget or ctrl+c ends the run with all verdicts stored, and the next run continues. A kill or a power
    failure loses the verdicts that `core.judge.cache` had not committed.

    Args:
        contexts: the pairs.
        judge: the judge.
        budget: limits the questions to the judge.
        reporter: receives progress.
        total: the number of pairs if known, else 0.
        clock: monotonic seconds.

    Raises:
        ModelError: the judge is unavailable or fails altogether.
    """
    start, progress = clock(), _Progress()
    try:
        reporter.stage("look up verdicts", total or None)
        for number, context in enumerate(contexts, 1):
            progress.look_up(context, judge)
            reporter.advance(number)
        stop_reason = _ask(progress, judge, BudgetTracker(budget, clock), reporter)
    except KeyboardInterrupt:
        stop_reason = StopReason.INTERRUPTED
    cached, answers = progress.cached, progress.answers
    count = len(cached) + len(progress.uncached)
    if stop_reason is StopReason.INTERRUPTED:
        count = max(count, total)  # the look-up may have been interrupted
    return JudgingResult(
        judge.name, {**cached, **answers}, len(cached), len(answers), count - len(cached) - len(answers), stop_reason,
        clock() - start, sum(verdict.tokens_in for verdict in answers.values()),
        sum(verdict.tokens_out for verdict in answers.values()), progress.failed,
    )  # fmt: skip


@dataclass(slots=True)
class _Progress:
    """State of a run, which survives an interruption.

    Attributes:
        cached: verdicts from the cache.
        uncached: the other pairs.
        answers: verdicts on the other pairs so far.
        failed: requests that failed.
    """

    cached: dict[Pair, Verdict] = field(default_factory=dict)
    uncached: dict[Pair, PairContext] = field(default_factory=dict)
    answers: dict[Pair, Verdict] = field(default_factory=dict)
    failed: int = 0

    def look_up(self, context: PairContext, judge: StoredVerdictsJudge) -> None:
        if (verdict := judge.lookup(context)) is None:
            self.uncached[context.pair] = context
        else:
            self.cached[context.pair] = verdict


def _ask(progress: _Progress, judge: StoredVerdictsJudge, budget: BudgetTracker, reporter: Reporter) -> StopReason:
    """Ask the judge about the uncached pairs."""
    uncached = list(progress.uncached.values())
    limit, overtime = budget.limit(len(uncached)), 0
    reporter.stage("ask the judge", limit)
    if not limit:
        return StopReason.PAIRS if uncached else StopReason.ALL
    for context, verdict in zip(uncached, judge.verdicts(budget.within_budget(uncached)), strict=False):
        if verdict.failed:
            progress.failed += 1
        else:
            progress.answers[context.pair] = verdict
        reporter.advance(len(progress.answers) + progress.failed)
        overtime += budget.out_of_time
        if overtime > _MAX_IN_PROGRESS:
            return StopReason.MINUTES
    if len(progress.answers) + progress.failed < limit:
        if not budget.out_of_time:
            raise ModelError(f"{judge.name} returned fewer verdicts than requested.", "Those it returned are stored.")
        return StopReason.MINUTES
    return StopReason.ALL if limit == len(uncached) else StopReason.PAIRS
