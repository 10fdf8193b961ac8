"""Detached processes, and what their files tell of them."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from running_jobs import hold
from samples import until, write_catalogue

from core.errors import JobError
from core.jobs.board import Jobs
from core.jobs.job import Job, JobState, read_job
from core.jobs.locks import is_held
from core.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return write_catalogue(tmp_path / "home")


@pytest.fixture
def jobs(home: Workspace) -> Jobs:
    return Jobs(home.jobs)


def finished(jobs: Jobs, job_id: str) -> Job:
    until(lambda: jobs.get(job_id).state is not JobState.RUNNING)
    return jobs.get(job_id)


def write_job(
    jobs: Jobs,
    job_id: str,
    *,
    running: bool = False,
    verb: str = "retrain",
    events: str = "",
    options: Sequence[str] = (),
) -> None:
    """A job's files, written by hand; one that runs does so as long as this process."""
    folder = jobs.folder / job_id
    folder.mkdir(parents=True)
    facts = {"arguments": [verb, *options], "pid": os.getpid(), "started_at": "2026-01-01T00:00:00+00:00"}
    (folder / "job.json").write_text(json.dumps(facts))
    (folder / "events.jsonl").write_text(events)
    if running:
        hold(folder)


@pytest.fixture
def running(home: Workspace, jobs: Jobs) -> Iterator[str]:
    """A real job that goes on until it is ended: it watches another one that lives as long as this process."""
    write_job(jobs, "20000101-000000-aaaa", running=True)
    job_id = jobs.start(home.home, ["jobs", "tail", "20000101-000000-aaaa"])
    until((jobs.folder / job_id / "events.jsonl").exists)
    yield job_id
    jobs.cancel(job_id)


# -- a job's life --------------------------------------------------------------------------------------------


def test_a_job_that_ends_well_is_done(home: Workspace, jobs: Jobs) -> None:
    job = finished(jobs, jobs.start(home.home, ["doctor"]))
    assert (job.state, job.verb, job.error) == (JobState.DONE, "doctor", "")
    assert "sqlite" in (jobs.folder / job.id / "log.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["labels", "export", "out.txt"], "out.txt: unknown ending. Use .csv, .jsonl, .parquet, .json or .xml."),
        (["retrain"], "retrain.learning_rate: Input should be a valid number"),
        (["nonsense"], "Ended with code 2. See log.txt"),
    ],
)
def test_a_job_that_fails_says_why_however_early(home: Workspace, jobs: Jobs, arguments: list[str], error: str) -> None:
    home.settings.write_text('[retrain]\nlearning_rate = "fast"\n')
    job = finished(jobs, jobs.start(home.home, arguments))
    assert job.state is JobState.FAILED
    assert error in job.error


def test_a_job_has_a_session_of_its_own(jobs: Jobs, running: str) -> None:
    job = jobs.get(running)
    assert job.state is JobState.RUNNING
    assert os.getsid(job.pid) == job.pid != os.getsid(0)
    assert jobs.cancel(running).state is JobState.CANCELLED
    until(lambda: not is_held(jobs.folder / running / "lock"))


def test_cancelling_leaves_a_last_word_and_can_be_repeated(jobs: Jobs, running: str) -> None:
    jobs.cancel(running)
    assert jobs.cancel(running).state is JobState.CANCELLED
    events = (jobs.folder / running / "events.jsonl").read_text()
    assert events.count('"cancelled"') == 1


def test_a_killed_job_is_lost_and_can_be_resumed(home: Workspace, jobs: Jobs, running: str) -> None:
    os.kill(jobs.get(running).pid, signal.SIGKILL)
    assert finished(jobs, running).state is JobState.LOST
    again = jobs.resume(home.home, running)
    assert again != running
    assert jobs.get(again).arguments == jobs.get(running).arguments
    assert jobs.cancel(again).state is JobState.CANCELLED


def test_a_job_has_the_rights_of_whoever_starts_it_and_of_whoever_starts_it_again(home: Workspace) -> None:
    home.settings.write_text('[people]\nleads = ["lea"]\n')
    mia, lea = Jobs(home.jobs, "mia"), Jobs(home.jobs, "lea")
    refused = finished(mia, mia.start(home.home, ["models", "rollback"]))
    assert (refused.by, refused.arguments) == ("mia", ("models", "rollback"))
    assert "Only leads promote encoders" in refused.error
    again = finished(lea, lea.resume(home.home, refused.id))
    assert again.by == "lea"
    assert "nothing to roll back to" in again.error


def test_a_second_job_of_a_verb_is_refused_while_one_runs(home: Workspace, jobs: Jobs, running: str) -> None:
    with pytest.raises(JobError, match="Jobs is already running") as refused:
        jobs.start(home.home, ["jobs", "list"])
    assert f"samesku jobs tail {running}" in refused.value.hint
    with pytest.raises(JobError, match="still running"):
        jobs.resume(home.home, running)
    jobs.cancel(running)
    assert finished(jobs, jobs.start(home.home, ["jobs", "list"])).state is JobState.DONE


def test_only_a_lead_ends_what_somebody_else_started(home: Workspace, jobs: Jobs) -> None:
    write_job(jobs, "20000101-000000-aaaa", running=True)
    mine = Jobs(home.jobs, "mia")
    job_id = mine.start(home.home, ["jobs", "tail", "20000101-000000-aaaa"])
    until((jobs.folder / job_id / "events.jsonl").exists)
    other, lead = Jobs(home.jobs, "bob", lead=False), Jobs(home.jobs, "lea")
    assert other.refusal(other.get(job_id)) == "mia started this job; only they or a lead can cancel it."
    with pytest.raises(JobError, match="mia started this"):
        other.cancel(job_id)
    assert mine.get(job_id).state is JobState.RUNNING
    assert lead.refusal(lead.get(job_id)) == ""
    assert lead.cancel(job_id).state is JobState.CANCELLED


