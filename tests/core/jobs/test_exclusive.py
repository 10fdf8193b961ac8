"""Work that must not run twice at once, in terminals and as jobs; and jobs that cannot be started."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from disk import full_disk
from odd_files import ODD_FILES
from samples import match, q, until, write_workspace

from core.cli.app import make_app, run
from core.cli.context import Context
from core.errors import JobError
from core.jobs import board
from core.jobs.board import Jobs
from core.jobs.events import EventWriter
from core.jobs.exclusive import Holder, Work, exclusive, lock_path, work_kind
from core.jobs.job import JobState
from core.jobs.locks import is_held
from core.workspace import Workspace
from labels.model import Verb
from labels.store import LabelStore

ENCODERS = (["retrain"], ["index"], ["models", "promote", "m1"], ["models", "rollback"], ["demo"])


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return write_workspace(tmp_path / "home")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a call says that ends with an error."""
    with pytest.raises(SystemExit) as ended:
        run(make_app(), list(arguments))
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "work"),
    [
        *((arguments, Work.ENCODERS) for arguments in ENCODERS),
        (["retrain", "--set", "retrain.epochs=2"], Work.ENCODERS),
        (["judge", "train", "--cross-encoder"], Work.JUDGES),
        *((each, None) for each in (["judge", "run"], ["models", "list"], ["evaluate"], ["labels", "export"], [])),
    ],
)
def test_each_kind_of_work_has_its_lock(arguments: list[str], work: Work | None) -> None:
    assert work_kind(arguments) is work


@pytest.mark.parametrize("arguments", ENCODERS, ids=" ".join)
@pytest.mark.parametrize("job", ["", "20260101-000000-aaaa"])
def test_it_is_refused_in_a_terminal_while_it_runs(
    home: Workspace, capsys: pytest.CaptureFixture[str], arguments: list[str], job: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.home.iterdir()}
    with exclusive(home.jobs, Work.ENCODERS, Holder.here(["retrain"], "mia", job)):
        told = refused(capsys, "--home", str(home.home), *arguments)
    assert "Retrain is already running, started by mia, since 20" in told
    assert (f"process {os.getpid()} on " in told) is (not job)
    assert (f"samesku jobs tail {job}" in told) is bool(job)
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("arguments", ENCODERS[:4], ids=" ".join)
def test_it_is_not_started_as_a_job_while_it_runs_in_a_terminal(home: Workspace, arguments: list[str]) -> None:
    jobs = Jobs(home.jobs, "bob")
    with (
        exclusive(home.jobs, Work.ENCODERS, Holder.here(["index"], "mia")),
        pytest.raises(JobError, match="Index is already running, started by mia, since 20"),
    ):
        jobs.start(home.home, arguments)
    assert jobs.list() == []


