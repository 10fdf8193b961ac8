"""Jobs at the desk: the screen, the status line, and the notice at the end."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from desk_bench import Bench, screen_text, settled, shows
from desk_jobs import DONE, FAILED, RESULT, RUNNING, running_retrain, three_jobs, write_events, write_job
from running_jobs import sleeping
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Sparkline

from core.jobs.board import Jobs
from core.jobs.job import Job, JobState, read_job
from core.settings import Settings
from tui.app import DeskApp
from tui.common.dialogs import ConfirmDialog
from tui.jobs.list import _row
from tui.jobs.pane import LossCurve
from tui.jobs.screen import JobLogScreen, JobsScreen
from tui.jobs.text import end_notice
from tui.jobs.watch import JobWatch


@asynccontextmanager
async def jobs_screen(bench: Bench, *keys: str) -> AsyncIterator[tuple[DeskApp, Pilot[None]]]:
    """The desk at 80×24 with its jobs on the screen, after some keys."""
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.open(JobsScreen(app.desk))
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        yield app, pilot


async def test_the_screen_shows_each_job(bench: Bench) -> None:
    three_jobs(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        text = screen_text(app)
        assert isinstance(app.screen, JobsScreen)
        for words in (
            "48%",
            "240 of 500",
            "3.2/s",
            "1 min left",
            "Loss  0.286  from 1.600",
            "1,284 pairs of 402 queries",
        ):
            assert words in text, words
        await pilot.press("j")
        await settled(pilot)
        text = screen_text(app)
        for words in (
            "dense",
            "hybrid",
            "before  after",
            "hit@1      0.740  0.830 +0.090  0.840  0.930 +0.090",
            "is the champion.",
        ):
            assert words in text, words
        await pilot.press("j")
        await settled(pilot)
        assert "The GPU is out of memory. Set retrain.batch_size" in screen_text(app)


async def test_the_screen_follows_the_files(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        more = {"kind": "progress", "stage": "training", "done": 500, "total": 500, "rate": 3.0, "left_s": 0.0}
        write_events(bench.workspace.jobs, RUNNING, [more])
        assert isinstance(app.screen, JobsScreen)
        app.screen._read_if_in_front()
        await settled(pilot)
        assert "500 of 500" in screen_text(app)


async def test_the_screen_is_not_read_while_something_lies_over_it(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, JobsScreen)
        await pilot.press("x")
        await settled(pilot)
        write_events(bench.workspace.jobs, RUNNING, [{"kind": "message", "text": "unseen"}])
        screen._read_if_in_front()
        await settled(pilot)
        assert "unseen" not in screen_text(app)


async def test_no_jobs(bench: Bench) -> None:
    async with jobs_screen(bench) as (app, pilot):
        assert "No jobs yet" in screen_text(app)
        await pilot.press("x", "j", "k")
        await settled(pilot)
        assert "This job is not running." in screen_text(app)


@pytest.fixture
def sleeper(bench: Bench) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a retrain that runs."""
    stage: dict[str, object] = {"kind": "stage", "stage": "training", "total": 5}
    write_job(bench.workspace.jobs, RUNNING, "retrain", [stage])
    process = sleeping(bench.workspace.jobs / RUNNING)
    yield process
    process.kill()
    process.wait()


async def test_a_job_is_ended_only_once_confirmed(bench: Bench, sleeper: subprocess.Popen[bytes]) -> None:
    async with jobs_screen(bench) as (app, pilot):
        await pilot.press("x")
        await settled(pilot)
        assert isinstance(app.screen, ConfirmDialog)
        assert app.focused is not None
        assert app.focused.id == "no"
        await pilot.press("enter")
        await settled(pilot)
        assert sleeper.poll() is None
        await pilot.press("x", "escape")
        await settled(pilot)
        assert sleeper.poll() is None
        await pilot.press("x", "y")
        await settled(pilot)
        assert sleeper.wait(120) != 0
        # The screen reads once a second.
        await shows(pilot, "cancelled")


