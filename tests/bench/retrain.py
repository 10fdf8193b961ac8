"""How long a retrain takes, and how its training compares with the plain trainer of sentence-transformers.

    python -m tests.bench.retrain [FOLDER]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. The plain trainer takes the same base, adapter, data,
batch size and number of epochs. How long a retrain with it would take is estimated: two half encoders have as many
steps as the encoder itself. Takes about half an hour on two cores.
"""

import sys
import tempfile
import time
from pathlib import Path

from core.jobs.progress import Silent, StageTimer
from core.retrieval.encoder import load
from core.retrieval.encoder_registry import Registry
from core.retrieval.index_run import Corpus
from core.settings import load_settings
from core.splits.split import splits_of
from core.splits.training_data import known_groups
from core.training.architecture import read_architecture
from core.training.base_encoder import base_encoder
from core.training.cost import epochs
from core.training.fine_tuning import _add_adapter
from core.training.losses import training_columns
from core.training.recipes.sources import resolve_recipe
from core.training.run import TrainingRun, retrain
from core.workspace import Workspace
from tests.bench.walmart_amazon import SHARED, samesku


def main() -> None:
    """Prepare a workspace, train in both ways, and print the times and their ratios."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if not (data / "valid.csv").is_file():
        sys.exit(f"No benchmark at {data}. Fetch it: samesku fetch walmart-amazon --into DIR")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        samesku(workspace.home, "import", "walmart-amazon", str(data), "--labels")
        samesku(workspace.home, "index")
        settings = load_settings(workspace.settings, {"retrain.gate": "dense"})
        recipe, corpus = resolve_recipe(settings.retrain), Corpus.read(workspace)
        base, splits = base_encoder(workspace, settings, recipe), splits_of(workspace, settings)
        run = TrainingRun(
            workspace, settings, recipe, base, Silent(), Registry(workspace, settings), corpus, splits,
            known_groups(splits, corpus),
        )  # fmt: skip
        plain = _plain_training(run, Path(folder) / "plain")
        stages, begun = StageTimer(Silent()), time.monotonic()
        retrain(workspace, settings, stages, recipe=recipe)
        _print(time.monotonic() - begun, stages.seconds, plain)


def _plain_training(run: TrainingRun, output: Path) -> float:
    """Seconds that the trainer of sentence-transformers takes by itself."""
    from datasets import Dataset  # noqa: PLC0415
    from sentence_transformers import (  # noqa: PLC0415
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.base.sampler import BatchSamplers  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss  # noqa: PLC0415

    base, recipe = run.base, run.recipe
    examples = run._examples(run.triplets(run.splits), run.splits)
    model = load(base, run.settings.encoder.max_tokens)
    model.model_card_data.widget = [{}]  # otherwise it samples texts for a model card first
    if recipe.has_adapter:
        _add_adapter(model, recipe, read_architecture(base.path))
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(output),
            num_train_epochs=epochs(recipe, len(examples)),
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.rate,
            lr_scheduler_type=recipe.schedule,
            warmup_steps=recipe.warmup,
            batch_sampler=BatchSamplers.NO_DUPLICATES,
            seed=recipe.seed,
            save_strategy="no",
            report_to="none",
            dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_dict(training_columns(recipe, examples)),
        loss=MultipleNegativesRankingLoss(model, scale=recipe.scale),
    )
    begun = time.monotonic()
    trainer.train()
    return time.monotonic() - begun


def _print(total: float, stages: dict[str, float], plain: float) -> None:
    training = stages["train"]
    halves = sum(seconds for name, seconds in stages.items() if name.startswith("train half"))
    with_plain = total - training - halves + 2 * plain
    rows = [
        ("training, plain trainer", f"{plain:.0f} s"),
        ("training", f"{training:.0f} s, {training / plain:.2f} ×"),
        ("two half encoders", f"{halves:.0f} s"),
        ("retrain, new index included", f"{total:.0f} s"),
        ("retrain, with the plain trainer (estimated)", f"{with_plain:.0f} s, {total / with_plain:.2f} ×"),
        *((f"  {name}", f"{seconds:.0f} s") for name, seconds in stages.items() if seconds >= 1),
    ]
    sys.stdout.write("\n".join(f"| {what} | {figure} |" for what, figure in rows) + "\n")


if __name__ == "__main__":
    main()
