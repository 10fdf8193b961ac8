"""Mutual exclusion of work that must not run concurrently in a workspace, by one lock file per kind of work.

Jobs and commands in a terminal take the same locks. Labelling, evaluation and export need none.
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

#: Maximum size of a lock file's content, in bytes.
_MAX_BYTES = 4096
#: Maximum characters displayed of each of its texts.
_MAX_TEXT = 120


class Work(StrEnum):
    """A kind of work with a lock."""

    ENCODERS = "encoders"
    """Anything that changes the champion, its index or the candidates."""
    JUDGES = "judges"
    """Training a judge."""
    LABELLING = "labelling"
    """Labelling by a language model."""
    PRODUCTS = "products"
    """Assigning product ids."""


_WORK = {
    ("retrain",): Work.ENCODERS,
    ("index",): Work.ENCODERS,
    ("demo",): Work.ENCODERS,
    ("models", "promote"): Work.ENCODERS,
    ("models", "rollback"): Work.ENCODERS,
    ("judge", "train"): Work.JUDGES,
    ("judge", "label"): Work.LABELLING,
    ("cluster",): Work.PRODUCTS,
}
#: A process whose lock file has no readable content.
_NAMES = {
    Work.ENCODERS: "A retrain or an index run",
    Work.JUDGES: "The training of a judge",
    Work.LABELLING: "Labelling by a language model",
    Work.PRODUCTS: "A clustering",
}


def work_kind(arguments: Sequence[str]) -> Work | None:
    """The kind of work that a command line does; None if it needs no lock."""
    return next((_WORK[verb] for words in (1, 2) if (verb := tuple(arguments[:words])) in _WORK), None)


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        name: display name of the work.
        by: the annotator who started it; may be empty.
        started_at: ISO 8601, UTC.
        job: id of the job; empty for a process in a terminal.
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
        """This process, or a job that it starts now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(job_name(arguments), by, now, job, os.getpid(), platform.node())

    def refusal(self) -> JobError:
        """The error that conflicting work cannot start, with how to watch the running one."""
        by = f", started by {safe(self.by)}" if self.by else ""
        since = f", since {moment}" if (moment := _local(self.started_at)) else ""
        if self.job:
            hint = f"Watch it: Jobs in the desk's menu, or `samesku jobs tail {safe(self.job)}`."
        elif self.host:
            hint = f"It runs in a terminal (process {self.pid} on {safe(self.host)}); wait until it has finished."
        else:
            hint = "Wait until it has finished; `samesku jobs list` shows whether it is a job."
        return JobError(f"{safe(self.name)} is already running{by}{since}.", hint)


def lock_path(folder: Path, work: Work) -> Path:
    """The lock file of a kind of work, in the folder of jobs."""
    return folder / f"{work}.lock"


def acquire(folder: Path, work: Work, holder: Holder) -> int | None:
    """Lock a kind of work.

    Args:
        folder: the workspace's folder of jobs.
        work: the kind of work.
        holder: written to the lock file, for the error messages of others.

    Returns:
        The descriptor that holds the lock; None if the file system does not support locks.

    Raises:
        JobError: another process holds the lock, or the lock file cannot be opened.
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
            f"{path} cannot be locked: {error.strerror}.", way_out(error, "Move it away if it is not a lock file.")
        ) from error
    if not inherited:
        with suppress(OSError):  # on a full disk, others get no details
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
    return descriptor


@contextmanager
def exclusive(folder: Path, work: Work, holder: Holder) -> Iterator[None]:
    """Hold the lock of a kind of work in a `with` block. Raises JobError like `acquire`."""
    descriptor = acquire(folder, work, holder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _holder(path: Path, work: Work) -> Holder:
    """The holder of a lock according to its file, whose content is not trusted."""
    unknown = Holder(_NAMES[work])
    try:
        content = json.loads(read_bounded(path, _MAX_BYTES))
        texts = {name: content[name][:_MAX_TEXT] for name in ("name", "by", "started_at", "job", "host")}
        pid = content["pid"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return unknown
    if not all(isinstance(text, str) for text in texts.values()) or type(pid) is not int or not texts["name"].strip():
        return unknown
    return Holder(pid=pid, **texts)


def _local(stamp: str) -> str:
    with suppress(ValueError, OverflowError, OSError):
        return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"
    return ""
