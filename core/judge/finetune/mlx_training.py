"""LoRA and DoRA training of a language model by mlx-lm."""

import contextlib
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.judge.finetune.chat_examples import ChatExamples, TrainingOutcome, read_examples
from core.judge.finetune.checkpoints import MlxCheckpoints
from core.judge.finetune.llm_recipe import Recipe
from core.judge.finetune.storage import ADAPTER_WEIGHTS
from core.judge.mlx_model import load_model, vocabulary_size
from core.judge.prompt_encoder import require_in_vocabulary


def train_with_mlx(
    base: str, recipe: Recipe, adapter: Path, checkpoints_folder: Path, reporter: Reporter
) -> TrainingOutcome:
    """Run the remaining steps of a training, and write the adapter's weights.

    Args:
        base: the model.
        recipe: examples and hyperparameters.
        adapter: the folder of the adapter.
        checkpoints_folder: with the checkpoints of this training so far.
        reporter: receives progress and losses.

    Raises:
        ModelError: the model or the examples are not available, or the training diverged.
    """
    model, tokenizer, _ = load_model(base)
    examples = read_examples(recipe, tokenizer)
    require_in_vocabulary(examples.tokens, vocabulary_size(model, tokenizer, base), base)
    reporter.message(examples.summary)
    return TrainingOutcome(examples.counts, _train(model, examples, recipe, adapter, checkpoints_folder, reporter))


def _train(
    model: Any, examples: ChatExamples, recipe: Recipe, adapter: Path, checkpoints_folder: Path, reporter: Reporter
) -> dict[str, float]:
    """Run the remaining steps.

    Returns:
        the last training loss, and the last validation loss if there is one.
    """
    import mlx.core as mx
    from mlx_lm.tuner.trainer import TrainingArgs, train

    checkpoints = MlxCheckpoints(checkpoints_folder)
    mx.random.seed(recipe.seed)
    optimizer = _add_adapter(model, recipe)
    start = checkpoints.restore(model, optimizer)
    # A different order than before the interruption: which examples of the epoch were already used is not recorded.
    np.random.seed(recipe.seed + start)
    reporter.stage("train", total=recipe.iters)
    reporter.advance(start)
    batch_size = min(recipe.batch_size, len(examples.train))
    callback = _make_callback(model, optimizer, recipe, checkpoints, start, reporter)
    args = TrainingArgs(
        batch_size=batch_size, iters=recipe.iters - start, val_batches=recipe.val_batches,
        # Checkpoints are written by the loss callback, so it must run at each of their steps.
        steps_per_report=math.gcd(recipe.steps_per_report, recipe.save_every), steps_per_eval=recipe.steps_per_eval,
        steps_per_save=recipe.iters + 1, max_seq_length=recipe.max_seq_length,
        adapter_file=str(adapter / ADAPTER_WEIGHTS), grad_checkpoint=recipe.grad_checkpoint,
    )  # fmt: skip
    valid = examples.valid if len(examples.valid) >= batch_size else None
    with silent(), _restored_call(type(model.layers[0])):
        train(model, optimizer, examples.train, valid, args, training_callback=callback)
    return dict(callback.losses)


def _add_adapter(model: Any, recipe: Recipe) -> Any:
    """Freeze the model and add a trainable adapter.

    Returns:
        the optimizer.
    """
    from mlx import optimizers
    from mlx_lm.tuner.utils import linear_to_lora_layers

    if recipe.num_layers > len(model.layers):
        raise ModelError(f"The model has only {len(model.layers)} layers.", "Set num_layers: -1 for all of them.")
    model.freeze()
    parameters = recipe.lora_parameters.model_dump()
    linear_to_lora_layers(model, recipe.num_layers, parameters, use_dora=recipe.fine_tune_type == "dora")
    optimizer_class = {"adam": optimizers.Adam, "adamw": optimizers.AdamW}[recipe.optimizer]
    return optimizer_class(learning_rate=recipe.learning_rate)


def _make_callback(
    model: Any, optimizer: Any, recipe: Recipe, checkpoints: MlxCheckpoints, start: int, reporter: Reporter
) -> Any:
    """A training callback for mlx-lm that reports losses and writes checkpoints."""
    from mlx_lm.tuner.callbacks import TrainingCallback

    class ReportingCallback(TrainingCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.losses: dict[str, float] = {}

        def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
            step, loss = start + int(train_info["iteration"]), float(train_info["train_loss"])
            if not math.isfinite(loss):
                raise ModelError(
                    f"The training diverged: the loss is NaN or infinite at step {step}.",
                    "Lower learning_rate, and retry.",
                )
            self.losses["training"] = loss
            reporter.loss(step, loss)
            reporter.advance(step)
            if step % recipe.save_every == 0:
                checkpoints.write(step, model, optimizer)

        def on_val_loss_report(self, val_info: dict[str, Any]) -> None:
            self.losses["validation"] = float(val_info["val_loss"])
            reporter.metric(start + int(val_info["iteration"]), "validation loss", self.losses["validation"])

    return ReportingCallback()


@contextlib.contextmanager
def _restored_call(layer: type) -> Iterator[None]:
    """Undo mlx-lm's gradient checkpointing, which patches the layer class permanently and breaks generation."""
    call = layer.__call__
    try:
        yield
    finally:
        layer.__call__ = call  # type: ignore[method-assign]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Discard what mlx-lm prints: standard output belongs to the caller."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
