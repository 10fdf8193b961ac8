"""A job: what was started, and where it is."""

import json
import os
import re
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
from core.text.safe import safe
from labels.files import atomic_text, open_regular

#: Set for a job's own process: the folder it reports to.
FOLDER_VARIABLE = "SAMESKU_JOB"
#: In that folder: locked while the process lives; and there when it is asked to end.
LOCK, CANCEL = "lock", "cancel"

#: No command line is as long as that.
_MAX_BYTES = 1 << 16
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


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
class Start:
    """What job.json says: what was started. The process id is for people; which process it is shows the lock."""

    arguments: tuple[str, ...]
    started_at: str
    by: str = ""
    pid: int = 0


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
        stage_left_s: seconds left of the stage.
        left_s: seconds left of all stages; None where nothing is known of those to come.
        result: what came out.
        error: why it failed, one sentence.
        own: whether only this account can have written its arguments.
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
    stage_left_s: float | None = None
    left_s: float | None = None
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    ended_at: float | None = None
    by: str = ""
    own: bool = False

    @property
    def verb(self) -> str:
        """What kind of work it is."""
        return self.arguments[0] if self.arguments else ""

    @property
    def name(self) -> str:
        """The same for people; it can be shown."""
        return safe(job_name(self.arguments))

    @property
    def took_s(self) -> float | None:
        """Seconds from its start to its end; None where one of them is not known."""
        if self.ended_at is None:
            return None
        with suppress(ValueError, OverflowError):
            return max(0.0, self.ended_at - datetime.fromisoformat(self.started_at).timestamp())
        return None


def read_job(folder: Path) -> Job:
    """The job that reports to a folder; its texts can be shown, but for its arguments.

    Raises:
        OSError: its files cannot be read, or one of them is no regular file.
        ValueError: they are damaged.
    """
    start, own = _read_start(folder / "job.json")
    latest = last_events(folder / "events.jsonl")
    alive = not _has_ended(latest) and is_held(folder / LOCK)
    if not alive and not _has_ended(latest):
        # One that ended in between has left its last word by now.
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
        stage_left_s=progress.get("left_s"),
        result={k: v for k, v in latest.get("result", {}).items() if k not in {"t", "kind"}},
        error=safe(latest.get("failed", {}).get("error") or ""),
        ended_at=next((latest[state].get("t") for state in _LAST_WORDS if state in latest), None),
        by=safe(start.by),
        own=own,
    )


def write_start(path: Path, start: Start) -> None:
    """Write job.json, so that nobody but this account can write to it.

    Raises:
        OSError: it cannot be written.
    """
    with atomic_text(path) as out:
        os.fchmod(out.fileno(), stat.S_IMODE(os.fstat(out.fileno()).st_mode) & ~_OTHERS_WRITE)
        out.write(json.dumps(asdict(start), indent=1))


def _read_start(path: Path) -> tuple[Start, bool]:
    """What a job.json says, and whether only this account can have written that."""
    with open_regular(path, follow_links=False) as file:
        facts = os.fstat(file.fileno())
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("it is too long")
    return _start(content), facts.st_uid == os.geteuid() and not facts.st_mode & _OTHERS_WRITE


def _start(content: bytes) -> Start:
    """What job.json says.

    Raises:
        ValueError: it is not what a job's file holds.
    """
    try:
        told = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    arguments, pid = told.get("arguments"), told.get("pid", 0)
    if not isinstance(arguments, list) or not arguments:
        raise ValueError("it does not say what was started")
    texts = [told.get("started_at"), told.get("by", ""), *arguments]
    if not all(isinstance(text, str) for text in texts) or type(pid) is not int:
        raise ValueError("a field is missing, or is of another type")
    started_at, by, *words = (text.encode("utf-8", "replace").decode() for text in texts)
    return Start(tuple(words), started_at, by, pid)


def _has_ended(latest: dict[str, dict[str, Any]]) -> bool:
    return any(word in latest for word in _LAST_WORDS)


def _state(latest: dict[str, dict[str, Any]], *, alive: bool) -> JobState:
    for state in _LAST_WORDS:
        if state in latest:
            return state
    return JobState.RUNNING if alive else JobState.LOST


#: As much of the end as a person scrolls through.
_MOST_BYTES = 1 << 16

#: Colours and cursor movements of ECMA-48. `safe` makes them harmless; without them the text can be read too.
_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def log_lines(path: Path) -> list[str]:
    """The last lines of a log, safe to show; of a line that was written over again and again, the last writing.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            begin = max(0, file.seek(0, os.SEEK_END) - _MOST_BYTES)
            file.seek(begin)
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = text.removesuffix("\n").split("\n")
    # The first line may lack its beginning.
    shown = lines[1:] if begin else lines
    return [safe(_SEQUENCES.sub("", line.rstrip("\r").rpartition("\r")[2])) for line in shown if shown != [""]]
