"""A job's events.jsonl: written by the job alone, read by any number of watchers.

Any member of the group may have written anything to it: a line that is no event of a job is passed over.
"""

import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import JobError
from core.jobs.progress import Pace, Reporter
from labels.files import open_regular

#: Progress is written at most this often; a watcher cannot see more anyway.
_PROGRESS_EVERY_S = 0.25

#: Where a job is stands in the last few lines of its file; a long result may take some more.
_LAST_BYTES = 1 << 16
#: So much is read at once, and no event is longer.
_PIECE_BYTES = 1 << 20
#: What a job tells in several days; more is not read.
_MAX_BYTES = 1 << 26
#: No loss or metric is larger, and it can still be squared.
_LARGEST = 1e100
#: Seconds since the epoch that fit into a time span of Python's.
_LATEST = 1e12
#: A result is a few levels deep.
_DEEPEST = 8

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class EventWriter:
    """A `Reporter` that appends JSON lines to a file.

    Each line has `t` (seconds since the epoch), `kind` (outline, stage, progress, loss, metric, message, result, done,
    failed, cancelled) and what belongs to that kind.

    Raises:
        JobError: the file cannot be written, here or in any method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._readable_errors():
            self._file = os.open(path, _APPEND, 0o666)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
        self._torn = False
        self._stage = ""
        self._pace = Pace(None)
        self._last = 0.0

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def write(self, kind: str, **values: object) -> None:
        """Append one event."""
        line = json.dumps({"t": round(time.time(), 3), "kind": kind, **values}) + "\n"
        # What a full disk has cut off must not take the next line along: that may say why the job has failed.
        begin, self._torn = "\n" if self._torn else "", True
        with self._readable_errors(), os.fdopen(self._file, "ab", closefd=False) as out:
            out.write(f"{begin}{line}".encode())
        self._torn = False

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JobError(
                f"{self._path} cannot be written: {error.strerror}.", "Is there room on the disk?"
            ) from error

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins."""
        self._stage, self._pace, self._last = name, Pace(total), 0.0
        self.write("stage", stage=name, total=total)

    def advance(self, done: int) -> None:
        """So many steps of the stage are done; written a few times a second, and at the end."""
        now = time.monotonic()
        rate, left = self._pace.at(done, now)
        if now - self._last >= _PROGRESS_EVERY_S or done == self._pace.total:
            self._last = now
            self.write(
                "progress", stage=self._stage, done=done, total=self._pace.total,
                rate=rate and round(rate, 2), left_s=left and round(left, 1),
            )  # fmt: skip

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """What is expected; told once, at the beginning."""
        self.write("outline", stages=[[name, round(seconds, 2)] for name, seconds in stages])

    def loss(self, step: int, value: float) -> None:
        """The training loss at a step."""
        self.write("loss", step=step, loss=round(value, 5))

    def metric(self, step: int, name: str, value: float) -> None:
        """A validation metric at a step of the training."""
        self.write("metric", step=step, name=name, value=round(value, 5))

    def message(self, text: str) -> None:
        """Something worth reading."""
        self.write("message", text=text)

    def result(self, values: dict[str, object]) -> None:
        """What came out."""
        self.write("result", **values)


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The complete events from byte `offset` on, a piece of the file at a time, and the offset to go on from.

    A line that is still being written, or was torn by a crash, waits for the next call. When the offset that comes
    back is the one that was given, nothing more is there yet.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            file.seek(offset)
            data = file.read(max(0, min(_PIECE_BYTES, _MAX_BYTES - offset)))
    except FileNotFoundError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    if not complete and len(data) == _PIECE_BYTES:
        complete = data  # no event is as long as that
    events = [event for event in map(_event, complete.split(b"\n")) if event is not None]
    return events, offset + len(complete)


def retell(events: Sequence[dict[str, Any]], reporter: Reporter) -> None:
    """Tell a reporter what a job told its file.

    Of the steps of a stage only the last is told: how fast they went by is not how fast they are read.
    """
    done = None
    for event in [*events, {"kind": "end"}]:
        match event["kind"]:
            case "progress":
                done = event["done"]
            case "loss":
                reporter.loss(event["step"], event["loss"])
            case "metric":
                reporter.metric(event["step"], event["name"], event["value"])
            case "message":
                reporter.message(event["text"])
            case "stage" | "end":
                if done is not None:
                    reporter.advance(done)
                    done = None
                if event["kind"] == "stage":
                    reporter.stage(event["stage"], event["total"])


def last_events(path: Path) -> dict[str, dict[str, Any]]:
    """The last event of each kind since the last step that was reported, read from the end of the file.

    That is all it takes to tell where a job is, however long it has been reporting.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            size = file.seek(0, os.SEEK_END)
            found, whole = _last_in(file, size, _LAST_BYTES)
            return found if whole else _last_in(file, size, _PIECE_BYTES)[0]
    except FileNotFoundError:
        return {}


def _last_in(file: BinaryIO, size: int, most: int) -> tuple[dict[str, dict[str, Any]], bool]:
    """The last events of each kind in so many bytes at the end, and whether they are all that counts."""
    begin = max(0, size - most)
    file.seek(begin)
    lines = file.read(size - begin).split(b"\n")[:-1]  # the last line is still being written
    found: dict[str, dict[str, Any]] = {}
    # The first line may lack its beginning.
    for line in reversed(lines[1:] if begin else lines):
        event = _event(line)
        if event is not None:
            found.setdefault(event["kind"], event)
            if event["kind"] in {"stage", "progress"}:
                return found, True
    return found, not begin


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LATEST


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


def _is_outline(value: object) -> bool:
    """Whether it is a list of names, each with its seconds."""
    return isinstance(value, list) and all(
        isinstance(each, list) and len(each) == 2 and _is_text(each[0]) and _is_moment(each[1]) for each in value
    )


#: What each kind of event holds besides its time; a result may hold anything.
_SHAPES: dict[str, dict[str, Callable[[object], bool]]] = {
    "stage": {"stage": _is_text, "total": _or_none(_is_count)},
    "progress": {
        "stage": _is_text, "done": _is_count, "total": _or_none(_is_count),
        "rate": _or_none(_is_number), "left_s": _or_none(_is_number),
    },
    "loss": {"step": _is_count, "loss": _is_number},
    "metric": {"step": _is_count, "name": _is_text, "value": _is_number},
    "message": {"text": _is_text},
    "outline": {"stages": _is_outline},
    "result": {},
    "done": {},
    "failed": {"error": _or_none(_is_text)},
    "cancelled": {},
}  # fmt: skip


def _event(line: bytes) -> dict[str, Any] | None:
    """A line's event; None where there is none: it was torn by a crash, or is not what a job writes."""
    try:
        event = _plain(json.loads(line))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not _or_none(_is_moment)(event.get("t")):
        return None
    kind = event.get("kind")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    return event if shape is not None and all(fits(event.get(name)) for name, fits in shape.items()) else None


def _plain(value: Any, depth: int = 0) -> Any:
    """A JSON value with which one can reckon, and which can be printed: None for what cannot be."""
    match value:
        case None | bool():
            return value
        case int() | float():
            return value if abs(value) <= _LARGEST else None  # neither is a NaN
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict() if depth < _DEEPEST:
            return {_plain(name): _plain(inner, depth + 1) for name, inner in value.items()}
        case list() if depth < _DEEPEST:
            return [_plain(inner, depth + 1) for inner in value]
    return None
