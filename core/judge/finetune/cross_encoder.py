"""Training a cross-encoder on the labels."""

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
from core.judge.calibrated import save_training_pairs
from core.judge.cross_encoder import CrossEncoderCard, load_cross_encoder
from core.judge.finetune.storage import CARD, judge_drafts, judges_folder
from core.judge.pair_context import pair_contexts
from core.judge.prompt import pair_of_texts
from core.retrieval.encoder import non_finite_weight
from core.retrieval.encoder_files import find_base, readable_save_errors, weights_sha256
from core.retrieval.encoder_identity import part_digests
from core.settings import Settings
from core.splits.split import splits_of
from core.stats.sampling import drawn
from core.training.trainer_hooks import reporting_callback
from core.workspace import Workspace
from labels.files import publish
from labels.model import Pair
from labels.wording import counted

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


#: Two epochs at 1e-4, batches of 32: F1 on Walmart-Amazon's validation pairs was 0.865 and 0.871 with two seeds; with
#: three epochs at 5e-5 0.867 and 0.874, with four 0.875 and 0.883, in twice the time. More weight on matches, both
#: orders of a pair, and more or fewer negatives changed less than another seed did.
_EPOCHS, _RATE, _BATCH, _WARMUP = 2, 1e-4, 32, 0.1
#: With few labels there are more epochs, so that the weights move at all.
_LEAST_STEPS = 60
#: Of the labelled queries, not learnt from, so that there is something to calibrate on.
_HELD_OUT = 0.15
_SEED = 13
#: More pairs take longer than anybody waits on two cores: so many take under half an hour. Matches are all kept.
_MOST = 6_000
#: Batches whose pairs are sorted by length together: less padding, and still a draw.
_SORTED_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class _Lesson:
    """A labelled pair as texts."""

    pair: Pair
    texts: tuple[str, str]
    match: bool


def train_cross_encoder(workspace: Workspace, settings: Settings, reporter: Reporter) -> dict[str, object]:
    """Train a judge on the labels that may train anything, but for a part that it is calibrated on, and keep it.

    Returns:
        its card.

    Raises:
        ModelError: too few labels, or the libraries are missing.
    """
    begun = time.monotonic()
    base = find_base(settings.encoder.model)
    learn = _lessons(workspace, settings)
    if not {True, False} <= {lesson.match for lesson in learn}:
        raise ModelError(
            "A judge learns from pairs that are labelled match and from pairs that are not; one kind is missing.",
            "Label some queries in the desk first, or import labels.",
        )
    matches = sum(lesson.match for lesson in learn)
    reporter.message(f"learn from {counted(len(learn), 'labelled pair')}, {counted(matches, 'match', 'matches')}")
    model = load_cross_encoder(base.path)
    created = datetime.now(UTC)
    judge_id = f"cross-encoder-{created:%Y%m%d-%H%M%S}-{token_hex(2)}"
    with judge_drafts(workspace) as place:
        folder = place / judge_id
        _fit(model, learn, folder, reporter)
        if non_finite_weight(model) is not None:
            raise ModelError("The training ended in values that are no numbers; it is not kept.", "Try it again.")
        shutil.rmtree(folder / "trainer", ignore_errors=True)
        with readable_save_errors(folder):
            model.save_pretrained(str(folder), safe_serialization=True, create_model_card=False)
        card = CrossEncoderCard(
            judge_id, base.id, weights_sha256(folder), created.isoformat(timespec="seconds"), len(learn), matches,
            round(time.monotonic() - begun, 1), part_digests(folder),
        )  # fmt: skip
        save_training_pairs(folder, (lesson.pair for lesson in learn))
        # Last: a folder with a card is whole.
        save(folder / CARD, asdict(card))
        publish(folder, judges_folder(workspace) / judge_id)
    return asdict(card)


def _lessons(workspace: Workspace, settings: Settings) -> list[_Lesson]:
    """What to learn from."""
    labels = [label for label in splits_of(workspace, settings).train if label.match is not None]
    apart = set(drawn(sorted({label.pair.query for label in labels}), _HELD_OUT, _SEED))
    labels = [label for label in labels if label.pair.query not in apart]
    rng = random.Random(_SEED)  # noqa: S311 - a repeatable draw, not a secret
    rng.shuffle(labels)
    labels.sort(key=lambda label: not label.match)
    answers = {label.pair: bool(label.match) for label in labels[:_MOST]}
    return [_Lesson(case.pair, pair_of_texts(case), answers[case.pair]) for case in pair_contexts(workspace, answers)]


def _fit(model: "CrossEncoder", lessons: Sequence[_Lesson], folder: Path, reporter: Reporter) -> None:
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers import set_seed
    from transformers.trainer_callback import PrinterCallback

    set_seed(_SEED)
    # Not empty, so that the trainer picks no samples for a model card that is never written, under a bar of its own.
    model.model_card_data.widget = [{}]
    columns = {
        "query": [lesson.texts[0] for lesson in lessons],
        "candidate": [lesson.texts[1] for lesson in lessons],
        "label": [float(lesson.match) for lesson in lessons],
    }
    trainer = CrossEncoderTrainer(
        model=model,
        args=_arguments(folder, [sum(map(len, lesson.texts)) for lesson in lessons]),
        train_dataset=Dataset.from_dict(columns),
        loss=BinaryCrossEntropyLoss(model),
        callbacks=[reporting_callback(reporter, "train")],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _arguments(folder: Path, lengths: Sequence[int]) -> Any:
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    return CrossEncoderTrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=max(_EPOCHS, -(-_LEAST_STEPS // -(-len(lengths) // _BATCH))),
        per_device_train_batch_size=_BATCH,
        learning_rate=_RATE,
        warmup_steps=_WARMUP,
        batch_sampler=_by_length(lengths),
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
    """Whether this machine multiplies bfloat16 in hardware: half the time of float32 on two cores that do."""
    import torch

    return bool(torch.cuda.is_bf16_supported() if torch.cuda.is_available() else torch.cpu._is_avx512_bf16_supported())


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


def _by_length(lengths: Sequence[int]) -> Any:
    """A batch sampler that puts pairs of about the same length together: a third of a random batch is padding."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class ByLength(DefaultBatchSampler):  # type: ignore[misc]
        def __iter__(self) -> Iterator[list[int]]:
            rng = random.Random(self.seed + self.epoch)  # noqa: S311 - a repeatable draw, not a secret
            order = list(range(len(lengths)))
            rng.shuffle(order)
            batches = []
            for start in range(0, len(order), self.batch_size * _SORTED_TOGETHER):
                some = sorted(order[start : start + self.batch_size * _SORTED_TOGETHER], key=lengths.__getitem__)
                batches += [some[at : at + self.batch_size] for at in range(0, len(some), self.batch_size)]
            rng.shuffle(batches)
            return iter(batches)

    return ByLength
