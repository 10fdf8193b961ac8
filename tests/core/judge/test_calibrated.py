import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from judges import CountingJudge, case_of
from samples import match, no_match, q

from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated import CalibratedJudge
from core.judge.calibration import Calibration, calibration_path, fit_calibration
from core.judge.pair_context import PairContext
from core.judge.verdict import Answer, Verdict
from core.matching.calibration import BetaCalibration
from core.settings import Settings
from core.workspace import Workspace
from labels.consensus import Label, State
from labels.model import Pair, ProductRef, Side, Strength, Verb
from labels.store import LabelStore


def label(number: int, *, is_match: bool) -> Label:
    pair = Pair(ProductRef("walmart", f"q{number}"), ProductRef("amazon", f"c{number}"))
    return Label(pair, is_match, Strength.EXPLICIT, Side.TRAIN, State.AGREED)


def said(log_odds: float | None) -> Verdict:
    return Verdict(Answer.NO_MATCH if (log_odds or 0.0) < 0 else Answer.MATCH, 0.5, log_odds, "", "j", 0.1)


@pytest.mark.parametrize("log_odds", [-800.0, -5.0, -0.1, 0.0, 0.1, 5.0, 800.0])
def test_it_is_the_matchers_calibration(log_odds: float) -> None:
    mine = Calibration("j", 0.7, 1.4, -0.3, 20, 10).probability(log_odds)
    assert mine == pytest.approx(float(BetaCalibration(0.7, 1.4, -0.3).probabilities(np.array([log_odds]))[0]))
    assert 0 <= mine <= 1


def test_one_who_is_too_sure_is_toned_down() -> None:
    # Says 0.998 of each, and is right in three of four.
    labels = [label(number, is_match=(number % 4 != 0) == (number < 40)) for number in range(80)]
    verdicts = {each.pair: said(6.0 if number < 40 else -6.0) for number, each in enumerate(labels)}
    found = fit_calibration("j", labels, verdicts)
    assert found is not None
    assert (found.judge, found.labels, found.matches) == ("j", 80, 40)
    assert found.probability(6.0) == pytest.approx(0.75, abs=0.05)
    assert found.probability(-6.0) == pytest.approx(0.25, abs=0.05)


def test_with_too_few_labels_or_without_log_odds_there_is_none() -> None:
    few = [label(number, is_match=number < 9) for number in range(40)]
    assert fit_calibration("j", few, {each.pair: said(1.0) for each in few}) is None
    many = [label(number, is_match=number < 20) for number in range(40)]
    assert fit_calibration("j", many, {each.pair: said(None) for each in many}) is None
    assert fit_calibration("j", many, {}) is None
    assert fit_calibration("j", [], {}) is None


@pytest.fixture
def labelled(workspace: Workspace) -> Workspace:
    """Each query's first candidate is a match and the others are not, on both sides."""
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2", f"{id_}-c3")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, closes=True)
    return workspace


def judge_of_all(workspace: Workspace, taught: frozenset[Pair] = frozenset()) -> CalibratedJudge:
    """A judge that has spoken of every labelled pair."""
    judge = CountingJudge(trained_on=taught)
    cache = VerdictCache(workspace.derived)
    for id_ in ("q1", "q2", "q3", "q4", "qv"):
        for place in (1, 2, 3):
            case = case_of(0)
            named = replace(case.query, id=id_), replace(case.candidate, id=f"{id_}-c{place}")
            cache.put(PairContext(*named, case.findings), replace(said(3.0 if place == 1 else -3.0), judge=judge.name))
    return CalibratedJudge(CachingJudge(judge, cache), calibration_path(workspace, judge.name))


def test_it_is_fitted_to_training_labels_that_it_was_not_trained_on(
    labelled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.matching.calibration._FEWEST", 2)
    settings = Settings()
    (fitted,) = judge_of_all(labelled).calibrate(labelled, settings)
    assert (fitted.labels, fitted.matches) == (12, 4)
    taught = frozenset(Pair(q("q1"), ProductRef("amazon", f"q1-c{place}")) for place in (1, 2, 3))
    (fitted,) = judge_of_all(labelled, taught).calibrate(labelled, settings)
    assert (fitted.labels, fitted.matches) == (9, 3)


def test_what_was_fitted_is_kept_and_used_by_the_next_one(labelled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judge_of_all(labelled)
    assert before.calibrate(labelled, Settings()) == []
    raw = next(before.verdicts([case_of(7, equal=3)]))
    assert raw.probability == pytest.approx(1 / (1 + math.exp(-3)))
    monkeypatch.setattr("core.matching.calibration._FEWEST", 2)
    (fitted,) = before.calibrate(labelled, Settings())
    after = judge_of_all(labelled)
    assert after.calibration == fitted
    known = after.lookup(case_of(7, equal=3))
    assert known is not None
    assert known.probability == pytest.approx(fitted.probability(3.0)) != raw.probability
    assert (known.log_odds, known.answer) == (raw.log_odds, raw.answer)


@pytest.mark.parametrize(
    ("words", "answer"),
    [("", Answer.NO_MATCH), ("- same brand", Answer.NO_MATCH), ("So they are.\n**Verdict:** MATCH", Answer.MATCH)],
)
def test_odds_without_words_mean_what_the_labels_say_of_them(tmp_path: Path, words: str, answer: Answer) -> None:
    path, cache = tmp_path / "calibration.json", VerdictCache(tmp_path / "derived.db")
    path.write_text(json.dumps({"judge": "counting", "a": 1.0, "b": 1.0, "c": -2.0, "labels": 30, "matches": 12}))
    case = case_of(1)
    cache.put(case, replace(said(1.5), judge="counting", answer=Answer.MATCH, reasoning=words))
    known = CalibratedJudge(CachingJudge(CountingJudge(), cache), path).lookup(case)
    assert known is not None
    assert (known.answer, known.probability) == (answer, pytest.approx(1 / (1 + math.exp(0.5))))


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"judge": "counting"}', None, {"judge": "another"}, {"a": -1.0}, {"b": "x"}, {"c": None}]
)
def test_a_calibration_that_is_damaged_or_of_another_judge_is_as_good_as_none(
    tmp_path: Path, damage: str | dict[str, object] | None
) -> None:
    path = tmp_path / "calibration.json"
    sound = {"judge": "counting", "a": 2.0, "b": 2.0, "c": 0.5, "labels": 30, "matches": 12}
    if damage is not None:
        path.write_text(damage if isinstance(damage, str) else json.dumps(sound | damage))
    judge = CalibratedJudge(CachingJudge(CountingJudge(), VerdictCache(tmp_path / "derived.db")), path)
    assert judge.calibration is None
    assert next(judge.verdicts([case_of(1, equal=2)])).probability == pytest.approx(1 / (1 + math.exp(-2)))


def test_each_judge_has_a_file_of_its_own(workspace: Workspace) -> None:
    paths = {calibration_path(workspace, name) for name in ("a", "b", "../../a", "a" * 5000)}
    assert len(paths) == 4
    assert {path.parent for path in paths} == {workspace.models / "judge"}
