"""`samesku dataset`: export of training data for sentence-transformers and other trainers."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import context_of
from core.cli.rebuild import rebuilds_damage
from core.training.recipes.sources import resolve_recipe
from core.transfer.training_files import Kind, write_dataset
from labels.wording import counted

app = typer.Typer(help="Export training data as files, never validation data.", no_args_is_help=True)

_Out = Annotated[
    Path, typer.Option("--out", help="A .jsonl file, e.g. pairs.jsonl, or a folder for datasets.load_from_disk.")
]


@app.command("triplets")
@rebuilds_damage
def triplets(ctx: typer.Context, out: _Out) -> None:
    """Export triplets of anchor, positive and hard negative, for a ranking or triplet loss.

    Example: samesku dataset triplets --out data/triplets
    """
    _write(ctx, "triplets", out)


@app.command("pairs")
@rebuilds_damage
def pairs(ctx: typer.Context, out: _Out) -> None:
    """Export pairs of sentences with a label, 1 for a match, for a contrastive loss.

    Example: samesku dataset pairs --out pairs.jsonl
    """
    _write(ctx, "pairs", out)


def _write(ctx: typer.Context, kind: str, out: Path) -> None:
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    negatives = resolve_recipe(settings.retrain).hard_negatives
    written = write_dataset(workspace, settings, Kind(kind), out, negatives=negatives)
    context.out.print(f"{written.rows:,} {kind} in {out}")
    if written.held_out:
        context.out.print(
            f"There is no validation set yet: {counted(written.held_out, 'query is', 'queries are')} held out for"
            " evaluation, as in a retrain."
        )
    context.answer({"rows": written.rows, "held_out": written.held_out, "out": str(out)})
