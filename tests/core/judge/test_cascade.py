import json
from itertools import islice

import pytest
from judges import CountingJudge
from samples import c, q

from core.jobs.progress import Silent
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.cascade import CascadeResult, least_certain_first, run_cascade
from core.judge.run import Budget, StopReason
from core.matching.bands import Band
from core.matching.pair_rows import MatchRow, PairRow
from core.workspace import Workspace
from labels.model import Decision, Pair

#: The first is a match, the second open, the third none; of each query alike.
_BANDS = ((0.97, "high"), (0.4, "medium"), (0.01, "low"))


def rows(*queries: str) -> list[PairRow]:
    return [
        (Pair(q(id_), c(f"{id_}-c{place}")), MatchRow(id_, place, f"{id_}-c{place}", 0.8, probability, band))
        for id_ in queries
        for place, (probability, band) in enumerate(_BANDS, 1)
    ]


def staged(
    workspace: Workspace, *bands: Band, judge: CountingJudge | None = None, budget: Budget | None = None,
    truth: dict[Pair, bool] | None = None, given: list[PairRow] | None = None,
) -> CascadeResult:  # fmt: skip
    calibration = workspace.home / "calibration.json"
    calibration.write_text(json.dumps({"judge": "counting", "a": 1.0, "b": 1.0, "c": 0.0, "labels": 9, "matches": 5}))
    asked = CalibratedJudge(CachingJudge(judge or CountingJudge(), VerdictCache(workspace.derived)), calibration)
    try:
        pairs = rows("q1", "q2", "q3") if given is None else given
        return run_cascade(workspace, iter(pairs), asked, bands, truth or {}, budget or Budget(), Silent())
    finally:
        asked.close()


def test_matcher_decides_certain_pairs_judge_the_rest(workspace: Workspace) -> None:
    judge = CountingJudge()
    found = staged(workspace, Band.MEDIUM, judge=judge)
    matcher, second = found.stages
    assert {pair.candidate.id for pair in judge.asked} == {"q1-c2", "q2-c2", "q3-c2"}
    assert (matcher.name, matcher.asked, matcher.pairs) == ("matcher", 9, {Decision.MATCH: 3, Decision.NO_MATCH: 3})
    assert (second.name, second.asked, sum(second.pairs.values()), found.undecided) == ("counting", 3, 3, 0)
    assert (second.seconds, second.tokens) == (1.5, 330)


def test_chosen_bands_are_decided_by_the_judge(workspace: Workspace) -> None:
    found = staged(workspace, Band.MEDIUM, Band.LOW)
    assert found.stages[0].pairs == {Decision.MATCH: 3, Decision.NO_MATCH: 0}
    assert found.stages[1].asked == 6
    assert staged(workspace, Band.LOW).undecided == 3


def test_rows_contain_the_judges_verdicts(workspace: Workspace) -> None:
    silent = frozenset({Pair(q("q2"), c("q2-c2"))})
    found = staged(workspace, Band.MEDIUM, judge=CountingJudge(silent=silent))
    assert [row.candidate_id for row in found.rows] == [row.candidate_id for _, row in rows("q1", "q2", "q3")]
    assert [bool(row.judge) for row in found.rows] == [False, True, False, False, False, False, False, True, False]
    assert all((row.judge_probability is None) is not bool(row.judge) for row in found.rows)
    assert [row.both_probability is None for row in found.rows] == [not row.judge for row in found.rows]
    for row in found.rows:
        if row.probability is not None and row.judge_probability is not None and row.both_probability is not None:
            low, high = sorted((row.probability, row.judge_probability))
            assert low <= row.both_probability <= high
    assert found.undecided == 1


def test_precision_on_labelled_pairs(workspace: Workspace) -> None:
    truth = {Pair(q(id_), c(f"{id_}-c1")): id_ != "q3" for id_ in ("q1", "q2", "q3")}
    truth[Pair(q("q1"), c("q1-c3"))] = False
    precision = staged(workspace, Band.MEDIUM, truth=truth).stages[0].precision
    assert (precision[Decision.MATCH].right, precision[Decision.MATCH].labels) == (2, 3)
    assert precision[Decision.MATCH].low < 2 / 3 < precision[Decision.MATCH].high
    assert (precision[Decision.NO_MATCH].right, precision[Decision.NO_MATCH].labels) == (1, 1)
    assert all(each.labels == 0 for each in staged(workspace, Band.MEDIUM).stages[1].precision.values())


def test_training_pairs_do_not_count_for_precision(workspace: Workspace) -> None:
    truth = {pair: True for pair, row in rows("q1", "q2") if row.band == "medium"}
    judge = CountingJudge(trained_on=frozenset(islice(truth, 1)))
    precision = staged(workspace, Band.MEDIUM, judge=judge, truth=truth).stages[1].precision
    assert sum(each.labels for each in precision.values()) == 1


def test_next_run_continues_after_budget(workspace: Workspace) -> None:
    first = staged(workspace, Band.MEDIUM, budget=Budget(pairs=2))
    assert (first.judged.stop_reason, first.judged.remaining, first.undecided) == (StopReason.PAIRS, 1, 1)
    again = staged(workspace, Band.MEDIUM)
    assert (again.judged.cached, again.judged.asked, again.undecided) == (2, 1, 0)
    # What a stage cost is told whenever it was paid.
    assert again.stages[1].seconds == 1.5


def test_least_certain_first() -> None:
    chances = {"a": 0.9, "b": 0.45, "c": 0.05, "d": None, "e": 0.7}
    given = [(Pair(q(id_), c(id_)), MatchRow(id_, 1, id_, 0.5, p, "medium")) for id_, p in chances.items()]
    assert [pair.query.id for pair in least_certain_first(given)] == ["b", "e", "a", "c", "d"]


def test_uncalibrated_matcher_decides_nothing(
    workspace: Workspace,
) -> None:
    given = [
        (pair, MatchRow(row.query_id, row.rank, row.candidate_id, 0.8, None, f"prior:{row.band}"))
        for pair, row in rows("q1", "q2")
    ]
    judge = CountingJudge()
    found = staged(workspace, Band.MEDIUM, judge=judge, given=given)
    assert {pair.candidate.id for pair in judge.asked} == {"q1-c2", "q2-c2"}
    assert found.stages[0].pairs == {Decision.MATCH: 0, Decision.NO_MATCH: 0}
    assert found.undecided == 4
    assert [pair.candidate.id for pair in least_certain_first(given)][:2] == ["q1-c1", "q2-c1"]


def test_duplicate_pair_counts_once(workspace: Workspace) -> None:
    found = staged(workspace, Band.MEDIUM, given=rows("q1") + rows("q1"))
    assert (len(found.rows), found.judged.asked, found.undecided) == (6, 1, 0)


@pytest.mark.parametrize("bands", [(), (Band.MEDIUM,)])
def test_empty_cascade(workspace: Workspace, bands: tuple[Band, ...]) -> None:
    found = staged(workspace, *bands, given=[])
    assert (found.rows, found.undecided, found.judged.asked) == ((), 0, 0)
