"""`samesku match` and `samesku score`: candidates and given pairs with their match probabilities, as tables."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core.catalog.pair_table import is_product_table
from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.engine_option import EngineOption
from core.cli.judge_options import (
    PAIRS_FILE,
    BandsOption,
    MinutesOption,
    PairsOption,
    end_if_interrupted,
    judge_in_use,
    parse_bands,
    reports_interrupt,
)
from core.cli.match_batch import BatchFlags, write_batch
from core.cli.match_remarks import calibration_facts, print_index_state, print_remarks
from core.cli.rebuild import rebuilds_damage
from core.jobs.progress import Reporter
from core.judge.cascade import CascadeResult, JudgedRow, Stage, run_cascade
from core.judge.report import ablation_summary
from core.judge.run import Budget
from core.matching.auto_decisions import decide
from core.matching.bands import Band, default_band
from core.matching.batch import PART_QUERIES
from core.matching.pair_file import indexed_queries_named
from core.matching.pair_rows import (
    PairRow,
    check_file,
    explain_rows,
    extra_columns,
    matched_pairs,
    matcher_summary,
    read_index_state,
    score_pair_file,
    write_table,
)
from core.retrieval.indexed_products import IndexState
from core.splits.split import splits_of
from core.text.safe import safe, shorten
from labels.model import ProductRef
from labels.wording import counted

#: Characters of a title as text, about six lines of a terminal as at the desk; `--json` and files have all of it.
_MAX_TITLE_CHARS = 480
#: Suffix of a candidate that people decided, by the value of the column `decision`.
_DECISION_NOTES = {"match": ", decided: match", "no_match": ", decided: no match", "conflict": ", people disagree"}

#: A query, and a row about it as JSON.
_QueryRow = tuple[ProductRef, dict[str, Any]]

_OutOption = Annotated[
    Path | None,
    typer.Option(
        help="The file: CSV, JSONL or Parquet, by its extension, e.g. matches.csv; with --input also a folder. Optional"
        " with --query or --json.",
        show_default=False,
    ),
]


_InputOption = Annotated[
    Path | None,
    typer.Option(
        "--input", help=f"Products to match (a file, or a folder of files), or pairs to score. {PAIRS_FILE}",
        show_default=False,
    ),
]  # fmt: skip
_QueryOption = Annotated[
    str | None,
    typer.Option(
        metavar="ID", help="Only this query; SOURCE/ID if several sources have it, e.g. walmart/17.", show_default=False
    ),
]
_SourceOption = Annotated[
    str | None,
    typer.Option(
        help="Retailer of the products in --input.", show_default="the source of the workspace's queries"
    ),
]  # fmt: skip
_MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="FIELD=COLUMN", help="Column of a field of the products in --input, as for `import products`."
    ),
]
_JudgeOption = Annotated[
    bool, typer.Option("--judge", help="Ask the judge about the pairs of --judge-band; needs --out.")
]
_BandOption = Annotated[
    str | None,
    typer.Option(metavar="BANDS", help="Only the candidates of these bands, e.g. high.", show_default="all of them"),
]
_AutoOption = Annotated[bool, typer.Option("--auto", help="Let the certified bands decide, as annotator `machine`.")]


@rebuilds_damage
def match(
    ctx: typer.Context,
    out: _OutOption = None,
    k: Annotated[int, typer.Option(help="Candidates per query, e.g. 5.", min=1)] = 10,
    query: _QueryOption = None,
    band: _BandOption = None,
    input_: _InputOption = None,
    source: _SourceOption = None,
    mapping: _MapOption = None,
    part: Annotated[int, typer.Option(help="Queries of --input per part.", min=1)] = PART_QUERIES,
    restart: Annotated[bool, typer.Option("--restart", help="Discard the finished parts in --out.")] = False,
    engine: EngineOption = None,
    judge: _JudgeOption = False,
    bands: BandsOption = None,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    auto: _AutoOption = False,
) -> None:
    """Write the ranked candidates of every query, with similarity, probability and band.

    The columns are query_id, rank, candidate_id, similarity, probability and band. Until there are labelled matches and
    non-matches, probability is empty, and order and band come from the packaged prior (prior:high). More columns follow
    if they are needed: query_source and candidate_source if a role has several sources; decision if people have decided
    pairs (their band is high or low then); out_of_date if a product changed since the last index run.

    Each pair has one row. Of two listings of a source that is compared with itself (--role both), query_id is the first
    one by id; --query gives the first rows of a listing on either side.

    Without --out, --query prints the candidates of one query with the strongest reasons, and --json prints all rows as
    JSON, each with its reasons.

    --input matches products without importing them: those of a file, or of all files of a folder. They are read in
    blocks, so that any number fits into memory. With a folder as --out, each part of --part queries becomes a Parquet
    file; with a file, the parts are joined at the end. An interrupted run continues after the last finished part. The
    columns are those above without decision and out_of_date. A file of pairs is scored, as by `samesku score`.
    --engine ray has the parts written by workers of Ray, which read and write the same folders.

    --judge asks the judge about the pairs of the bands in --judge-band, and adds the columns judge, judge_probability
    and both_probability (matcher and judge combined). An interrupted run continues where it stopped.

    --auto records the decisions of the bands that the audit stream has certified. It never changes people's decisions.
    `samesku labels revoke` revokes everything that one run decided.

    Example: samesku match --k 10 --out matches.csv

    Example: samesku match --band high --out matches.csv

    Example: samesku match --query walmart/17

    Example: samesku match --input listings/ --out matches/

    Example: samesku match --judge --judge-band medium --max-pairs 500 --out judged.csv
    """
    context = context_of(ctx)
    batch = BatchFlags(source, tuple(mapping or ()), part, engine, restart=restart)
    if not judge and (bands, max_pairs, max_minutes) != (None, None, None):
        raise typer.BadParameter("--judge-band, --max-pairs and --max-minutes require --judge.")
    if auto:
        if out is not None or query is not None or input_ is not None or band is not None or judge:
            raise typer.BadParameter("--auto decides all queries and writes no file: omit the other options.")
        _write_auto_decisions(context)
        return
    _check_output(context, out, query, "--judge" if judge else "--input" if input_ else None)
    if batch.given and (input_ is None or judge):
        raise typer.BadParameter(
            "--source, --map, --part, --restart and --engine are for products: --input without --judge."
        )
    if band is not None and (input_ is not None or judge):
        raise typer.BadParameter("--band is for the candidates of the index: omit --input and --judge.")
    wanted = parse_bands(band) if band is not None else list(Band)
    if out is None:
        _print_candidates(context, k, query, wanted)
    elif judge:
        _write_judged(context, input_, k, out, bands, Budget(max_pairs, max_minutes))
    elif input_ is not None:
        _write_input(context, input_, out, k, batch)
    else:
        _write_candidates(context, k, query, out, wanted)


def _write_input(context: Context, path: Path, out: Path, k: int, batch: BatchFlags) -> None:
    """Match a folder or a file of products, or score a file of pairs."""
    if path.is_dir() or batch.given or is_product_table(path):
        write_batch(context, path, out, k, batch)
    else:
        _write_scored(context, path, out)


@rebuilds_damage
def score(
    ctx: typer.Context,
    pairs: Annotated[Path, typer.Argument(help=PAIRS_FILE)],
    out: Annotated[Path, typer.Option(help="The file: CSV, JSONL or Parquet, by its extension, e.g. scored.csv.")],
) -> None:
    """Score the pairs of a file: similarity, probability and band.

    The columns are those of `samesku match`; rank is among the given pairs of the same query.

    Example: samesku score pairs.csv --out scored.csv
    """
    _write_scored(context_of(ctx), pairs, out)


def _check_output(context: Context, out: Path | None, query: str | None, option: str | None) -> None:
    """Check the combination of --out and --query with --judge or --input.

    Raises:
        typer.BadParameter: they cannot be combined.
    """
    if option is not None and query is not None:
        raise typer.BadParameter(f"--query and {option} cannot be combined: omit one of them.")
    if option is not None and out is None:
        raise typer.BadParameter(f"{option} writes a file, also with --json: name it with --out.")
    if out is None and query is None and not context.json:
        raise typer.BadParameter("Name a file with --out, or one query with --query, or use --json.")


# -- candidates ----------------------------------------------------------------------------------------------


def _write_candidates(context: Context, k: int, query: str | None, out: Path, bands: Sequence[Band]) -> None:
    check_file(out)
    state = read_index_state(context.workspace.require())
    columns = extra_columns(context.workspace, context.settings, state)
    rows = _of_bands(columns.rows(chain(*_candidates(context, k, query, state))), bands)
    facts = _candidate_facts(context, state)
    count = write_table((row for _, row in rows), out, columns.shape())
    context.out.print(f"{counted(count, 'candidate')} in {out}")
    context.answer({"rows": count, "file": str(out), **facts})
    print_remarks(context, facts, state)


def _of_bands(rows: Iterable[PairRow], bands: Sequence[Band]) -> Iterator[PairRow]:
    """The rows of some bands; one that people decided is in the band of the decision."""
    return (row for row in rows if default_band(row[1].band) in bands)


def _print_candidates(context: Context, k: int, query: str | None, bands: Sequence[Band]) -> None:
    """Print candidates with their reasons: of one query as text, or with --json."""
    state = read_index_state(context.workspace.require())
    columns = extra_columns(context.workspace, context.settings, state)
    own, before = (list(_of_bands(columns.rows(pairs), bands)) for pairs in _candidates(context, k, query, state))
    rows = list(explain_rows(context.workspace, [*own, *before]))
    facts = _candidate_facts(context, state)
    if not context.json:
        listed = [(pair.query, row) for (pair, _), row in zip(own, rows, strict=False)]
        reversed_ = [(pair.candidate, row) for (pair, _), row in zip(before, rows[len(own) :], strict=True)]
        _print_rows(context, listed, reversed_)
    context.answer({"rows": len(rows), **facts, "matches": rows})
    print_remarks(context, facts, state)


def _print_rows(context: Context, own: Sequence[_QueryRow], before: Sequence[_QueryRow]) -> None:
    """Print the candidates under their query, then the pairs in which a query is the candidate."""
    queries = dict.fromkeys(ref for ref, _ in (*own, *before))
    with CatalogStore(context.workspace.catalog) as catalog:
        titles = {product.ref: product.title for product in catalog.get_many(queries).values()}
    if not queries:
        context.out.print("No candidate is in these bands.")
    for query in queries:
        title = shorten(safe(titles.get(query, "")), _MAX_TITLE_CHARS)
        context.out.print(f"{safe(query.source)} {safe(query.id)}{f': {title}' if title else ''}")
        for line in (line for ref, row in own if ref == query for line in _candidate_lines(row)):
            context.out.print(line)
        for row in (row for ref, row in before if ref == query):
            context.out.print(f"As candidate {row['rank']} of {safe(row['query_id'])}: {_scores(row)}")


def _candidate_lines(row: dict[str, Any]) -> Iterator[str]:
    """A candidate, its title, and the reasons for and against, as text."""
    yield f"{row['rank']:>2}. {safe(row['candidate_id'])}: {_scores(row)}"
    if row["title"]:
        yield f"    {shorten(safe(row['title']), _MAX_TITLE_CHARS)}"
    reasons = row["reasons"] or {}
    for reason in (*reasons.get("for", ()), *reasons.get("against", ())):
        yield f"    {reason['contribution']:+.1f} {safe(reason['text'])}"


def _scores(row: dict[str, Any]) -> str:
    """The scores of a row, and what people decided, as text."""
    chance = "" if row["probability"] is None else f"probability {row['probability']:.0%}, "
    note = _DECISION_NOTES.get(row.get("decision", ""), "") + (", out of date" if row.get("out_of_date") else "")
    return f"{chance}similarity {row['similarity']:.2f}, {row['band']}{note}"


def _candidates(
    context: Context, k: int, query: str | None, state: IndexState
) -> tuple[Iterable[PairRow], Sequence[PairRow]]:
    """The first k candidates of every query, or of one; and the first k pairs in which that one is the candidate."""
    pairs = matched_pairs(context.workspace, context.settings, k, state)
    if query is None:
        return pairs, ()
    listed = list(pairs)
    with CatalogStore(context.workspace.catalog) as catalog:
        both = catalog.sources_in("both")
    as_candidate = [each for each in listed if each[0].candidate.source in both]
    indexed = [*(pair.query for pair, _ in listed), *(pair.candidate for pair, _ in as_candidate)]
    wanted = indexed_queries_named(context.workspace, query, indexed)
    own = [each for each in listed if each[0].query in wanted]
    before = [each for each in as_candidate if each[0].candidate in wanted]
    return own, sorted(before, key=lambda each: -(each[1].probability or each[1].similarity))[:k]


def _candidate_facts(context: Context, state: IndexState) -> dict[str, Any]:
    return calibration_facts(matcher_summary(context.workspace)) | {"out_of_date": state.as_dict()}


# -- given pairs ---------------------------------------------------------------------------------------------


def _write_scored(context: Context, pairs: Path, out: Path) -> None:
    check_file(out)
    with context.reporter() as reporter:
        rows, matcher = score_pair_file(context.workspace.require(), context.settings, pairs, reporter)
    columns = extra_columns(context.workspace, context.settings)
    count = write_table((row for _, row in columns.rows(rows)), out, columns.shape())
    facts = calibration_facts(matcher)
    context.out.print(f"{counted(count, 'pair')} in {out}")
    context.answer({"rows": count, "file": str(out), **facts})
    print_remarks(context, facts)


# -- with the judge ------------------------------------------------------------------------------------------


def _write_judged(context: Context, pairs: Path | None, k: int, out: Path, bands: str | None, budget: Budget) -> None:
    """Write candidates, or the pairs of a file, with the judge's verdicts on the pairs of some bands."""
    check_file(out)
    chosen, workspace = parse_bands(bands), context.workspace.require()
    facts: dict[str, Any] = {}
    with (
        reports_interrupt(context, f"Ended; {out} was not written."),
        judge_in_use(context) as judge,
        context.reporter() as reporter,
    ):
        truth = splits_of(workspace, context.settings).truth
        # The pairs of a file are scored now, so that none is out of date.
        state = read_index_state(workspace) if pairs is None else IndexState()
        rows = _matcher_rows(context, pairs, k, reporter, facts)
        result = run_cascade(workspace, rows, judge, chosen, truth, budget, reporter)
        reporter.result(_cascade_facts(result))
    end_if_interrupted(context, result.judged, out)
    columns = extra_columns(workspace, context.settings, state)
    judged = columns.rows(zip(result.pairs, result.rows, strict=True), JudgedRow)
    count = write_table((row for _, row in judged), out, columns.shape(JudgedRow))
    context.out.print(f"{count:,} {'candidates' if pairs is None else 'pairs'} in {out}")
    _print_cascade(context, result)
    answer = {"rows": count, "file": str(out), **facts, "out_of_date": state.as_dict(), **_cascade_facts(result)}
    context.answer(answer)
    print_remarks(context, facts, state)


