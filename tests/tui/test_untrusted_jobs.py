"""The desk in a workspace whose jobs another member of the group has written: it goes on."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from desk_bench import Bench, screen_text, settled
from desk_jobs import DONE, finished_retrain
from hostile import HOSTILE, some, stray
from odd_files import ODD_FILES
from running_jobs import hold

from core.workspace import Workspace
from tui.jobs.screen import JobLogScreen, JobsScreen

THEIRS = "20260102-100000-aaaa"
START = {"arguments": ["retrain"], "by": "eve", "pid": 1, "started_at": "2026-01-02T10:00:00+00:00"}
STAGE = {"t": 1.0, "kind": "stage", "stage": "train", "total": 5}
#: What a job's folder holds.
FILES = ("job.json", "events.jsonl", "log.txt", "lock", "cancel")
#: Not too large for a file, but for much that is reckoned with it.
LARGE = 9e99


def write_job(workspace: Workspace, start: object = START, events: list[Any] | None = None, name: str = THEIRS) -> Path:
    folder = workspace.jobs / name
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(start))
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events or [STAGE]))
    return folder


async def look(bench: Bench, shown: str = "", jobs: Iterable[str] = (THEIRS,)) -> None:
    """Open the page of jobs at each of these, with another one that is sound, and the log; at both sizes."""
    finished_retrain(bench.workspace.jobs)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        for job in jobs:
            app.open(JobsScreen(app.desk, job))
            await settled(pilot)
            assert shown in screen_text(app)
            for keys in (["l", "escape"], ["j", "k"], ["f", "f", "f"], ["x", "escape"], ["r"]):
                await pilot.press(*keys)
                await settled(pilot)
                assert app.is_running, job
                assert stray(screen_text(app).replace("\n", "")) == [], job
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert any(job.id == DONE for job in app.desk.jobs.list())


ODD: list[Any] = [None, True, -1, 10**400, [], ["x", None], {"a": 1}]


@pytest.mark.parametrize("name", ["arguments", "started_at", "by", "pid"])
async def test_odd_facts_do_not_end_the_desk(bench: Bench, name: str) -> None:
    write_job(bench.workspace, {**START, name: ODD[0]})
    for number, value in enumerate(ODD[1:]):
        (bench.workspace.jobs / THEIRS).rename(bench.workspace.jobs / f"20250101-{number:06}-bbbb")
        write_job(bench.workspace, {**START, name: value})
    await look(bench)


async def test_hostile_texts_are_shown_and_do_not_act(bench: Bench) -> None:
    text = some(0, len(HOSTILE))
    events = [
        {"kind": "message", "text": text},
        {**STAGE, "stage": text},
        {"kind": "loss", "step": 1, "loss": 0.5},
        {"kind": "metric", "step": 1, "name": text, "value": 0.5},
        {"kind": "result", "model": text, text: text, "champion": {text: 1.0}, "challenger": {text: 2.0, "x": 1.0}},
        {"kind": "failed", "error": text},
    ]
    write_job(
        bench.workspace, {**START, "by": text, "started_at": text, "arguments": ["models", "promote", text]}, events
    )
    await look(bench, "Promote ")


async def test_a_hostile_job_that_runs_is_shown_and_does_not_act(bench: Bench) -> None:
    text = some(0, len(HOSTILE))
    arguments = ["models", "promote", text]
    hold(write_job(bench.workspace, {**START, "by": text, "arguments": arguments}, [{**STAGE, "stage": text}]))
    await look(bench, "Promote ")


@pytest.mark.parametrize("value", [0, 1, -1, LARGE, -LARGE, 1e-99, 0.0])
async def test_figures_of_any_size_are_drawn(bench: Bench, value: float) -> None:
    count = abs(int(value)) if abs(value) < 2**53 else 2**52
    events = [
        {**STAGE, "total": count},
        *({"t": abs(value) % 1e12, "kind": "loss", "step": step, "loss": value * step} for step in (0, count, 1)),
        {"kind": "metric", "step": count, "name": "MRR", "value": value},
        {"kind": "result", "f1": value, "champion": {"mrr@10": value}, "challenger": {"mrr@10": -value}},
        {"t": 1.0, "kind": "progress", "stage": "train", "done": count, "total": 1, "rate": value, "left_s": value},
    ]
    hold(write_job(bench.workspace, events=events))
    await look(bench)


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link to a device", "huge", "binary", "nested"])
async def test_odd_files_do_not_end_the_desk(bench: Bench, kind: str) -> None:
    jobs = {f"20260102-10000{at}-aaaa": name for at, name in enumerate(FILES)}
    for job, name in jobs.items():
        folder = write_job(bench.workspace, name=job)
        (folder / name).unlink(missing_ok=True)
        ODD_FILES[kind](folder / name)
    await look(bench, jobs=jobs)


@pytest.mark.parametrize("kind", ["FIFO", "empty", "link to a device"])
async def test_an_odd_folder_of_jobs_does_not_end_the_desk(bench: Bench, kind: str) -> None:
    ODD_FILES[kind](bench.workspace.jobs)
    app = bench.app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.open(JobsScreen(app.desk))
        await settled(pilot)
        assert any("jobs" in notification.message for notification in app._notifications)
        await pilot.press("q")
        await settled(pilot)
        app.start_job("index")
        await settled(pilot)
        assert app.is_running


async def test_the_log_of_a_job_without_an_end_is_shown(bench: Bench) -> None:
    folder = write_job(bench.workspace)
    ODD_FILES["no newline"](folder / "log.txt")
    app = bench.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.open(JobLogScreen(app.desk, app.desk.jobs.get(THEIRS)))
        await settled(pilot)
        assert isinstance(app.screen, JobLogScreen)
