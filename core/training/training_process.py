"""One of several processes that train together: `python -m core.training.training_process FOLDER`.

Its place is in the environment (RANK, WORLD_SIZE). It ends when its standard input is closed, and so with the process
that started it.
"""

import os
import socket
import sys
import threading
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.jobs.events import EventWriter
from core.jobs.progress import Reporter, Silent
from core.json_store import load, save
from core.retrieval.encoder_files import EncoderModel
from core.training.examples import Example
from core.training.fine_tuning import fine_tune
from core.training.processes import EVENTS, RENDEZVOUS, RESULT, TASK, Outcome, Task, is_main_process
from core.training.recipes.recipe import Recipe
from core.training.trackers import Tracker, Tracking
from core.training.trainer_hooks import ProbeQuery
from core.workspace import restrict_umask
from labels.errors import SameskuError

#: How long a process waits for another. Measuring and saving in the main process keep the others waiting.
_TIMEOUT = timedelta(hours=2)


def main(folder: Path) -> None:
    """Run the task of a folder, and write its outcome there."""
    restrict_umask()
    _end_with_parent()
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    reporter: Reporter = EventWriter(folder / EVENTS) if rank == 0 else Silent()
    outcome = Outcome()
    try:
        _join(folder, rank, count)
        outcome = Outcome(_train(load(folder / TASK, Task), reporter))
    except SameskuError as error:
        outcome = Outcome({}, error.message, error.hint, isinstance(error, SettingsError))
    if rank == 0 or outcome.error:
        save(folder / f"{rank}-{RESULT}", asdict(outcome))
    sys.stdout.flush()
    # Without the clean-up of the interpreter, in which a process group waits for the others.
    os._exit(1 if outcome.error else 0)


def _end_with_parent() -> None:
    def watch() -> None:
        while sys.stdin.buffer.read(1):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _join(folder: Path, rank: int, count: int) -> None:
    """Join the process group.

    Raises:
        SettingsError: there are fewer GPUs than processes.
    """
    import torch

    device, backend = None, "gloo"
    if torch.cuda.is_available() and not _uses_cpu():
        if torch.cuda.device_count() < count:
            raise SettingsError(
                f"processes: {count} is more than the GPUs of this machine ({torch.cuda.device_count()}).",
                "Lower it in the recipe, or set ACCELERATE_USE_CPU=true to train on the processor.",
            )
        device, backend = torch.device("cuda", rank), "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    if (loopback := _loopback()) is not None:
        # By default the address of the host's name, which need not lead back here.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    store = torch.distributed.FileStore(str(folder / RENDEZVOUS), count)
    torch.distributed.init_process_group(
        backend, store=store, rank=rank, world_size=count, timeout=_TIMEOUT, device_id=device
    )


def _uses_cpu() -> bool:
    return os.environ.get("ACCELERATE_USE_CPU", "").lower() in {"true", "1", "yes"}


def _loopback() -> str | None:
    return next((name for _, name in socket.if_nameindex() if name in {"lo", "lo0"}), None)


def _train(task: Task, reporter: Reporter) -> dict[str, float]:
    base: dict[str, Any] = {**task.base, "path": Path(task.base["path"])}
    return fine_tune(
        EncoderModel(**base),
        [Example(anchor, positive, tuple(negatives)) for anchor, positive, negatives in task.examples],
        Path(task.folder),
        Recipe.model_validate(task.recipe),
        max_tokens=task.max_tokens,
        reporter=reporter,
        stage=task.stage,
        probes=[ProbeQuery(query, tuple(matches), tuple(wrong)) for query, matches, wrong in task.probes],
        groups=task.groups,
        tracking=None
        if task.tracking is None or not is_main_process()
        else Tracking(Tracker(task.tracking[0]), Path(task.tracking[1])),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
