"""`samesku match` and `samesku score`: what the machine thinks, as a file."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.judge_options import (
    PAIRS_FILE,
    BandsOption,
    InputOption,
    MinutesOption,
    PairsOption,
    bands_named,
    end_if_interrupted,
    judge_in_use,
    told_if_interrupted,
)
from core.cli.rebuild import rebuilds_damage
from core.jobs.progress import Reporter
from core.judge.cascade import JudgedRow, run_cascade
from core.judge.report import ablation_summary
from core.judge.run import Budget
from core.matching.auto_decisions import decide
from core.matching.bands import basis_remark
from core.matching.pair_file import indexed_queries_named
from core.matching.pair_rows import (
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
from core.text.safe import safe
from labels.wording import counted

if TYPE_CHECKING:
    from core.judge.cascade import CascadeResult, Stage
    from core.matching.matcher import Matcher
    from core.matching.pair_rows import PairRow
    from core.retrieval.candidates import MatcherSummary


def basis_of(source: "MatcherSummary | Matcher | None") -> dict[str, Any]:
    """For JSON: `calibrated`, `labels` and how many of them are matches; of no matcher, of no labels."""
    labels, matches = (source.labels, source.matches) if source is not None else (0, 0)
    return {"calibrated": labels > 0, "labels": labels, "labelled_matches": matches}


def remark(context: Context, basis: dict[str, Any]) -> None:
    """One line on standard error where too few labels stand behind the probabilities, or none."""
    if words := basis_remark(basis["labels"], basis["labelled_matches"]):
        context.err.print(words)


def judged_match(context: Context, pairs: Path | None, k: int, out: Path, bands: str | None, budget: Budget) -> None:
    """Candidates, or the pairs of a file, with the judge's word where the matcher is in one of the bands."""
    check_file(out)
    chosen, workspace = bands_named(bands), context.workspace.require()
    basis: dict[str, Any] = {}
    with (
        told_if_interrupted(context, f"Ended; {out} was not written."),
        judge_in_use(context) as judge,
        context.reporter() as reporter,
    ):
        truth = splits_of(workspace, context.settings).truth
        # The pairs of a file are scored as they are now.
        state = read_index_state(workspace) if pairs is None else IndexState()
        rows = _rows(context, pairs, k, reporter, basis)
        found = run_cascade(workspace, rows, judge, chosen, truth, budget, reporter)
        reporter.result(_facts(found))
    end_if_interrupted(context, found.judged, out)
    columns = extra_columns(workspace, context.settings, state)
    rows = columns.rows(zip(found.pairs, found.rows, strict=True), JudgedRow)
    count = write_table((row for _, row in rows), out, columns.shape(JudgedRow))
    context.out.print(f"{count:,} {'candidates' if pairs is None else 'pairs'} in {out}")
    _match_judged_tell(context, found)
    context.answer({"rows": count, "file": str(out), **basis, "out_of_date": state.as_dict(), **_facts(found)})
    remark(context, basis)
    for sentence in state.sentences():
        context.err.print(sentence, markup=False)


def _rows(
    context: Context, pairs: Path | None, k: int, reporter: Reporter, basis: dict[str, Any]
) -> "Iterator[PairRow]":
    """The matcher's word, when it is asked for: what it takes is the first stage's cost. Fills in what it rests on."""
    if pairs is None:
        yield from matched_pairs(context.workspace, context.settings, k)
        basis.update(basis_of(matcher_summary(context.workspace)))
    else:
        rows, matcher = score_pair_file(context.workspace, context.settings, pairs, reporter)
        basis.update(basis_of(matcher))
        yield from rows


