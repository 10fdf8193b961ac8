"""`samesku index`: encode what changed, and fill the candidates."""

from dataclasses import asdict

import typer

from core.cli.context import context_of


def index(ctx: typer.Context) -> None:
    """Encode what changed, build the index, fill the candidates.

    An interrupted run goes on where it was.

    Example: samesku index
    """
    from core.match.run import bring_up_to_date  # noqa: PLC0415
    from core.registry.registry import Registry  # noqa: PLC0415

    context = context_of(ctx)
    workspace = context.workspace.require()
    with context.reporter() as reporter:
        champion = Registry(workspace, context.settings).champion()
        report = bring_up_to_date(workspace, context.settings, champion, reporter)
        reporter.result(asdict(report))
    state = "nothing had changed" if report.unchanged else f"candidates by {report.model}"
    context.out.print(f"{report.queries:,} queries × {report.products:,} products: {state} ({report.seconds:.1f} s)")
    if report.validation_drawn:
        context.out.print(f"{report.validation_drawn:,} queries were drawn for validation.")
    context.answer(asdict(report))
