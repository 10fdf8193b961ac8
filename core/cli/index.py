"""`samesku index`: bring index, candidates, features and matcher up to date."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli import index_tuning
from core.cli.context import Context, context_of
from core.cli.engine_option import EngineOption, use_engine
from core.cli.next_step import print_next_after_index
from core.cli.rebuild import update_index
from core.matching.run import UpdateReport
from core.splits.class_balance import one_class_message, training_classes
from core.splits.current_labels import ledger_and_catalogue
from labels.wording import counted


def index(
    ctx: typer.Context,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Run a full index, and compute the word weights from the current catalogue."),
    ] = False,
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure recall and latency of the kinds of dense index; changes nothing.")
    ] = False,
    engine: EngineOption = None,
    plot: Annotated[
        Path | None, typer.Option(help="With --tune: write the plot as a page, e.g. recall.html.", show_default=False)
    ] = None,
) -> None:
    """Encode new and changed products, update the index, and compute the candidates that this touches.

    Also computes the features and fits the matcher. If a tenth of the catalogue has changed, or with --rebuild,
    everything is computed again except the vectors of unchanged texts. An interrupted run continues where it stopped;
    damaged and missing files are rebuilt.

    With --engine ray, texts are encoded by workers of Ray: on the cluster of $RAY_ADDRESS, or on this machine.

    Example: samesku index
    """
    context = context_of(ctx)
    context.workspace.require()
    if plot is not None and not tune:
        raise typer.BadParameter("--plot goes with --tune.")
    use_engine(context, engine)
    if tune:
        index_tuning.tune(context, plot)
        return
    with context.exclusive("index"), context.reporter() as reporter:
        done = update_index(context, reporter, rebuild=rebuild)
        answer = {**asdict(done.index), "weighed": done.weighed, "fitted": done.fitted, "labels": done.matcher.labels}
        answer["seconds"] = done.seconds
        reporter.result(answer)
    report = done.index
    context.out.print(
        f"{counted(report.queries, 'query', 'queries')} × {counted(report.products, 'product')}: {_changes(done)}"
        f" ({done.seconds:.1f} s)"
    )
    if not done.matcher.labels and (remark := _one_class(context)):
        context.out.print(remark)
    if report.validation_drawn:
        context.out.print(f"{counted(report.validation_drawn, 'query was', 'queries were')} drawn for validation.")
    print_next_after_index(context)
    context.answer(answer)


def _one_class(context: Context) -> str:
    """A sentence if no matcher was fitted because all labels are of one class; else empty."""
    with ledger_and_catalogue(context.workspace) as (store, catalog):
        return one_class_message(*training_classes(store, catalog, context.settings.labels.rule))


def _changes(done: UpdateReport) -> str:
    """What the run has updated, for the summary line."""
    report = done.index
    parts = []
    if not (report.unchanged or report.full):
        changes = ((report.added, "added"), (report.changed, "changed"), (report.removed, "removed"))
        parts.append(", ".join(f"{count:,} {what}" for count, what in changes if count) or "no product changed")
        parts[-1] += f"; {counted(report.updated, 'query', 'queries')} updated"
    elif report.full:
        parts.append(f"candidates by {report.model}")
    if done.weighed:
        parts.append("features computed")
    if done.fitted and done.matcher.labels:
        parts.append(f"matcher fitted to {counted(done.matcher.labels, 'labelled pair')}")
    return ", ".join(parts) or "nothing had changed"
