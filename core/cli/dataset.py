"""`samesku dataset`: weak labels, and export of training data for sentence-transformers and other trainers."""

from pathlib import Path
from typing import Annotated

import typer

from core.catalog.purchases import PURCHASE_FIELDS
from core.cli.context import Context, context_of
from core.cli.labels_files import assigned_columns
from core.cli.rebuild import rebuilds_damage
from core.splits.bootstrap import PURCHASE_WINDOW_DAYS, BootstrapReport, derive_weak_labels
from core.splits.weak_labels import clear_weak_labels, counts_by_source, save_weak_labels
from core.text.safe import safe
from core.training.recipes.sources import resolve_recipe
from core.transfer.training_files import Kind, write_dataset
from labels.wording import counted

app = typer.Typer(help="Weak labels, and training data as files; never validation data.", no_args_is_help=True)

_Out = Annotated[
    Path, typer.Option("--out", help="A .jsonl file, e.g. pairs.jsonl, or a folder for datasets.load_from_disk.")
]
_Sources = Annotated[
    bool,
    typer.Option("--sources", help="Add columns that say where each row comes from, as with weak labels."),
]
_Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a retrain setting, e.g. weak_labels=fill; repeatable."),
]


@app.command("triplets")
@rebuilds_damage
def triplets(ctx: typer.Context, out: _Out, assignments: _Settings = None, *, sources: _Sources = False) -> None:
    """Export triplets of anchor, positive and hard negative, for a ranking or triplet loss.

    A card beside the data, FILE.card.json or card.json in the folder, has the hash of the rows, the counts by source,
    the split, the leakage check and the settings.

    Example: samesku dataset triplets --out data/triplets

    Example: samesku dataset triplets --out t.jsonl --set weak_labels=fill --set negative_mix=explicit=1,mined=2
    """
    _write(ctx, "triplets", out, assignments, sources=sources)


@app.command("pairs")
@rebuilds_damage
def pairs(ctx: typer.Context, out: _Out, assignments: _Settings = None, *, sources: _Sources = False) -> None:
    """Export pairs of sentences with a label, 1 for a match, for a contrastive loss.

    A card beside the data, FILE.card.json or card.json in the folder, has the hash of the rows, the counts by source,
    the split, the leakage check and the settings.

    Example: samesku dataset pairs --out pairs.jsonl --sources
    """
    _write(ctx, "pairs", out, assignments, sources=sources)


@app.command("bootstrap")
def bootstrap(
    ctx: typer.Context,
    purchases: Annotated[
        Path | None,
        typer.Option(
            help="Purchase history with customer, retailer, product and date, e.g. purchases.csv.", show_default=False
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help=f"Column of a field ({', '.join(PURCHASE_FIELDS)}), e.g. date=sold_on; repeatable.",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option("--table", "--sheet", help="Table of an SQLite file, or sheet of a workbook.", show_default=False),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all weak labels.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the counts without writing anything.")] = False,
) -> None:
    """Derive weak labels from equal GTINs, and from a purchase history.

    A query and a candidate with the same valid GTIN become a match; products of the match's category with another
    GTIN become negatives. With --purchases, two products of one category and of different retailers that a customer
    bought within 30 days become a match of low weight.

    Weak labels are no decisions of people: they are kept in weak_labels.jsonl, beside the ledger. A person's decision
    on a pair has precedence, and products of the validation split take no part. Each run replaces the last one. They
    train only if retrain.weak_labels is fill or always.

    Example: samesku dataset bootstrap

    Example: samesku dataset bootstrap --purchases purchases.csv --map retailer=shop --dry-run

    Example: samesku dataset bootstrap --clear
    """
    context = context_of(ctx)
    if clear and (purchases or mapping or table):
        raise typer.BadParameter("--clear removes weak labels; it takes no purchase history.")
    if (mapping or table) and purchases is None:
        raise typer.BadParameter("--map and --table describe the file of --purchases.")
    workspace = context.workspace.require()
    if clear:
        existed = workspace.weak_labels.exists() if dry_run else clear_weak_labels(workspace.weak_labels)
        done = "There are weak labels to remove." if dry_run else "Removed all weak labels."
        context.out.print(done if existed else "There are no weak labels.")
        context.answer({"cleared": existed and not dry_run, "dry_run": dry_run})
        return
    report = derive_weak_labels(workspace, context.settings, purchases, assigned_columns(mapping or []), table)
    if not dry_run:
        save_weak_labels(workspace.weak_labels, report.labels)
    _print_bootstrap(context, report, dry=dry_run)
    context.answer({**report.as_dict(), "dry_run": dry_run, "used": context.settings.retrain.weak_labels})


def _print_bootstrap(context: Context, report: BootstrapReport, *, dry: bool) -> None:
    for source, counts in counts_by_source(report.labels).items():
        matches, negatives = counted(counts["matches"], "match", "matches"), counted(counts["negatives"], "negative")
        context.out.print(f"{source}: {matches}, {negatives}")
    if report.left_out:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.left_out.most_common())
        context.out.print(f"  left out: {reasons}")
    if history := report.history:
        columns = ", ".join(f"{name} from {safe(column)}" for name, column in history.columns.items())
        context.out.print(f"  {counted(history.rows, 'purchase')} read: {columns}")
        if history.skipped:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in history.skipped.most_common())
            context.out.print(f"  {counted(history.skipped.total(), 'row')} skipped: {reasons}")
        for note in history.notes:
            context.out.print(f"  {safe(note)}")
        context.err.print(
            f"Purchases within {PURCHASE_WINDOW_DAYS} days are weak evidence: people also buy variants and several"
            " products of one category. They have a quarter of the weight of a match by GTIN, or half if several"
            " customers bought both; look at a sample before you train on them.",
            markup=False,
        )
    if dry:
        context.out.print("Nothing was written.")
    elif not report.labels:
        context.out.print("No query and candidate share a valid GTIN, so there are no weak labels.")
    elif context.settings.retrain.weak_labels == "never":
        context.out.print("They do not train yet: set retrain.weak_labels to fill or always.")


def _write(ctx: typer.Context, kind: str, out: Path, assignments: list[str] | None, *, sources: bool) -> None:
    context = context_of(ctx)
    values = [f"retrain.{line}" if "." not in line.partition("=")[0] else line for line in assignments or []]
    settings = context.settings_with(values)
    negatives = resolve_recipe(settings.retrain).hard_negatives
    written = write_dataset(
        context.workspace.require(), settings, Kind(kind), out, negatives=negatives, with_sources=sources
    )
    card = written.card
    context.out.print(f"{written.rows:,} {kind} in {out}")
    for name, counts in (("matches", card.matches), ("negatives", card.negatives)):
        if counts:
            context.out.print(f"  {name}: {', '.join(f'{source} {count:,}' for source, count in counts.items())}")
    context.out.print(f"  sha256 {card.sha256}; the card is {written.card_path}")
    if written.held_out:
        context.out.print(
            f"There is no validation set yet: {counted(written.held_out, 'query is', 'queries are')} held out for"
            " evaluation, as in a retrain."
        )
    if shared := card.leakage["shared_queries"]:
        context.out.print(
            f"{counted(shared, 'query has', 'queries have')} pairs on both sides, as a file assigned them."
        )
    context.answer(
        {
            "rows": written.rows, "held_out": written.held_out, "out": str(out), "card": card.as_dict(),
            "card_file": str(written.card_path),
        }
    )  # fmt: skip
