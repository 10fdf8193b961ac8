"""The loss curve as text."""

import pytest

from tui.jobs.pane import curve, smooth

FALLING = [(step, 2.0 / (1 + step / 10)) for step in range(1, 101)]


@pytest.mark.parametrize(("width", "lines"), [(50, 7), (76, 14), (20, 7)])
@pytest.mark.parametrize("losses", [FALLING, FALLING[:2], FALLING * 40, [(1, 0.0), (2, 0.0)], [(5, 1.0), (5, 2.0)]])
def test_it_is_as_large_as_it_is_told(losses: list[tuple[int, float]], width: int, lines: int) -> None:
    text = curve(losses, width, lines).plain.splitlines()
    assert len(text) <= lines
    assert max(len(line) for line in text) <= width


def test_the_axes_tell_losses_and_steps() -> None:
    text = curve(FALLING, 120, 10).plain
    assert text.startswith("1.82┤")
    assert "0.00┤" in text
    assert text.splitlines()[-1].split() == ["1", "26", "50", "75", "100"]


def test_the_line_begins_at_the_first_loss_and_follows_the_others() -> None:
    assert smooth([3.0]) == [3.0]
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    jumping = smooth([0.0, 1.0] * 50)
    assert all(0.2 < value < 0.8 for value in jumping[10:])
