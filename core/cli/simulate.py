"""`samesku simulate`: how many labels it takes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.errors import CoreError
from core.evaluation.campaign import MARKS, Plan
from core.evaluation.curves import plot, write_curves, write_picture
from core.evaluation.simulation import Simulation
from core.evaluation.simulation import simulate as replay
from core.queue.strategies import STRATEGIES
from core.retrieval.registry import Registry
from labels.wording import counted

_SHOWN = ("f1", "average_precision", "hit@1")


def simulate(
    ctx: typer.Context,
    gold: Annotated[
        Path,
        typer.Option(
            help="Known answers: query_id,candidate_id,label or ltable_id,rtable_id,label.", show_default=False
        ),
    ],
    budget: Annotated[int, typer.Option(min=2, help="Labels in all; one label is one pair.")] = 300,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(STRATEGIES)}, or all; may be repeated. [default: mixed]", show_default=False),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", "--judge-on", help="What is judged on; else a third of --gold's queries.",
                     show_default=False),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Labels between two refits.")] = 10,
    seeds: Annotated[int, typer.Option(min=1, help="Campaigns per strategy.")] = 5,
    error: Annotated[float, typer.Option(min=0, max=0.5, help="The share of wrong answers.")] = 0.0,
    model: Annotated[str | None, typer.Option(help="An encoder's id; else the champion.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(help="Every point, as .csv or .json.", show_default=False)] = None,
    picture: Annotated[Path | None, typer.Option(help="F1 by labels, as .svg.", show_default=False)] = None,
) -> None:  # fmt: skip
    """Replay a labelling campaign against known answers: how good is the matcher after how many labels?

    Example: samesku simulate --gold train.csv --test valid.csv --budget 300 --strategy mixed --strategy random
    """
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    names = _chosen(strategy or [])
    _check_endings(out, picture)
    registry = Registry(workspace, settings)
    encoder = registry.get(model) if model else registry.champion()
    plan = Plan(names[0], budget, batch, error=error)
    with context.reporter() as reporter:
        found = replay(workspace, settings, encoder, gold, test, names, plan, seeds, reporter)
        result = found.as_dict()
        reporter.result(result)
    _tell(context, found)
    if out is not None:
        write_curves(found.curves, result, out)
    if picture is not None:
        write_picture(found.curves, picture)
    context.answer(result)


def _check_endings(out: Path | None, picture: Path | None) -> None:
    """Say so before the work, not after it."""
    if out is not None and out.suffix not in {".csv", ".json"}:
        raise CoreError(f"{out}: unknown ending.", "Use .csv or .json.")
    if picture is not None and picture.suffix != ".svg":
        raise CoreError(f"{picture}: unknown ending.", "Use .svg.")


def _chosen(names: list[str]) -> list[str]:
    """The strategies by name, each once; the default where none is named."""
    if not names:
        return [next(iter(STRATEGIES))]
    if "all" in names:
        return list(STRATEGIES)
    for name in names:
        if name not in STRATEGIES:
            raise CoreError(f"There is no strategy {name}.", f"Use {', '.join(STRATEGIES)}, or all.")
    return list(dict.fromkeys(names))


def _tell(context: Context, found: Simulation) -> None:

    context.out.print(
        f"{counted(found.pool, 'pair')} to ask about, judged on {found.judged:,} ({found.judged_on}); "
        f"mean of {counted(found.seeds, 'campaign')} ± standard deviation"
    )
    if found.plan.budget > found.pool:
        context.out.print(f"The pool has no more than {counted(found.pool, 'label')} to give: the campaigns end there.")
    context.out.print(_table(found))
    for name, hint in found.hints.items():
        context.out.print(f"{name}: {hint.words}")
    if not context.json and context.out.is_terminal:
        context.out.print(plot(found.curves, width=min(context.out.width, 100), height=20))


def _table(found: Simulation) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("strategy")
    for name in ("labels", "matches", *(each.replace("_", " ") for each in _SHOWN)):
        table.add_column(name, justify="right")
    for name, curve in found.curves.items():
        for point in (p for p in curve if p.labels in MARKS or p is curve[-1]):
            figures = [f"{point.mean[each]:.3f} ± {point.spread[each]:.3f}" for each in _SHOWN]
            table.add_row(name, f"{point.labels:,}", f"{point.mean['matches']:.0f}", *figures)
        table.add_section()
    return table
