"""A job's events.jsonl: written by the job alone, read by any number of watchers."""

import json
import time
from pathlib import Path
from typing import Any

from core.jobs.progress import Pace

#: Progress is written at most this often; a watcher cannot see more anyway.
_PROGRESS_EVERY_S = 0.25


class EventWriter:
    """A `Reporter` that appends JSON lines to a file.

    Each line has `t` (seconds since the epoch), `kind` (stage, progress, loss, message, result, done, failed,
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
    events = []
    for line in complete.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a crash in the middle of a write
        if isinstance(event, dict):
            events.append(event)
    return events, offset + len(complete)
