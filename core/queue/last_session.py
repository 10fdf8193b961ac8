"""Sittings: where somebody was when they left the desk, and whether they left it at all.

Each sitting has a small file in the workspace's `sittings/`, written when it begins, when it changes its stream, and
when it ends. While it lasts its process holds a lock on the file, which the kernel takes back however the process
ends, on whichever host of a shared folder. So a file that nobody holds and that tells of no end is of a sitting that
was killed, or of a host that lost its power.

The folder belongs to the whole group: whatever stands in it is believed only as far as it does no harm.
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


class Ending(StrEnum):
    """How a sitting ended."""

    LEFT = "left"
    """By whoever sat there."""
    CUT = "cut"
    """The terminal went away: a lost line, a closed window."""
    STOPPED = "stopped"
    """Somebody ended the process, as a host does that shuts down."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is.

    Attributes:
        stream: None where nobody has been anywhere yet.
        query: what is on the screen.
        candidate: what is highlighted.
        blind: whether the machine's opinion is hidden by choice.
        theme: the colours chosen at the desk; empty while they are the team's.
    """

    stream: Stream | None = None
    query: ProductRef | None = None
    candidate: ProductRef | None = None
    blind: bool = False
    theme: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One sitting, as its file tells of it.

    Attributes:
        begun_at: ISO 8601, UTC.
        after: the number of the ledger's last event when it began.
        ending: None while it lasts, and where it was killed.
        ended_at: ISO 8601, UTC; empty while it lasts, and where nobody knows.
    """

    annotator: str
    begun_at: str
    after: int
    place: Place = Place()
    ending: Ending | None = None
    ended_at: str = ""

    def to_line(self) -> bytes:
        """As it is written."""
        return json.dumps({"version": _VERSION, **asdict(self)}).encode() + b"\n"

    @classmethod
    def from_line(cls, text: bytes, annotator: str) -> Self | None:
        """What a file says, if it is one of this annotator's that this program can read."""
        try:
            said = json.loads(text.partition(b"\n")[0])
            if said["version"] != _VERSION or said["annotator"] != annotator:
                return None
            place, ending = said["place"], said["ending"]
            return cls(
                annotator,
                _moment(said["begun_at"]),
                _number(said["after"]),
                Place(
                    stream=None if place["stream"] is None else Stream(place["stream"]),
                    query=_ref(place["query"]),
                    candidate=_ref(place["candidate"]),
                    blind=place["blind"] is True,
                    theme=str(place["theme"]),
                ),
                None if ending is None else Ending(ending),
                said["ended_at"] and _moment(said["ended_at"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


def _moment(text: str) -> str:
    """A time that a file tells, as this program writes it."""
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


#: A file that is longer is none of ours.
_LONGEST = 16_384


class Sitting:
    """One sitting, from its beginning to its end. What cannot be written is not kept; nothing else depends on it.

    Attributes:
        place: where it is; at first where the last one of the same annotator was.
        interrupted: the last one of the same annotator that was not left by them; None where there is none.
        alone: whether the same annotator sits nowhere else.
        first: whether nothing is known of an earlier one.
    """

    def __init__(self, folder: Path, annotator: str, after: int) -> None:
        """Begin one.

        Args:
            folder: the workspace's; made if it is not there.
            annotator: who sits.
            after: the number of the ledger's last event.
        """
        stem = folder / file_stem(annotator)
        self.alone, over = _earlier(stem, annotator)
        self.first = self.alone and not over
        records = sorted(over.values(), key=lambda record: record.ended_at or record.begun_at)
        self.place = records[-1].place if records else Place()
        self.interrupted = next((each for each in reversed(records) if each.ending is not Ending.LEFT), None)
        self._record = Record(annotator, _now(), after, self.place)
        self._file: int | None = None
        with suppress(OSError):
            self._file = _created(Path(f"{stem}.{secrets.token_hex(4)}.json"), self._record)
            for path in over:
                path.unlink()

    def move(self, place: Place) -> None:
        """Note where it is now."""
        self.place = place
        self._write(replace(self._record, place=place))

    def end(self, ending: Ending) -> None:
        """Note that it ends, and how. Only the first end counts."""
        self._write(replace(self._record, ending=ending, ended_at=_now()))
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, record: Record) -> None:
        """Over what stands there: it fits into one block, and only the first line counts."""
        self._record = record
        if self._file is not None:
            with suppress(OSError):
                os.pwrite(self._file, record.to_line(), 0)


def _earlier(stem: Path, annotator: str) -> tuple[bool, dict[Path, Record]]:
    """Whether nobody of that name sits anywhere now, and the sittings that are over."""
    alone, over = True, {}
    for path in stem.parent.glob(f"{stem.name}.*.json"):
        with suppress(OSError):
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if not _is_ours(os.fstat(file)):
                    continue
                if _is_held(file):
                    alone = False
                elif record := Record.from_line(os.read(file, _LONGEST), annotator):
                    over[path] = record
            finally:
                os.close(file)
    return alone, over


def _is_ours(facts: os.stat_result) -> bool:
    return stat.S_ISREG(facts.st_mode) and facts.st_size <= _LONGEST


def _is_held(file: int) -> bool:
    """Whether a process has the file locked.

    Raises:
        OSError: this file system knows no locks; nobody can tell.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _created(path: Path, record: Record) -> int:
    """A new file of a sitting, locked; it has its name only once it is on disk."""
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
    """A file name for anybody's name: what can be read of it, and a mark of the whole."""
    readable = "".join(c for c in annotator.lower() if c.isascii() and c.isalnum())[:24]
    mark = hashlib.sha256(annotator.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{readable}-{mark}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
