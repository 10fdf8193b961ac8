import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from injections import INJECTIONS
from judges import CountingJudge, StreamingCountingJudge, case_of

from core.errors import ModelError
from core.jobs.progress import Silent
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.factory import Ensemble
from core.judge.interface import Judge
from core.judge.pair_context import PairContext
from core.judge.run import Budget, JudgingResult, StopReason, judge_pairs
from core.judge.verdict import Answer, Verdict
from labels.model import Pair

CASES = [case_of(number, equal=number % 3, differs=1) for number in range(10)]


class Slow(CountingJudge):
    """Takes a minute per pair, on its own clock."""

    now = 0.0

    def verdict(self, case: PairContext) -> Verdict:
        self.now += 60
        return super().verdict(case)

    def clock(self) -> float:
        return self.now


class RecordingReporter(Silent):
    """Records the stages and their progress."""

    def __init__(self) -> None:
        self.stages: list[list[object]] = []

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append([name, total, 0])

    def advance(self, done: int) -> None:
        self.stages[-1][2] = done


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "derived.db"


def with_cache(judge: Judge, path: Path, *, calibrated: bool = True) -> CalibratedJudge:
    """As the rest of samesku sees a judge; its calibration changes nothing."""
    calibration = path.with_name(f"{judge.name}.json")
    if calibrated:
        fitted = {"judge": judge.name, "a": 1.0, "b": 1.0, "c": 0.0, "labels": 9, "matches": 5}
        calibration.write_text(json.dumps(fitted))
    return CalibratedJudge(CachingJudge(judge, VerdictCache(path)), calibration)


def run(judge: Judge, path: Path, budget: Budget | None = None, cases: list[PairContext] = CASES) -> JudgingResult:
    asked = with_cache(judge, path)
    try:
        return judge_pairs(cases, asked, budget or Budget(), Silent())
    finally:
        asked.close()


def numbers(pairs: list[Pair]) -> list[int]:
    return [int(pair.query.id.removeprefix("q")) for pair in pairs]


def test_second_run_is_cached(path: Path) -> None:
    first, judge = run(CountingJudge(), path), CountingJudge()
    assert (first.cached, first.asked, first.remaining, first.stop_reason) == (0, 10, 0, StopReason.ALL)
    assert (first.tokens_in, first.tokens_out) == (1000, 100)
    again = run(judge, path)
    assert (again.cached, again.asked, again.remaining, again.stop_reason, again.tokens_in) == (
        10,
        0,
        0,
        StopReason.ALL,
        0,
    )
    assert (again.verdicts, judge.asked, judge.closed) == (first.verdicts, [], True)
    assert first.verdicts[CASES[2].pair].answer is Answer.MATCH
    assert first.verdicts[CASES[0].pair].answer is Answer.NO_MATCH


def test_duplicate_pair_is_judged_once(path: Path) -> None:
    done = run(CountingJudge(), path, cases=[CASES[0], CASES[1], CASES[0]])
    assert (done.asked, done.remaining) == (2, 0)


@pytest.mark.parametrize(
    ("most", "end"),
    [(0, StopReason.PAIRS), (3, StopReason.PAIRS), (9, StopReason.PAIRS), (10, StopReason.ALL), (99, StopReason.ALL)],
)
def test_pair_budget(path: Path, most: int, end: StopReason) -> None:
    judge = CountingJudge(ahead=4)
    done = run(judge, path, Budget(pairs=most))
    assert (len(judge.asked), done.asked, done.remaining, done.stop_reason) == (
        min(most, 10),
        min(most, 10),
        max(0, 10 - most),
        end,
    )


def test_cached_verdicts_are_free(path: Path) -> None:
    run(CountingJudge(), path, cases=CASES[5:])
    done = run(CountingJudge(), path, Budget(pairs=2))
    assert (done.cached, done.asked, done.remaining, done.stop_reason) == (5, 2, 3, StopReason.PAIRS)
    nothing = run(CountingJudge(), path, Budget(pairs=0))
    assert (nothing.cached, nothing.asked, len(nothing.verdicts)) == (7, 0, 7)


def test_repeated_budgeted_runs_complete(path: Path) -> None:
    judges = [CountingJudge() for _ in range(4)]
    assert [run(judge, path, Budget(pairs=3)).remaining for judge in judges] == [7, 4, 1, 0]
    assert [numbers(judge.asked) for judge in judges] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


