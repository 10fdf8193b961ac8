"""The trainer of sentence-transformers with checkpoints that hold the trained weights only."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.retrieval.encoder_files import readable_save_errors
from core.training.checkpoints import Complete, StageCheckpoints
from core.training.weight_average import WeightAverage, copy_weights, trained_weights

_WEIGHTS, _AVERAGE = "trained.safetensors", "average.safetensors"

#: Minimum time between two checkpoints, in seconds and in multiples of the time that the last one took.
_INTERVAL_S, _INTERVAL_SHARE = 15.0, 50


def trainer_class() -> Any:
    """The trainer's class. A function, since importing the trainer takes seconds."""
    import torch
    from safetensors.torch import load_file, save_file
    from sentence_transformers import SentenceTransformerTrainer
    from transformers import TrainerState
    from transformers.trainer import TRAINER_STATE_NAME

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
        #: Whether a checkpoint was loaded.
        is_loaded = False
        #: The mean of the weights; None to take the last ones.
        average: WeightAverage | None = None

        def _save_checkpoint(self, *args: Any, **options: Any) -> None:
            with readable_save_errors(Path(self.args.output_dir)):
                super()._save_checkpoint(*args, **options)

        def _save(self, output_dir: str | None = None, **_: Any) -> None:
            folder = Path(output_dir or self.args.output_dir)
            folder.mkdir(parents=True, exist_ok=True)
            weights = trained_weights(self.model)
            save_file({name: values.detach().cpu().contiguous() for name, values in weights.items()}, folder / _WEIGHTS)
            if self.average is not None:
                self.average.save(folder / _AVERAGE)

        def _load_from_checkpoint(self, checkpoint_path: str) -> None:
            # Into the model that is there: the files of a checkpoint name no classes.
            copy_weights(load_file(Path(checkpoint_path) / _WEIGHTS), self.model)
            if self.average is not None:
                self.average.load(Path(checkpoint_path) / _AVERAGE)

        def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
            super()._load_optimizer_and_scheduler(checkpoint)
            self.is_loaded = True

        def _load_best_model(self) -> None:
            self._load_from_checkpoint(self.state.best_model_checkpoint)

        def finish_at_best(self, checkpoint: str) -> None:
            """Take the weights of the best epoch of a training that was stopped early, by its last checkpoint."""
            self.state = TrainerState.load_from_json(str(Path(checkpoint) / TRAINER_STATE_NAME))
            self._load_best_model()

        def evaluate(self, *args: Any, **options: Any) -> Any:
            # The data loader draws a number, and a measured training gives the same weights as any other.
            with torch.random.fork_rng():
                return super().evaluate(*args, **options)

    return Trainer


def probe_evaluator(name: str, measure: Callable[[Any], float]) -> Any:
    """An evaluator for the trainer that measures one metric of the model."""
    from sentence_transformers.base.evaluation import BaseEvaluator

    class Evaluator(BaseEvaluator):  # type: ignore[misc]
        def __call__(self, model: Any, *_: Any, **__: Any) -> dict[str, float]:
            return {name: measure(model)}

    return Evaluator()


class CheckpointTimer:
    """Decides when a checkpoint is due, and measures the training across interruptions.

    Args:
        checkpoints: of the stage.
    """

    def __init__(self, checkpoints: StageCheckpoints | None) -> None:
        self._checkpoints = checkpoints
        self._began_at = time.monotonic()
        self._seconds_before, self._peak_before = 0.0, 0
        self._requested_at = self._due_at = self._began_at
        self._saved_step = -1

    def resume_from(self, last: Complete) -> None:
        """Continue the measurement of an interrupted training."""
        self._saved_step = last.step
        self._seconds_before, self._peak_before = last.seconds, last.peak_memory_bytes

    @property
    def saved_step(self) -> int:
        """Step of the last complete checkpoint; -1 if there is none."""
        return self._saved_step

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return self._seconds_before + time.monotonic() - self._began_at

    @property
    def peak_memory_bytes(self) -> int:
        """Highest memory in use so far."""
        return max(self._peak_before, peak_memory_bytes())

    def is_due(self, step: int, *, at_end: bool = False) -> bool:
        """Whether to save a checkpoint after a step."""
        if self._checkpoints is None or step == self._saved_step:
            return False
        self._requested_at = time.monotonic()
        return at_end or self._requested_at >= self._due_at

    def saved(self, step: int) -> None:
        """A checkpoint was written."""
        if self._checkpoints is None:
            return
        self._checkpoints.complete(step, self.seconds, self.peak_memory_bytes)
        self._saved_step, now = step, time.monotonic()
        self._due_at = now + max(_INTERVAL_S, _INTERVAL_SHARE * (now - self._requested_at))


def peak_memory_bytes() -> int:
    """Highest memory that this process has used: on the CUDA device if there is one, else resident memory."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def checkpoint_callback(timer: CheckpointTimer, *, every_epoch: bool = False) -> Any:
    """A `TrainerCallback` that requests checkpoints: after the first step, at intervals, and at the end.

    Args:
        timer: decides when one is due.
        every_epoch: also request one after every epoch, for the weights of the best one.
    """
    from transformers import TrainerCallback

    class Checkpointing(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
            # After the last step of an epoch, the checkpoint waits for the evaluation.
            if not float(state.epoch).is_integer() and timer.is_due(state.global_step):
                control.should_save = True

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            is_last = state.epoch >= args.num_train_epochs
            if every_epoch or timer.is_due(state.global_step, at_end=is_last):
                control.should_save = True

        def on_save(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            timer.saved(state.global_step)

    return Checkpointing()


def was_stopped_early(checkpoint: Path, patience: int) -> bool:
    """Whether the training of a checkpoint had ended early."""
    state = json.loads((checkpoint / "trainer_state.json").read_text())
    stopping = state["stateful_callbacks"]["EarlyStoppingCallback"]
    return bool(stopping["attributes"]["early_stopping_patience_counter"] >= patience)


@contextmanager
def interruptions(
    trainer: Any, reporter: Reporter, timer: CheckpointTimer, checkpoints: StageCheckpoints | None
) -> Iterator[None]:
    """Report where an interrupted training goes on, and refuse a checkpoint that cannot be loaded.

    Raises:
        ModelError: the checkpoint cannot be loaded. It was removed.
    """
    resumed = timer.saved_step >= 0
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if timer.saved_step >= 0:
            reporter.message(
                f"The checkpoint of step {timer.saved_step:,} is kept: `samesku jobs resume`, or the same command, goes"
                " on from there."
            )
        raise
    except Exception as error:
        if not resumed or trainer.is_loaded or checkpoints is None:
            raise
        checkpoints.remove()
        raise ModelError(
            "The last checkpoint of the interrupted training cannot be loaded; it was removed.",
            "Run it again; it starts over.",
        ) from error
