"""The retrain dialog: the plan, the choice of epochs, and the job."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from desk_bench import Bench, screen_text, settled
from desk_jobs import DONE, RESULT, RUNNING, running_retrain, write_job
from textual.pilot import Pilot
from textual.widgets import Static

from core.queue.refit_result import ExpectedGain
from core.training.plan import RetrainPlan, plan_retrain
from tui.app import DeskApp
from tui.common.key_bar import KeyBar
from tui.jobs.screen import JobsScreen
from tui.menu import commands
from tui.models.retrain import RetrainDialog, plan_text


@asynccontextmanager
async def retrain_dialog(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, accepted: int = 3, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[DeskApp, Pilot[None], list[list[str]]]]:
    """The dialog over a desk on which some queries were answered, and what was started from it."""
    # One of them is held out, the others train.
    bench.workspace.settings.write_text("[retrain]\nholdout_share = 0.01\n")
    app = bench.app()
    started: list[list[str]] = []
    monkeypatch.setattr(app.desk.jobs, "start", lambda _, arguments: started.append(arguments) or "j1")
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for _ in range(accepted):
            await pilot.press("a")
            await settled(pilot)
        next(command for command in commands(app) if command.name == "Retrain").run()
        await settled(pilot)
        assert isinstance(app.screen, RetrainDialog)
        yield app, pilot, started


async def test_the_plan_is_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with retrain_dialog(bench, monkeypatch) as (app, pilot, started):
        text = screen_text(app)
        for words in (
            "2 matches and 18 non-matches of 2 queries",
            "1 query held out from training",
            "↓ 20 ↑  20 steps; 4 are too few",
            "2 matches per step, each with 3 hard negatives",
            "unknown: nothing has been measured",
            "49 more with a match",
            "The new model is kept, and is not used",
        ):
            assert words in text, words
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, JobsScreen)
        assert started == [["retrain"]]


async def test_without_labels_there_is_nothing_to_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with retrain_dialog(bench, monkeypatch, accepted=0) as (app, pilot, started):
        assert "0 matches: too few." in screen_text(app)
        assert app.focused is app.screen.query_one("#cancel")
        assert key_line(app) == "Enter cancel  Esc back"
        await pilot.press("up", "enter")
        await settled(pilot)
        assert app.screen is app.review
        assert started == []


def key_line(app: DeskApp) -> str:
    """The keys at the bottom of the dialog."""
    return app.screen.query_one(KeyBar).render().plain


async def test_the_key_line_names_the_focused_button(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with retrain_dialog(bench, monkeypatch, size=(80, 36)) as (app, pilot, _):
        assert key_line(app) == "Enter start  ↑ ↓ epochs  Esc back"
        await pilot.press("right")
        await settled(pilot)
        assert key_line(app) == "Enter cancel  ↑ ↓ epochs  Esc back"


async def test_a_plan_longer_than_the_screen_scrolls(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with retrain_dialog(bench, monkeypatch, size=(60, 20)) as (app, pilot, _):
        assert key_line(app) == "Enter start  ↑ ↓ epochs  J PgDn scroll  Esc back"
        plan = app.screen.query_one("#plan")
        await pilot.press("J", "pagedown", "J", "J")
        await settled(pilot)
        assert plan.scroll_offset.y == plan.max_scroll_y > 0
        await pilot.press("K", "pageup", "K", "K")
        await settled(pilot)
        assert plan.scroll_offset.y == 0
        await pilot.resize_terminal(120, 36)
        await settled(pilot)
        assert key_line(app) == "Enter start  ↑ ↓ epochs  Esc back"
        assert not plan.show_vertical_scrollbar
        assert "the terminal." in screen_text(app)


async def test_a_plan_is_as_wide_without_a_scroll_bar(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are wrapped before it is known whether there will be one."""
    async with retrain_dialog(bench, monkeypatch, size=(60, 20)) as (app, pilot, _):
        plan = app.screen.query_one("#plan")
        assert plan.show_vertical_scrollbar
        width = plan.scrollable_content_region.width
        app.screen.query_one("#plan-text", Static).update("short")
        await settled(pilot)
        assert not plan.show_vertical_scrollbar
        assert plan.scrollable_content_region.width == width


