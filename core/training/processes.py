"""Training in several processes on this machine: starts them, replays their progress, and ends them with this one.

The retrain itself stays in one process, which plans, writes files, reports and does the later stages. A training step
is written to a folder as a task; `core.training.training_process` runs it in each of the processes, which share every
batch and average their gradients (DistributedDataParallel). They are started here rather than by a launcher, so that no
port is needed and none of them outlives this process.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ModelError, SettingsError
from core.interpreter import module_command
from core.jobs.events import read_events
from core.jobs.job import log_lines
from core.jobs.progress import Reporter
from core.json_store import load, save
from core.processors import available_processors
from core.training.recipes.recipe import Recipe

#: File names in the folder of a task.
TASK, RESULT, EVENTS, RENDEZVOUS = "task.json", "result.json", "events.jsonl", "rendezvous"
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_POLL_INTERVAL_S = 0.1
#: How long a process may take to end by itself, e.g. to close its files.
_END_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Task:
    """A training step as JSON: the arguments of `fine_tune`.

    Attributes:
        base: fields of an `EncoderModel`.
        examples: anchor, match and negatives of each.
        folder: receives the encoder.
        recipe: its values.
        probes: query, matches and other candidates of each.
        groups: text → groups of products.
        tracking: experiment tracker, and folder of the workspace.
    """

    base: dict[str, str]
    examples: list[tuple[str, str, list[str]]]
    folder: str
    recipe: dict[str, Any]
    max_tokens: int
    stage: str
    probes: list[tuple[str, list[str], list[str]]] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    tracking: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training process ended.

    Attributes:
        values: what `fine_tune` returned in the main process.
        error, hint: of the error that ended it; empty if it succeeded.
        is_setting: whether it was a SettingsError.
    """

    values: dict[str, int | float] = field(default_factory=dict)
    error: str = ""
    hint: str = ""
    is_setting: bool = False


def world_size() -> int:
    """The number of processes that train together with this one, including it; 1 outside of a training process."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return 1
    return int(torch.distributed.get_world_size())


def is_main_process() -> bool:
    """Whether this is the process that reports, saves and verifies."""
    return world_size() == 1 or sys.modules["torch"].distributed.get_rank() == 0


def train_in_processes(task: Task, recipe: Recipe, reporter: Reporter) -> dict[str, float]:
    """Run a training step in `recipe.processes` processes. Returns the values of the main one.

    Args:
        task: the step.
        recipe: of the step.
        reporter: receives the progress of the main process. If it raises, the processes are ended.

    Raises:
        SettingsError: the recipe does not fit the base, or this machine.
        ModelError: the result is not what was trained, or a process died.
    """
    folder = Path(task.folder) / "processes"
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / TASK, {name: getattr(task, name) for name in Task.__dataclass_fields__})
    events = folder / EVENTS
    events.touch()
    try:
        with _started(folder, recipe.processes) as processes:
            replay = _Replay(events, reporter)
            while None in (codes := [process.poll() for process in processes]):
                replay.catch_up()
                if any(codes):  # the others wait for the one that failed
                    break
                time.sleep(_POLL_INTERVAL_S)
            replay.catch_up()
        return _result(folder, codes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(folder: Path, count: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The training processes of a task. At the end, those that are still running are ended."""
    with ExitStack() as stack:
        processes = []
        for rank in range(count):
            descriptor = os.open(folder / _log_name(rank), _CREATE_FLAGS, 0o666)
            log = stack.enter_context(os.fdopen(descriptor, "wb"))
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                module_command("core.training.training_process", str(folder)),
                # Open while this process lives: they end when it is closed, after kill -9 too.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[2],
                env={**os.environ, **_environment(rank, count)},
            )
            stack.callback(_end, process)
            processes.append(process)
        yield processes


def _environment(rank: int, count: int) -> Mapping[str, str]:
    """The place of a process, as torch.distributed and accelerate read it, and its share of the cores."""
    threads = max(1, available_processors() // count)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    return {"OMP_NUM_THREADS": str(threads), **{name: str(value) for name, value in place.items()}}


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=0 if process.poll() is not None else _END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _result(folder: Path, codes: Sequence[int | None]) -> dict[str, float]:
    """The values of the main process.

    Raises:
        SettingsError, ModelError: a process failed.
    """
    outcomes = [load(path, Outcome) for path in sorted(folder.glob(f"*-{RESULT}"))]
    for outcome in outcomes:
        if outcome.error:
            raise (SettingsError if outcome.is_setting else ModelError)(outcome.error, outcome.hint)
    if any(codes) or not outcomes:
        failed = next((rank for rank, code in enumerate(codes) if code), 0)
        last = [line for line in log_lines(folder / _log_name(failed)) if line.strip()][-1:]
        raise ModelError(
            f"Training process {failed + 1} of {len(codes)} ended with code {codes[failed]}.",
            last[0][:500] if last else "Was it killed for want of memory?",
        )
    return next(outcome.values for outcome in outcomes if outcome.values)


def _log_name(rank: int) -> str:
    return f"{rank}.log"


class _Replay:
    """Passes the events of the main training process on to a reporter."""

    def __init__(self, path: Path, reporter: Reporter) -> None:
        self._path, self._reporter, self._offset = path, reporter, 0

    def catch_up(self) -> None:
        """Pass on what was written since."""
        while True:
            events, offset = read_events(self._path, self._offset)
            for event in events:
                self._pass_on(event)
            if offset == self._offset:
                return
            self._offset = offset

    def _pass_on(self, event: Mapping[str, Any]) -> None:
        match event["kind"]:
            case "stage":
                self._reporter.stage(event["stage"], event["total"])
            case "progress":
                self._reporter.advance(event["done"])
            case "loss":
                self._reporter.loss(event["step"], event["loss"])
            case "metric":
                self._reporter.metric(event["step"], event["name"], event["value"])
            case "message":
                self._reporter.message(event["text"])
