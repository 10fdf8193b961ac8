"""`samesku match --input`: the products of files, matched without being imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.catalog.columns import MissingFieldError, map_argument
from core.catalog.query_files import QueryFiles, input_files
from core.catalog.store import CatalogStore
from core.cli.context import Context
from core.cli.engine_option import use_engine
from core.cli.judge_options import reports_interrupt
from core.cli.labels_files import assigned_columns
from core.cli.match_remarks import calibration_facts, print_remarks
from core.errors import CatalogError, CoreError
from core.matching.batch import PART_QUERIES, BatchOptions, BatchReport, match_files
from core.text.safe import safe
from core.workspace import Workspace
from labels.wording import counted


@dataclass(frozen=True, slots=True)
class BatchFlags:
    """The options that `--input` has for products.

    Attributes:
        source: retailer of the products; None for the source of the queries of the workspace.
        mapping: options `--map`.
        part: queries per part.
        engine: `cluster.engine` for this run; None for the setting.
        restart: discard the parts of an earlier run.
    """

    source: str | None = None
    mapping: tuple[str, ...] = ()
    part: int = PART_QUERIES
    engine: str | None = None
    restart: bool = False

    @property
    def given(self) -> bool:
        """Whether any of them was given."""
        return self != BatchFlags()


def write_batch(context: Context, path: Path, out: Path, k: int, flags: BatchFlags) -> None:
    """Match the products of a file or folder, and print what was done."""
    workspace = context.workspace.require()
    use_engine(context, flags.engine)
    options = BatchOptions(out, k, flags.part, restart=flags.restart)
    options.check(path)
    source = flags.source or _query_source(workspace)
    files = QueryFiles(input_files(path), source, assigned_columns(list(flags.mapping)))
    message = f"Ended; the finished parts are in {options.folder}. The same command goes on."
    try:
        with reports_interrupt(context, message), context.reporter() as reporter:
            report = match_files(workspace, context.settings, files, options, reporter)
            reporter.result(_facts(report, out))
    except MissingFieldError as error:
        words = " ".join(f"--map {map_argument(*each)}" for each in error.mapping.items())
        raise CatalogError(error.message, f"Name the column{'s'[: len(error.mapping) - 1]}: {words}") from None
    _print_report(context, report, out)
    context.answer(_facts(report, out))


def _query_source(workspace: Workspace) -> str:
    """The only source with queries.

    Raises:
        CoreError: there are several, or none.
    """
    with CatalogStore(workspace.catalog) as catalog:
        names = catalog.sources_in("query")
    if len(names) != 1:
        known = f"The workspace has queries of {', '.join(map(safe, names))}." if names else "There are no queries yet."
        raise CoreError(
            known, "Name the retailer of the products: samesku match --input FILE --out PLACE --source NAME"
        )
    return names[0]


def _print_report(context: Context, report: BatchReport, out: Path) -> None:
    earlier = f"; {report.earlier:,} of them finished earlier" if report.earlier else ""
    rows = counted(report.rows, "candidate")
    queries = counted(report.queries, "query", "queries")
    context.out.print(f"{rows} of {queries} in {out}: {counted(report.parts, 'part')}{earlier}")
    rejected = report.survey.rejected
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.most_common())
        lists = _names(report.survey.lists)
        context.err.print(f"{counted(rejected.total(), 'row was', 'rows were')} skipped ({reasons}): {lists}")
    print_remarks(context, calibration_facts(report.matcher))


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in paths)


def _facts(report: BatchReport, out: Path) -> dict[str, Any]:
    return {
        "rows": report.rows, "queries": report.queries, "parts": report.parts, "finished_earlier": report.earlier,
        "file": str(out), "rejected": dict(report.survey.rejected), "lists": [str(p) for p in report.survey.lists],
        **calibration_facts(report.matcher),
    }  # fmt: skip
