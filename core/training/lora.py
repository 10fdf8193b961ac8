"""Fine-tuning an encoder with LoRA, and merging the adapter into plain weights."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.model_files import check_adapter_files, model_errors
from core.retrieval.encoder import load, silence_libraries
from core.retrieval.encoder_files import EncoderModel, readable_save_errors
from core.settings import RetrainSettings
from core.training.adapter_check import verify_merge
from core.training.batches import TextGroups, no_false_negatives
from core.training.encoder_recipe import TARGET_MODULES, epochs
from core.training.trainer_hooks import ProbeQuery, mean_reciprocal_rank, reporting_callback

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Examples whose texts are encoded to verify the adapter.
_PROBE_EXAMPLES = 64


@dataclass(frozen=True, slots=True)
class Example:
    """A triplet as texts, including prefixes. All examples of a run have the same number of negatives.

    Attributes:
        never: texts that are never drawn as a negative: other known matches, and evaluated candidates.
    """

    anchor: str
    positive: str
    negatives: tuple[str, ...]
    never: frozenset[str] = frozenset()


def pad_negatives(examples: Sequence[Example], pool: Sequence[str], negatives: int, seed: int) -> list[Example]:
    """Fill up every example to `negatives` negatives with random texts from the catalogue.

    Random negatives help: in a published ablation on Walmart-Amazon, a blocker that was trained on labelled negatives
    only kept 80.9 % of the matches among its candidates, and 92.2 % with random negatives added.

    Raises:
        ModelError: the pool is too small.
    """
    distinct = set(pool)
    too_few = ModelError(
        f"The catalogue has too few products for {negatives} negatives to each match.",
        "Import more products, or lower retrain.hard_negatives.",
    )
    # The pool may contain the anchor and its match, which are not negatives.
    if len(distinct) < negatives + 2:
        raise too_few
    rng = random.Random(seed)  # noqa: S311 - a repeatable draw, not a secret
    padded = []
    for example in examples:
        texts = list(example.negatives[:negatives])
        taken = {example.anchor, example.positive, *texts, *example.never}
        if len(texts) + len(distinct) - len(distinct & taken) < negatives:
            raise too_few
        while len(texts) < negatives:
            text = pool[rng.randrange(len(pool))]
            if text not in taken:
                taken.add(text)
                texts.append(text)
        padded.append(Example(example.anchor, example.positive, tuple(texts), example.never))
    return padded


def train_lora(
    base: EncoderModel,
    examples: Sequence[Example],
    folder: Path,
    settings: RetrainSettings,
    *,
    max_tokens: int,
    reporter: Reporter,
    stage: str = "train",
    probes: Sequence[ProbeQuery] = (),
    groups: TextGroups | None = None,
) -> dict[str, float]:
    """Train a LoRA adapter on a base encoder, merge it, and verify the result.

    MultipleNegativesRankingLoss: for each anchor, its match against its hard negatives and all other texts of the batch
    (van den Oord et al. 2018, arXiv:1807.03748, as in sentence-transformers).

    Args:
        base: encoder to fine-tune.
        examples: all with the same number of negatives.
        folder: receives `adapter/` (LoRA weights) and `merged/` (a plain encoder), both as safetensors.
        settings: the recipe.
        max_tokens: longer texts are truncated.
        reporter: receives steps, losses and metrics.
        stage: name of the training stage.
        probes: queries for the metric; without any, no metric is reported.
        groups: text → groups of products that are known to be the same; rows that share one are in different batches.

    Returns:
        the distances measured by `verify_merge`.

    Raises:
        ModelError: too few examples, or the result is not what was trained.
    """
    if len(examples) < 2:
        raise ModelError(
            "There are fewer than two labelled matches to train on.", "Accept some matches in the desk first."
        )
    model = load(base, max_tokens)
    sample = examples[:_PROBE_EXAMPLES]
    texts = [example.anchor for example in sample] + [example.positive for example in sample]
    before = _encode(model, texts)
    measure = partial(mean_reciprocal_rank, model, probes) if probes else None
    _fit(model, examples, folder, settings, groups or {}, reporting_callback(reporter, stage, measure))
    unmerged = _encode(model, texts)
    with readable_save_errors(folder):
        model.transformers_model.save_pretrained(str(folder / "adapter"), safe_serialization=True)
    reporter.stage("merge the adapter")
    _merge(base, folder, max_tokens)
    merged = _encode(load(EncoderModel("merged", folder / "merged"), max_tokens), texts)
    return verify_merge(before, unmerged, merged)


def _fit(
    model: "SentenceTransformer",
    examples: Sequence[Example],
    folder: Path,
    settings: RetrainSettings,
    groups: TextGroups,
    callback: Any,
) -> None:
    silence_libraries()
    from peft import LoraConfig, TaskType
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers.trainer_callback import PrinterCallback

    _seed(settings.seed)
    # Non-empty, so that the trainer does not sample texts, with a progress bar, for a model card that is not written.
    model.model_card_data.widget = [{}]
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules=list(TARGET_MODULES),
        )
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=_arguments(settings, folder, examples, groups),
        train_dataset=_dataset(examples),
        loss=MultipleNegativesRankingLoss(model, scale=settings.scale),
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _arguments(settings: RetrainSettings, folder: Path, examples: Sequence[Example], groups: TextGroups) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments

    rows = [(example.anchor, example.positive, *example.negatives) for example in examples]
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=epochs(settings, len(examples)),
        # A batch larger than the data set would leave no batch at all.
        per_device_train_batch_size=min(settings.batch_size, len(examples)),
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        # Two anchors with the same match in one batch would be each other's negatives.
        batch_sampler=no_false_negatives(rows, groups),
        seed=settings.seed,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _dataset(examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    columns = {"anchor": [e.anchor for e in examples], "positive": [e.positive for e in examples]}
    for i in range(len(examples[0].negatives)):
        columns[f"negative_{i + 1}"] = [e.negatives[i] for e in examples]
    return Dataset.from_dict(columns)


def _merge(base: EncoderModel, folder: Path, max_tokens: int) -> None:
    """Merge the saved adapter into a fresh copy of the base, so that exactly the saved weights are merged."""
    from peft import PeftModel

    model, adapter, hint = load(base, max_tokens), folder / "adapter", "Run it again; the failed files are removed."
    check_adapter_files(adapter, hint)
    with model_errors(adapter, hint):
        PeftModel.from_pretrained(model.transformers_model, str(adapter)).merge_and_unload()
    with readable_save_errors(folder):
        model.save(str(folder / "merged"), safe_serialization=True, create_model_card=False)


def _encode(model: "SentenceTransformer", texts: Sequence[str]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return vectors


def _seed(seed: int) -> None:
    from transformers import set_seed

    set_seed(seed)