def _matcher_rows(
    context: Context, pairs: Path | None, k: int, reporter: Reporter, facts: dict[str, Any]
) -> Iterator[PairRow]:
    """The rows of the matcher, lazily, so that their time counts as the first stage. Adds to `facts`."""
    if pairs is None:
        yield from matched_pairs(context.workspace, context.settings, k)
        facts.update(calibration_facts(matcher_summary(context.workspace)))
    else:
        rows, matcher = score_pair_file(context.workspace, context.settings, pairs, reporter)
        facts.update(calibration_facts(matcher))
        yield from rows


def _print_cascade(context: Context, result: CascadeResult) -> None:
    """Print what each stage decided, its precision on labelled pairs, and its cost."""
    table = Table(box=None, pad_edge=False)
    for heading in ("settled by", "answer", "pairs", "labelled pairs", "precision", "95 % interval"):
        table.add_column(heading, justify="left" if heading in {"settled by", "answer"} else "right")
    for stage in result.stages:
        for answer, count in stage.pairs.items():
            precision = stage.precision[answer]
            cells = ("unknown", "")
            if precision.labels:
                share = precision.right / precision.labels
                cells = (f"{share:.3f}", f"{precision.low:.3f} to {precision.high:.3f}")
            table.add_row(safe(stage.name), answer.replace("_", " "), f"{count:,}", f"{precision.labels:,}", *cells)
    table.add_row("open", "", f"{result.undecided:,}")
    context.out.print(table)
    for stage in result.stages:
        context.out.print(safe(f"{stage.name}: {_cost(stage)}"))
    context.out.print(result.judged.summary)
    context.out.print(ablation_summary(context.workspace, result.judged.judge))


