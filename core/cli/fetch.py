"""`samesku fetch`: public benchmarks from the Hugging Face hub."""

from pathlib import Path
from typing import Annotated

import typer

from core.catalog.benchmarks import WALMART_AMAZON, fetch_walmart_amazon
from core.cli.context import context_of
from core.errors import CoreError
from labels.wording import counted


def fetch(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="walmart-amazon")],
    into: Annotated[
        Path | None, typer.Option(help="Folder; by default data/NAME in the workspace.", show_default=False)
    ] = None,
    repo: Annotated[str, typer.Option(help="The data set on the hub, or a local copy's folder.")] = "",
) -> None:
    """Download a benchmark; import it afterwards.

    Example: samesku fetch walmart-amazon --into data/wa && samesku import walmart-amazon data/wa --labels
    """
    context = context_of(ctx)
    if name != "walmart-amazon":
        raise CoreError(f"There is no benchmark {name}.", "walmart-amazon is the one that can be fetched.")
    folder = into or context.workspace.home / "data" / name
    with context.reporter() as reporter:
        files = fetch_walmart_amazon(folder, repo or WALMART_AMAZON, reporter.message)
    for file in files:
        context.out.print(f"{file.path}: {counted(file.rows, 'row')}")
    context.answer({"files": {str(file.path): file.rows for file in files}})
