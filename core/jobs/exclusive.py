"""Work that must not run twice at once in a workspace: one lock for each kind, held by the process that does it.

A job and the same verb in a terminal hold the same lock. Labelling, measuring and exporting need none of them.
"""

import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from core.errors import JobError
from core.jobs import locks
from core.jobs.names import job_name
from core.text.safe import safe
from labels.files import read_bounded, way_out

#: Who holds a lock fits into this, in bytes.
_MAX_BYTES = 4096
#: Of each text that is shown of it.
_MAX_TEXT = 120


class Work(StrEnum):
    """What a lock is for."""

    ENCODERS = "encoders"
    """Which encoder is the champion, its index and its candidates."""
    JUDGES = "judges"
    """Training a judge."""


_WORK = {
    ("retrain",): Work.ENCODERS,
    ("index",): Work.ENCODERS,
    ("demo",): Work.ENCODERS,
    ("models", "promote"): Work.ENCODERS,
    ("models", "rollback"): Work.ENCODERS,
    ("judge", "train"): Work.JUDGES,
}


def work_of(arguments: Sequence[str]) -> Work | None:
    """The lock that a command line needs; None where it may run beside anything."""
    return next((_WORK[verb] for words in (1, 2) if (verb := tuple(arguments[:words])) in _WORK), None)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who does some work.

    Attributes:
        name: of the work, for people.
        by: who started it; empty where nobody was named.
        started_at: ISO 8601, UTC.
        job: its id; empty where it runs in a terminal.
        pid, host: of the process in a terminal.
    """

    name: str
    by: str = ""
    started_at: str = ""
    job: str = ""
    pid: int = 0
    host: str = ""

    @classmethod
    def here(cls, arguments: Sequence[str], by: str, job: str = "") -> "Holder":
        """This process, or a job that it starts, from now on."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(job_name(arguments), by, now, job, os.getpid(), platform.node())

    def refusal(self) -> JobError:
        """Why the same work cannot be begun, and how to watch what runs or that it must be waited for."""
        by = f", started by {safe(self.by)}" if self.by else ""
        since = f", since {moment}" if (moment := _local(self.started_at)) else ""
        if self.job:
            hint = f"Watch it: Jobs in the desk's menu, or `samesku jobs tail {safe(self.job)}`."
        elif self.host:
            hint = f"It runs in a terminal (process {self.pid} on {safe(self.host)}); wait until it has ended."
        else:
            hint = "Wait until it has ended; `samesku jobs list` shows whether it is a job."
        return JobError(f"{safe(self.name)} runs already{by}{since}.", hint)


def lock_path(folder: Path, work: Work) -> Path:
    """Where the lock is, in the folder of jobs."""
    return folder / f"{work}.lock"


def acquire(folder: Path, work: Work, holder: Holder) -> int | None:
    """Lock a kind of work. Returns the descriptor that holds the lock; None where the file system knows no locks.

    Args:
        folder: of the workspace's jobs.
        work: what it is.
        holder: who does it, for others who want to do the same.

    Raises:
        JobError: it is being done, or the lock's file cannot be opened.
    """
    path = lock_path(folder, work)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        inherited = locks.is_inherited(path)
        descriptor = locks.acquire(path)
    except BlockingIOError:
        raise _holder(path, work).refusal() from None
    except OSError as error:
        if locks.is_unsupported(error):
            return None
        raise JobError(
            f"{path} cannot be locked: {error.strerror}.", way_out(error, "Look at it; move away what is no lock.")
        ) from error
    if not inherited:
        with suppress(OSError):  # on a full disk others are not told who it is
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
    return descriptor


@contextmanager
def exclusive(folder: Path, work: Work, holder: Holder) -> Iterator[None]:
    """Hold the lock of a kind of work for the length of a block.

    Raises:
        JobError: as `acquire`.
    """
    descriptor = acquire(folder, work, holder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _holder(path: Path, work: Work) -> Holder:
    """Who holds a lock, as its file tells; anybody may have written it."""
    unknown = Holder({Work.ENCODERS: "A retrain or an index run", Work.JUDGES: "The training of a judge"}[work])
    try:
        told = json.loads(read_bounded(path, _MAX_BYTES))
        texts = {name: told[name][:_MAX_TEXT] for name in ("name", "by", "started_at", "job", "host")}
        pid = told["pid"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return unknown
    if not all(isinstance(text, str) for text in texts.values()) or type(pid) is not int or not texts["name"].strip():
        return unknown
    return Holder(pid=pid, **texts)


def _local(stamp: str) -> str:
    with suppress(ValueError, OverflowError, OSError):
        return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"
    return ""
