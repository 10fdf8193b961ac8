"""`samesku import`: catalogues in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.cli.context import Context, context_of
from core.errors import CoreError

if TYPE_CHECKING:
    from core.catalog.importer import ImportReport
    from core.catalog.store import Source
    from labels.exchange import LabelImport

app = typer.Typer(help="Bring catalogues in.", no_args_is_help=True)

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
        reports = import_walmart_amazon(store, folder, reporter.advance, rejects_folder=context.workspace.reports)
    imported = _import_splits(context, folder) if labels else {}
    for report in reports:
        _tell(context, report)
    for name, result in imported.items():
        context.out.print(
            f"{name}: {result.written:,} labels, {result.validation:,} of them for validation"
            + (f"; {result.shared_queries:,} queries now have labels on both sides" if result.shared_queries else "")
        )
    context.answer(
        {
            "sources": [_facts(report) for report in reports],
            "labels": {name: result.as_dict() for name, result in imported.items()},
        }
    )


@app.command("products")
def products(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL, Parquet or SQLite.")],
    source: Annotated[str, typer.Option(help="The retailer's name, such as walmart.")],
    role: Annotated[str, typer.Option(help="query: products to review; catalog: products they may equal.")] = "catalog",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Which column is id, title, brand, category, model, price or upc (repeat).",
        ),
    ] = None,
    table: Annotated[str | None, typer.Option(help="Which table of an SQLite file.", show_default=False)] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Take out products that the file no longer has.")] = False,
) -> None:
    """Your own catalogue.

    Example: samesku import products walmart.csv --source walmart --role query --map title=name
    """
    from core.catalog.importer import import_file  # noqa: PLC0415
    from core.catalog.role import as_role  # noqa: PLC0415
    from core.catalog.store import CatalogStore  # noqa: PLC0415

    context = context_of(ctx)
    with CatalogStore(context.workspace.create().catalog) as store, context.reporter() as reporter:
        reporter.stage("import")
        report = import_file(
            store, file, source=source, role=as_role(role), mapping=_mapping(mapping or []), table=table,
            rejects_path=context.workspace.reports / f"rejects-{source}.csv", progress=reporter.advance, prune=prune,
        )  # fmt: skip
    _tell(context, report)
    context.answer(_facts(report))


@app.command("labels")
def labels(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV with ltable_id,rtable_id,label.")],
    split: Annotated[
        str,
        typer.Option(help="auto: the workspace's validation queries judge, all others train; or train, validation."),
    ] = "auto",
    query_source: Annotated[str, typer.Option(help="Whose ids the left ones are.", show_default=False)] = "",
    candidate_source: Annotated[str, typer.Option(help="Whose ids the right ones are.", show_default=False)] = "",
) -> None:
    """Labels that somebody made elsewhere.

    Example: samesku import labels train.csv --as maria
    """
    context = context_of(ctx)
    result = import_label_file(
        context, file, context.annotator, split, query_source=query_source, candidate_source=candidate_source
    )
    context.out.print(f"{result.written:,} labels, {result.validation:,} of them for validation.")
    if result.repeated:
        context.out.print(f"{result.repeated:,} were known already.")
    if result.shared_queries:
        context.out.print(f"{result.shared_queries:,} queries of the file now have labels on both sides.")
    context.answer(result.as_dict())


def import_label_file(
    context: Context, file: Path, annotator: str, split: str, *, query_source: str = "", candidate_source: str = ""
) -> "LabelImport":
    """Import a file of labels whose ids belong to the workspace's sources.

    Raises:
        CoreError: several sources could be meant, or ids are not in the catalogue.
        LabelsError: the file is no labels file, or a pair stands on the other side.
    """
    from core.catalog.store import CatalogStore  # noqa: PLC0415
    from labels.exchange import import_labels, read_pairs  # noqa: PLC0415
    from labels.store import LabelStore  # noqa: PLC0415

    if split not in {"auto", "train", "validation"}:
        raise CoreError(f"--split {split}: there is no such side.", "It is auto, train or validation.")
    choice: Literal["auto", "train", "validation"] = split  # type: ignore[assignment]
    with CatalogStore(context.workspace.require().catalog) as catalog:
        left = query_source or _only_source(catalog.sources(), "query")
        right = candidate_source or _only_source(catalog.sources(), "catalog")
        labels = read_pairs(file, left, right)
        wanted = {ref for pair in labels for ref in pair}
        unknown = sorted(wanted - set(catalog.get_many(wanted)))
    if unknown:
        raise CoreError(
            f"{file}: {len(unknown)} ids are not in the catalogue, {unknown[0].source} {unknown[0].id} first.",
            "Import the products first; nothing was imported.",
        )
    with LabelStore(context.workspace.labels) as store:
        return import_labels(store, labels, annotator, choice)


def _import_splits(context: Context, folder: Path) -> dict[str, "LabelImport"]:
    splits = {"train.csv": "train", "valid.csv": "validation"}
    missing = [name for name in splits if not (folder / name).is_file()]
    if missing:
        raise CoreError(
            f"{folder} has no {' and no '.join(missing)}.", "Leave --labels out to import the products alone."
        )
    return {name: import_label_file(context, folder / name, BENCHMARK, side) for name, side in splits.items()}


def _only_source(sources: "list[Source]", role: str) -> str:
    names = [source.name for source in sources if source.role == role]
    if len(names) != 1:
        option = "--query-source" if role == "query" else "--candidate-source"
        raise CoreError(
            f"The workspace has {len(names)} {role} sources: {', '.join(names) or 'none'}.", f"Say which with {option}."
        )
    return names[0]


def _mapping(assignments: list[str]) -> dict[str, str]:
    mapping = {}
    for assignment in assignments:
        field, equals, column = assignment.partition("=")
        if not equals:
            raise CoreError(f"--map {assignment}: there is no =.", "For example --map title=name")
        mapping[field.strip()] = column.strip()
    return mapping


def _facts(report: "ImportReport") -> dict[str, object]:
    counts = report.counts
    return {
        "source": report.source, "role": report.role, "added": counts.added, "changed": counts.changed,
        "unchanged": counts.unchanged, "removed": counts.removed, "vanished": counts.vanished,
        "columns": dict(report.columns), "rejected": dict(report.rejected),
        "rejects_file": report.rejects_path, "seconds": report.seconds,
    }  # fmt: skip


def _tell(context: Context, report: "ImportReport") -> None:
    counts = report.counts
    context.out.print(
        f"{report.source}: {counts.added:,} new, {counts.changed:,} changed, {counts.unchanged:,} as before"
        + (f", {counts.removed:,} removed" if counts.removed else "")
        + f" ({report.seconds:.1f} s)"
    )
    context.out.print("  read as: " + ", ".join(f"{field} from {column}" for field, column in report.columns.items()))
    if counts.vanished > counts.removed:
        context.out.print(f"  {counts.vanished - counts.removed:,} are no longer in the file; --prune takes them out.")
    if report.rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.rejected.most_common())
        context.out.print(f"  {report.rejected.total():,} rows left out: {reasons}. See {report.rejects_path}")
