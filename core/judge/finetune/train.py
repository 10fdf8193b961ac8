"""Fine-tuning a language model as a judge with mlx-lm: LoRA, DoRA, or QLoRA on quantised weights."""

import contextlib
import io
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.json_store import text_file
from core.judge.finetune.chat_examples import ChatExamples, read_examples
from core.judge.finetune.checkpoints import Checkpoints
from core.judge.finetune.llm_recipe import Recipe
from core.judge.finetune.storage import (
    ADAPTER_WEIGHTS,
    TunedCard,
    adapter_folder,
    adapter_sha256,
    judge_drafts,
    judge_folder,
    load_card,
    load_training_pairs,
    save_card,
    save_training_pairs,
)
from core.judge.mlx_model import find_model, load_model, require_in_vocabulary, require_mlx, vocabulary_size
from core.judge.prompt import PROMPT_VERSION
from core.model_files import model_errors
from core.workspace import Workspace
from labels.files import drafts, publish

#: Weights that share a scale when a model is quantised.
_QUANTIZATION_GROUP_SIZE = 64


def create_tuned_judge(workspace: Workspace, recipe: Recipe, *, bits: int | None = None) -> TunedCard:
    """Create the folder and the card of a tuned judge, without training it.

    Args:
        workspace: where the folder is created.
        recipe: base model, training data and hyperparameters.
        bits: quantise the model to this many bits per weight (QLoRA); the quantised model becomes the base, in the
            judge's folder. None uses the model as it is, quantised or not.

    Raises:
        ModelError: the model is not available.
    """
    require_mlx()
    judge_id = f"judge-{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
    base = recipe.model
    model_folder = find_model(base)
    with judge_drafts(workspace) as place:
        draft = place / judge_id
        draft.mkdir()
        if bits is not None:
            base = str(judge_folder(workspace, judge_id) / "base")
            _quantize(model_folder, draft / "base", bits)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        card = TunedCard(judge_id, base, PROMPT_VERSION, recipe.model_dump(), now)
        save_card(workspace, card, draft)
        publish(draft, judge_folder(workspace, judge_id))
    return card


def _quantize(model_folder: Path, out: Path, bits: int) -> None:
    from mlx_lm.convert import convert

    with _silent(), model_errors(model_folder, "Use another model, or this one unquantised: without --bits."):
        convert(
            str(model_folder), str(out),
            quantize=True, q_bits=bits, q_group_size=_QUANTIZATION_GROUP_SIZE, trust_remote_code=False,
        )  # fmt: skip
    _remove_code(out)


def tune(workspace: Workspace, judge_id: str, reporter: Reporter, *, fuse: bool = False) -> TunedCard:
    """Train a judge made by `create_tuned_judge`, from its latest checkpoint if there is one.

    Args:
        workspace: contains the judge.
        judge_id: id of the judge.
        reporter: receives progress and losses.
        fuse: also write the whole model with the adapter merged, to `fused` in the judge's folder.

    Returns:
        the final card.

    Raises:
        ModelError: mlx-lm, the model or the training data are not available; the training diverged; or the judge is
            finished already.
    """
    require_mlx()
    card = load_card(workspace, judge_id)
    if card.sha256:
        raise ModelError(f"{judge_id} is finished.", "`samesku judge train --config FILE` starts another training.")
    recipe, adapter = _card_recipe(card), adapter_folder(workspace, judge_id)
    reporter.stage("load", total=None)
    model, tokenizer, _ = load_model(card.base)
    examples = read_examples(recipe, tokenizer)
    tokens = [token for sequence, _ in (*examples.train, *examples.valid) for token in sequence]
    require_in_vocabulary(tokens, vocabulary_size(model, tokenizer, card.base), card.base)
    reporter.message(examples.summary)
    checkpoints = Checkpoints(judge_folder(workspace, judge_id) / "checkpoints")
    adapter.mkdir(parents=True, exist_ok=True)
    _write_adapter_config(adapter, recipe, card.base)
    save_training_pairs(adapter, load_training_pairs(Path(recipe.data)))
    losses = _train(model, examples, recipe, adapter, checkpoints, reporter)
    _check_adapter_changed(adapter)
    card = replace(
        card, steps=recipe.iters, sha256=adapter_sha256(adapter), trained_on=examples.counts,
        losses=card.losses | losses,
    )  # fmt: skip
    if fuse:
        reporter.stage("fuse", total=None)
        _publish_fused(card.base, adapter, judge_folder(workspace, judge_id))
    save_card(workspace, card)
    # Removed last, so that an interruption anywhere above resumes from here.
    checkpoints.remove()
    return card


