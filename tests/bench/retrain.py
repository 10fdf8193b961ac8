"""How long a retrain takes, and how its training compares with the plain trainer of sentence-transformers.

    python -m tests.bench.retrain [FOLDER]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. The plain trainer takes the same base, adapter, data,
batch size and number of epochs; then, for some steps, the adapter of the default recipe as it was first: in all blocks,
with dropout. How long a retrain with that would take is estimated: two half encoders have as many steps as the encoder
itself. Takes about 20 minutes on two cores.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.jobs.progress import Silent, StageTimer
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import load
from core.retrieval.encoder_registry import Registry
from core.settings import load_settings
from core.splits.match_groups import known_groups
from core.splits.split import splits_of
from core.training.architecture import read_architecture
from core.training.base_encoder import base_encoder
from core.training.cost import epochs, steps
from core.training.fine_tuning import _add_adapter
from core.training.losses import training_columns
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import resolve_recipe
from core.training.run import TrainingRun, retrain
from core.workspace import Workspace
from tests.bench.walmart_amazon import SHARED, samesku

#: What the default recipe had first, and how many of its steps are measured.
_FIRST_ADAPTER = {"layers": "all", "dropout": 0.1}
_FIRST_STEPS = 24


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
        plain = _plain_training(run, recipe, Path(folder) / "plain")
        first = recipe.model_copy(update={"lora": recipe.lora.model_copy(update=_FIRST_ADAPTER)})
        earlier = _plain_training(run, first, Path(folder) / "first", _FIRST_STEPS)
        stages, begun = StageTimer(Silent()), time.monotonic()
        result = retrain(workspace, settings, stages, recipe=recipe)
        _print(time.monotonic() - begun, stages.seconds, (plain, earlier), result)


def _plain_training(run: TrainingRun, recipe: Recipe, output: Path, limit: int | None = None) -> float:
    """Seconds that the trainer of sentence-transformers takes by itself.

    Args:
        run: with the base and the data.
        recipe: the adapter and the hyperparameters.
        output: folder of the trainer.
        limit: steps after which it stops; the seconds are then scaled to all steps.
    """
    from datasets import Dataset  # noqa: PLC0415
    from sentence_transformers import (  # noqa: PLC0415
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.base.sampler import BatchSamplers  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss  # noqa: PLC0415

    base = run.base
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
            max_steps=limit or -1,
            save_strategy="no",
            report_to="none",
            dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_dict(training_columns(recipe, examples)),
        loss=MultipleNegativesRankingLoss(model, scale=recipe.scale),
    )
    begun = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - begun
    return seconds if limit is None else seconds * steps(recipe, len(examples)) / limit


def _print(total: float, stages: dict[str, float], plain: tuple[float, float], result: dict[str, Any]) -> None:
    same, earlier = plain
    training = stages["train"]
    halves = sum(seconds for name, seconds in stages.items() if name.startswith("train half"))
    with_earlier = total - training - halves + 2 * earlier
    rows = [
        ("training, plain trainer", f"{same:.0f} s"),
        ("training", f"{training:.0f} s, {training / same:.2f} ×"),
        ("two half encoders", f"{halves:.0f} s"),
        ("training, plain trainer and first recipe", f"{earlier:.0f} s"),
        ("retrain, new index included", f"{total:.0f} s"),
        ("retrain, plain trainer and first recipe (estimated)", f"{with_earlier:.0f} s, {total / with_earlier:.2f} ×"),
        *(
            (
                f"{of}, dense",
                ", ".join(f"{name} {result[of]['encoder'][name]:.3f}" for name in ("hit@1", "hit@10", "mrr@10")),
            )
            for of in ("champion", "challenger")
        ),
        ("decision", result["decision"]),
        *((f"  {name}", f"{seconds:.0f} s") for name, seconds in stages.items() if seconds >= 1),
    ]
    sys.stdout.write("\n".join(f"| {what} | {figure} |" for what, figure in rows) + "\n")


if __name__ == "__main__":
    main()