def _match_judged_tell(context: Context, found: "CascadeResult") -> None:

    table = Table(box=None, pad_edge=False)
    for heading in ("settled by", "answer", "pairs", "labelled", "precision", "95 % interval"):
        table.add_column(heading, justify="left" if heading in {"settled by", "answer"} else "right")
    for stage in found.stages:
        for answer, count in stage.pairs.items():
            known = stage.precision[answer]
            shown = (
                (f"{known.right / known.labels:.3f}", f"{known.low:.3f} to {known.high:.3f}")
                if known.labels
                else ("unknown", "")
            )
            table.add_row(safe(stage.name), answer.replace("_", " "), f"{count:,}", f"{known.labels:,}", *shown)
    table.add_row("nobody", "", f"{found.undecided:,}")
    context.out.print(table)
    for stage in found.stages:
        context.out.print(safe(f"{stage.name}: {_cost(stage)}"))
    context.out.print(found.judged.summary)
    context.out.print(ablation_summary(context.workspace, found.judged.judge))


def _cost(stage: "Stage") -> str:
    tokens = f", {counted(stage.tokens, 'token')}" if stage.tokens else ""
    return f"{counted(stage.asked, 'pair')} in {stage.seconds:,.1f} s{tokens}"


def _facts(found: "CascadeResult") -> dict[str, object]:
    run = found.judged
    return {
        "stages": [asdict(stage) for stage in found.stages],
        "open": found.undecided,
        "known": run.cached, "asked": run.asked, "left": run.remaining, "end": run.stop_reason.value,
    }  # fmt: skip


#: What is said of a pair that people decided on, by what stands in the column.
DECIDED = {"match": ", decided: match", "no_match": ", decided: no match", "conflict": ", people disagree"}


@rebuilds_damage
def match(
    ctx: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(
            help="CSV, JSONL or Parquet, by its ending. Not needed with --query or --json.", show_default=False
        ),
    ] = None,
    k: Annotated[int, typer.Option(help="How many candidates of each query.", min=1)] = 10,
    query: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Of this query alone; SOURCE/ID where several have it.", show_default=False),
    ] = None,
    pairs: InputOption = None,
    judge: Annotated[bool, typer.Option("--judge", help="Ask the judge where the matcher is not certain.")] = False,
    bands: BandsOption = None,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Let the certified bands decide, as annotator `machine`.")
    ] = False,
) -> None:
    """The candidates of every query: query_id, rank, candidate_id, similarity, probability, band.

    Until people have labelled matches and non-matches, `probability` is empty, and order and band come from the
    packaged prior; the band is named so, as in prior:high.
    More columns follow where they say something: query_source and candidate_source where a role has several sources;
    decision, what people decided (the band is high or low then); out_of_date, where a product changed since the last
    index run.

    Without --out, --query shows one query's candidates and the strongest reasons; --json answers with the rows
    themselves, each with its reasons.

    --judge asks the judge about the pairs of the bands in --judge-band, and adds the columns judge,
    judge_probability, and both_probability, the matcher's and the judge's together. A run that was ended goes on
    where it was.

    --auto writes the decisions of the bands that the audit stream has certified; nothing that a person answered is
    touched, and `samesku labels revoke` takes them back as one act.

    Example: samesku match --k 10 --out matches.csv
    """
    context = context_of(ctx)
    if not judge and (bands, max_pairs, max_minutes) != (None, None, None):
        raise typer.BadParameter("--judge-band, --max-pairs and --max-minutes go with --judge.")
    if auto:
        if out is not None or query is not None or pairs is not None or judge:
            raise typer.BadParameter("--auto decides on all queries and writes no file.")
        _decide(context)
        return
    _check(out, query, "--judge" if judge else "--input" if pairs else None)
    if out is None and query is None and not context.json:
        raise typer.BadParameter(
            "Where shall the candidates go? Name a file with --out, or one query with --query, or use --json."
        )
    if judge and out is not None:
        judged_match(context, pairs, k, out, bands, Budget(max_pairs, max_minutes))
    elif pairs is not None and out is not None:
        _score(context, pairs, out)
    else:
        _match(context, out, k, query)


def _check(out: Path | None, query: str | None, option: str | None) -> None:
    """Say so where what is asked for goes not together with the option that writes a file."""
    if option is not None and query is not None:
        raise typer.BadParameter(f"--query is about one query, and {option} is not: leave one of the two out.")
    if option is not None and out is None:
        raise typer.BadParameter(f"{option} writes a file, with --json too: name it with --out.")


