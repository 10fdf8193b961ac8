"""Detached jobs: processes in a session of their own, which report through files alone.

jobs/<id>/job.json says what was started; events.jsonl what it reported; log.txt what it printed.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.errors import JobError
from core.jobs.events import EventWriter, read_events

#: Set for a job's own process: the folder it reports to.
FOLDER_VARIABLE = "SAMESKU_JOB"


class JobState(StrEnum):
    """Where a job is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The process is gone and left no last word, as after a power cut."""


#: The events that end a job are named like the states that it ends in.
_LAST_WORDS = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its files tell it now.

    Attributes:
        arguments: the command line after `python -m core`.
        by: who started it; empty where nobody was named.
        started_at: ISO 8601, UTC.
        ended_at: seconds since the epoch; None while it runs, and where it left no last word.
        stage: what it is doing, in words.
        done, total: steps of the stage; total None where unknown.
        rate: steps a second.
        left_s: seconds left of the stage.
        losses: (step, training loss), in order.
        messages: what it said.
        result: what came out.
        error: why it failed, one sentence.
    """

    id: str
    arguments: tuple[str, ...]
    state: JobState
    started_at: str
    pid: int
    stage: str = ""
    done: int = 0
    total: int | None = None
    rate: float | None = None
    left_s: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    messages: tuple[str, ...] = ()
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    ended_at: float | None = None
    by: str = ""

    @property
    def verb(self) -> str:
        """What kind of work it is."""
        return self.arguments[0] if self.arguments else ""


class Jobs:
    """The jobs of a workspace.

    Args:
        folder: where they report to.
        by: under whose name new ones run: what is for leads is refused to others by the verb itself. The login name
            if not given.
    """

    def __init__(self, folder: Path, by: str = "") -> None:
        self.folder = folder
        self._by = by

    def start(self, home: Path, arguments: list[str]) -> str:
        """Start `python -m core ARGUMENTS` detached from this terminal. Returns the job's id.

        Raises:
            JobError: a job with the same verb runs already, or the process cannot be started.
        """
        for job in self.list():
            if job.state is JobState.RUNNING and job.verb == arguments[0]:
                raise JobError(
                    f"{job.verb} runs already as job {job.id}.",
                    f"Watch it with `samesku jobs tail {job.id}`.",
                )
        job_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        folder = self.folder / job_id
        folder.mkdir(parents=True)
        who = [f"--as={self._by}"] if self._by else []
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and verbs
                [sys.executable, "-m", "core", "--home", str(home), *who, *arguments],
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

    def list(self) -> list[Job]:
        """All jobs, the latest first."""
        if not self.folder.is_dir():
            return []
        jobs = []
        for folder in sorted(self.folder.iterdir(), reverse=True):
            if (folder / "job.json").is_file():
                with suppress(JobError):  # a damaged job must not hide the others
                    jobs.append(self.get(folder.name))
        return jobs

    def get(self, job_id: str) -> Job:
        """One job.

        Raises:
            JobError: there is no such job, or its file is damaged.
        """
        folder = self.folder / job_id
        try:
            facts = json.loads((folder / "job.json").read_text(encoding="utf-8"))
            # Looked at before the events are read: a job that ends in between has left its last word by then.
            alive = process_birth(facts["pid"]) == facts["born"] is not None
            events, _ = read_events(folder / "events.jsonl")
            return _told(job_id, facts, events, alive=alive)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise JobError(f"There is no job {job_id}.", "`samesku jobs list` shows them.") from error

    def cancel(self, job_id: str) -> Job:
        """End a running job; what it had cached stays. Returns the job as it is then."""
        job = self.get(job_id)
        if job.state is JobState.RUNNING:
            try:
                os.killpg(job.pid, signal.SIGTERM)
            except ProcessLookupError:
                return self.get(job_id)  # it ended just now
            except PermissionError as error:
                raise JobError(f"Job {job_id} was started by somebody else, who alone can cancel it.") from error
            deadline = time.monotonic() + 10
            while self.get(job_id).state is JobState.RUNNING and time.monotonic() < deadline:
                time.sleep(0.05)
            if (job := self.get(job_id)).state is JobState.LOST:
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


def _told(job_id: str, facts: dict[str, Any], events: list[dict[str, Any]], *, alive: bool) -> Job:
    latest: dict[str, dict[str, Any]] = {event["kind"]: event for event in events}
    stage = latest.get("stage", {})
    progress = latest.get("progress", {})
    if progress.get("stage") != stage.get("stage"):
        progress = {}
    return Job(
        id=job_id,
        arguments=tuple(facts["arguments"]),
        state=_state(latest, alive=alive),
        started_at=facts["started_at"],
        pid=facts["pid"],
        stage=stage.get("stage", ""),
        done=progress.get("done", 0),
        total=stage.get("total"),
        rate=progress.get("rate"),
        left_s=progress.get("left_s"),
        losses=tuple((e["step"], e["loss"]) for e in events if e["kind"] == "loss"),
        messages=tuple(e["text"] for e in events if e["kind"] == "message"),
        result={k: v for k, v in latest.get("result", {}).items() if k not in {"t", "kind"}},
        error=latest.get("failed", {}).get("error", ""),
        ended_at=next((latest[state].get("t") for state in _LAST_WORDS if state in latest), None),
        by=str(facts.get("by", "")),
    )


def _state(latest: dict[str, dict[str, Any]], *, alive: bool) -> JobState:
    for state in _LAST_WORDS:
        if state in latest:
            return state
    return JobState.RUNNING if alive else JobState.LOST


def process_birth(pid: int) -> str | None:
    """When a process began, as its system tells; None where it is gone.

    A process id alone may have gone to another program since.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _birth_by_ps(pid)
    # Field 3 of proc(5) is the state, Z for a process that ended and was not waited for; 22 the start time.
    return None if fields[0] == "Z" else fields[19]


def _birth_by_ps(pid: int) -> str | None:
    """The same on macOS, which has no /proc."""
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None
