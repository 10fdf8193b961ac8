"""A job as its files describe it: command line, state, progress and output."""

import json
import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.jobs.events import last_events
from core.jobs.locks import is_held
from core.jobs.names import job_name
from core.text.escapes import without_escapes
from core.text.safe import safe
from labels.files import atomic_text, open_regular

#: Environment variable of a job's process: the job's folder.
FOLDER_VARIABLE = "SAMESKU_JOB"
#: File names in a job's folder: the file locked while its process lives, and the request to end.
LOCK, CANCEL = "lock", "cancel"

#: Maximum size of job.json, in bytes.
_MAX_BYTES = 1 << 16
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class JobState(StrEnum):
    """The state of a job."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """The process ended without a final event, as after a power failure."""


#: States that are also the kind of a job's final event.
_FINAL_STATES = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Start:
    """The content of job.json: a command line. The process id is informational; the lock shows whether it lives."""

    arguments: tuple[str, ...]
    started_at: str
    by: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """The present state of a job; `ProgressLog` has its history.

    Attributes:
        arguments: the command line after `python -m core`.
        by: the annotator who started it; may be empty.
        started_at: ISO 8601, UTC.
        ended_at: seconds since the epoch; None while it runs, and without a final event.
        stage: name of the current stage.
        done, total: steps of the stage; total is None if unknown.
        rate: steps per second.
        stage_eta_s: seconds left of the stage.
        eta_s: seconds left of all stages; None if unknown.
        result: its result, by name.
        error: why it failed, one sentence.
        is_own: whether only this account can have written `arguments`.
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
    stage_eta_s: float | None = None
    eta_s: float | None = None
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    ended_at: float | None = None
    by: str = ""
    is_own: bool = False

    @property
    def verb(self) -> str:
        """The first word of its command line."""
        return self.arguments[0] if self.arguments else ""

    @property
    def name(self) -> str:
        """Its display name, safe to show."""
        return safe(job_name(self.arguments))

    @property
    def took_s(self) -> float | None:
        """Seconds from start to end; None if either is unknown."""
        if self.ended_at is None:
            return None
        with suppress(ValueError, OverflowError):
            return max(0.0, self.ended_at - datetime.fromisoformat(self.started_at).timestamp())
        return None


def read_job(folder: Path) -> Job:
    """Read a job from its folder. All texts but the arguments are safe to show.

    Raises:
        OSError: a file cannot be read, or is not a regular file.
        ValueError: job.json is damaged.
    """
    start, is_own = _read_start(folder / "job.json")
    latest = last_events(folder / "events.jsonl")
    alive = not _has_ended(latest) and is_held(folder / LOCK)
    if not alive and not _has_ended(latest):
        # If it ended between the two reads, its final event is there now.
        latest = last_events(folder / "events.jsonl")
    progress = latest.get("progress", {})
    where = latest.get("stage") or progress
    return Job(
        id=folder.name,
        arguments=start.arguments,
        state=_state(latest, alive=alive),
        started_at=safe(start.started_at),
        pid=start.pid,
        stage=safe(where.get("stage", "")),
        done=progress.get("done", 0),
        total=where.get("total"),
        rate=progress.get("rate"),
        stage_eta_s=progress.get("left_s"),
        result={k: v for k, v in latest.get("result", {}).items() if k not in {"t", "kind"}},
        error=safe(latest.get("failed", {}).get("error") or ""),
        ended_at=next((latest[state].get("t") for state in _FINAL_STATES if state in latest), None),
        by=safe(start.by),
        is_own=is_own,
    )


def write_start(path: Path, start: Start) -> None:
    """Write job.json, writable for this account only.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_text(path) as out:
        os.fchmod(out.fileno(), stat.S_IMODE(os.fstat(out.fileno()).st_mode) & ~_WRITABLE_BY_OTHERS)
        out.write(json.dumps(asdict(start), indent=1))


def _read_start(path: Path) -> tuple[Start, bool]:
    """The content of job.json, and whether only this account can have written it."""
    with open_regular(path, follow_links=False) as file:
        facts = os.fstat(file.fileno())
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("it is too long")
    return _parse_start(content), facts.st_uid == os.geteuid() and not facts.st_mode & _WRITABLE_BY_OTHERS


def _parse_start(content: bytes) -> Start:
    try:
        fields = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("it is not an object")
    arguments, pid = fields.get("arguments"), fields.get("pid", 0)
    if not isinstance(arguments, list) or not arguments:
        raise ValueError("it has no command line")
    texts = [fields.get("started_at"), fields.get("by", ""), *arguments]
    if not all(isinstance(text, str) for text in texts) or type(pid) is not int:
        raise ValueError("a field is missing or of another type")
    started_at, by, *words = (text.encode("utf-8", "replace").decode() for text in texts)
    return Start(tuple(words), started_at, by, pid)


def _has_ended(latest: dict[str, dict[str, Any]]) -> bool:
    return any(state in latest for state in _FINAL_STATES)


def _state(latest: dict[str, dict[str, Any]], *, alive: bool) -> JobState:
    for state in _FINAL_STATES:
        if state in latest:
            return state
    return JobState.RUNNING if alive else JobState.LOST


#: Bytes at the end of a log that are shown.
_LOG_TAIL_BYTES = 1 << 16


def log_lines(path: Path) -> list[str]:
    """The last lines of a log, safe to show. Of a line overwritten with carriage returns, the last version.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            begin = max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES)
            file.seek(begin)
            text = file.read(_LOG_TAIL_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = text.removesuffix("\n").split("\n")
    # The first line may be incomplete.
    shown = lines[1:] if begin else lines
    # `safe` makes escape sequences harmless, but the text is easier to read without them.
    return [safe(without_escapes(line.rstrip("\r").rpartition("\r")[2])) for line in shown if shown != [""]]