@pytest.mark.parametrize(("ahead", "asked"), [(1, 5), (4, 8), (10, 10)])
def test_time_budget_awaits_verdicts_in_progress(path: Path, ahead: int, asked: int) -> None:
    judge = Slow(ahead=ahead)
    asked_judge = with_cache(judge, path)
    done = judge_pairs(CASES, asked_judge, Budget(minutes=5), Silent(), clock=judge.clock)
    asked_judge.close()
    assert (done.asked, done.remaining) == (asked, 10 - asked)
    assert done.stop_reason is (StopReason.ALL if asked == 10 else StopReason.MINUTES)
    assert len(VerdictCache(path).latest_verdicts("counting")) == asked == len(judge.asked)


def test_overtime_is_limited(path: Path) -> None:
    judge = Slow(ahead=1000)
    cases = [case_of(number) for number in range(500)]
    done = judge_pairs(cases, with_cache(judge, path), Budget(minutes=10), Silent(), clock=judge.clock)
    assert (done.asked, done.stop_reason) == (10 + 64, StopReason.MINUTES)
    assert done.remaining == 500 - done.asked


def test_zero_time_budget(path: Path) -> None:
    done = run(CountingJudge(), path, Budget(minutes=0))
    assert (done.asked, done.remaining, done.stop_reason) == (0, 10, StopReason.MINUTES)


def test_interrupted_run_continues(path: Path) -> None:
    done = run(CountingJudge(dies_after=4), path)
    assert (done.asked, done.remaining, done.stop_reason) == (4, 6, StopReason.INTERRUPTED)
    judge = CountingJudge()
    rest = run(judge, path)
    assert (rest.cached, rest.asked, rest.stop_reason) == (4, 6, StopReason.ALL)
    assert numbers(judge.asked) == [4, 5, 6, 7, 8, 9]


def test_verdicts_before_a_failure_are_stored(path: Path) -> None:
    class Failing(CountingJudge):
        def verdict(self, case: PairContext) -> Verdict:
            if len(self.asked) > 3:
                raise ModelError("The server is gone.")
            return super().verdict(case)

    with pytest.raises(ModelError, match="gone"):
        run(Failing(), path)
    assert run(CountingJudge(), path).cached == 3


def test_missing_verdicts_are_an_error(path: Path) -> None:
    class Short(CountingJudge):
        def verdicts(self, cases: Iterable[PairContext]) -> Iterator[Verdict]:
            return islice(super().verdicts(cases), 3)

    with pytest.raises(ModelError, match="fewer verdicts"):
        run(Short(), path)
    assert run(CountingJudge(), path).cached == 3


def test_verdict_without_answer_is_stored(path: Path) -> None:
    judge = CountingJudge(silent=frozenset({CASES[1].pair}))
    done = run(judge, path)
    assert done.verdicts[CASES[1].pair].answer is None
    assert run(CountingJudge(), path).cached == 10


def test_a_failed_request_leaves_its_pair_to_the_next_run(path: Path) -> None:
    first = run(CountingJudge(failing=frozenset(case.pair for case in CASES[:2])), path)
    assert (first.asked, first.failed, first.remaining) == (len(CASES) - 2, 2, 2)
    assert "2 requests failed; the same command repeats them." in first.summary
    second = run(CountingJudge(), path)
    assert (second.asked, second.cached, second.failed) == (2, len(CASES) - 2, 0)


def test_progress_stages(path: Path) -> None:
    reporter = RecordingReporter()
    run(CountingJudge(), path, cases=CASES[:4])
    judge_pairs(iter(CASES), with_cache(CountingJudge(), path), Budget(pairs=5), reporter, total=10)
    assert reporter.stages == [["look up verdicts", 10, 10], ["ask the judge", 5, 5]]


@pytest.mark.parametrize(("end", "words"), [
    (StopReason.ALL, "10 pairs judged, 0 from the cache."),
    (StopReason.PAIRS, "10 pairs judged, 0 from the cache. The pair budget is spent, 3 remaining;"),
    (StopReason.MINUTES, "The time budget is spent, 3 remaining;"),
    (StopReason.INTERRUPTED, "Interrupted, 3 remaining;"),
])  # fmt: skip
def test_summary_by_stop_reason(end: StopReason, words: str) -> None:
    assert words in JudgingResult("judge", {}, 0, 10, 3, end, 1.0, 0, 0).summary


def test_hostile_titles_are_stored_unchanged(path: Path) -> None:
    hostile = [case_of(number, title, equal=0, differs=1) for number, title in enumerate(INJECTIONS)]
    first = run(CountingJudge(), path, cases=hostile)
    assert {verdict.answer for verdict in first.verdicts.values()} == {Answer.NO_MATCH}
    again = run(CountingJudge(), path, cases=hostile)
    assert (again.cached, again.asked) == (len(INJECTIONS), 0)
    for case in hostile:
        before, after = first.verdicts[case.pair], again.verdicts[case.pair]
        assert (before.answer, before.log_odds, before.probability) == (after.answer, after.log_odds, after.probability)


