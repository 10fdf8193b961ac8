"""Intervals: they hold the figure, shrink with the queries, and hold the truth about as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import c, q

from core.evaluation.intervals import change_intervals, pair_intervals, retrieval_intervals
from core.evaluation.pairs import pair_metrics
from core.evaluation.retrieval import query_values, retrieval_metrics
from labels.model import ProductRef


def ranked(
    places: list[int | None],
) -> tuple[dict[ProductRef, list[ProductRef]], dict[ProductRef, frozenset[ProductRef]]]:
    """One match a query, at this place of ten; None is not found."""
    rankings, gold = {}, {}
    for number, place in enumerate(places):
        found = [c(f"{number}-{k}") for k in range(10)]
        gold[q(str(number))] = frozenset([found[place] if place is not None else c("elsewhere")])
        rankings[q(str(number))] = found
    return rankings, gold


@given(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=60))
@settings(max_examples=30)
def test_an_interval_holds_its_figure(places: list[int | None]) -> None:
    rankings, gold = ranked(places)
    figures = retrieval_metrics(rankings, gold)
    for name, (low, high) in retrieval_intervals(rankings, gold).items():
        assert low - 1e-9 <= figures[name] <= high + 1e-9
    assert all(len(values) == len(places) for values in query_values(rankings, gold).values())


def test_more_queries_tell_more() -> None:
    few, many = (retrieval_intervals(*ranked([0, 0, 0, 1, None] * times))["hit@1"] for times in (5, 100))
    assert many[1] - many[0] < (few[1] - few[0]) / 3


def test_without_queries_there_is_nothing_to_say() -> None:
    assert retrieval_intervals({}, {}) == {}


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        places = [0 if generator.random() < 0.8 else None for _ in range(100)]
        low, high = retrieval_intervals(*ranked(places))["hit@1"]
        held += low <= 0.8 <= high
    assert 180 <= held <= 199


def test_pairs_of_one_query_stand_or_fall_together() -> None:
    generator = np.random.default_rng(6)
    truth = generator.random(600) < 0.3
    scores = np.where(truth, generator.beta(4, 2, 600), generator.beta(2, 4, 600))
    alone = pair_intervals(truth.tolist(), scores.tolist(), 0.5, list(range(600)))
    figures = pair_metrics(truth.tolist(), scores.tolist(), 0.5)
    for name, (low, high) in alone.items():
        assert low < figures[name] < high
    # The same pairs ten times over, as if one query had said all ten: nothing more is known.
    again = pair_intervals(
        np.repeat(truth, 10).tolist(), np.repeat(scores, 10).tolist(), 0.5, np.repeat(range(600), 10).tolist()
    )
    assert again["f1"] == pytest.approx(alone["f1"], abs=1e-9)


def test_where_resampling_tells_nothing_no_interval_is_claimed() -> None:
    assert "precision" not in pair_intervals([True, False], [0.1, 0.1], 0.5, ["a", "b"])
    found = retrieval_intervals(*ranked([0] * 20))
    # Twenty of twenty hits: Wilson's interval begins at 20 / (20 + 1.96²).
    assert found["hit@1"] == (pytest.approx(20 / (20 + 1.959964**2)), 1.0)
    assert "mrr@10" not in found


def test_a_change_is_surer_than_its_two_figures_let_one_think() -> None:
    before, gold = ranked([number % 2 for number in range(40)])
    matches = {query: next(iter(found)) for query, found in gold.items()}
    lifted = {q("1"), q("3"), q("5"), q("7")}
    after = {query: [matches[query], *found] if query in lifted else found for query, found in before.items()}
    low, high = change_intervals(before, after, gold)["hit@1"]
    assert 0 < low < 0.1 < high < 0.25
    assert change_intervals(before, before, gold) == {}
