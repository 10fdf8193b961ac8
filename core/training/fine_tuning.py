"""Fine-tuning an encoder with LoRA, QLoRA or in full, to plain weights that are verified."""

import importlib.util
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError, SettingsError
from core.evaluation.training_cost import PARAMETERS, PEAK_MEMORY, SECONDS
from core.jobs.progress import Reporter
from core.packages import require_packages
from core.retrieval.encoder import load, silence_libraries
from core.retrieval.encoder_files import EncoderModel, readable_save_errors
from core.training.adapter_check import verify_merge, verify_quantized, verify_saved
from core.training.adapters import merge_adapter, record_base, save_encoder, unit_vectors
from core.training.architecture import NON_TEXT, Architecture, read_architecture
from core.training.batches import TextGroups, no_false_negatives
from core.training.checkpoints import StageCheckpoints
from core.training.cost import batch_size, epochs
from core.training.examples import Example
from core.training.joined_model_numbers import join_model_numbers, joins_model_numbers
from core.training.length_sorted import frozen_blocks_replayed
from core.training.losses import SCORE, make_loss, training_columns
from core.training.processes import Task, is_main_process, train_in_processes, world_size
from core.training.recipes.recipe import Recipe
from core.training.trackers import PROJECT, Tracking, tracked
from core.training.trainer import (
    CheckpointTimer,
    checkpoint_callback,
    interruptions,
    probe_evaluator,
    trainer_class,
    was_stopped_early,
)
from core.training.trainer_hooks import (
    METRIC,
    ProbeQuery,
    mean_reciprocal_rank,
    reporting_callback,
    validation_examples,
)
from core.training.weight_average import WeightAverage, averaging_callback

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    Vectors = NDArray[np.float32]

#: How to install what QLoRA needs.
BITSANDBYTES_HINT = "Install it: pip install 'bitsandbytes>=0.48,<1'"

#: More steps than any training has.
_NEVER = 10**9

#: Examples whose texts are encoded to verify the result.
_PROBE_EXAMPLES = 64


def check_trainable(recipe: Recipe, base: EncoderModel) -> int:
    """Check that a base encoder can be trained with a recipe, before anything is. Returns the trainable parameters.

    Raises:
        SettingsError: the recipe does not fit the layers of the base, or needs a package that is not installed.
        ModelError: the files of the base are damaged.
    """
    if recipe.method == "qlora":
        require_packages("method: qlora needs", ["bitsandbytes"], BITSANDBYTES_HINT, SettingsError)
    return read_architecture(base.path).trainable(recipe)


def has_bitsandbytes() -> bool:
    """Whether the package for weights in 4 bits is installed."""
    return importlib.util.find_spec("bitsandbytes") is not None


