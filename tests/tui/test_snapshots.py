"""What the screens look like. A picture that changed on purpose is made anew with `--snapshot-update`."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from desk_bench import Bench, settled
from desk_engine import FakeEngine
from desk_jobs import three_jobs
from textual.pilot import Pilot
from textual.widgets import Input

from tui.screens.jobs import JobsScreen

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 36)]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No local time, no blinking."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(Input, "cursor_blink", False)


def steps(*keys: str, theme: str = "") -> Callable[[Pilot[None]], Awaitable[None]]:
    """Keys to press before the picture, each once the last has been dealt with."""

    async def run(pilot: Pilot[None]) -> None:
        await settled(pilot)
        if theme:
            pilot.app.theme = theme
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return run


@pytest.mark.parametrize("size", SIZES)
def test_review(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(bench.app(), terminal_size=size, run_before=steps("2", "x", "A", "f", "4"))


@pytest.mark.parametrize("size", SIZES)
def test_review_light(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    run_before = steps("2", "x", "4", theme="textual-light")
    assert snap_compare(bench.app(), terminal_size=size, run_before=run_before)


def test_review_without_colour(bench: Bench, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(bench.app(), terminal_size=(80, 24), run_before=steps("2", "x", "4"))


@pytest.mark.parametrize("size", SIZES)
def test_review_with_a_matcher(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(bench.app(engine=FakeEngine("q8")), terminal_size=size, run_before=steps("n", "2"))


@pytest.mark.parametrize("size", SIZES)
def test_why(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(bench.app(engine=FakeEngine("q8")), terminal_size=size, run_before=steps("n", "w"))


@pytest.mark.parametrize("size", SIZES)
def test_help(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(bench.app(), terminal_size=size, run_before=steps("question_mark"))


@pytest.mark.parametrize("size", SIZES)
def test_search(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    run_before = steps("slash", *"nikon", "down")
    assert snap_compare(bench.app(), terminal_size=size, run_before=run_before)


@pytest.mark.parametrize("size", SIZES)
def test_jobs(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    three_jobs(bench.workspace.jobs)
    app = bench.app()

    async def run(pilot: Pilot[None]) -> None:
        app.open(JobsScreen(app.desk))
        await settled(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_the_pictures_hold_no_path_of_a_machine() -> None:
    pictures = list((Path(__file__).parent / "__snapshots__").rglob("*.svg"))
    assert pictures
    assert not [p.name for p in pictures if "/home/" in p.read_text() or "/tmp/" in p.read_text()]  # noqa: S108