# -- one judge after another ---------------------------------------------------------------------------------


def test_cached_and_new_verdicts_keep_input_order(path: Path) -> None:
    run(CountingJudge(), path, cases=[CASES[0], CASES[3], CASES[4], CASES[9]])
    judge = CountingJudge(ahead=3)
    verdicts = list(with_cache(judge, path).verdicts(iter(CASES)))
    assert [verdict.log_odds for verdict in verdicts] == [float(number % 3 - 1) for number in range(10)]
    assert numbers(judge.asked) == [1, 2, 5, 6, 7, 8]


def test_ensemble_members_are_cached_separately(path: Path) -> None:
    run(CountingJudge("a"), path, cases=CASES[:5])
    run(CountingJudge("b"), path, cases=CASES[3:7])
    judges = CountingJudge("a", ahead=3), CountingJudge("b")
    both = Ensemble([with_cache(judge, path) for judge in judges], "mean")
    done = judge_pairs(CASES, both, Budget(), Silent())
    both.close()
    assert (done.judge, done.cached, done.asked) == ("mean(a, b)", 2, 8)
    assert numbers(judges[0].asked) == [5, 6, 7, 8, 9]
    assert numbers(judges[1].asked) == [0, 1, 2, 7, 8, 9]
    assert list(both.latest_verdicts()) != []


@pytest.mark.parametrize(("combine", "answer"), [("mean", Answer.NO_MATCH), ("vote", Answer.NO_MATCH)])
def test_ensemble_combines_verdicts(path: Path, combine: str, answer: Answer) -> None:
    class Sure(CountingJudge):
        def verdict(self, case: PairContext) -> Verdict:
            return Verdict(Answer.MATCH, 0.9, 2.1972, "sure", self.name, 1.0, 1, 1)

    case = case_of(1, equal=0, differs=1)  # 0.27 by those who count
    both = Ensemble([with_cache(j, path) for j in (Sure("s"), CountingJudge("a"), CountingJudge("b"))], combine)
    assert both.lookup(case) is None
    said = next(both.verdicts([case]))
    assert said.answer is answer
    assert said.probability == pytest.approx((0.9 + 2 * 0.26894) / 3, abs=1e-4)
    assert (said.log_odds, said.seconds, said.tokens_in) == (None, 2.0, 201)
    assert both.lookup(case) == said


@pytest.mark.parametrize("combine", ["mean", "vote"])
def test_without_calibrations_the_majority_decides_and_there_is_no_probability(path: Path, combine: str) -> None:
    case = case_of(1, equal=0, differs=1)
    judges = [with_cache(CountingJudge(name), path, calibrated=False) for name in ("a", "b")]
    said = next(Ensemble(judges, combine).verdicts([case]))
    assert (said.answer, said.probability) == (Answer.NO_MATCH, None)


def test_every_judge_streams_and_caches(path: Path) -> None:
    def heard(judge: Judge) -> tuple[list[str], object]:
        pieces, talk = [], with_cache(judge, path).stream(CASES[2])
        while True:
            try:
                pieces.append(next(talk))
            except StopIteration as end:
                return pieces, end.value

    talking, other = StreamingCountingJudge("talks"), CountingJudge("writes")
    assert heard(talking)[0] == ["tv\n", "MATCH"]
    assert heard(other)[0] == ["tv\nMATCH"]
    for judge in (talking, other):
        pieces, verdict = heard(judge)
        assert (pieces, len(judge.asked)) == (["tv\nMATCH"], 1)
        assert replace(verdict, probability=None) == replace(judge.verdict(CASES[2]), probability=None)


def test_cancelled_stream_is_not_stored(path: Path) -> None:
    judge = with_cache(StreamingCountingJudge(), path)
    talk = judge.stream(CASES[2])
    next(talk)
    talk.close()
    assert judge.lookup(CASES[2]) is None


def test_contradictory_ensemble_gives_no_answer(path: Path) -> None:
    class Sure(CountingJudge):
        def verdict(self, case: PairContext) -> Verdict:
            return Verdict(Answer.MATCH, 0.999, 7.0, "sure", self.name, 1.0, 1, 1)

    case = case_of(1, equal=0, differs=1)  # 0.27 by those who count; the mean of all is 0.51
    both = Ensemble([with_cache(j, path) for j in (Sure("s"), CountingJudge("a"), CountingJudge("b"))], "vote")
    said = next(both.verdicts([case]))
    assert (said.answer, said.probability) == (None, None)
    assert said.reasoning.endswith("No verdict: it says NO MATCH, and gives MATCH the higher probability.")
    assert both.lookup(case) == said
    assert both.latest_verdicts()[case.pair] == said
