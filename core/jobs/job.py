"""A job: what was started, and where it is."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.jobs.events import last_events
from core.jobs.names import job_name
from core.jobs.process import process_birth

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
    """A job as its files tell it now; what it told on the way is its `Course`.

    Attributes:
        arguments: the command line after `python -m core`.
        by: who started it; empty where nobody was named.
        started_at: ISO 8601, UTC.
        ended_at: seconds since the epoch; None while it runs, and where it left no last word.
        stage: what it is doing, in words.
        done, total: steps of the stage; total None where unknown.
        rate: steps a second.
        left_s: seconds left of the stage.
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
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    ended_at: float | None = None
    by: str = ""

    @property
    def verb(self) -> str:
        """What kind of work it is."""
        return self.arguments[0] if self.arguments else ""

    @property
    def name(self) -> str:
        """The same for people."""
        return job_name(self.arguments)

    @property
    def took_s(self) -> float | None:
        """Seconds from its start to its end; None where one of them is not known."""
        if self.ended_at is None:
            return None
        with suppress(ValueError):
            return max(0.0, self.ended_at - datetime.fromisoformat(self.started_at).timestamp())
        return None


def read_job(folder: Path) -> Job:
    """The job that reports to a folder.

    Raises:
        OSError, ValueError, KeyError, TypeError: its files cannot be read, or are damaged.
    """
    facts = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    # Looked at before the events are read: a job that ends in between has left its last word by then.
    alive = process_birth(facts["pid"]) == facts["born"] is not None
    latest = last_events(folder / "events.jsonl")
    progress = latest.get("progress", {})
    where = latest.get("stage") or progress
    return Job(
        id=folder.name,
        arguments=tuple(facts["arguments"]),
        state=_state(latest, alive=alive),
        started_at=facts["started_at"],
        pid=facts["pid"],
        stage=where.get("stage", ""),
        done=progress.get("done", 0),
        total=where.get("total"),
        rate=progress.get("rate"),
        left_s=progress.get("left_s"),
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