async def test_only_a_lead_ends_the_job_of_somebody_else(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    bench.settings = Settings.model_validate({"people": {"leads": ["lea"]}})
    async with jobs_screen(bench) as (app, pilot):
        await pilot.press("x")
        await settled(pilot)
        assert isinstance(app.screen, JobsScreen)
        assert "bob started this job; only they or a lead can cancel it." in screen_text(app)


async def test_a_lead_sees_whose_job_it_is(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        await pilot.press("x")
        await settled(pilot)
        text = screen_text(app)
        assert "End bob's Retrain?" in text
        assert "embeddings are kept" in " ".join(text.replace("│", " ").split())


async def test_a_job_that_failed_can_be_started_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    three_jobs(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        resumed: list[str] = []

        def resume(_: Path, job_id: str) -> str:
            resumed.append(job_id)
            write_job(bench.workspace.jobs, "20260103-100000-dddd", "index", [], running=True, by="ada")
            return "20260103-100000-dddd"

        monkeypatch.setattr(app.desk.jobs, "resume", resume)
        await pilot.press("r")
        await settled(pilot)
        assert "There is nothing to resume." in screen_text(app)
        await pilot.press("j", "r")
        await settled(pilot)
        assert "This job has finished" in screen_text(app)
        await pilot.press("j")
        await settled(pilot)
        assert "r starts it again: it continues where it stopped." in screen_text(app)
        await pilot.press("r")
        await settled(pilot)
        assert resumed == [FAILED]
        assert isinstance(app.screen, JobsScreen)
        assert app.screen.job is not None
        assert app.screen.job.id == "20260103-100000-dddd"
        assert "started by ada, 3 January" in screen_text(app)


async def test_the_log_is_shown_while_it_grows(bench: Bench) -> None:
    three_jobs(bench.workspace.jobs)
    log = bench.workspace.jobs / RUNNING / "log.txt"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(200)) + b"\x1b[31m[b]last[/b]\x07\n")
    async with jobs_screen(bench) as (app, pilot):
        await pilot.press("l")
        await settled(pilot)
        assert isinstance(app.screen, JobLogScreen)
        text = screen_text(app)
        assert "[b]last[/b]" in text
        assert "line 199" in text
        with log.open("ab") as file:
            file.write(b"more\n")
        app.screen._read()
        await settled(pilot)
        assert "more" in screen_text(app)
        await pilot.press("k", "k")
        await settled(pilot)
        with log.open("ab") as file:
            file.write(b"and more\n" * 9)
        app.screen._read()
        await settled(pilot)
        assert "and more" not in screen_text(app)
        await pilot.press("pagedown", "pagedown", "pagedown")
        await settled(pilot)
        assert "and more" in screen_text(app)


async def test_the_log_has_what_jobs_tail_shows_also_where_nothing_was_printed(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    async with jobs_screen(bench, "l") as (app, pilot):
        text = screen_text(app)
        for words in ("hard negatives (50)", "1,284 pairs of 402 queries; 41 queries held out.", "training (500)"):
            assert words in text, words
        assert "Printed" not in text
        write_events(bench.workspace.jobs, RUNNING, [{"kind": "failed", "error": "The disk is [b]full[/b]."}])
        assert isinstance(app.screen, JobLogScreen)
        app.screen._read()
        await settled(pilot)
        assert "failed: The disk is [b]full[/b]." in screen_text(app)


async def test_the_log_of_a_job_that_has_just_started_is_empty(bench: Bench) -> None:
    write_job(bench.workspace.jobs, RUNNING, "index", [], running=True)
    async with jobs_screen(bench, "l") as (app, _):
        assert "Nothing was reported yet." in screen_text(app)


async def test_in_a_kiosk_the_log_is_for_leads(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        app.desk.facts = replace(app.desk.facts, kiosk=True, lead=False)
        await pilot.press("l")
        await settled(pilot)
        assert isinstance(app.screen, JobsScreen)
        assert "it is for leads" in screen_text(app)


async def test_the_filter_shows_jobs_of_one_kind(bench: Bench) -> None:
    three_jobs(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        seen = []
        for _ in range(5):
            seen.append(screen_text(app).splitlines()[0].strip())
            await pilot.press("f")
            await settled(pilot)
        assert seen == ["Jobs  3", "Jobs  running  1 of 3", "Jobs  Index  1 of 3", "Jobs  Retrain  2 of 3", "Jobs  3"]


async def test_only_visible_jobs_are_painted_and_only_running_ones_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        write_job(bench.workspace.jobs, f"20250101-{number:06}-aaaa", "evaluate", [{"kind": "done", "t": 1.0}])
    running_retrain(bench.workspace.jobs)
    async with jobs_screen(bench) as (app, pilot):
        painted: list[str] = []

        def row(job: Job, width: int) -> Content:
            painted.append(job.id)
            return _row(job, width)

        read: list[str] = []

        def counted(folder: Path) -> Job:
            read.append(folder.name)
            return read_job(folder)

        monkeypatch.setattr("core.jobs.board.read_job", counted)
        monkeypatch.setattr("tui.jobs.list._row", row)
        assert isinstance(app.screen, JobsScreen)
        app.screen._read_if_in_front()
        await settled(pilot)
        assert set(read) == {RUNNING}
        assert set(painted) <= {RUNNING}
        for _ in range(40):
            await pilot.press("j")
        await settled(pilot)
        assert app.screen.job is not None
        assert app.screen.job.id == "20250101-000260-aaaa"
        assert "Evaluate" in screen_text(app)
        assert len(set(painted)) < 80


async def test_the_time_left_is_estimated_from_the_last_run(bench: Bench) -> None:
    three_jobs(bench.workspace.jobs)
    earlier = [
        {"t": 0.0, "kind": "stage", "stage": "hard negatives", "total": 50},
        {"t": 10.0, "kind": "stage", "stage": "training", "total": 500},
        {"t": 99.0, "kind": "stage", "stage": "judge", "total": None},
        {"t": 699.0, "kind": "done"},
    ]
    write_job(bench.workspace.jobs, "20260101-130000-eeee", "retrain", earlier)
    async with jobs_screen(bench) as (app, _):
        assert "About 11 min left in all." in screen_text(app)


async def test_the_loss_is_a_curve_where_there_is_room(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.open(JobsScreen(app.desk))
        await settled(pilot)
        curve = app.screen.query_one(LossCurve)
        assert not curve.query_one(Sparkline).display
        text = screen_text(app)
        assert "1.60┤" in text
        assert "└" in text
        await pilot.resize_terminal(80, 19)
        await settled(pilot)
        assert curve.query_one(Sparkline).display
        await pilot.press("j")
        await settled(pilot)


async def test_the_status_line_counts_several_jobs(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    write_job(bench.workspace.jobs, "20260101-080000-ffff", "evaluate", [], running=True)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert "● Retrain: training 48% 1 min left and 1 more" in screen_text(app).splitlines()[0]
        write_events(bench.workspace.jobs, RUNNING, [{"kind": "cancelled"}])
        app._tick()
        await settled(pilot)
        line = screen_text(app).splitlines()[0]
        assert "● Evaluate" in line
        assert "more" not in line
        assert [n.message for n in app._notifications] == ["Retrain: cancelled"]
        write_events(bench.workspace.jobs, "20260101-080000-ffff", [{"kind": "done"}])
        app._tick()
        await settled(pilot)
        assert [n.message for n in app._notifications] == ["Retrain: cancelled", "Evaluate finished."]


async def test_the_status_line_shows_a_running_job_and_a_notice_its_end(bench: Bench) -> None:
    running_retrain(bench.workspace.jobs)
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "● Retrain: training 48%" in screen_text(app).splitlines()[0]
        write_events(bench.workspace.jobs, RUNNING, [RESULT, {"kind": "done"}])
        app._tick()
        await settled(pilot)
        assert "Retrain" not in screen_text(app).splitlines()[0]
        assert [n.message for n in app._notifications] == ["Retrain finished: MRR@10 0.80 → 0.87, promoted"]


async def test_a_damaged_job_hides_no_other(bench: Bench) -> None:
    three_jobs(bench.workspace.jobs)
    (bench.workspace.jobs / FAILED / "job.json").write_text("{", encoding="utf-8")
    async with jobs_screen(bench) as (app, _):
        assert "240 of 500" in screen_text(app)
        assert "index" not in screen_text(app)


async def test_new_candidates_are_shown_from_the_next_query_on(bench: Bench) -> None:
    from desk_bench import candidates_of  # noqa: PLC0415

    from core.retrieval.candidates import CandidateStore  # noqa: PLC0415
    from labels.model import ProductRef  # noqa: PLC0415

    desk = bench.desk()
    desk.settle_s = 0.0
    from tui.app import DeskApp  # noqa: PLC0415

    app = DeskApp(desk)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        candidates = CandidateStore(bench.workspace.derived)
        rows = [(ProductRef("walmart", key), candidates_of(key, 0.80)) for key in ("q3", "q8", "q1")]
        candidates.replace(rows, model="models/challenger-2", fingerprint="new")
        candidates.close()
        app._tick()
        await settled(pilot)
        assert "all-MiniLM-L6-v2" in screen_text(app)
        await pilot.press("a")
        await settled(pilot)
        assert "challenger-2" in screen_text(app)
        await pilot.press("a")
        await settled(pilot)
    with bench.store() as store:
        rows = store.connection.execute(
            "SELECT query_id, model FROM events WHERE decision = 'match' ORDER BY seq"
        ).fetchall()
    assert rows[0] == ("q3", "sentence-transformers/all-MiniLM-L6-v2")
    assert rows[1][1] == "models/challenger-2"


def job(state: JobState = JobState.DONE, **facts: object) -> Job:
    return Job("1", ("retrain",), state, "2026-01-01T00:00:00+00:00", 1, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (job(result={"champion": {"hit@1": 0.74}, "challenger": {"hit@1": 0.83}, "promoted": True, "primary": "hit@1"}),
         ("Retrain finished: hit@1 0.74 → 0.83, promoted", True)),
        (job(result={"challenger": {"mrr@10": 0.5}, "promoted": False}),
         ("Retrain finished: MRR@10 0.50, not promoted", True)),
        (job(result={"challenger": {"mrr@10": 0.5}, "promoted": False, "waiting": True}),
         ("Retrain finished: MRR@10 0.50, waits for a lead", True)),
        (job(result={}), ("Retrain finished.", True)),
        (job(result={"champion": None, "challenger": "?", "promoted": "yes", "primary": 3}),
         ("Retrain finished.", True)),
        (job(result={"champion": {"a": "x"}, "challenger": {"a": True, "b": 1}, "primary": "a"}),
         ("Retrain finished: b 1.00", True)),
        (job(JobState.FAILED, error="No \x1b[31mlabels."), ("Retrain: No ␛[31mlabels.", False)),
        (job(JobState.LOST), ("Retrain: lost: its process ended without a result", False)),
    ],
)  # fmt: skip
def test_end_notices(ended: Job, words: tuple[str, bool]) -> None:
    assert end_notice(ended) == words


async def test_results_of_any_shape_can_be_shown(bench: Bench) -> None:
    shapes: list[object] = [{}, {"a": None}, {"champion": [1], "challenger": {"x": 1}}, {"f1": 0.8123, "[/]": "[b]"}]
    for number, shape in enumerate(shapes):
        events = [{"kind": "result", **shape}, {"kind": "done"}]  # type: ignore[dict-item]
        write_job(bench.workspace.jobs, f"2026010{number + 1}-100000-aaaa", "evaluate", events)
    async with jobs_screen(bench) as (app, pilot):
        assert "0.8123" in screen_text(app)
        assert "[/]" in screen_text(app)
        for _ in shapes:
            await pilot.press("j")
            await settled(pilot)
        assert app.is_running


def test_nothing_is_read_while_nothing_runs(bench: Bench) -> None:
    board = Jobs(bench.workspace.jobs)
    watch = JobWatch(board)
    while watch.should_read():
        assert watch.newly_ended(watch.read()) == []
    assert not watch.should_read()
    running_retrain(board.folder)
    assert watch.should_read()
    assert watch.newly_ended(watch.read()) == []
    assert all(watch.should_read() for _ in range(10))
    write_events(board.folder, RUNNING, [{"kind": "done"}])
    assert [ended.id for ended in watch.newly_ended(watch.read())] == [RUNNING]
    assert json.loads((board.folder / RUNNING / "job.json").read_text())["arguments"] == ["retrain"]
    assert DONE not in {found.id for found in watch.read()}


async def test_a_notice_names_the_job_that_ended_meanwhile(bench: Bench) -> None:
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
    ended = {"kind": "done", "t": 4e9}
    write_job(bench.workspace.jobs, DONE, "retrain", [RESULT, ended])
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert [n.message for n in app._notifications] == ["Retrain finished: MRR@10 0.80 → 0.87, promoted"]


async def test_a_newcomer_gets_no_notice_of_old_jobs(bench: Bench) -> None:
    write_job(bench.workspace.jobs, DONE, "retrain", [RESULT, {"kind": "done", "t": 4e9}])
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert list(app._notifications) == []
