"""Progress events of a job in events.jsonl: written by the job's process, read by any number of watchers.

Any member of the group may have written to the file, so lines that are not valid events are skipped.
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

#: Minimum interval between two progress events, in seconds.
_PROGRESS_INTERVAL_S = 0.25

#: Bytes at the end of the file in which the latest events are looked for first; a long result may need more.
_TAIL_BYTES = 1 << 16
#: Size of a chunk, and the maximum length of an event.
_CHUNK_BYTES = 1 << 20
#: Maximum bytes read of a file: more than a job writes in several days.
_MAX_BYTES = 1 << 26
#: Maximum absolute value of a number; its square is still finite.
_MAX_NUMBER = 1e100
#: Maximum timestamp, in seconds since the epoch; fits into a `timedelta`.
_MAX_TIMESTAMP = 1e12
#: Maximum nesting of an event.
_MAX_DEPTH = 8

_APPEND_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class EventWriter:
    """A `Reporter` that appends JSON lines to a file.

    Each line has `t` (seconds since the epoch), `kind` (outline, stage, progress, loss, metric, message, result, done,
    failed, cancelled) and the fields of that kind.

    Raises:
        JobError: the file cannot be written, here or in any method.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        #: Of the job.
        self.folder = path.parent
        with self._readable_errors():
            self._file = os.open(path, _APPEND_FLAGS, 0o666)
            if not stat.S_ISREG(os.fstat(self._file).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
        #: Whether the last write failed and may have left an incomplete line.
        self._incomplete_line = False
        self._stage = ""
        self._pace = Pace(None)
        self._last_progress_at = 0.0

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def write(self, kind: str, **values: object) -> None:
        """Append one event."""
        line = json.dumps({"t": round(time.time(), 3), "kind": kind, **values}) + "\n"
        # After a line cut off by a full disk, start a new one, so that the reason of the failure stays readable.
        begin, self._incomplete_line = "\n" if self._incomplete_line else "", True
        with self._readable_errors(), os.fdopen(self._file, "ab", closefd=False) as out:
            out.write(f"{begin}{line}".encode())
        self._incomplete_line = False

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JobError(
                f"{self._path} cannot be written: {error.strerror}.", "Is there room on the disk?"
            ) from error

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a new stage."""
        self._stage, self._pace, self._last_progress_at = name, Pace(total), 0.0
        self.write("stage", stage=name, total=total)

    def advance(self, done: int) -> None:
        """Report the number of completed steps; written a few times a second, and at the end of the stage."""
        now = time.monotonic()
        rate, left = self._pace.at(done, now)
        if now - self._last_progress_at >= _PROGRESS_INTERVAL_S or done == self._pace.total:
            self._last_progress_at = now
            self.write(
                "progress", stage=self._stage, done=done, total=self._pace.total,
                rate=rate and round(rate, 4), left_s=left and round(left, 1),
            )  # fmt: skip

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Report the expected stages and their seconds, once, at the beginning."""
        self.write("outline", stages=[[name, round(seconds, 2)] for name, seconds in stages])

    def loss(self, step: int, value: float) -> None:
        """The training loss at a step."""
        self.write("loss", step=step, loss=round(value, 5))

    def metric(self, step: int, name: str, value: float) -> None:
        """A validation metric at a step of the training."""
        self.write("metric", step=step, name=name, value=round(value, 5))

    def message(self, text: str) -> None:
        """A message for the user."""
        self.write("message", text=text)

    def result(self, values: dict[str, object]) -> None:
        """The result of the job."""
        self.write("result", **values)


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read one chunk of events.

    Args:
        path: events.jsonl; no events if it does not exist.
        offset: the byte to start from.

    Returns:
        The events on complete lines, and the offset of the next chunk; the same offset if there is nothing new.

    Raises:
        OSError: the file is not regular, or cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            file.seek(offset)
            data = file.read(max(0, min(_CHUNK_BYTES, _MAX_BYTES - offset)))
    except FileNotFoundError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    if not complete and len(data) == _CHUNK_BYTES:
        complete = data  # too long for an event: skip it
    events = [event for event in map(_event, complete.split(b"\n")) if event is not None]
    return events, offset + len(complete)


def replay(events: Sequence[dict[str, Any]], reporter: Reporter) -> None:
    """Pass a job's events on to a reporter.

    Of a stage's progress only the last value is passed on, since a reporter would measure the speed of reading.
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
    """The last event of each kind back to the latest stage or progress event, read from the end of the file.

    These show a job's state in constant time, whatever the file's length.

    Returns:
        Events by kind.

    Raises:
        OSError: the file is not regular, or cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            size = file.seek(0, os.SEEK_END)
            found, complete = _events_in_tail(file, size, _TAIL_BYTES)
            return found if complete else _events_in_tail(file, size, _CHUNK_BYTES)[0]
    except FileNotFoundError:
        return {}


def _events_in_tail(file: BinaryIO, size: int, length: int) -> tuple[dict[str, dict[str, Any]], bool]:
    """The last events by kind in the last `length` bytes, and whether no earlier bytes are needed."""
    begin = max(0, size - length)
    file.seek(begin)
    lines = file.read(size - begin).split(b"\n")[:-1]  # the last line may be incomplete
    found: dict[str, dict[str, Any]] = {}
    # The first line may be incomplete.
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
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MAX_TIMESTAMP


def _or_none(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or check(value)


def _is_outline(value: object) -> bool:
    """Whether a value is a list of [name, seconds] pairs."""
    return isinstance(value, list) and all(
        isinstance(each, list) and len(each) == 2 and _is_text(each[0]) and _is_moment(each[1]) for each in value
    )


#: Kind of event → its required fields, each with a check of the value. A result may have any fields.
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
    """Parse and validate a line; None if it is not an event, or incomplete after a crash."""
    try:
        event = _sanitized(json.loads(line))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not _or_none(_is_moment)(event.get("t")):
        return None
    kind = event.get("kind")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    return event if shape is not None and all(fits(event.get(name)) for name, fits in shape.items()) else None


def _sanitized(value: Any, depth: int = 0) -> Any:
    """A JSON value with finite numbers and encodable text; anything else, or nested too deeply, becomes None."""
    match value:
        case None | bool():
            return value
        case int() | float():
            return value if abs(value) <= _MAX_NUMBER else None  # None for NaN, too
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict() if depth < _MAX_DEPTH:
            return {_sanitized(name): _sanitized(inner, depth + 1) for name, inner in value.items()}
        case list() if depth < _MAX_DEPTH:
            return [_sanitized(inner, depth + 1) for inner in value]
    return None