def test_a_job_keeps_the_same_work_from_terminals_until_it_ends(
    home: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    popen = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        process = popen(*arguments, **options)
        if not told:
            told.append("")
            told.append(refused(capsys, "--home", str(home.home), "index"))
        return process

    monkeypatch.setattr(subprocess, "Popen", watched)
    jobs = Jobs(home.jobs, "mia")
    job_id = jobs.start(home.home, ["models", "rollback"])
    assert "Roll back the champion is already running, started by mia, since 20" in told[1]
    assert f"samesku jobs tail {job_id}" in told[1]
    until(lambda: jobs.get(job_id).state is not JobState.RUNNING)
    assert "nothing to roll back to" in jobs.get(job_id).error
    with exclusive(home.jobs, Work.ENCODERS, Holder.here(["index"], "bob")):
        assert is_held(lock_path(home.jobs, Work.ENCODERS))


def test_work_that_a_job_does_besides_its_own_is_the_job_s(home: Workspace, tmp_path: Path) -> None:
    job = tmp_path / "20260101-000000-aaaa"
    job.mkdir()
    context = Context(home.home, annotator_name="mia", job=EventWriter(job / "events.jsonl"))
    with (
        context.exclusive("index"),
        pytest.raises(JobError) as refused,
        exclusive(home.jobs, Work.ENCODERS, Holder("")),
    ):
        pass
    assert refused.value.hint == f"Watch it: Jobs in the desk's menu, or `samesku jobs tail {job.name}`."


_HOLDS = """
import sys, time
from pathlib import Path
from core.jobs.exclusive import Holder, Work, exclusive
with exclusive(Path(sys.argv[1]), Work.ENCODERS, Holder.here(["retrain"], "mia")):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_retrain_is_refused_until_the_first_is_dead(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", _HOLDS, str(home.jobs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        told = refused(capsys, "--home", str(home.home), "retrain")
        assert "Retrain is already running, started by mia" in told
        first.kill()
    # The lock file with its name is still there; the lock is not.
    assert "mia" in lock_path(home.jobs, Work.ENCODERS).read_text()
    with exclusive(home.jobs, Work.ENCODERS, Holder.here(["retrain"], "bob")):
        pass


def test_labelling_and_training_a_judge_go_on_beside_a_retrain(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with exclusive(home.jobs, Work.ENCODERS, Holder.here(["retrain"], "mia")):
        with LabelStore(home.labels) as store:
            store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"))
        assert "is already running" not in refused(
            capsys, "--home", str(home.home), "judge", "train", "--cross-encoder"
        )
        with pytest.raises(SystemExit) as ended:
            run(make_app(), ["--home", str(home.home), "labels", "stats"])
        assert not ended.value.code


def test_what_was_done_can_be_done_again_after_an_error(home: Workspace) -> None:
    holder = Holder.here(["index"], "mia")
    with pytest.raises(RuntimeError), exclusive(home.jobs, Work.ENCODERS, holder):
        raise RuntimeError
    with exclusive(home.jobs, Work.ENCODERS, holder):
        pass


HOLDERS: list[Any] = [
    "", "{", "[]", "null", "{}", "[" * 4000, "x" * 9999, b"\xff",
    *(json.dumps({**dict.fromkeys(("name", "by", "started_at", "job", "host"), "x"), "pid": 1, **odd}) for odd in (
        {"name": 5}, {"name": None}, {"by": ["x"]}, {"pid": "1"}, {"pid": True}, {"host": {}}, {"name": " "},
    )),
]  # fmt: skip


@pytest.mark.parametrize("content", HOLDERS, ids=lambda content: str(content)[:20])
def test_whoever_wrote_the_lock_the_refusal_is_one_sentence(home: Workspace, content: str | bytes) -> None:
    with exclusive(home.jobs, Work.ENCODERS, Holder.here(["retrain"], "mia")):
        path = lock_path(home.jobs, Work.ENCODERS)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with (
            pytest.raises(JobError, match=r"^A retrain or an index run is already running\.$") as told,
            exclusive(home.jobs, Work.ENCODERS, Holder.here(["index"], "bob")),
        ):
            pytest.fail("it was begun")
        assert "samesku jobs list" in told.value.hint


def test_nothing_in_a_refusal_acts_on_a_terminal() -> None:
    hostile = "\x1b]52;c;aGk=\x07\u202e\ud800"
    for error in (
        Holder(hostile, hostile, hostile, hostile, 1, hostile).refusal(),
        Holder(hostile, host=hostile).refusal(),
    ):
        assert error.message.isprintable()
        assert error.hint.isprintable()


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link", "link to a device", "dangling link", "link to itself"])
def test_a_lock_that_is_no_file_is_one_sentence(home: Workspace, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    home.jobs.mkdir()
    ODD_FILES[kind](lock_path(home.jobs, Work.ENCODERS))
    assert "cannot be locked" in refused(capsys, "--home", str(home.home), "index")
    with pytest.raises(JobError, match="cannot be locked"):
        Jobs(home.jobs).start(home.home, ["retrain"])


# -- a job that cannot be started ----------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The processes that were started."""
    processes: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        processes.append(popen(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    yield processes
    assert all(process.poll() is not None for process in processes)


def left(home: Workspace) -> set[str]:
    return {path.name for path in home.jobs.iterdir()} - {"encoders.lock"}


@pytest.mark.parametrize("arguments", [["retrain"], ["evaluate"]], ids=" ".join)
def test_on_a_full_disk_a_job_is_not_started(
    home: Workspace, arguments: list[str], started: list["subprocess.Popen[bytes]"]
) -> None:
    jobs = Jobs(home.jobs)
    with full_disk(0), pytest.raises(JobError, match=r"^The job cannot be started: ") as told:
        jobs.start(home.home, arguments)
    assert told.value.hint == "Is there room on the disk?"
    assert (started, left(home)) == ([], set())


def test_on_a_full_disk_detach_is_one_sentence(home: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with full_disk(0):
        told = refused(capsys, "--home", str(home.home), "retrain", "--detach")
    assert told.startswith("Error: The job cannot be started: File too large.")
    assert left(home) == set()


def test_a_job_that_cannot_be_written_down_after_its_start_is_ended(
    home: Workspace, started: list["subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = board.write_start, []

    def fails(path: Path, start: Any) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        write(path, start)

    monkeypatch.setattr(board, "write_start", fails)
    with pytest.raises(JobError, match="No space left on device"):
        Jobs(home.jobs).start(home.home, ["retrain"])
    assert [process.poll() for process in started] == [-9]
    assert left(home) == set()
    with exclusive(home.jobs, Work.ENCODERS, Holder.here(["index"], "bob")):
        pass


def test_a_process_that_cannot_be_started_leaves_nothing(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fails)
    with pytest.raises(JobError, match="Resource temporarily unavailable"):
        Jobs(home.jobs).start(home.home, ["retrain"])
    assert left(home) == set()


def test_a_job_is_written_down_before_its_process_begins(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    facts: list[dict[str, Any]] = []
    popen = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        facts.extend(json.loads(path.read_bytes()) for path in home.jobs.glob("*/job.json"))
        return popen(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    jobs = Jobs(home.jobs, "mia")
    job_id = jobs.start(home.home, ["doctor"])
    assert [(fact["arguments"], fact["by"], fact["pid"]) for fact in facts] == [(["doctor"], "mia", 0)]
    assert jobs.get(job_id).pid > 0
    until(lambda: jobs.get(job_id).state is not JobState.RUNNING)


def test_without_room_for_its_events_a_job_ends_in_a_sentence(home: Workspace) -> None:
    jobs = Jobs(home.jobs)
    with full_disk(2000):
        job_id = jobs.start(home.home, ["labels", "stats"])
    until(lambda: jobs.get(job_id).state is not JobState.RUNNING)
    assert "Traceback" not in "\n".join(jobs.log(job_id))
