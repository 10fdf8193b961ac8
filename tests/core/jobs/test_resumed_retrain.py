"""A retrain as a job that is killed or cancelled, and goes on."""

import json
import os
import signal
from pathlib import Path

import pytest
from samples import until, write_catalogue
from small_retrain import write_small_retrain

from core.cli.app import make_app, run
from core.jobs.board import Jobs
from core.jobs.job import JobState
from core.retrieval.encoder_registry import Registry
from core.settings import load_settings
from core.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return write_small_retrain(tmp_path, steps=300, rate=0.001)


def steps(jobs: Jobs, job_id: str) -> list[int]:
    """The steps whose loss a job has reported."""
    return [step for stage in jobs.progress_log(job_id).stages for step, _ in stage.losses]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_retrain_goes_on_after_kill_and_after_cancel(home: Workspace) -> None:
    jobs = Jobs(home.jobs)
    killed = jobs.start(home.home, ["retrain"])
    until(lambda: len(steps(jobs, killed)) >= 2)
    os.kill(jobs.get(killed).pid, signal.SIGKILL)
    until(lambda: jobs.get(killed).state is JobState.LOST)
    cancelled = jobs.resume(home.home, killed)
    until(lambda: bool(steps(jobs, cancelled)))
    assert jobs.cancel(cancelled).state is JobState.CANCELLED
    messages = jobs.progress_log(cancelled).messages
    assert any("goes on from its checkpoint of step 1." in message for message in messages)
    assert steps(jobs, cancelled)[0] == 2
    assert "`samesku jobs resume`, or the same command, goes on from there." in messages[-1]
    last = jobs.resume(home.home, cancelled)
    until(lambda: jobs.get(last).state is not JobState.RUNNING, 600)
    assert jobs.get(last).state is JobState.DONE, jobs.get(last).error
    assert steps(jobs, last)[-1] == 300
    assert len(Registry(home, load_settings(home.settings)).ids()) == 1
    assert not home.checkpoints.exists()


@pytest.mark.parametrize(("event", "way_on"), [("cancelled", True), ("done", False), ("", True)])
def test_the_way_on_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str], event: str, way_on: bool) -> None:
    workspace = write_catalogue(tmp_path / "home")
    folder = workspace.jobs / "20260101-120000-ab12"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"arguments": ["retrain"], "started_at": "2026-01-01T12:00:00+00:00"}))
    (folder / "events.jsonl").write_text(json.dumps({"t": 1.0, "kind": event}) + "\n" if event else "")
    with pytest.raises(SystemExit):
        run(make_app(), ["jobs", "tail", "--home", str(workspace.home)])
    out = capsys.readouterr().out
    sentence = "To go on: `samesku jobs resume 20260101-120000-ab12`; embeddings are kept, training continues from"
    assert (sentence in out) == way_on
