"""Files of jobs that another member of the group has written: nothing is believed, and nothing hangs or ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from odd_files import ODD_FILES
from running_jobs import end, hold, sleeping
from samples import until, write_catalogue

from core.errors import JobError
from core.jobs.board import Jobs
from core.jobs.events import last_events, read_events
from core.jobs.job import JobState
from core.jobs.locks import acquire, is_held
from core.workspace import Workspace

START = {"arguments": ["retrain"], "by": "eve", "pid": 1, "started_at": "2026-01-01T00:00:00+00:00"}
JOB = "20260101-000000-aaaa"
FILES = ("job.json", "events.jsonl", "log.txt", "lock", "cancel")


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return write_catalogue(tmp_path / "home")


@pytest.fixture
def jobs(home: Workspace) -> Jobs:
    return Jobs(home.jobs)


def write_job(jobs: Jobs, job_id: str = JOB, **facts: object) -> Path:
    """A job's folder, with other facts than it would have."""
    folder = jobs.folder / job_id
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({**START, **facts}))
    (folder / "events.jsonl").write_text('{"t": 1.0, "kind": "stage", "stage": "train", "total": 5}\n')
    return folder


# -- whose process it is -------------------------------------------------------------------------------------


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """Somebody's process that is no job, in a session of its own."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def born(pid: int) -> str:
    """When a process began, as job.json told it in earlier versions."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_strangers_process_is_neither_a_job_nor_ended(jobs: Jobs, stranger: "subprocess.Popen[bytes]") -> None:
    write_job(jobs, pid=stranger.pid, born=born(stranger.pid))
    assert jobs.get(JOB).state is JobState.LOST
    jobs.cancel(JOB)
    assert stranger.poll() is None


def test_a_file_that_names_a_stranger_does_not_end_them_while_a_job_runs(
    jobs: Jobs, stranger: "subprocess.Popen[bytes]"
) -> None:
    folder = write_job(jobs, pid=stranger.pid)
    process = sleeping(folder)
    try:
        assert jobs.cancel(JOB).state is JobState.CANCELLED
        assert process.wait(120) != 0
        assert stranger.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_job_runs_while_its_process_lives(jobs: Jobs) -> None:
    process = sleeping(write_job(jobs))
    assert jobs.get(JOB).state is JobState.RUNNING
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert jobs.get(JOB).state is JobState.LOST


