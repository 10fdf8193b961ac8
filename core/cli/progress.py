"""Progress for people: a bar with rate and time left on a terminal, lines elsewhere."""

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
    TimeRemainingColumn,
)
from rich.text import Text

from core.jobs.progress import Pace

_LINE_EVERY_S = 5.0


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed and task.speed >= 10 else f"{task.speed or 0:.1f}/s", "dim")


def time_text(seconds: float) -> str:
    """A time as coarse as one wants to read it: `40 s`, `7 min`, `2 h 05 min`."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} min"


def outline_text(stages: Sequence[tuple[str, float]]) -> str:
    """How long all stages may take, a line."""
    return f"About {time_text(sum(seconds for _, seconds in stages))} in all, as measured on this machine."


class TerminalReporter:
    """A `Reporter` that draws a bar per stage."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<20}", markup=False), BarColumn(), MofNCompleteColumn(), _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=console,
        )  # fmt: skip
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._progress.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        """A new bar; the one before is full."""
        if self._task is not None:
            task = self._progress.tasks[self._task]
            self._progress.update(self._task, total=task.total or 1, completed=task.total or 1)
        self._task = self._progress.add_task(name.capitalize(), total=total, note="")

    def advance(self, done: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """Above the first bar: how long all of it may take."""
        self.message(outline_text(stages))

    def loss(self, step: int, value: float) -> None:
        """Beside the bar."""
        if self._task is not None:
            self._progress.update(self._task, note=f"step {step}, loss {value:.3f}")

    def metric(self, step: int, name: str, value: float) -> None:
        """Above the bar."""
        self.message(f"{name} {value:.3f} at step {step}")

    def message(self, text: str) -> None:
        """Above the bar."""
        self._progress.console.print(text, markup=False)

    def result(self, values: dict[str, object]) -> None:
        """The verb prints it."""


class LineReporter:
    """A `Reporter` that prints a line now and then: for a pipe, a log, a build machine."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._pace = Pace(None)
        self._last = 0.0
        self._loss = ""

    def stage(self, name: str, total: int | None = None) -> None:
        """A line for the stage's beginning."""
        self._name, self._pace, self._last, self._loss = name, Pace(total), time.monotonic(), ""
        self._say(name if total is None else f"{name}: {total:,}")

    def advance(self, done: int) -> None:
        """A line every few seconds."""
        rate, left = self._pace.at(done)
        if time.monotonic() - self._last < _LINE_EVERY_S or rate is None:
            return
        self._last = time.monotonic()
        total = f" of {self._pace.total:,}" if self._pace.total else ""
        left_words = f", {left:.0f} s left of this stage" if left is not None else ""
        self._say(f"{self._name}: {done:,}{total}, {rate:.1f}/s{left_words}{self._loss}")

    def outline(self, stages: Sequence[tuple[str, float]]) -> None:
        """A line of its own: how long all of it may take."""
        self._say(outline_text(stages))

    def loss(self, step: int, value: float) -> None:
        """Part of the next line."""
        self._loss = f", loss {value:.3f} at step {step}"

    def metric(self, step: int, name: str, value: float) -> None:
        """A line of its own."""
        self._say(f"{name} {value:.3f} at step {step}")

    def message(self, text: str) -> None:
        """A line of its own."""
        self._say(text)

    def result(self, values: dict[str, object]) -> None:
        """The verb prints it."""

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