async def test_epochs_can_be_chosen_and_go_with_the_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with retrain_dialog(bench, monkeypatch) as (app, pilot, started):
        await pilot.press("up", "k", "plus")
        await settled(pilot)
        assert "↓ 23 ↑  23 steps" in screen_text(app)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert started == [["retrain", "--set", "retrain.epochs=22"]]


async def test_fewer_epochs_than_the_matches_need_cannot_be_chosen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with retrain_dialog(bench, monkeypatch) as (app, pilot, _):
        await pilot.press("down", "j", "minus")
        await settled(pilot)
        assert "↓ 20 ↑" in screen_text(app)


async def test_a_retrain_that_runs_is_shown_instead(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    running_retrain(bench.workspace.jobs)
    async with retrain_dialog(bench, monkeypatch, accepted=0) as (app, pilot, started):
        text = screen_text(app)
        assert "A retrain is already running, started by bob: training 48%, 1 min" in text
        assert "training   " not in text
        assert key_line(app) == "Enter show it  Esc back"
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, JobsScreen)
        assert app.screen.job is not None
        assert app.screen.job.id == RUNNING
        assert started == []


async def test_cancel_starts_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with retrain_dialog(bench, monkeypatch) as (app, pilot, started):
        await pilot.press("right", "enter")
        await settled(pilot)
        assert app.screen is app.review
        assert started == []


async def test_an_unreadable_plan_is_reported(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.workspace.settings.write_text("[retrain]\nepochs = many\n")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        bench.workspace.settings.write_text("[retrain]\nepochs = many\n")
        next(command for command in commands(app) if command.name == "Retrain").run()
        await settled(pilot)
        assert app.screen is app.review
        assert any("cannot be read" in n.message for n in app._notifications)


def plan(bench: Bench) -> RetrainPlan:
    """What the workspace's desk would be told."""
    return plan_retrain(bench.workspace, bench.settings, bench.desk().jobs)


def test_the_duration_is_scaled_from_the_last_retrain(bench: Bench) -> None:
    training = [{"t": 40.0 + step, "kind": "loss", "step": step, "loss": 1.0} for step in range(1, 11)]
    write_job(
        bench.workspace.jobs,
        DONE,
        "retrain",
        [
            {"t": 0.0, "kind": "stage", "stage": "encode", "total": 5},
            {"t": 40.0, "kind": "stage", "stage": "train", "total": 10},
            *training,
            {"t": 60.0, "kind": "stage", "stage": "judge", "total": None},
            {**RESULT, "t": 80.0, "triplets": 10, "recipe": {"epochs": 2, "least_steps": 0, "hard_negatives": 3}},
            {"t": 90.0, "kind": "done"},
        ],
    )
    known = plan(bench)
    assert known.timing is not None
    assert (known.timing.encoding_s, known.timing.fixed_s) == (pytest.approx(20 / (2.3 * 2 * 10 * 5)), 70.0)
    assert known.last_retrain is not None
    assert known.last_retrain.id == DONE


def test_the_expected_gain_of_labelling_is_shown(bench: Bench) -> None:
    known = plan(bench)
    possible = replace(known, matches=40, eval_queries=3, conflicts=2, withheld=7)
    text = plan_text(possible, 4, ExpectedGain(100, 12.0, 5.0), 68).plain
    assert "becomes the champion" not in text
    enough = plan_text(replace(possible, eval_queries=50), 4, None, 68).plain
    assert "If the new model is significantly better, it becomes the champion" in " ".join(enough.split())
    waits = plan_text(replace(possible, eval_queries=50, manual_promotion=True), 4, None, 68).plain
    assert "not used until somebody promotes it" in " ".join(waits.split())
    assert "weak" not in text
    weak = plan_text(replace(possible, matches=1, non_matches=0, weak_matches=9), 4, None, 68).plain
    assert "; 9 weak matches" in " ".join(weak.split())
    assert "10 matches per step" in " ".join(weak.split())
    left_out = "2 conflicting, to be settled (stream: adjudication), 7 connected with the evaluation set"
    assert left_out in " ".join(text.split())
    assert "keep labelling: of the 100 queries left" in text
    assert all(len(line) <= 68 for line in text.splitlines())
