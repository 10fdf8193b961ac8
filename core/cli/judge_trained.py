"""`samesku judge prepare` and `samesku judge train`: a judge of one's own."""

from typing import Annotated

import typer

from core.cli.context import context_of
from core.cli.judge_options import DetachOption, detached
from core.errors import CoreError


def register(app: typer.Typer) -> None:
    """Put these verbs under `samesku judge`."""
    app.command("train")(train)


def train(
    ctx: typer.Context,
    cross_encoder: Annotated[
        bool, typer.Option("--cross-encoder", help="A small model that needs no language model.")
    ] = False,
    detach: DetachOption = False,
) -> None:
    """Train a judge on the labels.

    Example: samesku judge train --cross-encoder --detach
    """
    context = context_of(ctx)
    workspace = context.workspace.require()
    if not cross_encoder:
        raise CoreError("Which judge shall be trained?", "For example: samesku judge train --cross-encoder")
    if detach:
        detached(context, ["judge", "train"], {"--cross-encoder": True})
        return
    from core.judge.cross_training import train_cross_encoder  # noqa: PLC0415

    with context.reporter() as reporter:
        result = train_cross_encoder(workspace, context.settings, reporter)
        reporter.result(result)
    context.out.print(f"{result['id']} has learnt from {result['pairs']:,} labelled pairs.")
    context.out.print("`samesku judge test --judge cross-encoder` measures it.")
    context.answer(result)