def test_a_real_job_holds_its_lock_from_its_first_instant_and_its_children_do_not(
    home: Workspace, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    popen = subprocess.Popen

    def watched(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        process = popen(*arguments, **options)
        started.extend(is_held(path) for path in home.jobs.glob("*/lock"))
        return process

    monkeypatch.setattr(subprocess, "Popen", watched)
    job_id = jobs.start(home.home, ["doctor"])
    until(lambda: jobs.get(job_id).state is not JobState.RUNNING)
    assert started == [True]
    assert jobs.get(job_id).state is JobState.DONE
    until(lambda: not is_held(home.jobs / job_id / "lock"))


def test_what_was_held_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    descriptor = acquire(path)
    assert is_held(path)
    with pytest.raises(BlockingIOError):
        acquire(path)
    os.close(descriptor)
    assert not is_held(path)
    os.close(acquire(path))


@pytest.mark.parametrize("pid", [0, -1, 1, True])
def test_no_number_is_signalled(jobs: Jobs, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.jobs.board._CANCEL_TIMEOUT_S", 0.2)
    for name in ("kill", "killpg"):
        monkeypatch.setattr(os, name, lambda *_: pytest.fail("a signal was sent"))
    folder = write_job(jobs)
    (folder / "job.json").write_text(json.dumps({**START, "pid": int(pid)}))
    hold(folder)
    assert jobs.cancel(JOB).state is JobState.RUNNING
    end(folder)
    assert jobs.get(JOB).state is JobState.LOST


# -- what the files hold -------------------------------------------------------------------------------------


ODD: list[Any] = [None, True, 5, -1, 1.5, 10**400, "x", [], [1], ["x", None], {}, {"a": 1}, [["x"]]]


@pytest.mark.parametrize("name", ["arguments", "started_at", "by", "pid"])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_odd_facts_of_a_job_hide_no_other(home: Workspace, jobs: Jobs, name: str, value: object) -> None:
    write_job(jobs, "20260102-000000-bbbb", **{name: value})
    write_job(jobs)
    assert JOB in {job.id for job in jobs.list()}
    for job in jobs.list():
        assert all(isinstance(text, str) for text in (*job.arguments, job.by, job.started_at, job.name, job.verb))
        assert job.took_s is None


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "1", '"x"', "NaN", "{}", '{"arguments": NaN}', '{"arguments": [], "started_at": ""}',
        "[" * 60_000, "9" * 60_000,
    ],
)  # fmt: skip
def test_a_job_file_that_is_none_hides_no_other(jobs: Jobs, content: str) -> None:
    (write_job(jobs, "20260102-000000-bbbb") / "job.json").write_text(content)
    write_job(jobs)
    assert [job.id for job in jobs.list()] == [JOB]
    with pytest.raises(JobError, match="is damaged"):
        jobs.get("20260102-000000-bbbb")


def test_half_characters_and_controls_can_be_shown(jobs: Jobs) -> None:
    half, control = "\ud800", "\x1b]52;c;aGk=\x07"
    texts = f"{half}{control}"
    folder = write_job(jobs, by=texts, started_at=texts, arguments=["models", "promote", texts])
    events = [
        {"kind": "message", "text": texts},
        {"kind": "metric", "step": 1, "name": texts, "value": 1},
        {"kind": "stage", "stage": texts, "total": None},
        {"kind": "metric", "step": 1, "name": texts, "value": 1},
        {"kind": "result", "model": texts},
        {"kind": "failed", "error": texts},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    job, course = jobs.get(JOB), jobs.progress_log(JOB)
    shown = [job.by, job.started_at, job.name, job.stage, job.error, *course.messages, course.stages[0].name]
    for text in [*shown, *course.stages[0].metrics]:
        assert text.isprintable(), text
    json.dumps(job.result, ensure_ascii=False).encode()


EVENTS: list[dict[str, Any]] = [
    {"kind": "stage", "stage": "train", "total": 5},
    {"kind": "progress", "stage": "train", "done": 1, "total": 5, "rate": 1.0, "left_s": 4.0},
    {"kind": "loss", "step": 1, "loss": 0.5},
    {"kind": "metric", "step": 1, "name": "MRR", "value": 0.5},
    {"kind": "message", "text": "hello"},
    {"kind": "failed", "error": "why"},
]


@pytest.mark.parametrize("place", range(len(EVENTS)), ids=lambda place: str(EVENTS[place]["kind"]))
def test_odd_values_in_events_are_passed_over(jobs: Jobs, place: int) -> None:
    folder = write_job(jobs)
    values = [*ODD, float("nan"), float("inf"), 1e308, -1e308, -5, 2**70]
    names = EVENTS[place].keys() | {"t"}
    lines = [json.dumps({"t": 1.0, **EVENTS[place], name: value}) for name in names for value in values]
    (folder / "events.jsonl").write_text("\n".join([*lines, json.dumps({"t": 2.0, "kind": "done"}), ""]))
    job, course = jobs.get(JOB), jobs.progress_log(JOB)
    assert job.took_s is not None
    assert isinstance(job.stage, str)
    assert isinstance(job.error, str)
    assert 0 <= job.done < 2**53
    for stage in course.stages:
        assert all(abs(value) <= 1e100 for _, value in stage.losses)
    _ = jobs.list()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ODD_FILES)
def test_odd_files_neither_hang_nor_hide_others(jobs: Jobs, name: str, kind: str) -> None:
    folder = write_job(jobs, "20260102-000000-bbbb")
    (folder / name).unlink(missing_ok=True)
    ODD_FILES[kind](folder / name)
    write_job(jobs)
    assert JOB in {job.id for job in jobs.list()}
    for read in (jobs.get, jobs.progress_log, jobs.log, jobs.cancel):
        try:
            told = str(read(folder.name))
        except JobError as error:
            told = error.message
        assert "secret" not in told


def test_of_a_file_without_end_only_so_much_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    ODD_FILES["huge"](path)
    offset, pieces = 0, 0
    while (read := read_events(path, offset)[1]) != offset:
        offset, pieces = read, pieces + 1
    assert offset == pieces * 2**20 == 2**26
    assert last_events(path) == {}


@pytest.mark.parametrize("kind", ["FIFO", "link to a device", "empty", "dangling link", "link to itself"])
def test_a_job_folder_that_is_none_hides_no_other(jobs: Jobs, kind: str) -> None:
    folder = write_job(jobs)
    ODD_FILES[kind](jobs.folder / "20260102-000000-bbbb")
    (jobs.folder / "20260103-000000-cccc").symlink_to(folder)
    assert [job.id for job in jobs.list()] == [JOB]


@pytest.mark.parametrize("kind", ["FIFO", "empty", "link to a device", "link to itself"])
def test_a_folder_of_jobs_that_is_none_is_one_sentence(jobs: Jobs, kind: str, home: Workspace) -> None:
    ODD_FILES[kind](jobs.folder)
    for act in (jobs.list, lambda: jobs.start(home.home, ["doctor"]), lambda: jobs.start(home.home, ["index"])):
        with pytest.raises(JobError):
            act()


@pytest.mark.parametrize("job_id", ["", ".", "..", "../jobs", "a/b", "\0", "x" * 5000, "/etc"])
def test_an_id_leads_nowhere_else(jobs: Jobs, home: Workspace, job_id: str) -> None:
    write_job(jobs)
    (home.home / "job.json").write_text(json.dumps(START))
    for act in (jobs.get, jobs.progress_log, jobs.log, jobs.cancel):
        with pytest.raises(JobError):
            act(job_id)


def test_a_thousand_jobs_are_read_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_job(jobs, "20000101-000000-0000")
    (folder / "events.jsonl").write_text('{"t": 1.0, "kind": "done"}\n')
    for number in range(1, 1_000):
        shutil.copytree(folder, jobs.folder / f"20000101-000000-{number:04}")
    assert len(jobs.list()) == 1_000
    monkeypatch.setattr("core.jobs.board.read_job", lambda _: pytest.fail("read again"))
    assert len(jobs.list()) == 1_000


# -- in whose name -------------------------------------------------------------------------------------------


def _of_another_account(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(path, 12345, -1)


@pytest.mark.parametrize("make", [_of_another_account, lambda path: path.chmod(0o664)], ids=["owner", "mode"])
def test_what_others_can_have_written_is_not_run_in_ones_own_name(
    jobs: Jobs, home: Workspace, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    folder = write_job(jobs, arguments=["labels", "export", str(tmp_path / "mine.csv")])
    make(folder / "job.json")
    with pytest.raises(JobError, match="was written by another account") as refused:
        jobs.resume(home.home, JOB)
    assert f"samesku labels export {tmp_path / 'mine.csv'}" in refused.value.hint
    assert [job.id for job in jobs.list()] == [JOB]


def test_a_job_that_this_account_started_can_be_started_again(home: Workspace, jobs: Jobs) -> None:
    before = os.umask(0o002)
    try:
        first = jobs.start(home.home, ["jobs", "list"])
        until(lambda: jobs.get(first).state is not JobState.RUNNING)
        again = jobs.resume(home.home, first)
    finally:
        os.umask(before)
    until(lambda: jobs.get(again).state is not JobState.RUNNING)
    assert jobs.get(again).state is JobState.DONE
