"""The triage queue: order and reasons."""

from dataclasses import replace

import numpy as np
import pytest

from core.queue.strategies import UnlabelledPool
from core.queue.triage import remaining_gain, triage


def pool(*queries: list[float], answered: tuple[int, ...] = ()) -> UnlabelledPool:
    """One list of probabilities for each query."""
    numbers = np.array([i for i, each in enumerate(queries) for _ in each])
    p = np.array([value for each in queries for value in each])
    n = len(p)
    rng = np.random.default_rng(0)
    return UnlabelledPool(
        p, p.copy(), rng.normal(size=(n, 4)), numbers, np.isin(numbers, answered), numbers, np.full(n, np.nan), 0.5
    )


def test_the_uncertain_come_first_once_each_and_the_answered_never() -> None:
    asked = triage(pool([0.99, 0.01], [0.5, 0.48], [0.02, 0.01], [0.5, 0.5], answered=(3,)), np.random.default_rng(1))
    assert asked[0].query == 1
    assert sorted(each.query for each in asked) == [0, 1, 2]


@pytest.mark.parametrize(
    ("probabilities", "reason"),
    [
        ([0.52, 0.05], "Undecided: best probability 52%."),
        ([0.62, 0.55], "Two candidates are close: 62% and 55%."),
        ([0.999, 0.45], "To check: a candidate has 45%, the best >99%."),
        ([0.2, 0.1], "Matcher expects no match: best probability 20%."),
        ([0.004, 0.001], "Matcher expects no match: best probability <1%."),
        ([0.8, 0.001], "Matcher expects a match: best probability 80%."),
        ([0.996, 0.001], "Matcher expects a match: best probability >99%."),
    ],
)
def test_why(probabilities: list[float], reason: str) -> None:
    asked = triage(pool([0.9], probabilities, answered=(0,)), np.random.default_rng(1))
    assert [each.reason for each in asked] == [reason]


@pytest.mark.parametrize(
    ("probability", "threshold", "reason"),
    [
        (0.3, 0.2, "Matcher expects a match: best 30%, threshold 20%."),
        (0.7, 0.8, "Matcher expects no match: best 70%, threshold 80%."),
    ],
)
def test_the_threshold_is_named_where_it_is_surprising(probability: float, threshold: float, reason: str) -> None:
    unlabelled = replace(pool([0.9], [probability], answered=(0,)), threshold=threshold)
    assert [each.reason for each in triage(unlabelled, np.random.default_rng(1))] == [reason]


def test_before_the_first_answer_it_begins_with_both_kinds() -> None:
    asked = triage(pool(*([p / 100, 0.01] for p in range(1, 100))), np.random.default_rng(1))
    assert {each.reason for each in asked} == {"Cold start: likely matches and near misses alternate."}


def test_while_nothing_is_calibrated_no_reason_names_a_probability() -> None:
    first_answer_is_in = replace(pool([0.9], [0.52, 0.05], [0.8, 0.001], answered=(0,)), calibrated=False)
    reasons = {each.reason for each in triage(first_answer_is_in, np.random.default_rng(1))}
    assert reasons == {"Cold start: likely matches and near misses alternate."}


def test_the_outlook_counts_one_error_a_query() -> None:
    found = remaining_gain(pool([0.9, 0.4], [0.3], [0.6], answered=(2,)))
    assert found.queries == 2
    assert found.wrong == pytest.approx(0.1 + 0.3)
    assert found.gain == pytest.approx(found.wrong)


def test_nothing_left_is_no_error() -> None:
    done = pool([0.9, 0.1], answered=(0,))
    assert triage(done, np.random.default_rng(1)) == []
    assert remaining_gain(done).queries == 0
