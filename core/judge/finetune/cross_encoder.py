"""Training a cross-encoder judge on the labels."""

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.jobs.progress import Reporter
from core.json_store import save
from core.judge.cross_encoder import CrossEncoderCard, load_cross_encoder
from core.judge.finetune.storage import CARD_FILE, judge_drafts, judges_folder, save_training_pairs
from core.judge.pair_context import pair_contexts
from core.judge.prompt import cross_encoder_texts
from core.retrieval.encoder import non_finite_weight
from core.retrieval.encoder_files import find_base, readable_save_errors, weights_sha256
from core.retrieval.encoder_identity import part_digests
from core.settings import Settings
from core.splits.split import splits_of
from core.stats.sampling import draw_share
from core.training.trainer_hooks import reporting_callback
from core.workspace import Workspace
from labels.files import publish
from labels.model import Pair
from labels.wording import counted

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


# Two epochs at 1e-4 with batches of 32: F1 on Walmart-Amazon's validation pairs is 0.865 and 0.871 for two seeds;
# 0.867 and 0.874 with three epochs at 5e-5; 0.875 and 0.883 with four, in twice the time. A higher weight on matches,
# both orders of a pair, and more or fewer negatives each change less than another seed does.
_EPOCHS = 2
_LEARNING_RATE = 1e-4
_BATCH_SIZE = 32
_WARMUP_SHARE = 0.1
#: Minimum steps: with few labels there are more epochs, so that the weights move at all.
_MIN_STEPS = 60
#: Share of the labelled queries that is held out for calibration.
_HOLDOUT_SHARE = 0.15
#: Training pairs at most, which take under half an hour on two cores; all matches are kept.
_MAX_PAIRS = 6_000
#: Batches whose pairs are sorted by length together: less padding, and still random.
_BATCHES_PER_SORT = 16
_SEED = 13


def train_cross_encoder(workspace: Workspace, settings: Settings, reporter: Reporter) -> dict[str, object]:
    """Train a cross-encoder on the training split, except for a share held out for calibration, and save it.

    Returns:
        the fields of its card.

    Raises:
        ModelError: there are too few labels, or the libraries are missing.
    """
    start = time.monotonic()
    base = find_base(settings.encoder.model)
    examples = _training_examples(workspace, settings)
    matches = sum(example.match for example in examples)
    if not 0 < matches < len(examples):
        raise ModelError(
            "Training a judge needs pairs labelled as match and pairs labelled as no match; one kind is missing.",
            "Label some queries in the desk first, or import labels.",
        )
    reporter.message(f"train on {counted(len(examples), 'labelled pair')}, {counted(matches, 'match', 'matches')}")
    model = load_cross_encoder(base.path)
    created = datetime.now(UTC)
    judge_id = f"cross-encoder-{created:%Y%m%d-%H%M%S}-{token_hex(2)}"
    with judge_drafts(workspace) as drafts:
        folder = drafts / judge_id
        _fit(model, examples, folder, reporter)
        _save_model(model, folder)
        card = CrossEncoderCard(
            judge_id, base.id, weights_sha256(folder), created.isoformat(timespec="seconds"), len(examples), matches,
            round(time.monotonic() - start, 1), part_digests(folder),
        )  # fmt: skip
        save_training_pairs(folder, (example.pair for example in examples))
        # The card is written last: it marks the folder as complete.
        save(folder / CARD_FILE, asdict(card))
        publish(folder, judges_folder(workspace) / judge_id)
    return asdict(card)


@dataclass(frozen=True, slots=True)
class _Example:
    """A labelled pair and its texts."""

    pair: Pair
    texts: tuple[str, str]
    match: bool


def _training_examples(workspace: Workspace, settings: Settings) -> list[_Example]:
    """The labelled pairs of the training split without the held-out queries, in random order, matches first."""
    labels = [label for label in splits_of(workspace, settings).train if label.match is not None]
    held_out = set(draw_share(sorted({label.pair.query for label in labels}), _HOLDOUT_SHARE, _SEED))
    labels = [label for label in labels if label.pair.query not in held_out]
    rng = random.Random(_SEED)  # noqa: S311 - a repeatable draw, not a secret
    rng.shuffle(labels)
    labels.sort(key=lambda label: not label.match)
    answers = {label.pair: bool(label.match) for label in labels[:_MAX_PAIRS]}
    return [
        _Example(context.pair, cross_encoder_texts(context), answers[context.pair])
        for context in pair_contexts(workspace, answers)
    ]


def _save_model(model: "CrossEncoder", folder: Path) -> None:
    if non_finite_weight(model) is not None:
        raise ModelError("The training diverged: a weight is NaN or infinite. Nothing was saved.", "Try it again.")
    shutil.rmtree(folder / "trainer", ignore_errors=True)
    with readable_save_errors(folder):
        model.save_pretrained(str(folder), safe_serialization=True, create_model_card=False)


def _fit(model: "CrossEncoder", examples: Sequence[_Example], folder: Path, reporter: Reporter) -> None:
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers import set_seed
    from transformers.trainer_callback import PrinterCallback

    set_seed(_SEED)
    # A non-empty widget keeps the trainer from sampling examples, with a progress bar, for a model card never written.
    model.model_card_data.widget = [{}]
    columns = {
        "query": [example.texts[0] for example in examples],
        "candidate": [example.texts[1] for example in examples],
        "label": [float(example.match) for example in examples],
    }
    trainer = CrossEncoderTrainer(
        model=model,
        args=_training_arguments(folder, [sum(map(len, example.texts)) for example in examples]),
        train_dataset=Dataset.from_dict(columns),
        loss=BinaryCrossEntropyLoss(model),
        callbacks=[reporting_callback(reporter, "train")],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _training_arguments(folder: Path, lengths: Sequence[int]) -> Any:
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    steps_per_epoch = -(-len(lengths) // _BATCH_SIZE)
    return CrossEncoderTrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=max(_EPOCHS, -(-_MIN_STEPS // steps_per_epoch)),
        per_device_train_batch_size=_BATCH_SIZE,
        learning_rate=_LEARNING_RATE,
        warmup_steps=_WARMUP_SHARE,
        batch_sampler=_length_sampler(lengths),
        bf16=_has_bf16(),
        use_cpu=not _has_gpu(),
        seed=_SEED,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _has_bf16() -> bool:
    """Whether the hardware multiplies bfloat16, which halves the time of float32 on two such cores."""
    import torch

    return bool(torch.cuda.is_bf16_supported() if torch.cuda.is_available() else torch.cpu._is_avx512_bf16_supported())


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


def _length_sampler(lengths: Sequence[int]) -> Any:
    """A batch sampler class that groups pairs of similar length; a third of a random batch would be padding."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class LengthSampler(DefaultBatchSampler):  # type: ignore[misc]
        def __iter__(self) -> Iterator[list[int]]:
            rng = random.Random(self.seed + self.epoch)  # noqa: S311 - a repeatable draw, not a secret
            order = list(range(len(lengths)))
            rng.shuffle(order)
            batches = []
            window = self.batch_size * _BATCHES_PER_SORT
            for start in range(0, len(order), window):
                by_length = sorted(order[start : start + window], key=lengths.__getitem__)
                batches += [by_length[at : at + self.batch_size] for at in range(0, len(by_length), self.batch_size)]
            rng.shuffle(batches)
            return iter(batches)

    return LengthSampler