def _match(context: Context, out: Path | None, k: int, query: str | None) -> None:

    state = read_index_state(context.workspace.require())
    columns = extra_columns(context.workspace, context.settings, state)
    pairs = columns.rows(_pairs(context, k, query, state))
    basis = basis_of(matcher_summary(context.workspace)) | {"out_of_date": state.as_dict()}
    if out is None:
        _tell(context, pairs, basis)
    else:
        count = write_table((row for _, row in pairs), out, columns.shape())
        context.out.print(f"{counted(count, 'candidate')} in {out}")
        context.answer({"rows": count, "file": str(out), **basis})
    remark(context, basis)
    remark_state(context, state)


def _pairs(context: Context, k: int, query: str | None, state: IndexState) -> "Iterable[PairRow]":

    pairs = matched_pairs(context.workspace, context.settings, k, state)
    if query is None:
        return pairs
    listed = list(pairs)
    wanted = indexed_queries_named(context.workspace, query, (pair.query for pair, _ in listed))
    return [each for each in listed if each[0].query in wanted]


def remark_state(context: Context, state: IndexState) -> None:
    """Say on standard error what of the last index run is out of date."""
    for sentence in state.sentences():
        context.err.print(sentence, markup=False)


def _tell(context: Context, pairs: "Iterable[PairRow]", basis: dict[str, Any]) -> None:
    """The candidates and their reasons: as JSON, or as text for one query."""
    told = list(explain_rows(context.workspace, pairs))
    several = len({row.get("query_source") for row in told}) > 1
    for row in told if not context.json else ():
        if several and row["rank"] == 1:
            context.out.print(f"{safe(row['query_source'])} {safe(row['query_id'])}:")
        chance = "" if row["probability"] is None else f"probability {row['probability']:.0%}, "
        remark = DECIDED.get(row.get("decision", ""), "") + (", out of date" if row.get("out_of_date") else "")
        context.out.print(
            f"{row['rank']:>2}. {safe(row['candidate_id'])}: {chance}similarity {row['similarity']:.2f}, {row['band']}"
            + remark
        )
        if row["title"]:
            context.out.print(f"    {safe(row['title'])}")
        reasons = row["reasons"] or {}
        for reason in (*reasons.get("for", ()), *reasons.get("against", ())):
            context.out.print(f"    {reason['contribution']:+.1f} {safe(reason['text'])}")
    context.answer({"rows": len(told), **basis, "matches": told})


def _decide(context: Context) -> None:

    report = decide(context.workspace.require(), context.settings)
    remark_state(context, read_index_state(context.workspace))
    decisions = " and ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.decisions.items())
    context.out.print(
        f"The machine decided: {decisions or 'nothing'}; {counted(report.closed, 'query needs', 'queries need')}"
        " nobody any more."
    )
    context.out.print(f"Take all of it back with: samesku labels revoke {report.batch}")
    context.answer(asdict(report))


@rebuilds_damage
def score(
    ctx: typer.Context,
    pairs: Annotated[Path, typer.Argument(help=PAIRS_FILE)],
    out: Annotated[Path, typer.Option(help="CSV, JSONL or Parquet, by its ending.")],
) -> None:
    """The same for given pairs.

    Example: samesku score pairs.csv --out scored.csv
    """
    _score(context_of(ctx), pairs, out)


def _score(context: Context, pairs: Path, out: Path) -> None:

    check_file(out)
    with context.reporter() as reporter:
        rows, matcher = score_pair_file(context.workspace.require(), context.settings, pairs, reporter)
    columns = extra_columns(context.workspace, context.settings)
    count = write_table((row for _, row in columns.rows(rows)), out, columns.shape())
    basis = basis_of(matcher)
    context.out.print(f"{counted(count, 'pair')} in {out}")
    context.answer({"rows": count, "file": str(out), **basis})
    remark(context, basis)
