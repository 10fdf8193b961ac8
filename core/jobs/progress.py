"""How long work reports on itself, whoever watches: one protocol, told to a terminal or to a file."""

import time
from collections.abc import Sequence
from typing import Protocol


class Reporter(Protocol):
    """Hears from long work. Every method returns at once."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins, of `total` steps where that is known."""

    def advance(self, done: int) -> None:
        """So many steps of the stage are done, all in all."""

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """All stages that are to come, and about how many seconds each takes, where that is known."""

    def loss(self, step: int, value: float) -> None:
        """The training loss at a step."""

    def metric(self, step: int, name: str, value: float) -> None:
        """A validation metric at a step of the training."""

    def message(self, text: str) -> None:
        """Something worth reading."""

    def result(self, values: dict[str, object]) -> None:
        """What came out, once, at the end."""


class Silent:
    """Hears nothing."""

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
    """A `Reporter` that passes everything on, and measures how long the stages of each name take together."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = None

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by name, in the order in which they were begun; of the last one until now."""
        self._close()
        return dict(self._seconds)

    def _close(self) -> None:
        now = time.monotonic()
        if self._running is not None:
            name, begun = self._running
            self._seconds[name] = self._seconds.get(name, 0.0) + now - begun
            self._running = name, now

    def stage(self, name: str, total: int | None = None) -> None:
        """Measured from here."""
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


class Pace:
    """Rate and time left of one stage, from what was done since it was first heard of.

    What was already done by then (a run that goes on where it was), and the time that it took to get there (a model
    that is loaded), does not count as speed.
    """

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._first: tuple[int, float] | None = None

    def at(self, done: int, now: float | None = None) -> tuple[float | None, float | None]:
        """Steps a second, and seconds left; None where that is not known yet."""
        now = time.monotonic() if now is None else now
        if self._first is None:
            self._first = done, now
        elapsed, worked = now - self._first[1], done - self._first[0]
        if elapsed <= 0 or worked <= 0:
            return None, None
        rate = worked / elapsed
        return rate, None if self.total is None else max(0.0, (self.total - done) / rate)