def fine_tune(
    base: EncoderModel,
    examples: Sequence[Example],
    folder: Path,
    recipe: Recipe,
    *,
    max_tokens: int,
    reporter: Reporter,
    stage: str = "train",
    probes: Sequence[ProbeQuery] = (),
    groups: TextGroups | None = None,
    checkpoints: StageCheckpoints | None = None,
    tracking: Tracking | None = None,
) -> dict[str, float]:
    """Train a base encoder, save it as plain weights, and verify the result.

    Args:
        base: encoder to fine-tune.
        examples: all with the same number of negatives.
        folder: receives `merged/` (a plain encoder) and, unless all weights are trained, `adapter/` (LoRA weights),
            both as safetensors.
        recipe: the hyperparameters.
        max_tokens: longer texts are truncated.
        reporter: receives steps, losses and metrics.
        stage: name of the training stage.
        probes: queries for the metric; without any, no metric is reported.
        groups: text → groups of products that are known to be the same; rows that share one are in different batches.
        checkpoints: where checkpoints are saved, and from which an interrupted training goes on; None to save none.
            A training in several processes saves none.
        tracking: the experiment tracker that receives the curves; None for none.

    Returns:
        the distances measured by `verify_merge`, `verify_quantized` or `verify_saved`, and what the training took by
        the names of `TrainingCost`.

    Raises:
        SettingsError: the recipe does not fit the base, or needs a package that is not installed.
        ModelError: too few examples, or the result is not what was trained.
    """
    if len(examples) < 2:
        raise ModelError(
            "There are fewer than two labelled matches to train on.", "Accept some matches in the desk first."
        )
    check_trainable(recipe, base)
    if recipe.processes > world_size():
        task = _task(base, examples, folder, recipe, max_tokens, stage, probes, groups or {}, tracking)
        return train_in_processes(task, recipe, reporter)
    run = _Run(base, folder, recipe, max_tokens, reporter, tracking)
    sample = examples[:_PROBE_EXAMPLES]
    texts = [example.anchor for example in sample] + [example.positive for example in sample]
    model = run.load()
    before = unit_vectors(model, texts)
    with tracked(tracking, folder.name):
        cost = run.fit(model, examples, groups or {}, stage, probes, checkpoints)
    if not is_main_process():
        return {}
    trained = unit_vectors(model, texts)
    try:
        if not recipe.has_adapter:
            return run.save_weights(model, texts, before, trained) | cost
        return run.merge(model, texts, before, trained) | cost
    except ModelError as error:
        # A result that fails its check would fail it again; a full disk, which is a cause, may have room later.
        if checkpoints is not None and error.__cause__ is None:
            checkpoints.remove()
        raise


