"""A job's events.jsonl: written by the job alone, read by any number of watchers."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from core.jobs.progress import Pace, Reporter

#: Progress is written at most this often; a watcher cannot see more anyway.
_PROGRESS_EVERY_S = 0.25

#: Where a job is stands in the last few lines of its file; a long result may take some more.
_LAST_BYTES = 1 << 16


class EventWriter:
    """A `Reporter` that appends JSON lines to a file.

    Each line has `t` (seconds since the epoch), `kind` (stage, progress, loss, metric, message, result, done, failed,
    cancelled) and what belongs to that kind.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._stage = ""
        self._pace = Pace(None)
        self._last = 0.0

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def write(self, kind: str, **values: object) -> None:
        """Append one event."""
        self._file.write(json.dumps({"t": round(time.time(), 3), "kind": kind, **values}) + "\n")
        self._file.flush()

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
    """The complete events from byte `offset` on, and the offset to go on from.

    A line that is still being written, or was torn by a crash, waits for the next call.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    events = [event for event in map(_event, complete.splitlines()) if event is not None]
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
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            found, whole = _last_in(file, max(0, size - _LAST_BYTES))
            return found if whole else _last_in(file, 0)[0]
    except FileNotFoundError:
        return {}


def _last_in(file: BinaryIO, begin: int) -> tuple[dict[str, dict[str, Any]], bool]:
    """The last events of each kind from a byte on, and whether a step was among them."""
    file.seek(begin)
    lines = file.read().split(b"\n")[:-1]  # the last line is still being written
    found: dict[str, dict[str, Any]] = {}
    # The first line may lack its beginning.
    for line in reversed(lines[1:] if begin else lines):
        event = _event(line)
        if event is not None:
            found.setdefault(event["kind"], event)
            if event["kind"] in {"stage", "progress"}:
                return found, True
    return found, not begin


def _event(line: bytes) -> dict[str, Any] | None:
    """A line's event; None where the line was torn by a crash in the middle of a write."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None
