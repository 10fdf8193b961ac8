"""Fine-tuning a language model as a judge: LoRA by mlx-lm or peft; DoRA and QLoRA, on quantised weights, by mlx-lm."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.json_store import text_file
from core.judge.backend import WantedBackend, choose_backend, require_any_backend, require_backend
from core.judge.finetune.llm_recipe import Recipe
from core.judge.finetune.mlx_training import silent, train_with_mlx
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
from core.judge.finetune.torch_training import train_with_torch
from core.judge.mlx_model import load_model, require_mlx
from core.judge.model_folder import find_model
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
    if bits is not None:
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

    with silent(), model_errors(model_folder, "Use another model, or this one unquantised: without --bits."):
        convert(
            str(model_folder), str(out),
            quantize=True, q_bits=bits, q_group_size=_QUANTIZATION_GROUP_SIZE, trust_remote_code=False,
        )  # fmt: skip
    _remove_code(out)


def tune(
    workspace: Workspace, judge_id: str, reporter: Reporter, *, fuse: bool = False, backend: WantedBackend = "auto"
) -> TunedCard:
    """Train a judge made by `create_tuned_judge`, from its latest checkpoint if there is one.

    Args:
        workspace: contains the judge.
        judge_id: id of the judge.
        reporter: receives progress and losses.
        fuse: also write the whole model with the adapter merged, to `fused` in the judge's folder.
        backend: the setting `judge.backend`.

    Returns:
        the final card.

    Raises:
        ModelError: the library, the model or the training data are not available; the training diverged; or the judge
            is finished already.
    """
    require_any_backend()
    card = load_card(workspace, judge_id)
    if card.sha256:
        raise ModelError(f"{judge_id} is finished.", "`samesku judge train --config FILE` starts another training.")
    chosen = choose_backend(card.base, backend)
    require_backend(chosen)
    if fuse:
        require_mlx()
    recipe, adapter = _card_recipe(card), adapter_folder(workspace, judge_id)
    reporter.stage("load", total=None)
    checkpoints = judge_folder(workspace, judge_id) / "checkpoints"
    adapter.mkdir(parents=True, exist_ok=True)
    _write_adapter_config(adapter, recipe, card.base)
    save_training_pairs(adapter, load_training_pairs(Path(recipe.data)))
    train = train_with_mlx if chosen == "mlx" else train_with_torch
    outcome = train(card.base, recipe, adapter, checkpoints, reporter)
    _check_adapter_changed(adapter)
    card = replace(
        card, steps=recipe.iters, sha256=adapter_sha256(adapter), trained_on=outcome.examples,
        losses=card.losses | outcome.losses,
    )  # fmt: skip
    if fuse:
        reporter.stage("fuse", total=None)
        _publish_fused(card.base, adapter, judge_folder(workspace, judge_id))
    save_card(workspace, card)
    # Removed last, so that an interruption anywhere above resumes from here.
    shutil.rmtree(checkpoints, ignore_errors=True)
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


def _check_adapter_changed(adapter: Path) -> None:
    """Refuse an adapter that is still the identity: it would be the base model under another name."""
    from safetensors.numpy import load_file

    weights = load_file(adapter / ADAPTER_WEIGHTS)
    if not any(name.endswith("lora_b") and values.any() for name, values in weights.items()):
        raise ModelError("The training changed nothing.", "Raise learning_rate or iters.")


def fuse_adapter(base: str, adapter: Path, out: Path) -> None:
    """Write the model with the adapter merged into its weights: it loads without adapter and is slightly faster."""
    from mlx.utils import tree_unflatten
    from mlx_lm.utils import save

    model, tokenizer, config = load_model(base, str(adapter))
    fused = [(name, module.fuse()) for name, module in model.named_modules() if hasattr(module, "fuse")]
    model.update_modules(tree_unflatten(fused))
    with silent():
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
