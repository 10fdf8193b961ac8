"""`samesku match` and `samesku score`: what the machine thinks, as a file."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import context_of


def match(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="CSV, JSONL or Parquet, by its ending.")],
    k: Annotated[int, typer.Option(help="How many candidates of each query.", min=1)] = 10,
) -> None:
    """The candidates of every query: query_id, rank, candidate_id, similarity, probability, band.

    Example: samesku match --k 10 --out matches.csv
    """
    from core.match.table import matches, write_table  # noqa: PLC0415

    context = context_of(ctx)
    rows = matches(context.workspace.require(), context.settings, k)
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
