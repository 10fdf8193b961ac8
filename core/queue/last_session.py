"""Session files: where an annotator left off, and how the session ended.

Each session has a small file in the workspace's `sittings/`, written when it starts, when the position changes, and
when it ends. Its process holds a lock on the file, which the kernel releases however the process ends, also for other
hosts of a shared folder. An unlocked file without an end therefore belongs to a session that was killed, or whose host
failed.

The folder is writable by the whole group, so the files are validated and not trusted.
"""

import fcntl
import hashlib
import json
import os
import secrets
import stat
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from labels.files import atomic_write
from labels.model import ProductRef, Stream

_VERSION = 1


class SessionEnd(StrEnum):
    """How a session ended; the values are those in the files."""

    LEFT = "left"
    """The annotator quit."""
    DISCONNECTED = "cut"
    """The terminal closed: a lost connection, a closed window."""
    STOPPED = "stopped"
    """The process was terminated, as when a host shuts down."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a session is. The field names are keys of the files.

    Attributes:
        stream: None before the first one.
        query: the query on the screen.
        candidate: the highlighted candidate.
        blind: whether scores are hidden by choice.
        theme: the colour theme chosen at the desk; empty for the team's.
    """

    stream: Stream | None = None
    query: ProductRef | None = None
    candidate: ProductRef | None = None
    blind: bool = False
    theme: str = ""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """The content of a session file. The field names are its keys.

    Attributes:
        annotator: name of the annotator.
        begun_at: ISO 8601, UTC.
        after: the number of the ledger's last event at the start.
        place: where the session is.
        ending: None while it runs, and where it was killed.
        ended_at: ISO 8601, UTC; empty while it runs, and where it is unknown.
    """

    annotator: str
    begun_at: str
    after: int
    place: Position = Position()
    ending: SessionEnd | None = None
    ended_at: str = ""

    def to_line(self) -> bytes:
        """The line in the file."""
        return json.dumps({"version": _VERSION, **asdict(self)}).encode() + b"\n"

    @classmethod
    def from_line(cls, text: bytes, annotator: str) -> Self | None:
        """Parse a line; None if it is malformed, of another version or of another annotator."""
        try:
            value = json.loads(text.partition(b"\n")[0])
            if value["version"] != _VERSION or value["annotator"] != annotator:
                return None
            place, ending = value["place"], value["ending"]
            return cls(
                annotator,
                _moment(value["begun_at"]),
                _number(value["after"]),
                Position(
                    stream=None if place["stream"] is None else Stream(place["stream"]),
                    query=_ref(place["query"]),
                    candidate=_ref(place["candidate"]),
                    blind=place["blind"] is True,
                    theme=str(place["theme"]),
                ),
                None if ending is None else SessionEnd(ending),
                value["ended_at"] and _moment(value["ended_at"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


def _moment(text: str) -> str:
    """A time in the format that this program writes."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="seconds")


def _number(value: int) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(value)
    return value


def _ref(value: list[str] | None) -> ProductRef | None:
    if value is None:
        return None
    source, id_ = value
    if not isinstance(source, str) or not isinstance(id_, str):
        raise TypeError(value)
    return ProductRef(source, id_)


#: Size limit of a session file.
_MAX_BYTES = 16_384


class DeskSession:
    """The file of one session. Errors in writing are ignored, since nothing else depends on it.

    Attributes:
        place: where it is; initially where the annotator's last session was.
        interrupted: the annotator's last session that they did not quit; None where there is none.
        alone: whether the annotator has no other session open.
        first: whether no earlier session is known.
    """

    def __init__(self, folder: Path, annotator: str, after: int) -> None:
        """Start the file.

        Args:
            folder: of all session files; created if missing.
            annotator: name of the annotator.
            after: the number of the ledger's last event.
        """
        stem = folder / file_stem(annotator)
        self.alone, ended = _earlier_sessions(stem, annotator)
        self.first = self.alone and not ended
        records = sorted(ended.values(), key=lambda record: record.ended_at or record.begun_at)
        self.place = records[-1].place if records else Position()
        self.interrupted = next((each for each in reversed(records) if each.ending is not SessionEnd.LEFT), None)
        self._record = SessionRecord(annotator, _now(), after, self.place)
        self._file: int | None = None
        with suppress(OSError):
            self._file = _create_locked(Path(f"{stem}.{secrets.token_hex(4)}.json"), self._record)
            for path in ended:
                path.unlink()

    def move(self, place: Position) -> None:
        """Record where it is now."""
        self.place = place
        self._write(replace(self._record, place=place))

    def end(self, ending: SessionEnd) -> None:
        """Record the end. Only the first call counts."""
        self._write(replace(self._record, ending=ending, ended_at=_now()))
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, record: SessionRecord) -> None:
        """Overwrite the first line, which is the only one that is read; it fits into one block."""
        self._record = record
        if self._file is not None:
            with suppress(OSError):
                os.pwrite(self._file, record.to_line(), 0)


def _earlier_sessions(stem: Path, annotator: str) -> tuple[bool, dict[Path, SessionRecord]]:
    """Whether the annotator has no open session, and the ended ones by path."""
    alone, ended = True, {}
    for path in stem.parent.glob(f"{stem.name}.*.json"):
        with suppress(OSError):
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if not _is_session_file(os.fstat(file)):
                    continue
                if _is_locked(file):
                    alone = False
                elif record := SessionRecord.from_line(os.read(file, _MAX_BYTES), annotator):
                    ended[path] = record
            finally:
                os.close(file)
    return alone, ended


def _is_session_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_BYTES


def _is_locked(file: int) -> bool:
    """Whether a process has locked the file.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _create_locked(path: Path, record: SessionRecord) -> int:
    """Create a locked session file; it is renamed to `path` once it is on disk."""
    path.parent.mkdir(mode=0o770, exist_ok=True)
    with ExitStack() as stack:
        with atomic_write(path, mode=0o660) as out:
            file = os.dup(out.fileno())  # the lock is of both, and outlasts the first
            stack.callback(os.close, file)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            out.write(record.to_line())
        stack.pop_all()
    return file


def file_stem(annotator: str) -> str:
    """A file name for an annotator: the readable characters of the name, and a hash of all of it."""
    readable = "".join(c for c in annotator.lower() if c.isascii() and c.isalnum())[:24]
    digest = hashlib.sha256(annotator.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{readable}-{digest}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
