"""`samesku labels export`, `import` and `merge`: exchange of labels and ledgers as files."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import Context, context_of
from core.errors import CoreError
from core.transfer.label_files import (
    ExportOptions,
    LabelFileReport,
    label_format,
    read_labels,
    read_ledger,
    write_labels,
)
from labels.exchange.formats import Format, format_by_suffix
from labels.exchange.merge import MergeReport, merge_ledger
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.tasks import Defaults
from labels.model import Side
from labels.store import LabelStore
from labels.wording import counted

#: Printed before the report of a dry run.
DRY_RUN_NOTICE = "Nothing was changed; this is what an import would do."
_MAX_WORD_CHARS = 40


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to `samesku labels`."""
    app.command("export")(export)
    app.command("import")(import_file)
    app.command("merge")(merge)


def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file; its extension selects the format, e.g. labels.csv.")],
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="A format without an extension of its own: prodigy.", show_default=False),
    ] = None,
    side: Annotated[
        str, typer.Option(help="Only one side: train or validation; not for events.", show_default=False)
    ] = "",
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Replace the names of annotators by stable pseudonyms.")
    ] = False,
    no_comments: Annotated[bool, typer.Option("--no-comments", help="Omit comments (events).")] = False,
) -> None:
    """Export the labels to a file.

    .csv: current labels without conflicts, as ltable_id,rtable_id,label: the ids of query and candidate, and 1 or 0
    (DeepMatcher format); with query_source,candidate_source if ids alone are ambiguous.

    .jsonl, .parquet: the whole ledger with all events and draws, for a lossless `labels import`.

    .json: explicit decisions as Label Studio tasks; .xml: the labelling configuration for them.

    --format prodigy: explicit decisions as Prodigy examples.

    Example: samesku labels export labels.csv

    Example: samesku labels export events.parquet --pseudonyms --no-comments

    Example: samesku labels export examples.jsonl --format prodigy
    """
    context = context_of(ctx)
    format_ = format_ or format_by_suffix(file)
    options = _export_options(context, side, pseudonyms=pseudonyms, comments=not no_comments)
    with context.reporter() as reporter:
        done = write_labels(context.workspace, file, format_, options, reporter)
    context.out.print(f"{done.rows:,} {done.what} in {file}" if done.what else f"{file} is written.")
    if done.left_out:
        context.out.print(
            f"{done.left_out:,} {done.what} are left out: their products are other articles now, or gone. An export of"
            " events (.jsonl, .parquet) has all of them."
        )
    _print_export_notes(context, format_, options)
    left_out = {"left_out": done.left_out} if done.left_out else {}
    context.answer({"rows": done.rows, "what": done.what, "file": str(file), **left_out})


def _export_options(context: Context, side: str, *, pseudonyms: bool, comments: bool) -> ExportOptions:
    if side not in {"", *Side}:
        raise CoreError(f"--side {side}: there is no such side.", "The sides are train and validation.")
    # Needs only the ledger, so that labels can be exported without a catalogue.
    workspace = context.workspace if context.workspace.labels.exists() else context.workspace.require()
    return ExportOptions(
        side=Side(side) if side else None,
        names=Pseudonyms.from_key_file(workspace.pseudonyms) if pseudonyms else None,
        comments=comments,
        rule=context.settings.labels.rule,
    )


def _print_export_notes(context: Context, format_: Format, options: ExportOptions) -> None:
    """Print what the file does not contain, and which key must stay private."""
    if format_ is Format.CSV and options.side is None:
        context.out.print("A CSV does not tell training from validation labels: --side writes only one side.")
    if options.names is not None:
        context.out.print(
            f"The pseudonyms are made with {context.workspace.pseudonyms}: keep this file, and keep it private."
        )


def import_file(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="A table (CSV, TSV, JSON, Excel, Parquet, SQLite), events, Prodigy's JSONL or Label Studio's JSON."
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="Side of the labels: train, validation, or auto, by the validation queries of the workspace."
        ),
    ] = "auto",
    query_source: Annotated[str, typer.Option(help="Source of the query ids, e.g. walmart.", show_default=False)] = "",
    candidate_source: Annotated[
        str, typer.Option(help="Source of the candidate ids, e.g. amazon.", show_default=False)
    ] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Column of query_id, candidate_id or label, e.g. label=same; repeatable.",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            "--sheet",
            help="Table of an SQLite file, or sheet of a workbook, e.g. Pairs.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what an import would do, without doing it.")
    ] = False,
) -> None:
    """Import labels from another tool, or an exported ledger.

    Tables: the columns query_id,candidate_id,label (or ltable_id,rtable_id, id_left,id_right and similar; --map for
    others). A label is 1 or 0, true or false, yes or no, match or no_match; or unsure, uncertain, maybe, ignore, skip,
    unknown or ?, which is an abstention: it neither trains nor evaluates. The annotator is the column annotator, or
    --as. If several sources have an id, the columns query_source,candidate_source select one. Unreadable rows are
    skipped, and listed in reports; if they are more than half of the file, the exit code is 1.

    .jsonl, .parquet of `labels export`: events keep their names and times; known events are skipped.

    .jsonl of Prodigy, .json of Label Studio (JSON or JSON_MIN): with the annotators of the file; `meta` or `data`
    holds query_id and candidate_id. Tasks that are not valid are skipped and listed like rows.

    Example: samesku labels import train.csv --as maria

    Example: samesku labels import pairs.xlsx --map query_id=our_sku --map candidate_id=their_sku --map label=same

    Example: samesku labels import events.jsonl

    Example: samesku labels import project-7.json --split train
    """
    context = context_of(ctx)
    if label_format(file) in {Format.EVENTS, Format.PARQUET}:
        if split != "auto" or query_source or candidate_source or mapping or table:
            message = f"{file} holds events, which have side, sources and columns of their own."
            raise CoreError(message, "Omit these options.")
        merged = read_ledger(context.workspace, file, dry=dry_run)
        if dry_run:
            context.out.print(DRY_RUN_NOTICE)
        _print_merged(context, merged)
        return
    defaults = Defaults(context.annotator, query_source, candidate_source)
    columns = assigned_columns(mapping or [])
    report = read_labels(context.workspace, file, defaults, split, dry=dry_run, mapping=columns, table=table)
    if report.accepted:
        if dry_run:
            context.out.print(DRY_RUN_NOTICE)
        _print_imported(context, report)
    context.answer(report.as_dict())
    report.require_labels(file)
    # Tasks cannot be corrected as rows of a table.
    rejects = None if label_format(file) in {Format.PRODIGY, Format.LABEL_STUDIO} else report.rejects_path
    require_most_rows(report.rejected, report.accepted, rejects, str(file), dry=dry_run)


