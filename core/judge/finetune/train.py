"""Fine-tuning a language model as a judge: mlx-lm's LoRA, DoRA or, on quantised weights, QLoRA."""

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
from core.judge.calibrated import load_training_pairs, save_training_pairs
from core.judge.finetune.chat_examples import ChatExamples, read_examples
from core.judge.finetune.checkpoints import Checkpoints
from core.judge.finetune.recipe import Recipe
from core.judge.finetune.storage import (
    WEIGHTS,
    TunedCard,
    adapter_of,
    adapter_sha256,
    card_of,
    folder_of,
    judge_drafts,
    write_card,
)
from core.judge.mlx_model import find_model, loaded, require_known, require_mlx, vocabulary_size
from core.judge.prompt import VERSION
from core.model_files import model_errors
from core.workspace import Workspace
from labels.files import drafts, publish

#: Weights are quantised in groups of so many.
_GROUP = 64


def begin(workspace: Workspace, recipe: Recipe, *, bits: int | None = None) -> TunedCard:
    """A folder for a tuned judge, and its card; nothing is trained yet.

    Args:
        workspace: where to.
        recipe: what to tune and how.
        bits: quantise the model to so many bits a weight first (QLoRA); the quantised model is then the base, and
            lies in the judge's folder. None to take it as it is, which may be quantised already.

    Raises:
        ModelError: the model cannot be had.
    """
    require_mlx()
    judge_id = f"judge-{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
    base = recipe.model
    found = find_model(base)
    with judge_drafts(workspace) as place:
        made = place / judge_id
        made.mkdir()
        if bits is not None:
            base = str(folder_of(workspace, judge_id) / "base")
            _quantize(found, made / "base", bits)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        card = TunedCard(judge_id, base, VERSION, recipe.model_dump(), now)
        write_card(workspace, card, made)
        publish(made, folder_of(workspace, judge_id))
    return card


def tune(workspace: Workspace, judge_id: str, reporter: Reporter, *, fuse: bool = False) -> TunedCard:
    """Train what `begin` began, from its last checkpoint on if there is one.

    Args:
        workspace: where it lies.
        judge_id: which.
        reporter: hears the losses.
        fuse: whether to write the whole model with the adapter in it, too, to `fused` in the judge's folder.

    Returns:
        The card, with what came out.

    Raises:
        ModelError: mlx-lm, the model or the lessons cannot be had, the training ran astray, or it is finished already.
    """
    require_mlx()
    import mlx.core as mx

    card = card_of(workspace, judge_id)
    if card.sha256:
        raise ModelError(f"{judge_id} is finished.", "Begin another one.")
    recipe, adapter = _recipe(card), adapter_of(workspace, judge_id)
    reporter.stage("load", total=None)
    model, tokenizer, _ = loaded(card.base)
    lessons = read_examples(recipe, tokenizer)
    tokens = [token for known, _ in (*lessons.train, *lessons.valid) for token in known]
    require_known(tokens, vocabulary_size(model, tokenizer, card.base), card.base)
    reporter.message(lessons.told)
    mx.random.seed(recipe.seed)
    optimizer = _adapted(model, recipe)
    checkpoints = Checkpoints(folder_of(workspace, judge_id) / "checkpoints")
    start = checkpoints.restore(model, optimizer)
    # Another order than before the break; which lessons it had seen in this round is not known.
    np.random.seed(recipe.seed + start)
    adapter.mkdir(parents=True, exist_ok=True)
    _describe(adapter, recipe, card.base)
    save_training_pairs(adapter, load_training_pairs(Path(recipe.data)))
    reporter.stage("train", total=recipe.iters)
    reporter.advance(start)
    losses = _train(model, optimizer, lessons, recipe, adapter, checkpoints, start, reporter)
    _prove(adapter)
    card = replace(
        card, steps=recipe.iters, sha256=adapter_sha256(adapter), trained_on=lessons.counts, losses=card.losses | losses
    )
    if fuse:
        reporter.stage("fuse", total=None)
        _write_fused(card.base, adapter, folder_of(workspace, judge_id))
    write_card(workspace, card)
    # Last: whatever is broken off before goes on from there.
    checkpoints.remove()
    return card


def _quantize(found: Path, base: Path, bits: int) -> None:
    from mlx_lm.convert import convert

    with _quiet(), model_errors(found, "Take another model, or this one as it is: without --bits."):
        convert(str(found), str(base), quantize=True, q_bits=bits, q_group_size=_GROUP, trust_remote_code=False)
    _without_code(base)


def _write_fused(base: str, adapter: Path, folder: Path) -> None:
    """The same into a judge's folder, whole or not at all."""
    out = folder / "fused"
    with drafts(folder) as place:
        fuse_adapter(base, adapter, place / out.name)
        shutil.rmtree(out, ignore_errors=True)
        publish(place / out.name, out)


def _recipe(card: TunedCard) -> Recipe:
    try:
        return Recipe.model_validate(card.recipe)
    except ValueError as error:
        raise ModelError(f"The card of {card.id} is damaged: it holds no recipe.", "Begin another one.") from error


