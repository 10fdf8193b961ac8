"""The jobs of a workspace: start, list, watch, cancel and resume detached processes.

A job's folder jobs/<id> has job.json (its command line), events.jsonl (its progress) and log.txt (its output). The
job's process holds a lock on the file `lock` while it lives; a file `cancel` requests its end. Any member of the group
may have written any of these files, so they are validated when read.
"""

import errno
import os
import secrets
import shlex
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from core.errors import JobError
from core.interpreter import module_command
from core.jobs import locks
from core.jobs.eta import eta_seconds
from core.jobs.events import read_events
from core.jobs.exclusive import Holder, acquire, work_kind
from core.jobs.job import CANCEL, FOLDER_VARIABLE, LOCK, Job, JobState, Start, log_lines, read_job, write_start
from core.jobs.progress_log import ProgressLog
from core.text.safe import safe
from labels.files import DRAFT_PREFIX, drafts, is_denied, way_out

#: How long `cancel` waits for a job to clean up and end.
_CANCEL_TIMEOUT_S = 10.0

_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Jobs:
    """The jobs of a workspace. Safe to use from several threads; ended jobs are cached.

    Args:
        folder: the workspace's folder of jobs.
        by: the annotator under whose name new jobs run; the login name if empty.
        lead: whether this annotator may cancel others' jobs.
    """

    def __init__(self, folder: Path, by: str = "", *, lead: bool = True) -> None:
        self.folder = folder
        self._by = by
        self._lead = lead
        self._ended: dict[str, Job] = {}
        #: Progress logs by job id: of the job that estimates go by, and of running jobs as far as they were read.
        self._earlier: dict[str, ProgressLog] = {}
        self._running: dict[str, ProgressLog] = {}

    def start(self, home: Path, arguments: Sequence[str]) -> str:
        """Start `python -m core ARGUMENTS` detached from this terminal. Returns the job's id.

        Raises:
            JobError: a job with the same verb or conflicting work is running, or the job cannot be written or
                started. No process is left behind then.
        """
        self._refuse_duplicate(arguments[0])
        job_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        descriptors: list[int] = []
        try:
            if (work := work_kind(arguments)) is not None:
                lock = acquire(self.folder, work, Holder.here(arguments, self._by, job_id))
                descriptors += [] if lock is None else [lock]
            start = Start(tuple(arguments), datetime.now(UTC).isoformat(timespec="seconds"), self._by)
            with _start_errors():
                descriptors.append(self._create_folder(job_id, start))
                self._launch(home, job_id, start, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return job_id

    def _create_folder(self, job_id: str, start: Start) -> int:
        """Create a job's folder, visible to others only when complete. Returns the descriptor that holds its lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with drafts(self.folder) as place:
            draft = place / job_id
            draft.mkdir()
            write_start(draft / "job.json", start)
            lock = locks.acquire(draft / LOCK)
            try:
                draft.rename(self.folder / job_id)
            except BaseException:
                os.close(lock)
                raise
        return lock

    def _launch(self, home: Path, job_id: str, start: Start, descriptors: Sequence[int]) -> None:
        """Start a job's process, which inherits the locks, so that they are never released in between."""
        folder = self.folder / job_id
        account = [f"--as={self._by}"] if self._by else []
        process = None
        try:
            with os.fdopen(os.open(folder / "log.txt", _CREATE_FLAGS, 0o666), "wb") as log:
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and verbs
                    module_command("core", "--home", str(home), *account, *start.arguments),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    # In its own session, the process gets no signal when the terminal is closed.
                    start_new_session=True,
                    cwd=Path(__file__).parents[2],
                    pass_fds=descriptors,
                    env={**os.environ, FOLDER_VARIABLE: str(folder), **locks.lock_environment(descriptors)},
                )  # fmt: skip
            write_start(folder / "job.json", replace(start, pid=process.pid))
        except BaseException:
            if process is not None:
                with suppress(OSError):  # it may have ended by itself
                    os.killpg(process.pid, signal.SIGKILL)  # not yet waited for, so the id cannot have been reused
                process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _refuse_duplicate(self, verb: str) -> None:
        for job in self.list():
            if job.state is JobState.RUNNING and job.verb == verb:
                raise Holder(job.name, job.by if job.by != self._by else "", job.started_at, job.id).refusal()

    def list(self) -> list[Job]:
        """All jobs with their remaining time, the latest first.

        Raises:
            JobError: their folder cannot be read.
        """
        jobs = self._all()
        return [self._with_eta(job, jobs) for job in jobs]

    def _all(self) -> Sequence[Job]:
        try:
            with os.scandir(self.folder) as entries:
                names = sorted((entry.name for entry in entries if _is_folder(entry)), reverse=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JobError(
                f"{self.folder} cannot be read: {error.strerror}.",
                way_out(error, "Check its permissions."),
            ) from error
        jobs = []
        for name in names:
            with suppress(JobError):  # a damaged job does not hide the others
                jobs.append(self._read(name))
        return jobs

    def get(self, job_id: str) -> Job:
        """One job with its remaining time.

        Raises:
            JobError: there is no such job, or its files are damaged.
        """
        job = self._read(job_id)
        return job if job.state is not JobState.RUNNING else self._with_eta(job, self._all())

    def _read(self, job_id: str) -> Job:
        if (ended := self._ended.get(job_id)) is not None:
            return ended
        with self._readable(job_id) as folder:
            job = read_job(folder)
        if job.state is not JobState.RUNNING:
            self._ended[job_id] = job
        return job

    def progress_log(self, job_id: str, so_far: ProgressLog | None = None) -> ProgressLog:
        """The stages, losses and messages of a job.

        Args:
            job_id: the job.
            so_far: an earlier return value; only events after it are read.

        Raises:
            JobError: there is no such job, or its files are damaged.
        """
        log = so_far or ProgressLog()
        while True:
            events, offset = self.events(job_id, log.offset)
            if offset == log.offset:
                return log
            log = log.extended(events, offset)

    def events(self, job_id: str, offset: int = 0) -> tuple[Sequence[dict[str, Any]], int]:
        """The events of a job from byte `offset` on, one chunk at a time, and the offset of the next chunk.

        Raises:
            JobError: they cannot be read.
        """
        with self._readable(job_id) as folder:
            return read_events(folder / "events.jsonl", offset)

    def last_successful(self, verb: str) -> Job | None:
        """The latest successful job of a verb."""
        return _last_successful(self._all(), (verb,))

    def _with_eta(self, job: Job, jobs: Sequence[Job]) -> Job:
        """A job with its remaining time, if it is running and that can be estimated."""
        if job.state is not JobState.RUNNING:
            self._running.pop(job.id, None)
            return job
        earlier = None
        with suppress(JobError):  # damaged events give no estimate
            if (before := _last_successful(jobs, _task(job.arguments))) is not None:
                if before.id not in self._earlier:
                    self._earlier = {before.id: self.progress_log(before.id)}
                earlier = self._earlier[before.id]
            log = self.progress_log(job.id, self._running.get(job.id))
            self._running[job.id] = log
            return replace(job, eta_s=eta_seconds(job, log, earlier))
        return job

    def log(self, job_id: str) -> tuple[str, ...]:
        """The last lines of a job's output, safe to display.

        Raises:
            JobError: they cannot be read.
        """
        with self._readable(job_id) as folder:
            return tuple(log_lines(folder / "log.txt"))

    def refusal(self, job: Job) -> str:
        """Why this annotator may not cancel a job, one sentence; empty if they may."""
        allowed = self._lead or not job.by or job.by == self._by
        return "" if allowed else f"{job.by} started this job; only they or a lead can cancel it."

    def cancel(self, job_id: str) -> Job:
        """Request a running job's end and wait for it; cached results are kept. Returns the job's state after that.

        The request is a file for which the job's process looks. No signal is sent, since the process id in a file
        that others can write proves nothing.

        Raises:
            JobError: it is another annotator's job, or the request cannot be written.
        """
        job = self.get(job_id)
        if refusal := self.refusal(job):
            raise JobError(refusal)
        if job.state is not JobState.RUNNING:
            return job
        try:
            with suppress(FileExistsError):
                os.close(os.open(self.folder / job_id / CANCEL, _CREATE_FLAGS, 0o660))
        except OSError as error:
            owner = job.by or "Another user"
            raise JobError(
                f"Job {job_id} cannot be cancelled: {error.strerror}.", f"{owner} started it and can cancel it."
            ) from error
        deadline = time.monotonic() + _CANCEL_TIMEOUT_S
        while (job := self.get(job_id)).state is JobState.RUNNING and time.monotonic() < deadline:
            time.sleep(0.05)
        return job

    def resume(self, home: Path, job_id: str) -> str:
        """Start a job's command line again; cached results are reused. Returns the new job's id.

        Raises:
            JobError: it is running, or another account may have written its command line.
        """
        job = self.get(job_id)
        if job.state is JobState.RUNNING:
            raise JobError(f"Job {job_id} is still running.")
        if not job.is_own:
            raise JobError(
                f"Job {job_id} was written by another account and could run any command in your name.",
                f"If its command line is what you want, run it yourself: samesku {safe(shlex.join(job.arguments))}",
            )
        return self.start(home, job.arguments)

    @contextmanager
    def _readable(self, job_id: str) -> Iterator[Path]:
        """The folder of a job. Turns errors while reading its files into JobError."""
        folder = self.folder / job_id
        try:
            if folder.name != job_id or job_id == ".." or not stat.S_ISDIR(folder.lstat().st_mode):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            yield folder
        except FileNotFoundError as error:
            raise JobError(f"There is no job {safe(job_id)}.", "`samesku jobs list` shows them.") from error
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or error
            if isinstance(error, OSError) and is_denied(error):
                raise JobError(f"Job {safe(job_id)} cannot be read: {reason}.", way_out(error, "")) from error
            raise JobError(f"Job {safe(job_id)} is damaged: {reason}.", f"Move its folder away: {folder}") from error


def _last_successful(jobs: Sequence[Job], task: Sequence[str]) -> Job | None:
    """The first successful job with this task; jobs are sorted, the latest first."""
    done = (job for job in jobs if job.state is JobState.DONE)
    return next((job for job in done if _task(job.arguments) == tuple(task)), None)


def _task(arguments: Sequence[str]) -> tuple[str, ...]:
    """The verb of a command line without its operands: `retrain`, `models promote`, `judge train`."""
    words = tuple(takewhile(lambda word: not word.startswith("-"), arguments[:2]))
    # Options that make another task of a verb.
    return (*words, *(option for option in ("--cross-encoder", "--sweep") if option in arguments))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    with suppress(OSError):
        return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(DRAFT_PREFIX)
    return False


@contextmanager
def _start_errors() -> Iterator[None]:
    """Turn errors while a job is started into JobError."""
    try:
        yield
    except OSError as error:
        if locks.is_unsupported(error):
            raise JobError(
                "The file system of this workspace does not support locks, which jobs need.", "Run it without --detach."
            ) from error
        raise JobError(
            f"The job cannot be started: {error.strerror or error}.",
            "Is there room on the disk?",
        ) from error
