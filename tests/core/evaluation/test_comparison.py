"""Two encoders query by query: what is counted, and what is kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from comparisons import BASE, TUNED, as_json, comparison
from samples import c, q

from core.errors import CoreError
from core.evaluation.comparison import Move, Outcome, Place, comparison_path, load_comparison, save_comparison
from core.workspace import Workspace


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (4, 1, Outcome.BETTER), (1, 4, Outcome.WORSE), (3, 3, Outcome.SAME), (None, 10, Outcome.BETTER),
        (10, None, Outcome.WORSE), (None, None, Outcome.SAME),
    ],
)  # fmt: skip
def test_a_query_is_better_where_its_match_moved_up(before: int | None, after: int | None, outcome: Outcome) -> None:
    assert Move(Place(before, "x"), Place(after, "y")).outcome is outcome


def test_every_query_is_counted_once_by_each_ranking() -> None:
    found = comparison()
    assert found.counts("encoder") == {Outcome.BETTER: 2, Outcome.WORSE: 1, Outcome.SAME: 2}
    assert found.counts("fused") == {Outcome.BETTER: 3, Outcome.WORSE: 0, Outcome.SAME: 2}


def test_the_other_way_round_better_is_worse_and_twice_turned_is_the_same() -> None:
    turned = comparison().reversed()
    assert (turned.before, turned.after) == (TUNED, BASE)
    assert turned.counts("encoder") == {Outcome.BETTER: 1, Outcome.WORSE: 2, Outcome.SAME: 2}
    change = turned.changes["encoder"]["mrr@10"]
    assert (change.before.value, change.after.value, change.by) == (0.567, 0.45, pytest.approx(-0.117))
    assert change.interval == (pytest.approx(-0.157), pytest.approx(-0.077))
    assert turned.reversed() == comparison()
    measured = replace(comparison(), pairs={"auc_roc": change})
    assert measured.reversed().pairs["auc_roc"].by == pytest.approx(0.117)
    assert measured.reversed().reversed().pairs == measured.pairs


def test_a_comparison_is_found_whichever_way_round_it_is_asked_for(workspace: Workspace) -> None:
    assert load_comparison(workspace, BASE, TUNED) is None
    save_comparison(workspace, comparison())
    assert load_comparison(workspace, BASE, TUNED) == comparison()
    assert load_comparison(workspace, TUNED, BASE) == comparison().reversed()
    assert load_comparison(workspace, BASE, "another") is None


def test_the_latest_of_two_encoders_replaces_the_one_before(workspace: Workspace) -> None:
    save_comparison(workspace, comparison())
    save_comparison(workspace, comparison(TUNED, BASE))
    assert [path.name for path in workspace.reports.iterdir()] == [f"comparison-{TUNED}-to-{BASE}.json"]


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda value: value.pop(key)


def first(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda value: value["queries"][0]["moves"]["encoder"]["after"].update(values)


@pytest.mark.parametrize(
    "damage",
    [
        without("queries"), without("judged_on"), lambda v: v.update(format=2), lambda v: v.update(rankings=[]),
        lambda v: v.update(rankings=["matched"]), lambda v: v.update(before="another"), first(rank=0),
        first(rank="first"), first(first=None), lambda v: v["queries"][1].update(moves={}),
        lambda v: v["changes"]["fused"].pop("mrr@10"), lambda v: v["changes"]["fused"]["hit@1"].update(by=7),
        lambda v: v["changes"]["fused"]["hit@1"]["after"].update(value=float("nan")),
    ],
)  # fmt: skip
def test_a_damaged_comparison_is_one_sentence(workspace: Workspace, damage: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(json.dumps(as_json(comparison())))
    damage(value)
    path = comparison_path(workspace, BASE, TUNED)
    path.parent.mkdir()
    path.write_text(json.dumps(value))
    with pytest.raises(CoreError, match=f"{path.name} is ") as told:
        load_comparison(workspace, BASE, TUNED)
    assert told.value.hint == f"Move it away: {path}"


def test_titles_are_kept_as_they_are(workspace: Workspace) -> None:
    found = comparison()
    save_comparison(workspace, found)
    again = load_comparison(workspace, BASE, TUNED)
    assert again is not None
    assert again.queries[1].title == 'Samsung 55" Smart LED HDTV'
    assert (again.queries[0].query, again.queries[0].match) == (q("q1"), c("q1-c1"))
