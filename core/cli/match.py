"""`samesku match` and `samesku score`: what the machine thinks, as a file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import Context, context_of


def match(
    ctx: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(help="CSV, JSONL or Parquet, by its ending. With --json it may be left out.", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option(help="How many candidates of each query.", min=1)] = 10,
    query: Annotated[str | None, typer.Option(metavar="ID", help="Of this query alone.", show_default=False)] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Let the certified bands decide, as annotator `machine`.")
    ] = False,
) -> None:
    """The candidates of every query: query_id, rank, candidate_id, similarity, probability, band.

    With --json and without --out the answer holds the rows themselves, each with the reasons for and against.

    --auto writes the decisions of the bands that the audit stream has certified; nothing that a person answered is
    touched, and `samesku labels revoke` takes them back as one act.

    Example: samesku match --k 10 --out matches.csv
    """
    context = context_of(ctx)
    if auto:
        if out is not None or query is not None:
            raise typer.BadParameter("--auto decides on all queries and writes no file.")
        _decide(context)
        return
    if out is None and not context.json:
        raise typer.BadParameter("It is not said where the candidates shall go: name a file with --out, or use --json.")
    from core.match.table import matches, write_table  # noqa: PLC0415

    rows = matches(context.workspace.require(), context.settings, k)
    if query is not None:
        rows = (row for row in rows if row.query_id == query)
    if out is None:
        from core.match.explained import explained  # noqa: PLC0415

        told = list(explained(context.workspace, rows))
        context.answer({"rows": len(told), "matches": told})
        return
    count = write_table(rows, out)
    context.out.print(f"{count:,} candidates in {out}")
    context.answer({"rows": count, "file": str(out)})


def _decide(context: Context) -> None:
    from core.match.auto import decide  # noqa: PLC0415

    report = decide(context.workspace.require(), context.settings)
    decisions = " and ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.decisions.items())
    context.out.print(f"The machine decided: {decisions or 'nothing'}; {report.closed:,} queries need nobody any more.")
    context.out.print(f"Take all of it back with: samesku labels revoke {report.batch}")
    context.answer(asdict(report))


def score(
    ctx: typer.Context,
    pairs: Annotated[Path, typer.Argument(help="CSV whose first two columns are a query's and a candidate's id.")],
    out: Annotated[Path, typer.Option(help="CSV, JSONL or Parquet, by its ending.")],
) -> None:
    """The same for given pairs.

    Example: samesku score pairs.csv --out scored.csv
    """
    from core.match.table import scored, write_table  # noqa: PLC0415

    context = context_of(ctx)
    with context.reporter() as reporter:
        rows = scored(context.workspace.require(), context.settings, pairs, reporter)
    count = write_table(rows, out)
    context.out.print(f"{count:,} pairs in {out}")
    context.answer({"rows": count, "file": str(out)})
