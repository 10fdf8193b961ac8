from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from feature_tables import write_features
from judges import CountingJudge
from samples import c, implied, match, q

from core.json_store import save
from core.judge.cache import VerdictCache
from core.judge.calibration import Calibration, calibration_path
from core.judge.judge_scores import JudgeScores
from core.judge.metrics import Ablation, Figure, judge_metrics
from core.judge.pair_context import pair_contexts
from core.judge.report import JudgeReport, latest_report
from core.queue.online import OnlineMatcher
from core.queue.strategies import UnlabelledPool, uncertainty, uncertainty_or_judge
from core.queue.triage import triage
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ActionDetails, Pair, Verb
from labels.store import LabelStore

USED = Settings.model_validate({"judge": {"use": ["server"]}})
NOTHING = Figure(None, None)


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> CountingJudge:
    """The configured judge is a `CountingJudge`."""
    found = CountingJudge()
    monkeypatch.setitem(
        __import__("core.judge.factory", fromlist=["JUDGE_FACTORIES"]).JUDGE_FACTORIES, "server", lambda *_: found
    )
    return found


def store_verdicts(workspace: Workspace, *pairs: Pair) -> None:
    cache = VerdictCache(workspace.derived)
    for case in pair_contexts(workspace, pairs):
        cache.put(case, CountingJudge().verdict(case))
    cache.close()


def write_report(workspace: Workspace, low: float, at: str = "20260101-000000", name: str = "counting") -> None:
    """Write a report with this lower bound of the judge's gain."""
    change, pair = Figure(low + 0.1, (low, low + 0.2)), Pair(q("qv"), c("qv-c1"))
    verdict = CountingJudge().verdict(next(pair_contexts(workspace, [pair])))
    found = JudgeReport(
        "2026-01-01T00:00:00+00:00", "validation@1",
        judge_metrics(name, {pair: verdict}, {pair: True}),
        Ablation(10, 5, NOTHING, NOTHING, change, NOTHING),
    )  # fmt: skip
    save(workspace.reports / f"judge-{at}.json", asdict(found))
    # One that changes nothing: a judge without any has no probabilities.
    save(calibration_path(workspace, "counting"), asdict(Calibration("counting", 1, 1, 0, labels=100, matches=30)))


PAIR = Pair(q("q1"), c("q1-c1"))


def test_judge_with_significant_gain_has_scores(workspace: Workspace) -> None:
    scores = JudgeScores(workspace, USED)
    assert scores.probabilities() == {}
    store_verdicts(workspace, PAIR)
    assert scores.probabilities() == {}
    write_report(workspace, 0.01)
    assert list(scores.probabilities()) == [PAIR]
    store_verdicts(workspace, Pair(q("q2"), c("q2-c1")))
    assert len(scores.probabilities()) == 2


def test_judge_without_significant_gain_has_no_scores(workspace: Workspace) -> None:
    store_verdicts(workspace, PAIR)
    write_report(workspace, -0.01)
    assert JudgeScores(workspace, USED).probabilities() == {}
    write_report(workspace, 0.5, at="20260102-000000", name="another")
    assert JudgeScores(workspace, USED).probabilities() == {}


def test_no_scores_without_judge_or_readable_report(workspace: Workspace) -> None:
    store_verdicts(workspace, PAIR)
    write_report(workspace, 0.01)
    assert JudgeScores(workspace, Settings()).probabilities() == {}
    assert JudgeScores(workspace, Settings.model_validate({"judge": {"use": ["mlx"]}})).probabilities() == {}
    (workspace.reports / "judge-20260101-000000.json").write_text("{")
    assert latest_report(workspace, "counting") is None
    assert JudgeScores(workspace, USED).probabilities() == {}


def test_latest_report_counts(workspace: Workspace) -> None:
    store_verdicts(workspace, PAIR)
    write_report(workspace, 0.01)
    write_report(workspace, -0.2, at="20260102-000000")
    found = latest_report(workspace, "counting")
    assert found is not None
    assert found.added is not None
    assert not found.added.significant
    assert "no significant gain" in found.summary or "unknown" in found.summary


# -- in the queue --------------------------------------------------------------------------------------------


def pool_of(judge: list[float]) -> UnlabelledPool:
    count = len(judge)
    return UnlabelledPool(
        probabilities=np.linspace(0.02, 0.98, count), cosine=np.full(count, 0.5), vectors=np.eye(count),
        query=np.arange(count), labelled=np.arange(count) == 0, family=np.arange(count), judge=np.array(judge, float),
    )  # fmt: skip


def test_disagreement_with_confident_matcher_raises_priority() -> None:
    judge = [np.nan] * 49 + [0.01]
    pool = pool_of(judge)
    assert uncertainty_or_judge(pool, np.random.default_rng(1)).argmax() in {24, 25}
    assert uncertainty_or_judge(pool, np.random.default_rng(1))[-1] == pytest.approx(0.97)
    asked = {each.query: each.reason for each in triage(pool, np.random.default_rng(1))}
    assert asked[49] == "Judge and matcher disagree on a candidate: 1% and 98%."
    assert sum("Judge" in reason for reason in asked.values()) == 1


def test_queue_unchanged_without_judge() -> None:
    pool = pool_of([np.nan] * 50)
    assert np.array_equal(
        uncertainty_or_judge(pool, np.random.default_rng(1)), uncertainty(pool, np.random.default_rng(1))
    )


def test_worker_ranks_by_judge_scores(workspace: Workspace, tmp_path: Path) -> None:
    write_features(workspace)
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2"):
            store.record(
                "ada",
                Verb.ACCEPT,
                q(id_),
                [*match(f"{id_}-c1"), *implied(f"{id_}-c2", f"{id_}-c3")],
                ActionDetails(closes=True),
            )
    pairs = [Pair(q(id_), c(f"{id_}-c1")) for id_ in ("q3", "q4")]
    store_verdicts(workspace, *pairs)
    before = OnlineMatcher(workspace, USED, JudgeScores(workspace, USED).probabilities).refit()
    write_report(workspace, 0.01)
    live = OnlineMatcher(workspace, USED, JudgeScores(workspace, USED).probabilities)
    after = live.refit()
    held = live._current_run()
    assert {held.table.pairs[row] for row in np.flatnonzero(~np.isnan(live._judge_column(held)))} == set(pairs)
    assert {str(row["query"]) for row in before["order"]} == {str(row["query"]) for row in after["order"]}
    live.close()


def test_scores_reload_after_replaced_verdict(workspace: Workspace) -> None:
    store_verdicts(workspace, PAIR)
    write_report(workspace, 0.01)
    scores = JudgeScores(workspace, USED)
    first = scores.probabilities()[PAIR]
    cache = VerdictCache(workspace.derived)
    case = next(pair_contexts(workspace, [PAIR]))
    cache.put(case, replace(CountingJudge().verdict(case), log_odds=2.0))
    cache.close()
    assert scores.probabilities()[PAIR] == pytest.approx(0.881, abs=0.001) != first
