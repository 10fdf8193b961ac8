"""`samesku fetch`: download of public benchmarks from the Hugging Face hub."""

from pathlib import Path
from typing import Annotated

import typer

from core.catalog.benchmarks import WALMART_AMAZON, fetch_walmart_amazon
from core.cli.context import context_of
from core.errors import CoreError
from labels.wording import counted


def fetch(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the benchmark: walmart-amazon.")],
    into: Annotated[
        Path | None,
        typer.Option(help="Folder, e.g. data/wa.", show_default="data/NAME in the workspace"),
    ] = None,
    repo: Annotated[str, typer.Option(help="Name of the data set on the hub, or folder of a local copy.")] = "",
) -> None:
    """Download a public benchmark.

    `samesku import walmart-amazon` imports it.

    Example: samesku fetch walmart-amazon --into data/wa && samesku import walmart-amazon data/wa --labels
    """
    context = context_of(ctx)
    if name != "walmart-amazon":
        raise CoreError(f"There is no benchmark {name}.", "The only benchmark is walmart-amazon.")
    folder = into or context.workspace.home / "data" / name
    with context.reporter() as reporter:
        files = fetch_walmart_amazon(folder, repo or WALMART_AMAZON, reporter.message)
    for file in files:
        context.out.print(f"{file.path}: {counted(file.rows, 'row')}")
    context.answer({"files": {str(file.path): file.rows for file in files}})
