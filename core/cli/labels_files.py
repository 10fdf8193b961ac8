"""`samesku labels export`, `import` and `merge`: the ledger and what follows from it, as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.context import Context, context_of
from core.errors import CoreError
from core.transfer.label_files import ExportOptions, label_format, read_labels, read_ledger, write_labels
from labels.exchange.formats import Format, format_by_suffix
from labels.exchange.merge import merge_ledger
from labels.exchange.pseudonyms import Pseudonyms
from labels.exchange.tasks import Defaults
from labels.model import Side
from labels.store import LabelStore
from labels.wording import counted

if TYPE_CHECKING:
    from collections import Counter

    from labels.exchange.merge import MergeReport


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    app.command("export")(export)
    app.command("import")(import_file)
    app.command("merge")(merge)


def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Its ending says what it holds, unless --format does.")],
    format_: Annotated[
        Format | None, typer.Option("--format", help="What the ending does not say: prodigy.", show_default=False)
    ] = None,
    side: Annotated[str, typer.Option(help="Only train or validation; not for events.", show_default=False)] = "",
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Stable other names for the annotators; pseudonyms.key makes them.")
    ] = False,
    no_comments: Annotated[bool, typer.Option("--no-comments", help="Leave out what people wrote (events).")] = False,
) -> None:
    """Write the labels to a file.

    .csv: what the decisions add up to, agreed pairs only, as ltable_id,rtable_id,label: the ids of query and candidate,
    and 1 or 0 (DeepMatcher's names); with query_source,candidate_source where ids alone do not say which
    product is meant.

    .jsonl, .parquet: the whole ledger, every event and draw, which `labels import` brings back exactly.

    .json: the explicit decisions as Label Studio's tasks; .xml: its labelling configuration for them.

    --format prodigy: the explicit decisions as Prodigy's examples.

    Example: samesku labels export labels.csv

    Example: samesku labels export events.parquet --pseudonyms --no-comments

    Example: samesku labels export examples.jsonl --format prodigy
    """
    context = context_of(ctx)
    format_ = format_ or format_by_suffix(file)
    telling = _telling(context, side, pseudonyms=pseudonyms, comments=not no_comments)
    with context.reporter() as reporter:
        done = write_labels(context.workspace, file, format_, telling, reporter)
    context.out.print(f"{done.rows:,} {done.what} in {file}" if done.what else f"{file} is written.")
    if done.left_out:
        context.out.print(
            f"{done.left_out:,} {done.what} are left out: their products are other articles now, or gone. An export of"
            " events (.jsonl, .parquet) has them all."
        )
    _warn(context, format_, telling)
    left_out = {"left_out": done.left_out} if done.left_out else {}
    context.answer({"rows": done.rows, "what": done.what, "file": str(file), **left_out})


def _telling(context: Context, side: str, *, pseudonyms: bool, comments: bool) -> ExportOptions:

    if side not in {"", *Side}:
        raise CoreError(f"--side {side}: there is no such side.", "It is train or validation.")
    # The ledger is enough: labels can be exported where the catalogue is gone.
    workspace = context.workspace if context.workspace.labels.exists() else context.workspace.require()
    return ExportOptions(
        side=Side(side) if side else None,
        names=Pseudonyms.from_key_file(workspace.pseudonyms) if pseudonyms else None,
        comments=comments,
        rule=context.settings.labels.rule,
    )


def _warn(context: Context, format_: Format, telling: ExportOptions) -> None:
    """What the file does not say, or somebody else must not have."""
    if format_ is Format.CSV and telling.side is None:
        context.out.print("A CSV does not say which labels are for validation: --side writes one side alone.")
    if telling.names is not None:
        context.out.print(f"{context.workspace.pseudonyms} made the names; keep it private, and keep it.")


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
        typer.Option(help="auto: the workspace's validation queries judge, all others train; or train, validation."),
    ] = "auto",
    query_source: Annotated[str, typer.Option(help="Whose ids the left ones are.", show_default=False)] = "",
    candidate_source: Annotated[str, typer.Option(help="Whose ids the right ones are.", show_default=False)] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD=COLUMN", help="Which column of a table is query_id, candidate_id or label (repeat)."
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", "--sheet", help="Which table of an SQLite file, or sheet of a workbook.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come in.")] = False,
) -> None:
    """Labels that somebody made elsewhere, or a ledger that was exported.

    A table: columns query_id,candidate_id,label (or ltable_id,rtable_id, id_left,id_right and the like; --map names
    others); a label is 1 or 0, true or false, yes or no, match or no_match. --as says whose labels they are, where no
    column annotator does. Where several sources have an id, columns query_source,candidate_source say which is meant,
    as in an export. Rows that cannot be told are listed in reports and stay out.

    .jsonl, .parquet of `labels export`: events keep their names and times; what is known is not written again.

    .jsonl of Prodigy, .json of Label Studio (JSON or JSON_MIN): under the names in the file; `meta` or `data` holds
    query_id and candidate_id.

    Example: samesku labels import train.csv --as maria

    Example: samesku labels import pairs.xlsx --map query_id=our_sku --map candidate_id=their_sku --map label=same

    Example: samesku labels import events.jsonl

    Example: samesku labels import project-7.json --split train
    """
    context = context_of(ctx)
    if dry_run:
        context.out.print("Nothing was changed; this is what an import would do.")
    if label_format(file) in {Format.EVENTS, Format.PARQUET}:
        if split != "auto" or query_source or candidate_source or mapping or table:
            raise CoreError(f"{file} holds events, which say all of this themselves.", "Leave the options out.")
        _tell_merged(context, read_ledger(context.workspace, file, dry=dry_run))
        return
    given = Defaults(context.annotator, query_source, candidate_source)
    report = read_labels(
        context.workspace, file, given, split, dry=dry_run, mapping=assigned_columns(mapping or []), table=table
    )
    counts = report.counts
    context.out.print(f"{counted(counts.written, 'label')}, {counts.validation:,} of them for validation.")
    if report.columns:
        context.out.print("  read as: " + ", ".join(f"{name} from {column}" for name, column in report.columns.items()))
    if counts.repeated:
        context.out.print(f"{counted(counts.repeated, 'was', 'were')} known already.")
    if counts.shared_queries:
        context.out.print(
            f"{counted(counts.shared_queries, 'query of the file now has', 'queries of the file now have')}"
            " labels on both sides."
        )
    tell_rejected(context, report.rejected, report.rejects_path)
    context.answer(report.as_dict())
    report.require_labels(file)


def assigned_columns(assignments: list[str]) -> dict[str, str]:
    """Column by field, as `--map` gives them.

    Raises:
        CoreError: one of them has no equals sign.
    """
    mapping = {}
    for assignment in assignments:
        field, equals, column = assignment.partition("=")
        if not equals:
            raise CoreError(f"--map {assignment}: there is no =.", "For example --map title=name")
        mapping[field.strip()] = column.strip()
    return mapping


def tell_rejected(context: Context, rejected: "Counter[str]", path: Path | None) -> None:
    """How many rows were left out, why, and where they are listed."""
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.most_common())
        where = f" See {path}" if path else ""
        context.out.print(f"  {counted(rejected.total(), 'row')} left out: {reasons}.{where}")


def merge(
    ctx: typer.Context,
    other: Annotated[Path, typer.Argument(help="Another workspace, or its labels.db.")],
) -> None:
    """Bring in what was decided in another workspace over the same catalogues. The other one is not touched.

    Every action comes in once, however often it is merged. What is for validation in either workspace never trains in
    this one, but for queries that train here already: they go on so, and are counted.

    Example: samesku labels merge ~/wa-of-maria
    """
    context = context_of(ctx)
    with LabelStore(context.workspace.require().labels) as store:
        merged = merge_ledger(store, other / "labels.db" if other.is_dir() else other)
    _tell_merged(context, merged)


def _tell_merged(context: Context, merged: "MergeReport") -> None:
    context.out.print(f"{counted(merged.events, 'new event')}; {counted(merged.known, 'was', 'were')} known already.")
    if merged.validation or merged.audits:
        context.out.print(
            f"{counted(merged.validation, 'validation query', 'validation queries')} and"
            f" {counted(merged.audits, 'audited one')} came along."
        )
    if merged.judging:
        context.out.print(
            f"{counted(merged.judging, 'decision')} for training came in for validation: their queries are for"
            " validation here."
        )
    if merged.left:
        context.out.print(
            f"Of its validation queries {counted(merged.left, 'trains', 'train')} here already and will go on training;"
            " what was decided on them there only judges."
        )
    context.answer(merged.as_dict())
