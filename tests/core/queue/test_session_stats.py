"""The expected gain of further labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.queue.session_stats import learning_curve_gain


def curve(top: float, slope: float, *, end: int) -> list[tuple[int, float]]:
    return [(n, top - slope / n) for n in range(10, end + 1, 10)]


def test_a_curve_that_still_rises_is_worth_going_on_with() -> None:
    gain = learning_curve_gain(curve(0.9, 10.0, end=100))
    assert gain.expected == pytest.approx(10 * (1 / 100 - 1 / 150))
    assert "0.033" in gain.words


def test_a_flat_curve_says_stop() -> None:
    gain = learning_curve_gain(curve(0.9, 1.0, end=300))
    assert gain.expected is not None
    assert gain.expected < 0.002
    assert "hardly" in gain.words


def test_a_falling_curve_promises_nothing_and_two_points_say_nothing() -> None:
    assert learning_curve_gain([(100, 0.9), (120, 0.88), (140, 0.87)]).expected == 0
    assert learning_curve_gain([(10, 0.5), (20, 0.6)]).expected is None
    assert learning_curve_gain([]).expected is None


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(0, 1)), max_size=30, unique_by=lambda each: each[0]))
def test_the_gain_is_never_negative(history: list[tuple[int, float]]) -> None:
    gain = learning_curve_gain(sorted(history)).expected
    assert gain is None or gain >= 0
