"""Replayed campaigns on made-up vectors with a known answer."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CoreError
from core.evaluation.campaign import (
    CHECKPOINTS,
    CampaignPlan,
    LabelledPairs,
    LlmPlan,
    hit_at_one,
    replay,
    split_by_family,
    steps,
)
from core.evaluation.curves import mean_curve, plot, write_curve_svg, write_curves

pytestmark = pytest.mark.slow

FEATURES = ("cosine", "one", "two")


def gold_of(n: int = 400, seed: int = 0) -> LabelledPairs:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, 3)).astype(np.float32)
    labels = vectors @ np.array([1.0, 2.0, -1.0]) + 0.3 * random.standard_normal(n) > 2.5
    query = np.arange(n) // 4
    return LabelledPairs(vectors, labels, query, query // 2)


def run(plan: CampaignPlan, seed: int = 0) -> list:
    return list(replay(gold_of(), gold_of(seed=99), FEATURES, replace(plan, seed=seed)))


def test_every_mark_on_the_way_is_measured_and_the_budget_is_the_end() -> None:
    assert steps(CampaignPlan("mixed", 65, batch=30), 1000) == [10, 20, 30, 50, 60, 65]
    assert steps(CampaignPlan("mixed", 500, batch=40), 95)[-1] == 95
    assert {50, 100} <= set(CHECKPOINTS)


@pytest.mark.parametrize("strategy", ["mixed", "random", "margin"])
def test_labels_make_the_matcher_better_and_the_same_seed_gives_the_same_curve(strategy: str) -> None:
    points = run(CampaignPlan(strategy, 60))
    assert [p.labels for p in points] == [10, 20, 30, 40, 50, 60]
    assert points[-1].metrics["average_precision"] > 0.7
    assert points == run(CampaignPlan(strategy, 60))


def test_wrong_answers_cost_quality() -> None:
    right = [run(CampaignPlan("mixed", 100), seed)[-1].metrics["average_precision"] for seed in range(3)]
    wrong = [run(CampaignPlan("mixed", 100, error=0.3), seed)[-1].metrics["average_precision"] for seed in range(3)]
    assert np.mean(wrong) < np.mean(right)


def test_hit_at_one_counts_queries_that_have_a_match() -> None:
    gold = LabelledPairs(
        np.zeros((6, 1), np.float32),
        np.array([True, False, True, False, False, False]),
        np.array([0, 0, 1, 1, 2, 2]),
        np.zeros(6, np.int64),
    )
    assert hit_at_one(gold, np.array([0.9, 0.1, 0.2, 0.8, 0.9, 0.1])) == 0.5


def test_near_duplicates_are_on_one_side_and_another_seed_holds_others_apart() -> None:
    gold = gold_of()
    pool, judged = split_by_family(gold, 0)
    assert not set(pool.family) & set(judged.family)
    assert len(pool) + len(judged) == len(gold)
    assert 0.2 < len(judged) / len(gold) < 0.5
    assert set(judged.family) != set(split_by_family(gold, 1)[1].family)


def test_a_curve_is_written_with_mean_and_spread(tmp_path: Path) -> None:
    curves = {"mixed": mean_curve([run(CampaignPlan("mixed", 20), seed) for seed in range(2)])}
    write_curves(curves, {}, tmp_path / "curve.csv")
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert [row["labels"] for row in rows] == ["10", "20"]
    assert {"strategy", "f1", "f1_sd", "average_precision", "hit@1"} <= set(rows[0])
    write_curves(curves, {"budget": 20}, tmp_path / "curve.json")
    assert json.loads((tmp_path / "curve.json").read_text()) == {"budget": 20}
    with pytest.raises(CoreError, match="unknown ending"):
        write_curves(curves, {}, tmp_path / "curve.txt")


def test_the_plot_names_its_strategies_and_becomes_a_picture(tmp_path: Path) -> None:
    curves = {
        "mixed": mean_curve([run(CampaignPlan("mixed", 30))]),
        "random": mean_curve([run(CampaignPlan("random", 30))]),
    }
    drawn = plot(curves).plain
    assert "mixed" in drawn
    assert "random" in drawn
    write_curve_svg(curves, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_a_language_models_labels_help_before_peoples_and_are_noise_where_it_is_wrong() -> None:
    def first(llm: LlmPlan, gold: LabelledPairs) -> list:
        return list(replay(gold, gold_of(seed=99), FEATURES, CampaignPlan("mixed", 20, llm=llm)))

    good, random = first(LlmPlan(200, 0.5, error=0.0), gold_of()), first(LlmPlan(200, 0.5, error=0.5), gold_of())
    assert [p.labels for p in good] == [0, 10, 20]
    assert good[0].metrics["average_precision"] > 0.8 > random[0].metrics["average_precision"]
    # Recorded answers are used as they are, on no other pair.
    gold = gold_of()
    recorded = np.where(np.arange(len(gold)) < 200, gold.labels, -1).astype(np.int8)
    by_record = first(LlmPlan(300, 0.5), replace(gold, recorded=recorded))
    assert by_record[0].metrics["average_precision"] > 0.8
    assert by_record == first(LlmPlan(300, 0.5), replace(gold, recorded=recorded))
