import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judges import CountingJudge, case_of
from samples import match, no_match, q

from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.calibration import Calibration, calibration_path, fit_calibration
from core.judge.pair_context import PairContext
from core.judge.verdict import Answer, Verdict
from core.matching.calibration import BetaCalibration
from core.settings import Settings
from core.workspace import Workspace
from labels.consensus import Label, LabelState
from labels.model import ActionDetails, Pair, ProductRef, Side, Strength, Verb
from labels.store import LabelStore


def label(number: int, *, is_match: bool) -> Label:
    pair = Pair(ProductRef("walmart", f"q{number}"), ProductRef("amazon", f"c{number}"))
    return Label(pair, is_match, Strength.EXPLICIT, Side.TRAIN, LabelState.AGREED)


def verdict_with(log_odds: float | None) -> Verdict:
    return Verdict(Answer.NO_MATCH if (log_odds or 0.0) < 0 else Answer.MATCH, 0.5, log_odds, "", "j", 0.1)


@pytest.mark.parametrize("log_odds", [-800.0, -5.0, -0.1, 0.0, 0.1, 5.0, 800.0])
def test_equals_the_matchers_beta_calibration(log_odds: float) -> None:
    mine = Calibration("j", 0.7, 1.4, -0.3, 20, 10).probability(log_odds)
    assert mine == pytest.approx(float(BetaCalibration(0.7, 1.4, -0.3).probabilities(np.array([log_odds]))[0]))
    assert 0 <= mine <= 1


def test_overconfident_judge_is_corrected() -> None:
    # Says 0.998 of each, and is right in three of four.
    labels = [label(number, is_match=(number % 4 != 0) == (number < 40)) for number in range(80)]
    verdicts = {each.pair: verdict_with(6.0 if number < 40 else -6.0) for number, each in enumerate(labels)}
    found = fit_calibration("j", labels, verdicts)
    assert found is not None
    assert (found.judge, found.labels, found.matches) == ("j", 80, 40)
    assert found.probability(6.0) == pytest.approx(0.75, abs=0.05)
    assert found.probability(-6.0) == pytest.approx(0.25, abs=0.05)


def test_no_calibration_with_few_labels_or_without_log_odds() -> None:
    few = [label(number, is_match=number < 9) for number in range(40)]
    assert fit_calibration("j", few, {each.pair: verdict_with(1.0) for each in few}) is None
    many = [label(number, is_match=number < 20) for number in range(40)]
    assert fit_calibration("j", many, {each.pair: verdict_with(None) for each in many}) is None
    assert fit_calibration("j", many, {}) is None
    assert fit_calibration("j", [], {}) is None


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """Each query's first candidate is a match and the others are not, in both splits."""
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2", f"{id_}-c3")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(closes=True))
    return workspace


def judge_with_all_verdicts(workspace: Workspace, trained_on: frozenset[Pair] = frozenset()) -> CalibratedJudge:
    """A judge with cached verdicts on every labelled pair."""
    judge = CountingJudge(trained_on=trained_on)
    cache = VerdictCache(workspace.derived)
    for id_ in ("q1", "q2", "q3", "q4", "qv"):
        for place in (1, 2, 3):
            case = case_of(0)
            named = replace(case.query, id=id_), replace(case.candidate, id=f"{id_}-c{place}")
            cache.put(
                PairContext(*named, case.findings), replace(verdict_with(3.0 if place == 1 else -3.0), judge=judge.name)
            )
    return CalibratedJudge(CachingJudge(judge, cache), calibration_path(workspace, judge.name))


def test_fitted_to_training_split_without_training_pairs(labelled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.matching.calibration._MIN_LABELS_PER_CLASS", 2)
    settings = Settings()
    (fitted,) = judge_with_all_verdicts(labelled).calibrate(labelled, settings)
    assert (fitted.labels, fitted.matches) == (12, 4)
    trained_on = frozenset(Pair(q("q1"), ProductRef("amazon", f"q1-c{place}")) for place in (1, 2, 3))
    (fitted,) = judge_with_all_verdicts(labelled, trained_on).calibrate(labelled, settings)
    assert (fitted.labels, fitted.matches) == (9, 3)


def test_calibration_is_saved_and_loaded(labelled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judge_with_all_verdicts(labelled)
    assert before.calibrate(labelled, Settings()) == []
    raw = next(before.verdicts([case_of(7, equal=3)]))
    # How sure it is of its own words is no probability of a match.
    assert (raw.probability, raw.log_odds, raw.answer) == (None, 3.0, Answer.MATCH)
    monkeypatch.setattr("core.matching.calibration._MIN_LABELS_PER_CLASS", 2)
    (fitted,) = before.calibrate(labelled, Settings())
    after = judge_with_all_verdicts(labelled)
    assert after.calibration == fitted
    known = after.lookup(case_of(7, equal=3))
    assert known is not None
    assert known.probability == pytest.approx(fitted.probability(3.0)) != raw.probability
    assert (known.log_odds, known.answer) == (raw.log_odds, raw.answer)


@pytest.mark.parametrize(
    ("words", "answer"),
    [("", Answer.NO_MATCH), ("- same brand", Answer.NO_MATCH), ("So they are.\n**Verdict:** MATCH", Answer.MATCH)],
)
def test_answer_without_text_follows_calibrated_probability(tmp_path: Path, words: str, answer: Answer) -> None:
    path, cache = tmp_path / "calibration.json", VerdictCache(tmp_path / "derived.db")
    path.write_text(json.dumps({"judge": "counting", "a": 1.0, "b": 1.0, "c": -2.0, "labels": 30, "matches": 12}))
    case = case_of(1)
    cache.put(case, replace(verdict_with(1.5), judge="counting", answer=Answer.MATCH, reasoning=words))
    known = CalibratedJudge(CachingJudge(CountingJudge(), cache), path).lookup(case)
    assert known is not None
    assert (known.answer, known.probability) == (answer, pytest.approx(1 / (1 + math.exp(0.5))))


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"judge": "counting"}', None, {"judge": "another"}, {"a": -1.0}, {"b": "x"}, {"c": None}]
)
def test_invalid_calibration_file_is_ignored(tmp_path: Path, damage: str | dict[str, object] | None) -> None:
    path = tmp_path / "calibration.json"
    sound = {"judge": "counting", "a": 2.0, "b": 2.0, "c": 0.5, "labels": 30, "matches": 12}
    if damage is not None:
        path.write_text(damage if isinstance(damage, str) else json.dumps(sound | damage))
    judge = CalibratedJudge(CachingJudge(CountingJudge(), VerdictCache(tmp_path / "derived.db")), path)
    assert judge.calibration is None
    verdict = next(judge.verdicts([case_of(1, equal=2)]))
    assert (verdict.answer, verdict.probability) == (Answer.MATCH, None)


def test_calibration_file_per_judge(workspace: Workspace) -> None:
    paths = {calibration_path(workspace, name) for name in ("a", "b", "../../a", "a" * 5000)}
    assert len(paths) == 4
    assert {path.parent for path in paths} == {workspace.models / "judge"}
