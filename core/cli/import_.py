"""`samesku import`: import of product catalogues, benchmarks and labels."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from core.catalog.benchmarks import import_walmart_amazon
from core.catalog.columns import MissingFieldError, map_argument
from core.catalog.import_report import ImportReport, gtin_sentences
from core.catalog.importer import ImportOptions
from core.catalog.importer import import_file as import_catalogue
from core.catalog.product import Role, as_role, has_role
from core.catalog.rejects import rejects_file_name
from core.catalog.store import CatalogStore, ImportRules
from core.catalog.upsert import LargePruneError, ReplacedArticle
from core.cli.context import Context, context_of
from core.cli.labels_files import (
    DRY_RUN_NOTICE,
    assigned_columns,
    import_file,
    print_rejected,
    print_unsure,
    require_most_rows,
)
from core.cli.next_step import print_next_after_import
from core.errors import CatalogError, CoreError
from core.splits.current_labels import ledger_and_catalogue, outdated
from core.text.safe import safe, shorten
from core.transfer.label_files import LabelFileReport, read_labels
from core.workspace import Workspace
from labels.errors import SameskuError
from labels.exchange.tasks import Defaults
from labels.files import drafts, private_folder, publish
from labels.model import ProductRef
from labels.product_decisions import decisions_on, labelled_products, pairs_of_source
from labels.reader import LabelReader
from labels.wording import counted

#: Replaced products listed on a terminal; --json has all of them.
_MAX_LISTED = 10
_MAX_TITLE_CHARS = 80

#: Annotator of the labels of a benchmark.
BENCHMARK = "benchmark"
_ROLE_NAMES: dict[Role, str] = {"query": "queries", "catalog": "candidates", "both": "queries and candidates"}
app = typer.Typer(help="Import product catalogues and labels.", no_args_is_help=True)
app.command("labels")(import_file)


@app.command("products")
def products(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="CSV, TSV, JSON, Excel (.xlsx), Parquet or SQLite; FILE#NAME for one sheet or table."),
    ],
    source: Annotated[str, typer.Option(help="Name of the retailer, e.g. walmart.")],
    role: Annotated[
        str | None,
        typer.Option(
            help="query: products to find matches for; catalog: products to find them in; both: products to find"
            " duplicates among.",
            show_default="the current role of the source; catalog for a new one",
        ),
    ] = None,
    change_role: Annotated[
        bool, typer.Option("--change-role", help="Change the role of an existing source to --role.")
    ] = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Column of id, title, brand, category, model, price, currency or upc, e.g. title=name; repeatable.",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            "--sheet",
            help="Table of an SQLite file, or sheet of a workbook, e.g. Prices.",
            show_default=False,
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove products that are no longer in the file.")] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Prune without asking, even if more than a tenth of the source goes or rows are unreadable."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what an import would do, without doing it.")
    ] = False,
) -> None:
    """Import a product catalogue.

    Unreadable rows and rows without id or title are skipped, and listed in a file in the folder reports of the
    workspace; if they are more than half of the file, the exit code is 1, but the other rows are still imported. Text
    is cleaned: entities and tags are decoded, wrong encodings repaired, and values such as N/A count as missing. Prices
    keep their currency; a product with an unreadable price is imported without one.

    Limits: 1,048,576 characters per value, 4,194,304 per row, 1,000 per id, and 4,096 columns.

    An existing source keeps its role unless --change-role is given. Products of skipped rows are not pruned. The
    import lists the labelled products that it removed, or whose id now belongs to a different product. Their queries
    are reviewed again.

    Example: samesku import products walmart.csv --source walmart --role query --map title=name

    Example: samesku import products prices.xlsx --source amazon --sheet "Price list" --map price="Unit Price"

    Example: samesku import products walmart-monday.csv --source walmart --prune

    Example: samesku import products shop.csv --source shop --role both
    """
    context = context_of(ctx)
    if change_role and role is None:
        raise typer.BadParameter("--change-role requires --role.")
    wanted_role = None if role is None else as_role(role)
    product_file = _ProductFile(file, source, wanted_role, assigned_columns(mapping or []), table)
    rules = ImportRules(cautious=not yes, change_role=change_role, labelled=labelled(context))
    try:
        report = _import(context, product_file, rules, prune=prune, dry=dry_run)
    except MissingFieldError as error:
        flags = {"--change-role": change_role, "--prune": prune, "--yes": yes, "--dry-run": dry_run}
        words = [product_file.command(error.mapping), *(flag for flag, given in flags.items() if given)]
        raise CatalogError(error.message, f"Name the columns: {' '.join(words)}") from None
    except LargePruneError as error:
        if not _confirms_prune(context, error, source):
            raise
        report = _import(context, product_file, replace(rules, cautious=False), prune=prune, dry=dry_run)
    facts = _facts(context, report, dry=dry_run)
    if dry_run and not report.is_empty:
        context.out.print(DRY_RUN_NOTICE)
    # A corrected list of rejected rows is a part of the source.
    partial = file.name == rejects_file_name(source)
    _print_report(context, report, facts, prune=prune, dry=dry_run, partial=partial)
    if not dry_run:
        _print_next(context, report, role)
    context.answer(facts)
    _require_products([report], dry=dry_run)
    if prune and not dry_run and (blocked := _blocked_prune(report)):
        raise blocked


def _confirms_prune(context: Context, error: LargePruneError, source: str) -> bool:
    """Ask at a terminal whether to remove a large part of a source. Without a terminal the answer is no."""
    if context.json or not sys.stdin.isatty():
        return False
    question = f"This would remove {error.removed:,} of {counted(error.products, 'product')} of {safe(source)}. Go on?"
    return typer.confirm(question, default=False, err=True)


def _print_next(context: Context, report: ImportReport, role: str | None) -> None:
    """Print how a new source is made one of queries where there are none, else the next command."""
    if role is None and report.role_before is None and not _has_queries(context):
        context.out.print(
            "  New sources are candidates; to find matches for these: --role query --change-role; to find duplicates"
            " among them: --role both --change-role"
        )
    elif not report.is_empty:
        print_next_after_import(context)


def _has_queries(context: Context) -> bool:
    if not context.workspace.catalog.exists():
        return False
    with CatalogStore(context.workspace.catalog) as catalog:
        return bool(catalog.sources_in("query"))


@dataclass(frozen=True, slots=True)
class _ProductFile:
    """A product file with its import options."""

    path: Path
    source: str
    role: Role | None
    mapping: dict[str, str]
    table: str | None

    def command(self, further: Mapping[str, str]) -> str:
        """The command line that imports the file with a further mapping, quoted for the shell."""
        options = {"--source": self.source, "--role": self.role, "--table": self.table}
        words = [f"{option} {shlex.quote(value)}" for option, value in options.items() if value]
        words += [f"--map {map_argument(*each)}" for each in (self.mapping | dict(further)).items()]
        return " ".join(["samesku import products", shlex.quote(str(self.path)), *words])


def _import(context: Context, file: _ProductFile, rules: ImportRules, *, prune: bool, dry: bool) -> ImportReport:
    options = ImportOptions(
        role=file.role, mapping=file.mapping, table=file.table, dry=dry, prune=prune, rules=rules,
        rejects_path=context.workspace.reports / rejects_file_name(file.source),
        vocabulary=context.workspace.vocabulary,
    )  # fmt: skip
    with _catalogue(context, dry=dry) as store, context.reporter() as reporter:
        reporter.stage("import")
        return import_catalogue(store, file.path, file.source, options, reporter.advance)


@contextmanager
def _catalogue(context: Context, *, dry: bool) -> Iterator[CatalogStore]:
    """The catalogue of the workspace; in a dry run without one, a temporary catalogue."""
    with private_folder() as folder:
        if dry and not context.workspace.catalog.exists():
            with CatalogStore(folder / "catalog.db") as store:
                yield store
        else:
            with catalogue_to_import_into(context.workspace) as store:
                yield store


@contextmanager
def catalogue_to_import_into(workspace: Workspace) -> Iterator[CatalogStore]:
    """The catalogue of a workspace. A first import that fails leaves neither a catalogue nor a new folder.

    A new catalogue is a draft until it has products, so that no other process ever sees an empty one.

    Raises:
        CoreError: the workspace cannot be created, or another first import was faster.
    """
    if os.path.lexists(workspace.catalog):
        with CatalogStore(workspace.catalog) as store:
            yield store
        return
    missing = [folder for folder in (workspace.home, *workspace.home.parents) if not folder.exists()]
    workspace.create()
    try:
        with drafts(workspace.home) as folder:
            draft = folder / workspace.catalog.name
            with CatalogStore(draft) as store:
                yield store
                has_products = not store.is_empty
            if has_products:
                publish(draft, workspace.catalog, overwrite=False)
    except FileExistsError as error:
        raise CoreError(
            f"Another import has created {workspace.catalog} meanwhile; nothing was imported.", "Import again."
        ) from error
    finally:
        for each in missing:
            with suppress(OSError):  # in use: with the list of rejected rows, for example
                each.rmdir()


@app.command("walmart-amazon")
def walmart_amazon(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder with tableA.csv and tableB.csv, e.g. data/wa.")],
    labels: Annotated[
        bool,
        typer.Option("--labels", help="Import train.csv as training labels and valid.csv as validation labels, too."),
    ] = False,
) -> None:
    """Import the Walmart-Amazon benchmark in the DeepMatcher layout.

    `samesku fetch walmart-amazon` downloads it.

    Example: samesku --home ~/wa import walmart-amazon data/walmart_amazon --labels
    """
    context = context_of(ctx)
    with catalogue_to_import_into(context.workspace) as store, context.reporter() as reporter:
        reporter.stage("import")
        reports = import_walmart_amazon(
            store, folder, reporter.advance, rejects_folder=context.workspace.reports,
            vocabulary=context.workspace.vocabulary, rules=ImportRules(labelled=labelled(context)),
        )  # fmt: skip
    facts = [_facts(context, report) for report in reports]
    imported = _import_splits(context, folder) if labels else {}
    for report, each in zip(reports, facts, strict=True):
        _print_report(context, report, each)
    for name, found in imported.items():
        result = found.counts
        context.out.print(
            f"{name}: {counted(result.written, 'label')}, {result.validation:,} of them for validation"
            + (
                f"; {counted(result.shared_queries, 'query now has', 'queries now have')} labels on both sides"
                if result.shared_queries
                else ""
            )
        )
        print_unsure(context, found.unsure)
        print_rejected(context, found.rejected, found.rejects_path)
    if not any(report.is_empty for report in reports):
        print_next_after_import(context)
    context.answer(
        {
            "sources": facts,
            "labels": {name: result.as_dict() for name, result in imported.items()},
        }
    )
    _require_products(reports)
    for name, found in imported.items():
        require_most_rows(found.rejected, found.accepted, found.rejects_path, name, dry=False)


def _import_splits(context: Context, folder: Path) -> dict[str, LabelFileReport]:
    splits = {"train.csv": "train", "valid.csv": "validation"}
    missing = [name for name in splits if not (folder / name).exists()]
    if missing:
        raise CoreError(f"{folder} has no {' and no '.join(missing)}.", "Omit --labels to import the products only.")
    defaults = Defaults(BENCHMARK)
    return {name: read_labels(context.workspace, folder / name, defaults, side) for name, side in splits.items()}


def labelled(context: Context) -> set[ProductRef] | None:
    """The products with labels; None if the ledger cannot be read, so that no product counts as unlabelled."""
    if not context.workspace.labels.exists():
        return set()
    # A damaged ledger is reported by the verbs that need it.
    with suppress(SameskuError), LabelReader(context.workspace.labels) as reader:
        return labelled_products(reader)
    return None


def _require_products(reports: Sequence[ImportReport], *, dry: bool = False) -> None:
    """Require that each file had at least one product, and not more rejected rows than products.

    Raises:
        CoreError: a file has none, or too few.
    """
    for report in reports:
        if report.is_empty:
            rejected = report.rejected.total()
            where = f"{report.rejects_path} lists them." if report.rejects_path else "Look at the file."
            raise CoreError(
                f"Nothing came in for {report.source}: "
                + (f"{counted(rejected, 'row was', 'rows were')} skipped." if rejected else "the file has no rows."),
                where if rejected else "Was it written, or downloaded, to its end?",
            )
        counts = report.counts
        accepted = counts.added + counts.changed + counts.unchanged
        require_most_rows(report.rejected, accepted, report.rejects_path, report.source, dry=dry)


def _blocked_prune(report: ImportReport) -> CoreError | None:
    """The error if products were not pruned because rows without a readable id may be theirs; else None."""
    counts = report.counts
    if counts.vanished <= counts.removed:
        return None
    rows = f"the {'id' if counts.unread == 1 else 'ids'} of {counted(counts.unread, 'row')}"
    products = counted(counts.vanished, "product is", "products are")
    where = f" ({report.rejects_path})" if report.rejects_path else ""
    return CoreError(
        f"Nothing is pruned: {products} not in the file, but {rows} could not be read, which may be theirs{where}.",
        "Correct the rows and import again, or remove the products with --prune --yes.",
    )


def _facts(context: Context, report: ImportReport, *, dry: bool = False) -> dict[str, object]:
    counts = report.counts
    return {
        "source": report.source, "role": report.role, "role_before": report.role_before, "added": counts.added,
        "changed": counts.changed, "unchanged": counts.unchanged, "removed": counts.removed,
        "vanished": counts.vanished, "unread": counts.unread, **effects(context, report, dry=dry),
        "columns": dict(report.columns), "rejected": dict(report.rejected),
        "rejects_file": report.rejects_path, "seconds": report.seconds, "prices": report.prices.as_dict(),
        "gtins": report.gtins.to_json(), "unused": list(report.choice.others),
        "suggested": dict(report.choice.suggested), "remarks": report.remarks(),
    }  # fmt: skip


def effects(context: Context, report: ImportReport, *, dry: bool) -> dict[str, object]:
    """Effects of an import on labels and queue, for `--json`.

    Returns:
        `replaced`: labelled products that are other articles now, or were removed (`after` is null); `labels_left_out`:
        number of labels on them; `queries_again`: number of queries to be answered again, null in a dry run;
        `labels_of_role`: number of labels that do not count because the source changed its role.
    """
    replaced = [
        {"source": each.ref.source, "id": each.ref.id, "before": each.before, "after": each.after}
        for each in report.counts.replaced
    ]
    found: dict[str, object] = {
        "replaced": replaced, "labels_left_out": 0, "queries_again": None if dry else 0, "labels_of_role": 0,
    }  # fmt: skip
    if replaced:
        found |= _excluded_labels(context, report.counts.replaced, dry=dry)
    if _changes_role(report) and context.workspace.labels.exists():
        with LabelReader(context.workspace.labels) as reader:
            as_query, as_candidate = pairs_of_source(reader, report.source)
        found["labels_of_role"] = {"catalog": as_query, "query": as_candidate, "both": 0}[report.role]
    return found


def _excluded_labels(context: Context, replaced: tuple[ReplacedArticle, ...], *, dry: bool) -> dict[str, object]:
    with ledger_and_catalogue(context.workspace) as (store, catalog):
        pairs = {each.pair for each in decisions_on(store, [each.ref for each in replaced])}
        if dry or catalog is None:
            return {"labels_left_out": len(pairs)}
        outdated_queries = outdated(store, catalog).waiting
    return {
        "labels_left_out": len(pairs),
        "queries_again": len({pair.query for pair in pairs} & outdated_queries.keys()),
    }


def _changes_role(report: ImportReport) -> bool:
    return report.role_before not in {None, report.role}


def _print_report(
    context: Context,
    report: ImportReport,
    facts: dict[str, object],
    *,
    prune: bool = False,
    dry: bool = False,
    partial: bool = False,
) -> None:
    counts = report.counts
    context.out.print(
        f"{report.source} ({_ROLE_NAMES[report.role]}): {counts.added:,} new, {counts.changed:,} changed,"
        f" {counts.unchanged:,} as before"
        + (f", {counts.removed:,} removed" if counts.removed else "")
        + f" ({report.seconds:.1f} s)"
    )
    context.out.print("  read as: " + ", ".join(f"{field} from {column}" for field, column in report.columns.items()))
    for remark in report.remarks():
        context.out.print(f"  {remark}")
    if counts.vanished and not (prune or partial):
        context.out.print(
            f"  {counted(counts.vanished, 'product is', 'products are')} no longer in the file; --prune removes them."
        )
    elif dry and prune and (error := _blocked_prune(report)):
        context.out.print(f"  {error.message} {error.hint}")
    for number, sentence in enumerate(gtin_sentences(report.gtins.to_json())):
        context.out.print(f"  {'  ' if number else ''}{sentence}")
    print_rejected(context, report.rejected, report.rejects_path)
    print_effects(context, report, facts, dry=dry)


def print_effects(context: Context, report: ImportReport, facts: dict[str, object], *, dry: bool) -> None:
    """Print the effects."""
    if _changes_role(report):
        _print_role_change(context, report, facts, dry=dry)
    replaced = report.counts.replaced
    if not replaced:
        return
    verb = "would be" if dry else "is" if len(replaced) == 1 else "are"
    products = counted(len(replaced), "labelled product")
    context.out.print(f"  {products} {verb} another article or gone:")
    for each in replaced[:_MAX_LISTED]:
        now = "is gone" if each.after is None else f"is now “{_short(each.after)}”"
        context.out.print(f"    {safe(each.ref.id)}: was “{_short(each.before)}”, {now}")
    if len(replaced) > _MAX_LISTED:
        context.out.print(f"    {len(replaced) - _MAX_LISTED:,} more with --json")
    labels = counted(_count(facts["labels_left_out"]), "label on them is", "labels on them are")
    context.out.print(f"  {labels} left out of training until confirmed.")
    if facts["queries_again"]:
        queries = counted(_count(facts["queries_again"]), "query is", "queries are")
        context.out.print(f"  {queries} asked about again, first of all: samesku review")


def _print_role_change(context: Context, report: ImportReport, facts: dict[str, object], *, dry: bool) -> None:
    former = report.role_before or report.role
    before, after = _ROLE_NAMES[former], _ROLE_NAMES[report.role]
    became = "would become" if dry else "are now"
    if has_role(former, "query") != has_role(report.role, "query"):
        change = "join the queue" if has_role(report.role, "query") else "leave the queue"
    else:
        change = f"{'join' if report.role == 'both' else 'leave'} the candidates"
    context.out.print(
        f"  The products of {safe(report.source)} were {before} and {became} {after}: they {change} with the next"
        " `samesku index`."
    )
    if facts["labels_of_role"]:
        one, several = (f"on them as {before} neither {verbs}" for verbs in ("trains nor judges", "train nor judge"))
        labels = counted(_count(facts["labels_of_role"]), f"label {one}", f"labels {several}")
        context.out.print(f"  {labels} while that is so.")


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _short(title: str) -> str:
    return shorten(safe(title).strip(), _MAX_TITLE_CHARS)