def _print_imported(context: Context, report: LabelFileReport) -> None:
    counts = report.counts
    context.out.print(f"{counted(counts.written, 'label')}, {counts.validation:,} of them for validation.")
    if report.columns:
        context.out.print("  read as: " + ", ".join(f"{name} from {column}" for name, column in report.columns.items()))
    print_unsure(context, report.unsure)
    if counts.repeated:
        context.out.print(f"{counted(counts.repeated, 'was', 'were')} known already.")
    if counts.shared_queries:
        queries = counted(counts.shared_queries, "query of the file now has", "queries of the file now have")
        context.out.print(f"{queries} labels on both sides.")
    print_rejected(context, report.rejected, report.rejects_path)
    for fault in report.first_faults:
        context.out.print(f"    {fault}", markup=False)


def assigned_columns(assignments: list[str]) -> dict[str, str]:
    """Parse `--map FIELD=COLUMN` options. Returns the column by field.

    Raises:
        CoreError: an option has no equals sign.
    """
    mapping = {}
    for assignment in assignments:
        field, equals, column = assignment.partition("=")
        if not equals:
            raise CoreError(f"--map {assignment}: there is no =.", "For example --map title=name")
        mapping[field.strip()] = column.strip()
    return mapping


def print_rejected(context: Context, rejected: Counter[str], path: Path | None) -> None:
    """Print the number of skipped rows, the reasons, and the file that lists them."""
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.most_common())
        where = f" See {path}" if path else ""
        context.out.print(f"  {counted(rejected.total(), 'row')} skipped: {reasons}.{where}")


def print_unsure(context: Context, unsure: Counter[str]) -> None:
    """Print how many rows were read as abstentions, and by which words."""
    if unsure:
        words = ", ".join(f"{count:,} {word[:_MAX_WORD_CHARS]!r}" for word, count in unsure.most_common())
        rows = counted(unsure.total(), "row was", "rows were")
        context.out.print(f"  {rows} read as unsure, which neither trains nor evaluates: {words}.")


def require_most_rows(rejected: Counter[str], accepted: int, path: Path | None, name: str, *, dry: bool) -> None:
    """Require that at least half of the rows of a file were accepted. The accepted ones stay imported.

    More rejected rows than that are rarely a few bad rows, but a wrong file or a wrong column.

    Args:
        rejected: reason → number of rows.
        accepted: number of rows that were imported.
        path: the list of rejected rows, if any.
        name: of the file or source.
        dry: whether nothing was imported, in a dry run.

    Raises:
        CoreError: more rows were rejected than accepted.
    """
    if rejected.total() <= accepted:
        return
    were, are = ("would be", "would be") if dry else ("were", "is" if accepted == 1 else "are")
    where = f"{path} lists them with the reasons: correct them there, and import that file." if path else ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.most_common())
    raise CoreError(
        f"Most rows of {name} {were} skipped: {rejected.total():,} of {rejected.total() + accepted:,} ({reasons})."
        f" The other {accepted:,} {are} imported.",
        where or "Look at the file, and at what was read; import it again when it is corrected.",
    )


def merge(
    ctx: typer.Context,
    other: Annotated[Path, typer.Argument(help="Folder of another workspace, or its labels.db.")],
) -> None:
    """Merge the labels of another workspace with the same catalogues. The other workspace is not changed.

    Merging again adds only new events. Validation queries of either workspace are not trained on, except those that
    have training labels here already; their number is printed.

    Example: samesku labels merge ~/wa-of-maria
    """
    context = context_of(ctx)
    with LabelStore(context.workspace.require().labels) as store:
        merged = merge_ledger(store, other / "labels.db" if other.is_dir() else other)
    _print_merged(context, merged)


def _print_merged(context: Context, merged: MergeReport) -> None:
    context.out.print(f"{counted(merged.events, 'new event')}; {counted(merged.known, 'was', 'were')} known already.")
    if merged.validation or merged.audits:
        context.out.print(
            f"{counted(merged.validation, 'validation query', 'validation queries')} and"
            f" {counted(merged.audits, 'audit query', 'audit queries')} added."
        )
    if merged.judging:
        context.out.print(
            f"{counted(merged.judging, 'decision')} for training became validation labels: their queries are validation"
            " queries here."
        )
    if merged.left:
        context.out.print(
            f"Of its validation queries {counted(merged.left, 'is', 'are')} used for training here and stay so;"
            " the decisions of the other workspace on them are validation labels."
        )
    context.answer(merged.as_dict())
