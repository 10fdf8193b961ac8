"""`samesku index`: encode what changed, and fill the candidates."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from core.cli.context import Context, context_of
from core.cli.rebuild import brought_up_to_date
from core.splits.class_balance import one_class_message, training_classes
from core.splits.current_labels import ledger_and_catalogue
from labels.wording import counted

if TYPE_CHECKING:
    from core.matching.run import UpdateReport


def index(ctx: typer.Context) -> None:
    """Encode what changed, build the index, fill the candidates.

    An interrupted run goes on where it was. What is damaged, or gone, is made again.

    Example: samesku index
    """
    context = context_of(ctx)
    context.workspace.require()
    with context.exclusive("index"), context.reporter() as reporter:
        done = brought_up_to_date(context, reporter)
        answer = {**asdict(done.index), "weighed": done.weighed, "fitted": done.fitted, "labels": done.matcher.labels}
        answer["seconds"] = done.seconds
        reporter.result(answer)
    report = done.index
    context.out.print(
        f"{counted(report.queries, 'query', 'queries')} × {counted(report.products, 'product')}: {_told(done)}"
        f" ({done.seconds:.1f} s)"
    )
    if not done.matcher.labels and (words := _one_class(context)):
        context.out.print(words)
    if report.validation_drawn:
        context.out.print(f"{counted(report.validation_drawn, 'query was', 'queries were')} drawn for validation.")
    context.answer(answer)


def _one_class(context: Context) -> str:
    """That no matcher was fitted because all labels are of one class; empty where that is not why."""
    with ledger_and_catalogue(context.workspace) as (store, catalog):
        return one_class_message(*training_classes(store, catalog, context.settings.labels.rule))


def _told(done: "UpdateReport") -> str:
    news = [] if done.index.unchanged else [f"candidates by {done.index.model}"]
    if done.weighed:
        news.append("features computed")
    if done.fitted and done.matcher.labels:
        news.append(f"matcher fitted to {counted(done.matcher.labels, 'label')}")
    return ", ".join(news) or "nothing had changed"