def _cost(stage: Stage) -> str:
    tokens = f", {counted(stage.tokens, 'token')}" if stage.tokens else ""
    return f"{counted(stage.asked, 'pair')} in {stage.seconds:,.1f} s{tokens}"


def _cascade_facts(result: CascadeResult) -> dict[str, object]:
    run = result.judged
    return {
        "stages": [asdict(stage) for stage in result.stages],
        "open": result.undecided,
        "known": run.cached, "asked": run.asked, "left": run.remaining, "end": run.stop_reason.value,
    }  # fmt: skip


# -- automatic decisions -------------------------------------------------------------------------------------


def _write_auto_decisions(context: Context) -> None:
    report = decide(context.workspace.require(), context.settings)
    print_index_state(context, read_index_state(context.workspace))
    decisions = " and ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.decisions.items())
    if decisions:
        closed = counted(report.closed, "query is", "queries are")
        context.out.print(f"The machine decided: {decisions}; {closed} closed.")
        context.out.print(f"Revoke all of them with: samesku labels revoke {report.batch}")
    else:
        context.out.print(
            "The machine decided nothing: no open query has a candidate in a certified band. `samesku labels audit`"
            " shows the bands; after an import, `samesku index` finds candidates.",
            soft_wrap=True,
        )
    context.answer(asdict(report))
