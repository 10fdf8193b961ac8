"""Evaluations that were kept."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from comparisons import evaluation

from core.evaluation.report import load_evaluations, save_evaluation
from core.matching.bands import Band
from core.stats.wilson import Precision
from core.workspace import Workspace


def test_an_evaluation_is_kept_whole_and_what_is_looked_at_is_read(workspace: Workspace) -> None:
    path = save_evaluation(workspace, evaluation())
    assert path.name == "evaluation-20260101-120000.json"
    assert json.loads(path.read_text())["ir"] == {"ndcg@10": 0.9}
    kept = load_evaluations(workspace)
    (found,) = kept.evaluations
    assert (found.f1, found.pair_intervals["precision"], found.judged_on) == (0.884, (0.85, 0.94), "validation@2")
    assert found.bands[0].answers is Band.HIGH
    assert found.bands[0].measured == Precision(158, 160, 0.956, 0.997)
    assert [bin_.pairs for bin_ in found.reliability] == [1711, 75, 40, 31, 190]
    assert kept.damaged == ()


def test_the_latest_is_the_first(workspace: Workspace) -> None:
    for day in (2, 3, 1):
        save_evaluation(workspace, evaluation(f"2026-01-0{day}T12:00:00+00:00"))
    assert [each.at[8:10] for each in load_evaluations(workspace).evaluations] == ["03", "02", "01"]


def test_an_evaluation_without_pairs_has_no_figures_of_pairs(workspace: Workspace) -> None:
    of_pairs = {"pairs", "f1", "precision", "recall", "average_precision", "ece", "threshold", "pair_intervals"}
    of_pairs |= {"reliability", "bands", "pairs_judged_on", "pairs_model"}
    save_evaluation(workspace, {name: value for name, value in evaluation().items() if name not in of_pairs})
    (found,) = load_evaluations(workspace).evaluations
    assert (found.pairs, found.f1, found.reliability, found.bands) == (0, None, (), ())


@pytest.mark.parametrize(
    "damage",
    [
        lambda v: v.pop("model"), lambda v: v.update(at="yesterday"), lambda v: v.update(matched=3),
        lambda v: v["reliability"][0].update(promised=1.5), lambda v: v["reliability"][0].update(pairs=10**40),
        lambda v: v["bands"][0].update(band="middle"), lambda v: v["bands"][0]["measured"].update(right=161),
        lambda v: v.update(f1=float("inf"), pairs="many"), lambda v: v.update(queries=-1),
    ],
)  # fmt: skip
def test_a_damaged_evaluation_hides_no_other(workspace: Workspace, damage: Callable[[dict[str, Any]], object]) -> None:
    save_evaluation(workspace, evaluation())
    value = json.loads(json.dumps(evaluation()))
    damage(value)
    (workspace.reports / "evaluation-20260102-120000.json").write_text(json.dumps(value))
    kept = load_evaluations(workspace)
    assert len(kept.evaluations) == 1
    assert kept.damaged == ("evaluation-20260102-120000.json is damaged or has unexpected content.",)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000])
def test_what_is_no_json_hides_no_other(workspace: Workspace, content: bytes) -> None:
    save_evaluation(workspace, evaluation())
    (workspace.reports / "evaluation-20260102-120000.json").write_bytes(content)
    assert (len(load_evaluations(workspace).evaluations), len(load_evaluations(workspace).damaged)) == (1, 1)


def test_without_reports_there_are_none(workspace: Workspace) -> None:
    assert load_evaluations(workspace).evaluations == ()


def test_bands_that_no_labels_stood_behind_are_read_back_as_such(workspace: Workspace) -> None:
    value = evaluation()
    calibrated = [dict(row) for row in value["bands"]]
    save_evaluation(workspace, value | {"bands": [row | {"band": f"prior:{row['band']}"} for row in calibrated]})
    (found,) = load_evaluations(workspace).evaluations
    assert [(each.answers, each.calibrated) for each in found.bands] == [(Band.HIGH, False), (Band.LOW, False)]
    assert not found.calibrated
    save_evaluation(workspace, value | {"bands": [row | {"band": "prior:none"} for row in calibrated]})
    assert load_evaluations(workspace).damaged