def fuse_adapter(base: str, adapter: Path, out: Path) -> None:
    """Write the model with the adapter in its weights: it loads like any other, and answers a little faster."""
    from mlx.utils import tree_unflatten
    from mlx_lm.utils import save

    model, tokenizer, config = loaded(base, str(adapter))
    fused = [(name, module.fuse()) for name, module in model.named_modules() if hasattr(module, "fuse")]
    model.update_modules(tree_unflatten(fused))
    with _quiet():
        save(out, find_model(base), model, tokenizer, config, donate_model=False)
    _without_code(out)
    save_training_pairs(out, load_training_pairs(adapter))


def _without_code(folder: Path) -> None:
    """Remove the Python files that mlx-lm copies along with a model: none of them is ever run here."""
    for file in folder.glob("*.py"):
        file.unlink()


def _adapted(model: Any, recipe: Recipe) -> Any:
    """Freeze the model but for an adapter that it gets. Returns the optimizer."""
    from mlx import optimizers
    from mlx_lm.tuner.utils import linear_to_lora_layers

    if recipe.num_layers > len(model.layers):
        raise ModelError(f"The model has {len(model.layers)} layers only.", "Set num_layers: -1 for all of them.")
    model.freeze()
    parameters = recipe.lora_parameters.model_dump()
    linear_to_lora_layers(model, recipe.num_layers, parameters, use_dora=recipe.fine_tune_type == "dora")
    made = {"adam": optimizers.Adam, "adamw": optimizers.AdamW}[recipe.optimizer]
    return made(learning_rate=recipe.learning_rate)


def _train(
    model: Any,
    optimizer: Any,
    lessons: ChatExamples,
    recipe: Recipe,
    adapter: Path,
    checkpoints: Checkpoints,
    start: int,
    reporter: Reporter,
) -> dict[str, float]:
    """The steps that are left. Returns the last losses."""
    from mlx_lm.tuner.trainer import TrainingArgs, train

    batch = min(recipe.batch_size, len(lessons.train))
    told = _callback(model, optimizer, recipe, checkpoints, start, reporter)
    args = TrainingArgs(
        batch_size=batch, iters=recipe.iters - start, val_batches=recipe.val_batches,
        # A checkpoint is written when the loss is told, so that it must be told then.
        steps_per_report=math.gcd(recipe.steps_per_report, recipe.save_every), steps_per_eval=recipe.steps_per_eval,
        steps_per_save=recipe.iters + 1, max_seq_length=recipe.max_seq_length,
        adapter_file=str(adapter / WEIGHTS), grad_checkpoint=recipe.grad_checkpoint,
    )  # fmt: skip
    valid = lessons.valid if len(lessons.valid) >= batch else None
    with _quiet(), _unchanged(type(model.layers[0])):
        train(model, optimizer, lessons.train, valid, args, training_callback=told)
    return dict(told.last)


def _callback(
    model: Any, optimizer: Any, recipe: Recipe, checkpoints: Checkpoints, start: int, reporter: Reporter
) -> Any:
    """mlx-lm's callback, told to a reporter; it also writes the checkpoints."""
    from mlx_lm.tuner.callbacks import TrainingCallback

    class Reporting(TrainingCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.last: dict[str, float] = {}

        def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
            step, loss = start + int(train_info["iteration"]), float(train_info["train_loss"])
            if not math.isfinite(loss):
                raise ModelError(f"The loss is no number any more at step {step}.", "Lower learning_rate, and retry.")
            self.last["training"] = loss
            reporter.loss(step, loss)
            reporter.advance(step)
            if step % recipe.save_every == 0:
                checkpoints.write(step, model, optimizer)

        def on_val_loss_report(self, val_info: dict[str, Any]) -> None:
            self.last["validation"] = float(val_info["val_loss"])
            reporter.metric(start + int(val_info["iteration"]), "validation loss", self.last["validation"])

    return Reporting()


def _describe(adapter: Path, recipe: Recipe, base: str) -> None:
    """What mlx-lm needs to know to load the adapter."""
    said = recipe.model_dump(include={"fine_tune_type", "num_layers", "lora_parameters"})
    with text_file(adapter / "adapter_config.json") as out:
        out.write(json.dumps({"model": base, **said}, indent=1) + "\n")


def _prove(adapter: Path) -> None:
    """Refuse an adapter that changes nothing: it would be the base model under another name."""
    import mlx.core as mx

    weights: Any = mx.load(str(adapter / WEIGHTS))
    if not any(name.endswith("lora_b") and bool(mx.any(values != 0)) for name, values in weights.items()):
        raise ModelError("The training changed nothing.", "Raise learning_rate or iters.")


@contextlib.contextmanager
def _unchanged(layer: type) -> Iterator[None]:
    """mlx-lm's gradient checkpointing changes the layers' class for good, and answering afterwards would fail."""
    call = layer.__call__
    try:
        yield
    finally:
        layer.__call__ = call  # type: ignore[method-assign]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What mlx-lm prints goes nowhere: standard output is the caller's."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
