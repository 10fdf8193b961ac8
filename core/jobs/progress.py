"""How long work reports on itself, whoever watches: one protocol, told to a terminal or to a file."""

import time
from typing import Protocol


class Reporter(Protocol):
    """Hears from long work. Every method returns at once."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins, of `total` steps where that is known."""

    def advance(self, done: int) -> None:
        """So many steps of the stage are done, all in all."""

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

    def loss(self, step: int, value: float) -> None:
        """Ignored."""

    def metric(self, step: int, name: str, value: float) -> None:
        """Ignored."""

    def message(self, text: str) -> None:
        """Ignored."""

    def result(self, values: dict[str, object]) -> None:
        """Ignored."""


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
