"""`samesku judge prepare` and `samesku judge train`: a judge of one's own."""

from typing import Annotated

import typer

from core.cli.context import Context, context_of
from core.cli.judge_options import DetachOption, detached, judge_in_use
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.judge.budget import Budget


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
        result["calibrated_on"] = _calibrated(context, reporter)
        reporter.result(result)
    context.out.print(f"{result['id']} has learnt from {result['pairs']:,} labelled pairs.")
    context.out.print("`samesku judge test --judge cross-encoder` measures it.")
    context.answer(result)


def _calibrated(context: Context, reporter: Reporter) -> int:
    """Ask the new judge about the labelled pairs that were kept from it, and calibrate it; how many they are."""
    from core.judge.case import cases  # noqa: PLC0415
    from core.judge.run import judge_cases  # noqa: PLC0415
    from core.judge.untaught import untaught  # noqa: PLC0415

    workspace, settings = context.workspace, context.settings
    with judge_in_use(context, "cross-encoder") as judge:
        pairs = untaught(workspace, settings, judge)
        judge_cases(cases(workspace, pairs), judge, Budget(), reporter, total=len(pairs))
        return sum(fitted.labels for fitted in judge.calibrate(workspace, settings))
