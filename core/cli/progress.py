"""Progress reporters of the command line: bars on a terminal, lines in logs and pipes."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from core.jobs.progress import Pace

_LINE_INTERVAL_S = 5.0


class _RateAndTimeLeft(ProgressColumn):
    """Steps per second and time left; before they are known, the time that the stage has taken."""

    def render(self, task: Task) -> Text:
        rate, end = task.fields["rate"], task.fields["end"]
        if task.finished or rate is None:
            return Text(f"{time_text(task.elapsed or 0)} so far" if not task.finished else "", "dim")
        left = "" if end is None else f", {time_text(max(0.0, end - time.monotonic()))} left"
        return Text(f"{rate_text(rate)}{left}", "dim")


def rate_text(rate: float) -> str:
    """Steps per second, or per minute where one takes longer than a few seconds: `12/s`, `0.4/s`, `9.1/min`."""
    if rate >= 10:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 0.2 else f"{60 * rate:.1f}/min"


def time_text(seconds: float) -> str:
    """A duration in readable precision: `40 s`, `7 min`, `2 h 05 min`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} min"


def outline_text(stages: Sequence[tuple[str, float]]) -> str:
    """The estimated total duration of the stages, as a sentence."""
    return f"About {time_text(sum(seconds for _, seconds in stages))} in all, as measured on this machine."


class TerminalReporter:
    """A `Reporter` with a progress bar per stage."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<20}", markup=False), BarColumn(), MofNCompleteColumn(),
            _RateAndTimeLeft(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._pace = Pace(None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        """Complete the previous bar, and start a new one."""
        if self._task is not None:
            task = self._progress.tasks[self._task]
            self._progress.update(self._task, total=task.total or 1, completed=task.total or 1)
        self._task = self._progress.add_task(name.capitalize(), total=total, note="", rate=None, end=None)
        self._pace = Pace(total)

    def advance(self, done: int) -> None:
        """Update the bar."""
        if self._task is not None:
            rate, left = self._pace.at(done)
            end = None if left is None else time.monotonic() + left
            self._progress.update(self._task, completed=done, rate=rate, end=end)

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Print the estimated total duration above the bar."""
        self.message(outline_text(stages))

    def loss(self, step: int, value: float) -> None:
        """Show step and loss beside the bar."""
        if self._task is not None:
            self._progress.update(self._task, note=f"step {step}, loss {value:.3f}")

    def metric(self, step: int, name: str, value: float) -> None:
        """Print a metric above the bar."""
        self.message(f"{name} {value:.3f} at step {step}")

    def message(self, text: str) -> None:
        """Print a message above the bar."""
        self._progress.console.print(text, markup=False)

    def result(self, values: dict[str, object]) -> None:
        """Ignored: the verb prints the result."""


class LineReporter:
    """A `Reporter` that prints a line every few seconds, for pipes and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._pace = Pace(None)
        self._last_line = 0.0
        self._loss = ""

    def stage(self, name: str, total: int | None = None) -> None:
        """Print the start of a stage."""
        self._name, self._pace, self._last_line, self._loss = name, Pace(total), time.monotonic(), ""
        self._print(name if total is None else f"{name}: {total:,}")

    def advance(self, done: int) -> None:
        """Print progress, rate and remaining time, every few seconds."""
        rate, left = self._pace.at(done)
        if time.monotonic() - self._last_line < _LINE_INTERVAL_S or rate is None:
            return
        self._last_line = time.monotonic()
        total = f" of {self._pace.total:,}" if self._pace.total else ""
        remaining = f", {left:.0f} s left of this stage" if left is not None else ""
        self._print(f"{self._name}: {done:,}{total}, {rate_text(rate)}{remaining}{self._loss}")

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Print the estimated total duration."""
        self._print(outline_text(stages))

    def loss(self, step: int, value: float) -> None:
        """Append step and loss to the next line."""
        self._loss = f", loss {value:.3f} at step {step}"

    def metric(self, step: int, name: str, value: float) -> None:
        """Print a metric."""
        self._print(f"{name} {value:.3f} at step {step}")

    def message(self, text: str) -> None:
        """Print a message."""
        self._print(text)

    def result(self, values: dict[str, object]) -> None:
        """Ignored: the verb prints the result."""

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
