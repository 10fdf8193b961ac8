"""`samesku match` and `samesku score`: what the machine thinks, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import context_of
from core.errors import CoreError


def match(
    ctx: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(help="CSV, JSONL or Parquet, by its ending. With --json it may be left out.", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option(help="How many candidates of each query.", min=1)] = 10,
    query: Annotated[str | None, typer.Option(metavar="ID", help="Of this query alone.", show_default=False)] = None,
) -> None:
    """The candidates of every query: query_id, rank, candidate_id, similarity, probability, band.

    With --json and without --out the answer holds the rows themselves, each with the reasons for and against.

    Example: samesku match --k 10 --out matches.csv
    """
    from core.match.table import matches, write_table  # noqa: PLC0415

    context = context_of(ctx)
    rows = matches(context.workspace.require(), context.settings, k)
    if query is not None:
        rows = (row for row in rows if row.query_id == query)
    if out is None:
        if not context.json:
            raise CoreError("It is not said where the candidates shall go.", "Name a file with --out, or use --json.")
        from core.match.explained import explained  # noqa: PLC0415

        told = list(explained(context.workspace, rows))
        context.answer({"rows": len(told), "matches": told})
        return
    count = write_table(rows, out)
    context.out.print(f"{count:,} candidates in {out}")
    context.answer({"rows": count, "file": str(out)})


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
