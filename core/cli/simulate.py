"""`samesku simulate`: learning curves of labelling campaigns on known labels."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.errors import CoreError, SettingsError
from core.evaluation.campaign import CHECKPOINTS, LlmPlan
from core.evaluation.curves import plot, write_curve_svg, write_curves
from core.evaluation.simulation import Simulation, SimulationPlan
from core.evaluation.simulation import simulate as replay
from core.queue.strategies import STRATEGIES
from core.retrieval.encoder_registry import Registry
from labels.exchange.files import require_writable, unknown_ending
from labels.wording import counted

_METRICS = ("f1", "average_precision", "hit@1")


def simulate(
    ctx: typer.Context,
    gold: Annotated[
        Path,
        typer.Option(
            help="Known labels, a CSV: query_id,candidate_id,label or ltable_id,rtable_id,label; e.g. train.csv.",
            show_default=False,
        ),
    ],
    budget: Annotated[int, typer.Option(min=2, help="Total number of labels, e.g. 500; one label is one pair.")] = 300,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(STRATEGIES)}, or all; repeatable.", show_default="mixed"),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            "--test",
            "--judge-on",
            help="Labels to evaluate on, e.g. valid.csv.",
            show_default="a third of the queries of --gold",
        ),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Labels between two refits, e.g. 20.")] = 10,
    seeds: Annotated[int, typer.Option(min=1, help="Campaigns per strategy, each with its own seed, e.g. 3.")] = 5,
    error: Annotated[float, typer.Option(min=0, max=0.5, help="Share of wrong labels, e.g. 0.05.")] = 0.0,
    annotator: Annotated[
        Literal["people", "llm"], typer.Option(help="Who labels: people alone, or a language model first (llm).")
    ] = "people",
    llm_labels: Annotated[int, typer.Option(min=1, help="Pairs that the language model labels, e.g. 500.")] = 300,
    llm_error: Annotated[
        float | None,
        typer.Option(
            min=0, max=0.5, help="Its share of wrong labels, e.g. 0.1.", show_default="its labels by `judge label`"
        ),
    ] = None,
    llm_weight: Annotated[
        float | None,
        typer.Option(min=0.001, max=1, help="Weight of its labels, e.g. 0.3.", show_default="labels.llm_weight"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Id of an encoder; see `samesku models list`.", show_default="the champion"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write all points to a file, e.g. curves.csv or curves.json.", show_default=False),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write the plot of F1 by labels, e.g. curves.svg.", show_default=False)
    ] = None,
) -> None:
    """Replay a labelling campaign on known labels: the quality of the matcher by number of labels.

    Each strategy chooses pairs from the pool, gets their labels, and refits the matcher, which is evaluated on other
    pairs. The labels of the workspace are not used.

    With --annotator llm, a second curve shows the same campaign after a language model has labelled a part of the pool.

    Example: samesku simulate --gold train.csv --test valid.csv --budget 300 --strategy mixed --strategy random
    """
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    names = _strategies(strategy or [])
    _check_outputs(out, picture)
    registry = Registry(workspace, settings)
    encoder = registry.get(model) if model else registry.champion()
    weight = settings.labels.llm_weight if llm_weight is None else llm_weight
    if annotator == "llm" and not weight:
        raise SettingsError("labels.llm_weight is 0: the labels change nothing.", "Give another one: --llm-weight 0.3.")
    llm = LlmPlan(llm_labels, weight, llm_error) if annotator == "llm" else None
    plan = SimulationPlan(names, budget, batch, error, seeds, llm)
    with context.reporter() as reporter:
        found = replay(workspace, settings, encoder, gold, test, plan, reporter)
        result = found.as_dict()
        reporter.result(result)
    _print_result(context, found)
    if out is not None:
        write_curves(found.curves, result, out)
    if picture is not None:
        write_curve_svg(found.curves, picture)
    context.answer(result)


def _check_outputs(out: Path | None, picture: Path | None) -> None:
    """Check before the work that the files can be written.

    Raises:
        CoreError: an extension is unknown.
        LabelsError: a file cannot be written.
    """
    if out is not None and out.suffix.lower() not in {".csv", ".json"}:
        raise CoreError(*unknown_ending(out, (".csv", ".json")))
    if picture is not None and picture.suffix.lower() != ".svg":
        raise CoreError(*unknown_ending(picture, (".svg",)))
    for path in filter(None, (out, picture)):
        require_writable(path)


def _strategies(names: list[str]) -> list[str]:
    """The distinct strategies of the option; the default one if none is named.

    Raises:
        CoreError: a strategy is unknown.
    """
    if not names:
        return [next(iter(STRATEGIES))]
    if "all" in names:
        return list(STRATEGIES)
    for name in names:
        if name not in STRATEGIES:
            raise CoreError(f"There is no strategy {name}.", f"Use {', '.join(STRATEGIES)}, or all.")
    return list(dict.fromkeys(names))


def _print_result(context: Context, found: Simulation) -> None:
    context.out.print(
        f"{counted(found.pool, 'pair')} in the pool, evaluated on {found.judged:,} ({found.judged_on}); "
        f"mean of {counted(found.plan.seeds, 'campaign')} ± standard deviation"
    )
    if found.plan.budget > found.pool:
        context.out.print(f"The pool has only {counted(found.pool, 'label')}: the campaigns end there.")
    context.out.print(_table(found))
    for name, hint in found.hints.items():
        context.out.print(f"{name}: {hint.words}")
    if not context.json and context.out.is_terminal:
        context.out.print(plot(found.curves, width=min(context.out.width, 100), height=20))


def _table(found: Simulation) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("strategy")
    for name in ("labels", "matches", *(each.replace("_", " ") for each in _METRICS)):
        table.add_column(name, justify="right")
    for name, curve in found.curves.items():
        for point in (p for p in curve if p.labels in {0, *CHECKPOINTS} or p is curve[-1]):
            figures = [f"{point.mean[each]:.3f} ± {point.spread[each]:.3f}" for each in _METRICS]
            table.add_row(name, f"{point.labels:,}", f"{point.mean['matches']:.0f}", *figures)
        table.add_section()
    return table