def _card_recipe(card: TunedCard) -> Recipe:
    try:
        return Recipe.model_validate(card.recipe)
    except ValueError as error:
        raise ModelError(
            f"The card of {card.id} is damaged: it holds no recipe.",
            "`samesku judge train --config FILE` starts another training.",
        ) from error


def _write_adapter_config(adapter: Path, recipe: Recipe, base: str) -> None:
    """Write the file from which mlx-lm reconstructs the adapter's layers."""
    parameters = recipe.model_dump(include={"fine_tune_type", "num_layers", "lora_parameters"})
    with text_file(adapter / "adapter_config.json") as out:
        out.write(json.dumps({"model": base, **parameters}, indent=1) + "\n")


def _train(
    model: Any, examples: ChatExamples, recipe: Recipe, adapter: Path, checkpoints: Checkpoints, reporter: Reporter
) -> dict[str, float]:
    """Run the remaining steps.

    Returns:
        the last training loss, and the last validation loss if there is one.
    """
    import mlx.core as mx
    from mlx_lm.tuner.trainer import TrainingArgs, train

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
    with _silent(), _restored_call(type(model.layers[0])):
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
    model: Any, optimizer: Any, recipe: Recipe, checkpoints: Checkpoints, start: int, reporter: Reporter
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


def _check_adapter_changed(adapter: Path) -> None:
    """Refuse an adapter that is still the identity: it would be the base model under another name."""
    import mlx.core as mx

    weights: Any = mx.load(str(adapter / ADAPTER_WEIGHTS))
    if not any(name.endswith("lora_b") and bool(mx.any(values != 0)) for name, values in weights.items()):
        raise ModelError("The training changed nothing.", "Raise learning_rate or iters.")


def fuse_adapter(base: str, adapter: Path, out: Path) -> None:
    """Write the model with the adapter merged into its weights: it loads without adapter and is slightly faster."""
    from mlx.utils import tree_unflatten
    from mlx_lm.utils import save

    model, tokenizer, config = load_model(base, str(adapter))
    fused = [(name, module.fuse()) for name, module in model.named_modules() if hasattr(module, "fuse")]
    model.update_modules(tree_unflatten(fused))
    with _silent():
        save(out, find_model(base), model, tokenizer, config, donate_model=False)
    _remove_code(out)
    save_training_pairs(out, load_training_pairs(adapter))


def _publish_fused(base: str, adapter: Path, folder: Path) -> None:
    """Fuse into a judge's folder, atomically."""
    out = folder / "fused"
    with drafts(folder) as place:
        fuse_adapter(base, adapter, place / out.name)
        shutil.rmtree(out, ignore_errors=True)
        publish(place / out.name, out)


def _remove_code(folder: Path) -> None:
    """Remove the Python files that mlx-lm copies along with a model; samesku never runs them."""
    for file in folder.glob("*.py"):
        file.unlink()


@contextlib.contextmanager
def _restored_call(layer: type) -> Iterator[None]:
    """Undo mlx-lm's gradient checkpointing, which patches the layer class permanently and breaks generation."""
    call = layer.__call__
    try:
        yield
    finally:
        layer.__call__ = call  # type: ignore[method-assign]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Discard what mlx-lm prints: standard output belongs to the caller."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