def _task(
    base: EncoderModel,
    examples: Sequence[Example],
    folder: Path,
    recipe: Recipe,
    max_tokens: int,
    stage: str,
    probes: Sequence[ProbeQuery],
    groups: TextGroups,
    tracking: Tracking | None,
) -> Task:
    """The arguments of `fine_tune` for other processes."""
    return Task(
        base={name: str(getattr(base, name)) for name in EncoderModel.__dataclass_fields__},
        examples=[(each.anchor, each.positive, list(each.negatives)) for each in examples],
        folder=str(folder.absolute()),
        recipe=recipe.model_dump(mode="json"),
        max_tokens=max_tokens,
        stage=stage,
        probes=[(each.query, list(each.matches), list(each.wrong)) for each in probes],
        groups={text: sorted(names) for text, names in groups.items()},
        tracking=None if tracking is None else (tracking.tracker.value, str(tracking.home.absolute())),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of a training share."""

    base: EncoderModel
    folder: Path
    recipe: Recipe
    max_tokens: int
    reporter: Reporter
    tracking: Tracking | None

    def load(self) -> "SentenceTransformer":
        """The base as it is trained: in 4 bits for QLoRA, and with the tokenizer of the recipe."""
        model = load(self.base, self.max_tokens, quantized=self.recipe.method == "qlora")
        if self.recipe.join_model_numbers and not join_model_numbers(model):
            self.reporter.message("Model numbers are read as they are: the tokenizer of this base cannot be changed.")
        return model

    def fit(
        self,
        model: "SentenceTransformer",
        examples: Sequence[Example],
        groups: TextGroups,
        stage: str,
        probes: Sequence[ProbeQuery],
        checkpoints: StageCheckpoints | None,
    ) -> dict[str, float]:
        """Train the model in place, from the last complete checkpoint if there is one. Returns what it took."""
        silence_libraries()
        from datasets import Dataset
        from transformers import EarlyStoppingCallback, set_seed
        from transformers.trainer_callback import PrinterCallback

        recipe, reporter = self.recipe, self.reporter
        set_seed(recipe.seed)
        # Non-empty, so that the trainer does not sample texts, with a progress bar, for a model card that is not
        # written.
        model.model_card_data.widget = [{}]
        if recipe.has_adapter:
            _add_adapter(model, recipe, read_architecture(self.base.path))
        guide = load(self.base, self.max_tokens) if recipe.loss == "gist" else None
        output = self.folder / "trainer" if checkpoints is None else checkpoints.folder
        timer, patience = CheckpointTimer(checkpoints), recipe.patience if probes else 0
        measure = partial(mean_reciprocal_rank, probes=probes)
        # Few rows cannot be shared equally.
        validation = validation_examples(probes, len(examples[0].negatives)) if world_size() == 1 else []
        # The best epoch is kept by its own weights.
        average = WeightAverage(model, 0 if patience else recipe.averaged)
        callbacks = [
            averaging_callback(average),
            reporting_callback(reporter, stage, partial(measure, model) if probes else None, every_epoch=patience > 0),
            checkpoint_callback(timer, every_epoch=patience > 0),
            *([EarlyStoppingCallback(patience)] if patience else []),
        ]
        columns = training_columns(recipe, examples)
        loss = make_loss(recipe, model, guide, shared=world_size() > 1)
        trainer = trainer_class()(
            model=model,
            args=_arguments(recipe, output, len(examples), groups, str(model.device.type), patience, self._report_to),
            train_dataset=Dataset.from_dict(columns),
            eval_dataset=Dataset.from_dict(training_columns(recipe, validation)) if validation else None,
            evaluator=probe_evaluator(METRIC, measure) if probes else None,
            loss=loss,
            callbacks=callbacks,
        )
        trainer.average = average
        trainer.remove_callback(PrinterCallback)
        last = None if checkpoints is None else checkpoints.begin(reporter)
        if last is not None:
            timer.resume_from(last[1])
            reporter.message(f"The interrupted training goes on from its checkpoint of step {last[1].step:,}.")
        texts = [text for name in columns if name != SCORE for text in columns[name]]
        with (
            interruptions(trainer, reporter, timer, checkpoints),
            # Recomputing what was not kept is the point of checkpointing activations.
            nullcontext() if recipe.gradient_checkpointing else frozen_blocks_replayed(loss, texts),
        ):
            if last is None:
                trainer.train()
            elif patience and was_stopped_early(last[0], patience):
                trainer.finish_at_best(str(last[0]))
            else:
                trainer.train(resume_from_checkpoint=str(last[0]))
        average.apply()
        if checkpoints is None:
            if is_main_process():
                shutil.rmtree(output, ignore_errors=True)
        elif not patience:
            checkpoints.remove_earlier(timer.saved_step)
        trained = sum(values.numel() for values in model.parameters() if values.requires_grad)
        return {PARAMETERS: trained, SECONDS: timer.seconds, PEAK_MEMORY: timer.peak_memory_bytes}

    @property
    def _report_to(self) -> dict[str, str]:
        """The arguments of the trainer for the tracker."""
        if self.tracking is None:
            return {"report_to": "none"}
        return {"report_to": self.tracking.tracker.value, "run_name": self.folder.name, "project": PROJECT}

    def save_weights(
        self, model: "SentenceTransformer", texts: Sequence[str], before: "Vectors", trained: "Vectors"
    ) -> dict[str, float]:
        """Save a model that was trained in full, and verify it as read back from disk."""
        self.reporter.stage("save the encoder")
        save_encoder(model, self.folder / "merged")
        return verify_saved(before, trained, self._encode_merged(texts))

    def merge(
        self, model: "SentenceTransformer", texts: Sequence[str], before: "Vectors", trained: "Vectors"
    ) -> dict[str, float]:
        """Save the adapter, merge it into a fresh copy of the base in full precision, and verify the result.

        Fresh, so that exactly the saved weights are merged; the base that QLoRA trained on is rounded to 4 bits.
        """
        adapter = self.folder / "adapter"
        with readable_save_errors(self.folder):
            model.transformers_model.save_pretrained(str(adapter), safe_serialization=True)
        record_base(adapter, self.base, join_model_numbers=joins_model_numbers(model))
        self.reporter.stage("merge the adapter")
        vectors = merge_adapter(self.base, adapter, self.folder / "merged", texts, self.max_tokens)
        if self.recipe.method == "qlora":
            return verify_merge(vectors.base, vectors.unmerged, vectors.merged) | verify_quantized(
                vectors.base, before, trained, vectors.merged
            )
        return verify_merge(before, trained, vectors.merged)

    def _encode_merged(self, texts: Sequence[str]) -> "Vectors":
        return unit_vectors(load(EncoderModel("merged", self.folder / "merged"), self.max_tokens), texts)


def _add_adapter(model: "SentenceTransformer", recipe: Recipe, architecture: Architecture) -> None:
    """Add a LoRA adapter, and freeze all else: an adapter file holds no weights of other modules."""
    from peft import LoraConfig, TaskType, prepare_model_for_kbit_training
    from peft.utils.other import set_additional_trainable_modules

    lora = recipe.lora
    for parameter in model.parameters():
        parameter.requires_grad_(requires_grad=False)
    if recipe.method == "qlora":
        # The trainer enables checkpointing itself, with arguments of its own.
        prepare_model_for_kbit_training(model.transformers_model, use_gradient_checkpointing=False)
    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=lora.rank,
        lora_alpha=lora.scaled_alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        target_modules=architecture.peft_targets(lora),
        exclude_modules=_non_text_layers(architecture),
        modules_to_save=list(lora.modules_to_save) or None,
    )
    model.add_adapter(config)
    if lora.modules_to_save:
        # Injection alone ignores them.
        transformer = model.transformers_model
        set_additional_trainable_modules(transformer, config, transformer.config.to_dict(), "default")


def _non_text_layers(architecture: Architecture) -> list[str] | None:
    return [layer.name for layer in architecture.layers if NON_TEXT.search(layer.name)] or None


def _arguments(
    recipe: Recipe,
    output: Path,
    examples: int,
    groups: TextGroups,
    device: str,
    patience: int,
    report_to: dict[str, str],
) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import BatchSamplers

    # Of all processes together: each takes an equal part, so that the batches are those of one process.
    batch = batch_size(recipe, examples)
    best: dict[str, Any] = {}
    if patience:
        # The trainer takes the best epoch only with these strategies, although callbacks request both.
        best = {
            "eval_strategy": "steps", "eval_steps": _NEVER, "save_strategy": "steps", "save_steps": _NEVER,
            "load_best_model_at_end": True, "metric_for_best_model": METRIC, "greater_is_better": True,
            "restore_callback_states_from_checkpoint": True,
        }  # fmt: skip
    return SentenceTransformerTrainingArguments(
        output_dir=str(output),
        num_train_epochs=epochs(recipe, examples),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        accelerator_config={"split_batches": True},
        # The rows that are left at the end of an epoch cannot be shared equally.
        dataloader_drop_last=world_size() > 1,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        gradient_checkpointing=recipe.gradient_checkpointing,
        # Reentrant checkpointing gives frozen embeddings no gradient to pass on.
        gradient_checkpointing_kwargs={"use_reentrant": False},
        learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        # Two anchors with the same match in one batch would be each other's negatives. A loss on pairs has no
        # negatives but those given.
        batch_sampler=BatchSamplers.BATCH_SAMPLER if recipe.on_pairs else no_false_negatives(groups),
        bf16=_uses_bf16(recipe, device),
        use_cpu=device == "cpu",
        seed=recipe.seed,
        # Callbacks request checkpoints and evaluations.
        **({"save_strategy": "no"} | best),
        # One is complete while the next is written; and the best one.
        save_total_limit=3 if patience else 2,
        logging_steps=1,
        **report_to,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _uses_bf16(recipe: Recipe, device: str) -> bool:
    """Whether to compute in bf16.

    Raises:
        SettingsError: the recipe asks for it, and the device does not support it.
    """
    import torch

    if recipe.precision == "fp32" or (recipe.precision == "auto" and device != "cuda"):
        return False
    supported = device == "cpu" or (device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False))
    if recipe.precision == "bf16" and not supported:
        raise SettingsError(
            f"precision: bf16 is not supported by this device ({device}); it is auto or fp32 here.",
            "Set precision: fp32 in the recipe.",
        )
    return supported
