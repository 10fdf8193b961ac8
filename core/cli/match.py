"""`samesku match` and `samesku score`: what the machine thinks, as a file."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.basis import basis_of, remark
from core.cli.context import Context, context_of
from core.cli.judge_options import BandsOption, InputOption, MinutesOption, PairsOption
from core.cli.match_judged import judged_match
from core.cli.pair_files import PAIRS_FILE
from core.cli.rebuild import rebuilds_damage
from core.judge.budget import Budget
from core.text.safe import safe
from labels.wording import counted

if TYPE_CHECKING:
    from core.match.table import PairRow
    from core.search.indexed_products import IndexState

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
    from core.match.columns import columns_of  # noqa: PLC0415
    from core.match.table import standing_of, state_of, write_table  # noqa: PLC0415

    state = state_of(context.workspace.require())
    columns = columns_of(context.workspace, context.settings, state)
    pairs = columns.rows(_pairs(context, k, query, state))
    basis = basis_of(standing_of(context.workspace)) | {"out_of_date": state.as_dict()}
    if out is None:
        _tell(context, pairs, basis)
    else:
        count = write_table((row for _, row in pairs), out, columns.shape())
        context.out.print(f"{counted(count, 'candidate')} in {out}")
        context.answer({"rows": count, "file": str(out), **basis})
    remark(context, basis)
    remark_state(context, state)


def _pairs(context: Context, k: int, query: str | None, state: "IndexState") -> "Iterable[PairRow]":
    from core.match.queries import queries_named  # noqa: PLC0415
    from core.match.table import matched_pairs  # noqa: PLC0415

    pairs = matched_pairs(context.workspace, context.settings, k, state)
    if query is None:
        return pairs
    listed = list(pairs)
    wanted = queries_named(context.workspace, query, (pair.query for pair, _ in listed))
    return [each for each in listed if each[0].query in wanted]


def remark_state(context: Context, state: "IndexState") -> None:
    """Say on standard error what of the last index run is out of date."""
    for sentence in state.sentences():
        context.err.print(sentence, markup=False)


def _tell(context: Context, pairs: "Iterable[PairRow]", basis: dict[str, Any]) -> None:
    """The candidates and their reasons: as JSON, or as text for one query."""
    from core.match.explained import explained  # noqa: PLC0415

    told = list(explained(context.workspace, pairs))
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
    from core.match.auto import decide  # noqa: PLC0415
    from core.match.table import state_of  # noqa: PLC0415

    report = decide(context.workspace.require(), context.settings)
    remark_state(context, state_of(context.workspace))
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
    from core.match.columns import columns_of  # noqa: PLC0415
    from core.match.table import check_file, scored, write_table  # noqa: PLC0415

    check_file(out)
    with context.reporter() as reporter:
        rows, matcher = scored(context.workspace.require(), context.settings, pairs, reporter)
    columns = columns_of(context.workspace, context.settings)
    count = write_table((row for _, row in columns.rows(rows)), out, columns.shape())
    basis = basis_of(matcher)
    context.out.print(f"{counted(count, 'pair')} in {out}")
    context.answer({"rows": count, "file": str(out), **basis})
    remark(context, basis)
