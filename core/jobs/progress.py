"""Progress reporting of long operations: the `Reporter` protocol, and helpers that time stages and estimate speed."""

import time
from collections.abc import Sequence
from typing import Protocol


class Reporter(Protocol):
    """Receives the progress of a long operation. No method blocks."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins; `total` is its number of steps, None if unknown."""

    def advance(self, done: int) -> None:
        """The number of steps of the current stage that are done."""

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """All stages to come, as (name, estimated seconds)."""

    def loss(self, step: int, value: float) -> None:
        """The training loss at a step."""

    def metric(self, step: int, name: str, value: float) -> None:
        """A validation metric at a step of the training."""

    def message(self, text: str) -> None:
        """A message for the user."""

    def result(self, values: dict[str, object]) -> None:
        """The result, once, at the end."""


class Silent:
    """A `Reporter` that ignores everything."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignored."""

    def advance(self, done: int) -> None:
        """Ignored."""

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Ignored."""

    def loss(self, step: int, value: float) -> None:
        """Ignored."""

    def metric(self, step: int, name: str, value: float) -> None:
        """Ignored."""

    def message(self, text: str) -> None:
        """Ignored."""

    def result(self, values: dict[str, object]) -> None:
        """Ignored."""


class StageTimer:
    """A `Reporter` that passes everything on and measures the total time of the stages of each name."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = None

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage name, in order of their start; those of the running stage until now."""
        self._close()
        return dict(self._seconds)

    def _close(self) -> None:
        now = time.monotonic()
        if self._running is not None:
            name, started_at = self._running
            self._seconds[name] = self._seconds.get(name, 0.0) + now - started_at
            self._running = name, now

    def stage(self, name: str, total: int | None = None) -> None:
        """Start measuring a stage, and pass it on."""
        self._close()
        self._running = name, time.monotonic()
        self._reporter.stage(name, total)

    def advance(self, done: int) -> None:
        """Passed on."""
        self._reporter.advance(done)

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Passed on."""
        self._reporter.outline(stages)

    def loss(self, step: int, value: float) -> None:
        """Passed on."""
        self._reporter.loss(step, value)

    def metric(self, step: int, name: str, value: float) -> None:
        """Passed on."""
        self._reporter.metric(step, name, value)

    def message(self, text: str) -> None:
        """Passed on."""
        self._reporter.message(text)

    def result(self, values: dict[str, object]) -> None:
        """Passed on."""
        self._reporter.result(values)


#: Share of the time until the first report within which further reports belong to the same batch.
_BATCH_GAP = 0.05


class Pace:
    """Speed and remaining time of one stage, measured from its first report.

    Steps done before that, in a resumed run, and the time until then, for loading a model, do not count. Steps that
    finish in batches are reported together after a long silence: they count with the silence before them, so the speed
    is unknown until a second batch has finished.

    Args:
        total: number of steps, None if unknown.
        start: monotonic time at which the stage began, in seconds; the present if None.
    """

    def __init__(self, total: int | None, start: float | None = None) -> None:
        self.total = total
        self._start = time.monotonic() if start is None else start
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] = 0, 0.0
        self._first_batch_until = 0.0
        self._in_batches = False

    def at(self, done: int, now: float | None = None) -> tuple[float | None, float | None]:
        """Steps per second and seconds left; None as long as unknown.

        Args:
            done: steps done.
            now: monotonic time in seconds; the present if None.
        """
        now = time.monotonic() if now is None else now
        if self._first is None:
            self._first = self._last = done, now
            self._first_batch_until = now + _BATCH_GAP * max(0.0, now - self._start)
        elif now < self._first_batch_until and done > self._first[0]:
            self._first, self._in_batches = (done, now), True
        # The first report of a batch: the silence before it was spent on the whole batch, so it does not count yet.
        begins_batch = self._in_batches and now - self._last[1] > _BATCH_GAP * (now - self._first[1])
        counted, until = self._last if begins_batch else (done, now)
        self._last = done, now
        elapsed, worked = until - self._first[1], counted - self._first[0]
        if elapsed <= 0 or worked <= 0:
            return None, None
        rate = worked / elapsed
        return rate, None if self.total is None else max(0.0, (self.total - done) / rate)