# -- what the files tell -------------------------------------------------------------------------------------


EVENTS = """\
{"t": 0.0, "kind": "stage", "stage": "encode", "total": 9}
{"t": 2.0, "kind": "progress", "stage": "encode", "done": 9, "total": 9, "rate": 3.0, "left_s": 0.0}
{"t": 3.0, "kind": "stage", "stage": "train", "total": 40}
{"t": 3.5, "kind": "metric", "step": 0, "name": "MRR", "value": 0.5}
{"t": 4.0, "kind": "loss", "step": 1, "loss": 2.5}
{"t": 5.0, "kind": "loss", "step": 2, "loss": 2.0}
{"t": 6.0, "kind": "message", "text": "hello"}
{"t": 7.0, "kind": "result", "model": "m"}
"""


def test_a_job_is_what_its_events_say(jobs: Jobs) -> None:
    write_job(jobs, "j1", running=True, events=EVENTS)
    job = jobs.get("j1")
    # The progress is that of the stage before, and says nothing of this one.
    assert (job.state, job.stage, job.done, job.total, job.rate) == (JobState.RUNNING, "train", 0, 40, None)
    assert job.result == {"model": "m"}


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ('{"kind": "done"}\n', JobState.DONE),
        ('{"kind": "failed", "error": "why"}\n', JobState.FAILED),
        ('{"kind": "cancelled"}\n', JobState.CANCELLED),
        ('{"kind": "don', JobState.LOST),
        ("", JobState.LOST),
    ],
)
def test_the_last_word_tells_the_state_of_a_process_that_is_gone(jobs: Jobs, last: str, state: JobState) -> None:
    write_job(jobs, "j1", events=EVENTS + last)
    assert jobs.get("j1").state is state


def test_a_job_that_ends_while_it_is_looked_at_is_not_lost(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    write_job(jobs, "j1", events=EVENTS)

    def ends(_: Path) -> bool:
        with (jobs.folder / "j1" / "events.jsonl").open("a") as file:
            file.write('{"kind": "done"}\n')
        return False

    monkeypatch.setattr("core.jobs.job.is_held", ends)
    assert jobs.get("j1").state is JobState.DONE


def test_what_has_ended_is_read_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    for job_id, last in (("j1", '{"t": 9.0, "kind": "done"}\n'), ("j2", ""), ("j3", '{"t": 9.0, "kind": "failed"}\n')):
        write_job(jobs, job_id, running=True, events=EVENTS + last)
    write_job(jobs, "j4", events=EVENTS)
    first = jobs.list()
    read: list[str] = []

    def counted(folder: Path) -> Job:
        read.append(folder.name)
        return read_job(folder)

    monkeypatch.setattr("core.jobs.board.read_job", counted)
    assert jobs.list() == first
    assert read == ["j2"]


def test_the_precedent_of_a_job_is_the_latest_that_ended_well(jobs: Jobs) -> None:
    for job_id, verb, last in (
        ("20260101-000000-aaaa", "retrain", "done"),
        ("20260102-000000-aaaa", "retrain", "done"),
        ("20260103-000000-aaaa", "retrain", "cancelled"),
        ("20260104-000000-aaaa", "evaluate", "done"),
    ):
        write_job(jobs, job_id, verb=verb, events=f'{EVENTS}{{"t": 9.0, "kind": "{last}"}}\n')
    before = jobs.last_successful("retrain")
    assert before is not None
    assert before.id == "20260102-000000-aaaa"
    assert jobs.last_successful("index") is None
    write_job(jobs, "20260105-000000-aaaa", running=True, events=EVENTS)
    job = jobs.get("20260105-000000-aaaa")
    assert job.eta_s == pytest.approx(2.0)
    assert jobs.get(before.id).eta_s is None
    assert {each.id: each.eta_s for each in jobs.list()}[job.id] == pytest.approx(2.0)


def test_a_sweep_is_no_precedent_of_a_retrain(jobs: Jobs) -> None:
    write_job(jobs, "20260101-000000-aaaa", events=f'{EVENTS}{{"t": 9.0, "kind": "done"}}\n')
    write_job(jobs, "20260102-000000-aaaa", events=f'{EVENTS}{{"t": 9.0, "kind": "done"}}\n', options=["--sweep"])
    last = jobs.last_successful("retrain")
    assert last is not None
    assert last.id == "20260101-000000-aaaa"


def test_a_job_knows_how_long_it_took(jobs: Jobs) -> None:
    # 2026-01-01 is 1,767,225,600 seconds after the epoch.
    write_job(jobs, "j1", events='{"t": 1767225690.0, "kind": "done"}\n')
    write_job(jobs, "j2")
    assert jobs.get("j1").took_s == 90.0
    assert jobs.get("j2").took_s is None


def test_jobs_are_listed_latest_first_and_a_damaged_one_hides_none(jobs: Jobs) -> None:
    assert jobs.list() == []
    for job_id in ("20260101-000000-aaaa", "20260103-000000-aaaa", "20260102-000000-aaaa"):
        write_job(jobs, job_id)
    (jobs.folder / "20260102-000000-aaaa" / "job.json").write_text("{")
    assert [job.id for job in jobs.list()] == ["20260103-000000-aaaa", "20260101-000000-aaaa"]
    with pytest.raises(JobError, match="Job 20260102-000000-aaaa is damaged"):
        jobs.get("20260102-000000-aaaa")
