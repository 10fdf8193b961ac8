"""Detached jobs: processes in a session of their own, which report through files alone.

jobs/<id>/job.json says what was started; events.jsonl what it reported; log.txt what it printed.
"""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import JobError
from core.interpreter import module_command
from core.jobs.course import Course
from core.jobs.events import EventWriter, read_events
from core.jobs.job import FOLDER_VARIABLE, Job, JobState, read_job
from core.jobs.log import log_lines
from core.jobs.process import process_birth
from core.jobs.remaining import seconds_left

#: How long a job that is told to end may take to clean up.
_PATIENCE_S = 10.0


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
        self._precedents: dict[str, Course] = {}

    def start(self, home: Path, arguments: list[str]) -> str:
        """Start `python -m core ARGUMENTS` detached from this terminal. Returns the job's id.

        Raises:
            JobError: a job with the same verb runs already, or the process cannot be started.
        """
        self.refuse_beside(arguments[0])
        job_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        folder = self.folder / job_id
        folder.mkdir(parents=True)
        who = [f"--as={self._by}"] if self._by else []
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and verbs
                module_command("core", "--home", str(home), *who, *arguments),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                # A session of its own: closing the terminal sends it no signal.
                start_new_session=True,
                cwd=Path(__file__).parents[2],
                env={**os.environ, FOLDER_VARIABLE: str(folder)},
            )  # fmt: skip
        facts = {
            "arguments": arguments,
            "by": self._by,
            "pid": process.pid,
            "born": process_birth(process.pid),
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        temporary = folder / "job.json.part"
        temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        temporary.replace(folder / "job.json")
        return job_id

    def refuse_beside(self, *verb: str) -> None:
        """Return if no job runs whose arguments begin like this.

        Raises:
            JobError: one does.
        """
        for job in self.list():
            if job.state is JobState.RUNNING and job.arguments[: len(verb)] == verb:
                started = f", started by {job.by}" if job.by and job.by != self._by else ""
                raise JobError(
                    f"{job.name} runs already{started}.",
                    f"Watch it: Jobs in the desk's menu, or `samesku jobs tail {job.id}`.",
                )

    def list(self) -> list[Job]:
        """All jobs, the latest first."""
        try:
            names = sorted((folder.name for folder in self.folder.iterdir()), reverse=True)
        except FileNotFoundError:
            return []
        jobs = []
        for name in names:
            with suppress(JobError):  # a damaged job must not hide the others
                jobs.append(self.get(name))
        return jobs

    def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            JobError: there is no such job, or its file is damaged.
        """
        if (ended := self._ended.get(job_id)) is not None:
            return ended
        with _readable(job_id):
            job = read_job(self.folder / job_id)
        if job.ended_at is not None:
            self._ended[job_id] = job
        return job

    def course(self, job_id: str, so_far: Course | None = None) -> Course:
        """What a job told on its way; of what was read before, only what was added is read.

        Raises:
            JobError: there is no such job, or its file is damaged.
        """
        known = so_far or Course()
        with _readable(job_id):
            return known.then(*self.events(job_id, known.read))

    def events(self, job_id: str, offset: int = 0) -> tuple[Sequence[dict[str, Any]], int]:
        """What a job told, one by one, from byte `offset` on; and the offset to go on from."""
        return read_events(self.folder / job_id / "events.jsonl", offset)

    def precedent(self, verb: str) -> Job | None:
        """The latest job of a verb that ran to its good end: what another one may take is known from it."""
        return next((job for job in self.list() if (job.verb, job.state) == (verb, JobState.DONE)), None)

    def left(self, job: Job, course: Course) -> float | None:
        """Seconds left of all stages of a running job, going by the latest one of its verb; None where nobody knows."""
        before = self.precedent(job.verb) if job.state is JobState.RUNNING else None
        if before is None:
            return None
        if before.id not in self._precedents:
            self._precedents = {before.id: self.course(before.id)}
        return seconds_left(job, course, self._precedents[before.id])

    def log(self, job_id: str) -> tuple[str, ...]:
        """The last lines that a job printed, safe to show.

        Raises:
            JobError: they cannot be read.
        """
        with _readable(job_id):
            return tuple(log_lines(self.folder / job_id / "log.txt"))

    def refusal(self, job: Job) -> str:
        """Why this person may not end a job, one sentence; empty where they may."""
        mine = self._lead or not job.by or job.by == self._by
        return "" if mine else f"{job.by} started this: they can end it, and so can a lead."

    def cancel(self, job_id: str) -> Job:
        """End a running job; what it had cached stays. Returns the job as it is then.

        Raises:
            JobError: it is somebody else's.
        """
        job = self.get(job_id)
        if refusal := self.refusal(job):
            raise JobError(refusal)
        if job.state is not JobState.RUNNING:
            return job
        try:
            os.killpg(job.pid, signal.SIGTERM)
        except ProcessLookupError:
            return self.get(job_id)  # it ended just now
        except PermissionError as error:
            who = job.by or "Somebody else"
            raise JobError(f"{who} started this from another account, which alone can end it.") from error
        deadline = time.monotonic() + _PATIENCE_S
        while (job := self.get(job_id)).state is JobState.RUNNING and time.monotonic() < deadline:
            time.sleep(0.05)
        if job.state is JobState.LOST:
            writer = EventWriter(self.folder / job_id / "events.jsonl")
            writer.write("cancelled")
            writer.close()
        return self.get(job_id)

    def resume(self, home: Path, job_id: str) -> str:
        """Start a job's work again, under this name; what was cached is not done twice. Returns the new job's id."""
        job = self.get(job_id)
        if job.state is JobState.RUNNING:
            raise JobError(f"Job {job_id} is still running.")
        return self.start(home, list(job.arguments))


@contextmanager
def _readable(job_id: str) -> Iterator[None]:
    """What cannot be read of a job's files is no job."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(f"There is no job {job_id}.", "`samesku jobs list` shows them.") from error
