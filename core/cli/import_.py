"""`samesku import`: catalogues in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.catalog.gtin_tally import gtin_sentences
from core.cli.context import Context, context_of
from core.cli.labels_files import assigned_columns, import_file, tell_rejected
from core.errors import CoreError
from labels.files import private_folder

if TYPE_CHECKING:
    from core.catalog.import_report import ImportReport
    from core.catalog.store import CatalogStore
    from core.exchange import LabelFileReport

app = typer.Typer(help="Bring catalogues in.", no_args_is_help=True)
app.command("labels")(import_file)

#: The annotator of labels that came with the benchmark.
BENCHMARK = "benchmark"


@app.command("walmart-amazon")
def walmart_amazon(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder with tableA.csv and tableB.csv.")],
    labels: Annotated[
        bool, typer.Option("--labels", help="Also train.csv for training and valid.csv for validation.")
    ] = False,
) -> None:
    """The Walmart-Amazon benchmark in the DeepMatcher layout.

    Example: samesku --home ~/wa import walmart-amazon data/walmart_amazon --labels
    """
    from core.catalog.store import CatalogStore  # noqa: PLC0415
    from core.catalog.walmart_amazon import import_walmart_amazon  # noqa: PLC0415

    context = context_of(ctx)
    with CatalogStore(context.workspace.create().catalog) as store, context.reporter() as reporter:
        reporter.stage("import")
        reports = import_walmart_amazon(
            store, folder, reporter.advance, rejects_folder=context.workspace.reports,
            vocabulary=context.workspace.vocabulary,
        )  # fmt: skip
    for report in reports:
        _tell(context, report)
    imported = _import_splits(context, folder) if labels else {}
    for name, labelled in imported.items():
        result = labelled.counts
        context.out.print(
            f"{name}: {result.written:,} labels, {result.validation:,} of them for validation"
            + (f"; {result.shared_queries:,} queries now have labels on both sides" if result.shared_queries else "")
        )
        tell_rejected(context, labelled.rejected, labelled.rejects_path)
    context.answer(
        {
            "sources": [_facts(report) for report in reports],
            "labels": {name: result.as_dict() for name, result in imported.items()},
        }
    )
    _require_products(reports)


@app.command("products")
def products(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="CSV, TSV, JSON, Excel (.xlsx), Parquet or SQLite; FILE#NAME for a sheet or table in it."),
    ],
    source: Annotated[str, typer.Option(help="The retailer's name, such as walmart.")],
    role: Annotated[str, typer.Option(help="query: products to review; catalog: products they may equal.")] = "catalog",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Which column is id, title, brand, category, model, price, currency or upc (repeat).",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", "--sheet", help="Which table of an SQLite file, or sheet of a workbook.", show_default=False
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Take out products that the file no longer has.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come in.")] = False,
) -> None:
    """Your own catalogue. A row without id or title, or that cannot be read, is listed, and stays out alone.

    Text comes in clean: entities and tags decoded, wrong encodings repaired, N/A and the like taken for missing.
    A price keeps its currency; where it cannot be read the product comes in without one.

    A value has at most 1,048,576 characters, a row 4,194,304, an id 1,000, and a table 4,096 columns.

    Example: samesku import products walmart.csv --source walmart --role query --map title=name

    Example: samesku import products prices.xlsx --source amazon --sheet "Price list" --map price="Unit Price"
    """
    from core.catalog.importer import import_file  # noqa: PLC0415
    from core.catalog.rejects import rejects_name  # noqa: PLC0415
    from core.catalog.role import as_role  # noqa: PLC0415

    context = context_of(ctx)
    with _catalogue(context, dry=dry_run) as store, context.reporter() as reporter:
        reporter.stage("import")
        role_before = next((known.role for known in store.sources() if known.name == source), None)
        report = import_file(
            store, file, source=source, role=as_role(role), mapping=assigned_columns(mapping or []), table=table,
            dry=dry_run, rejects_path=context.workspace.reports / rejects_name(source), progress=reporter.advance,
            prune=prune, vocabulary=context.workspace.vocabulary,
        )  # fmt: skip
    if dry_run:
        context.out.print("Nothing was changed; this is what an import would do.")
    _tell(context, report)
    context.answer({**_facts(report), "role_before": role_before})
    _require_products([report])


@contextmanager
def _catalogue(context: Context, *, dry: bool) -> "Iterator[CatalogStore]":
    """The workspace's catalogue; an empty one that is thrown away where there is none and none is to be made."""
    from core.catalog.store import CatalogStore  # noqa: PLC0415

    with private_folder() as folder:
        if dry and not context.workspace.catalog.exists():
            path = folder / "catalog.db"
        else:
            path = context.workspace.create().catalog
        with CatalogStore(path) as store:
            yield store


def _import_splits(context: Context, folder: Path) -> dict[str, "LabelFileReport"]:
    from core.exchange import read_labels  # noqa: PLC0415
    from labels.exchange.tasks import Defaults  # noqa: PLC0415

    splits = {"train.csv": "train", "valid.csv": "validation"}
    missing = [name for name in splits if not (folder / name).exists()]
    if missing:
        raise CoreError(
            f"{folder} has no {' and no '.join(missing)}.", "Leave --labels out to import the products alone."
        )
    given = Defaults(BENCHMARK)
    return {name: read_labels(context.workspace, folder / name, given, side) for name, side in splits.items()}


def _require_products(reports: "Sequence[ImportReport]") -> None:
    """Refuse a file that gave no product, after all of it was told.

    Raises:
        CoreError: it did not.
    """
    for report in reports:
        if report.is_empty:
            rejected = report.rejected.total()
            where = f"{report.rejects_path} lists them." if report.rejects_path else "Look at the file."
            raise CoreError(
                f"Nothing came in for {report.source}: "
                + (f"all {rejected:,} rows were left out." if rejected else "the file has no rows."),
                where if rejected else "Was it written, or downloaded, to its end?",
            )


def _facts(report: "ImportReport") -> dict[str, object]:
    counts = report.counts
    return {
        "source": report.source, "role": report.role, "added": counts.added, "changed": counts.changed,
        "unchanged": counts.unchanged, "removed": counts.removed, "vanished": counts.vanished,
        "columns": dict(report.columns), "rejected": dict(report.rejected),
        "rejects_file": report.rejects_path, "seconds": report.seconds, "prices": report.prices.as_dict(),
        "gtins": report.gtins.to_json(), "unused": list(report.choice.others),
        "suggested": dict(report.choice.suggested), "remarks": report.remarks(),
    }  # fmt: skip


def _tell(context: Context, report: "ImportReport") -> None:
    counts = report.counts
    context.out.print(
        f"{report.source}: {counts.added:,} new, {counts.changed:,} changed, {counts.unchanged:,} as before"
        + (f", {counts.removed:,} removed" if counts.removed else "")
        + f" ({report.seconds:.1f} s)"
    )
    context.out.print("  read as: " + ", ".join(f"{field} from {column}" for field, column in report.columns.items()))
    for remark in report.remarks():
        context.out.print(f"  {remark}")
    if counts.vanished > counts.removed:
        context.out.print(f"  {counts.vanished - counts.removed:,} are no longer in the file; --prune takes them out.")
    for number, sentence in enumerate(gtin_sentences(report.gtins.to_json())):
        context.out.print(f"  {'  ' if number else ''}{sentence}")
    tell_rejected(context, report.rejected, report.rejects_path)
