"""Detached jobs: processes in a session of their own, which report through files alone.

jobs/<id>/job.json says what was started; events.jsonl what it reported; log.txt what it printed. While its process
lives, that holds the file `lock`; a file `cancel` asks it to end. Any member of the group may have written any of
these files.
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
from core.jobs.exclusive import Holder, acquire, work_of
from core.jobs.job import CANCEL, FOLDER_VARIABLE, LOCK, Job, JobState, Start, log_lines, read_job, write_start
from core.jobs.progress_log import ProgressLog
from core.text.safe import safe
from labels.files import DRAFT_PREFIX, drafts, is_denied, way_out

#: How long a job that is told to end may take to clean up.
_PATIENCE_S = 10.0

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Jobs:
    """The jobs of a workspace. Any number of threads may ask: what has ended is read once.

    Args:
        folder: where they report to.
        by: under whose name new ones run: what is for leads is refused to others by the verb itself. The login name
            if not given.
        lead: whether this person may end what somebody else started.
    """

    def __init__(self, folder: Path, by: str = "", *, lead: bool = True) -> None:
        self.folder = folder
        self._by = by
        self._lead = lead
        self._ended: dict[str, Job] = {}
        self._precedents: dict[str, ProgressLog] = {}
        self._running: dict[str, ProgressLog] = {}

    def start(self, home: Path, arguments: Sequence[str]) -> str:
        """Start `python -m core ARGUMENTS` detached from this terminal. Returns the job's id.

        Raises:
            JobError: a job with the same verb or work of the same kind runs already, or the job cannot be written
                down or started. No process is left then.
        """
        self._refuse_beside(arguments[0])
        job_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        held: list[int] = []
        try:
            if (work := work_of(arguments)) is not None:
                lock = acquire(self.folder, work, Holder.here(arguments, self._by, job_id))
                held += [] if lock is None else [lock]
            start = Start(tuple(arguments), datetime.now(UTC).isoformat(timespec="seconds"), self._by)
            with _startable():
                held.append(self._made(job_id, start))
                self._launch(home, job_id, start, held)
        finally:
            for descriptor in held:
                os.close(descriptor)
        return job_id

    def _made(self, job_id: str, start: Start) -> int:
        """A new job's folder, complete before others can see it. Returns the descriptor that holds its lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with drafts(self.folder) as place:
            made = place / job_id
            made.mkdir()
            write_start(made / "job.json", start)
            lock = locks.acquire(made / LOCK)
            try:
                made.rename(self.folder / job_id)
            except BaseException:
                os.close(lock)
                raise
        return lock

    def _launch(self, home: Path, job_id: str, start: Start, descriptors: Sequence[int]) -> None:
        """Start the process of a job, which holds its locks from its first instant on."""
        folder = self.folder / job_id
        who = [f"--as={self._by}"] if self._by else []
        process = None
        try:
            with os.fdopen(os.open(folder / "log.txt", _NEW, 0o666), "wb") as log:
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and verbs
                    module_command("core", "--home", str(home), *who, *start.arguments),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    # A session of its own: closing the terminal sends it no signal.
                    start_new_session=True,
                    cwd=Path(__file__).parents[2],
                    pass_fds=descriptors,
                    env={**os.environ, FOLDER_VARIABLE: str(folder), **locks.passed_on(descriptors)},
                )  # fmt: skip
            write_start(folder / "job.json", replace(start, pid=process.pid))
        except BaseException:
            if process is not None:
                with suppress(OSError):  # it has ended by itself
                    os.killpg(process.pid, signal.SIGKILL)  # not waited for yet, so that the number is no other's
                process.wait()
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _refuse_beside(self, verb: str) -> None:
        for job in self.list():
            if job.state is JobState.RUNNING and job.verb == verb:
                raise Holder(job.name, job.by if job.by != self._by else "", job.started_at, job.id).refusal()

    def list(self) -> list[Job]:
        """All jobs, the latest first.

        Raises:
            JobError: their folder cannot be read.
        """
        known = self._all()
        return [self._timed(job, known) for job in known]

    def _all(self) -> Sequence[Job]:
        """The same without the time that is left, which goes by the others."""
        try:
            with os.scandir(self.folder) as entries:
                names = sorted((entry.name for entry in entries if _is_folder(entry)), reverse=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JobError(
                f"{self.folder} cannot be read: {error.strerror}.", way_out(error, "Look at it; it is a folder.")
            ) from error
        jobs = []
        for name in names:
            with suppress(JobError):  # a damaged job must not hide the others
                jobs.append(self._read(name))
        return jobs

    def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            JobError: there is no such job, or its files are damaged.
        """
        job = self._read(job_id)
        return job if job.state is not JobState.RUNNING else self._timed(job, self._all())

    def _read(self, job_id: str) -> Job:
        if (ended := self._ended.get(job_id)) is not None:
            return ended
        with self._readable(job_id) as folder:
            job = read_job(folder)
        if job.state is not JobState.RUNNING:
            self._ended[job_id] = job
        return job

    def course(self, job_id: str, so_far: ProgressLog | None = None) -> ProgressLog:
        """What a job told on its way; of what was read before, only what was added is read.

        Raises:
            JobError: there is no such job, or its files are damaged.
        """
        known = so_far or ProgressLog()
        while True:
            events, read = self.events(job_id, known.read)
            if read == known.read:
                return known
            known = known.then(events, read)

    def events(self, job_id: str, offset: int = 0) -> tuple[Sequence[dict[str, Any]], int]:
        """What a job told, one by one, from byte `offset` on, a piece at a time; and the offset to go on from.

        Raises:
            JobError: they cannot be read.
        """
        with self._readable(job_id) as folder:
            return read_events(folder / "events.jsonl", offset)

    def precedent(self, verb: str) -> Job | None:
        """The latest job of a verb that ran to its good end: what another one may take is known from it."""
        return _precedent(self._all(), (verb,))

    def _timed(self, job: Job, known: Sequence[Job]) -> Job:
        """A job with the time that it still takes: by the latest one that did the same, else by its own outline."""
        if job.state is not JobState.RUNNING:
            self._running.pop(job.id, None)
            return job
        earlier = None
        with suppress(JobError):  # damaged events say nothing
            if (before := _precedent(known, _work(job.arguments))) is not None:
                if before.id not in self._precedents:
                    self._precedents = {before.id: self.course(before.id)}
                earlier = self._precedents[before.id]
            course = self.course(job.id, self._running.get(job.id))
            self._running[job.id] = course
            return replace(job, left_s=eta_seconds(job, course, earlier))
        return job

    def log(self, job_id: str) -> tuple[str, ...]:
        """The last lines that a job printed, safe to show.

        Raises:
            JobError: they cannot be read.
        """
        with self._readable(job_id) as folder:
            return tuple(log_lines(folder / "log.txt"))

    def refusal(self, job: Job) -> str:
        """Why this person may not end a job, one sentence; empty where they may."""
        mine = self._lead or not job.by or job.by == self._by
        return "" if mine else f"{job.by} started this: they can end it, and so can a lead."

    def cancel(self, job_id: str) -> Job:
        """Ask a running job to end; what it had cached stays. Returns the job as it is then.

        No signal is sent from here, for a file cannot prove whose process it names: the job's own process looks for
        the request, and ends itself.

        Raises:
            JobError: it is somebody else's, or it cannot be asked.
        """
        job = self.get(job_id)
        if refusal := self.refusal(job):
            raise JobError(refusal)
        if job.state is not JobState.RUNNING:
            return job
        try:
            with suppress(FileExistsError):
                os.close(os.open(self.folder / job_id / CANCEL, _NEW, 0o660))
        except OSError as error:
            who = job.by or "Somebody else"
            raise JobError(
                f"Job {job_id} cannot be asked to end: {error.strerror}.", f"{who} started it, and can end it."
            ) from error
        deadline = time.monotonic() + _PATIENCE_S
        while (job := self.get(job_id)).state is JobState.RUNNING and time.monotonic() < deadline:
            time.sleep(0.05)
        return job

    def resume(self, home: Path, job_id: str) -> str:
        """Start a job's work again, under this name; what was cached is not done twice. Returns the new job's id.

        Raises:
            JobError: it runs, or somebody else can have written what it was to do.
        """
        job = self.get(job_id)
        if job.state is JobState.RUNNING:
            raise JobError(f"Job {job_id} is still running.")
        if not job.own:
            raise JobError(
                f"Job {job_id} is of another account, and might do anything in your name.",
                f"If you want what it says, run it yourself: samesku {safe(shlex.join(job.arguments))}",
            )
        return self.start(home, job.arguments)

    @contextmanager
    def _readable(self, job_id: str) -> Iterator[Path]:
        """The folder of a job.

        Raises:
            JobError: there is none of that id, or what is read of it cannot be read.
        """
        folder = self.folder / job_id
        try:
            if folder.name != job_id or job_id == ".." or not stat.S_ISDIR(folder.lstat().st_mode):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            yield folder
        except FileNotFoundError as error:
            raise JobError(f"There is no job {safe(job_id)}.", "`samesku jobs list` shows them.") from error
        except (OSError, ValueError) as error:
            told = (isinstance(error, OSError) and error.strerror) or error
            if isinstance(error, OSError) and is_denied(error):
                raise JobError(f"Job {safe(job_id)} cannot be read: {told}.", way_out(error, "")) from error
            raise JobError(f"Job {safe(job_id)} is damaged: {told}.", f"Move its folder away: {folder}") from error


def _precedent(jobs: Sequence[Job], work: Sequence[str]) -> Job | None:
    """The latest of some jobs that ran to its good end, and did this work."""
    done = (job for job in jobs if job.state is JobState.DONE)
    return next((job for job in done if _work(job.arguments) == tuple(work)), None)


def _work(arguments: Sequence[str]) -> tuple[str, ...]:
    """What a command line does, apart from whom it does it to: `retrain`, `models promote`, `judge train`."""
    words = tuple(takewhile(lambda word: not word.startswith("-"), arguments[:2]))
    return (*words, "--cross-encoder") if "--cross-encoder" in arguments else words


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    with suppress(OSError):
        return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(DRAFT_PREFIX)
    return False


@contextmanager
def _startable() -> Iterator[None]:
    """Why a job cannot be started, as one sentence."""
    try:
        yield
    except OSError as error:
        if locks.is_unsupported(error):
            raise JobError(
                "The file system of this workspace knows no locks, and a job needs one.", "Run it without --detach."
            ) from error
        raise JobError(
            f"The job cannot be started: {error.strerror or error}.",
            "Is there room on the disk?",
        ) from error
