"""Figures have as many digits as their interval justifies."""

import pytest

from tui.common.figures import change_between, measured, share, signed


@pytest.mark.parametrize(
    ("value", "ends", "written"),
    [
        (0.8761, (0.82, 0.916), "0.88 (0.82–0.92)"), (0.9981, (0.994, 0.999), "0.998 (0.994–0.999)"),
        (1.0, None, "1.00"), (None, None, "–"), (1e300, (0, 1), "–"), (float("nan"), None, "–"), (-0.1, None, "–"),
    ],
)  # fmt: skip
def test_a_figure_is_shown_with_its_interval(
    value: float | None, ends: tuple[float, float] | None, written: str
) -> None:
    assert measured(value, ends) == written
    assert share(value, ends) == written.partition(" ")[0]


@pytest.mark.parametrize(
    ("ends", "written"),
    [((-0.012, 0.034), "−0.01 to +0.03"), ((0.0611, 0.13), "+0.06 to +0.13"), (None, "no difference"),
     ((-0.001, 0.002), "−0.001 to +0.002")],
)  # fmt: skip
def test_the_interval_of_a_change_has_its_signs(ends: tuple[float, float] | None, written: str) -> None:
    assert change_between(ends) == written


def test_a_change_that_rounds_to_nothing_has_no_minus() -> None:
    assert signed(-0.0001, 2) == "+0.00"
