"""`samesku evaluate`: how good the encoder and the candidates are."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.judge_options import LABELS_FILE
from core.cli.rebuild import rebuilds_damage
from core.cli.tables import bands, metrics, reliability
from core.evaluation.comparison import RANKING_NAMES
from core.evaluation.run import evaluate_own, evaluate_pairs, evaluate_retrieval
from core.matching.bands import basis_remark
from core.retrieval.registry import Registry
from labels.wording import counted


@rebuilds_damage
def evaluate(
    ctx: typer.Context,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help=f"{LABELS_FILE} The matcher that judges them is fitted without them, also where the workspace has them"
            " as labels.",
            show_default=False,
        ),
    ] = None,
    matches: Annotated[
        Path | None,
        typer.Option(
            help="Known matches: a CSV with the columns query_id and candidate_id, or labels as for --pairs.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's id; else the champion.", show_default=False)] = None,
) -> None:
    """Measure retrieval and pairs on the validation set, or on matches or pairs from a file.

    What is measured on the validation set is kept among the workspace's reports; the desk shows it.

    Example: samesku evaluate --pairs valid.csv --json
    """
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    result: dict[str, object] = {}
    with context.reporter() as reporter:
        registry = Registry(workspace, settings)
        chosen = registry.get(model) if model else registry.champion()
        if not matches and not pairs:
            result |= evaluate_own(workspace, settings, chosen, reporter)
        if matches:
            result |= evaluate_retrieval(workspace, settings, chosen, matches, reporter)
        if pairs:
            result |= evaluate_pairs(workspace, settings, chosen, pairs, reporter)
        reporter.result(result)
    _tell(context, result)
    context.answer(result)


def _tell(context: Context, result: dict[str, Any]) -> None:

    rankings = {name: values for name in RANKING_NAMES if isinstance(values := result.get(name), dict)}
    if rankings:
        context.out.print(
            f"{counted(result['queries'], 'query', 'queries')} with a known match ({result['judged_on']}),"
            f" encoder {result['model']};"
            " 95 % intervals below the figures"
        )
        context.out.print(metrics(rankings, result["intervals"]))
        context.out.print(
            "dense: the encoder alone · lexical: shared words · hybrid: both · matcher: what `match` and the desk show"
        )
    if "f1" in result:
        table = Table(box=None, pad_edge=False)
        names = ("f1", "precision", "recall", "average_precision", "ece", "threshold")
        for name in ("", *names):
            table.add_column(name.replace("_", " "), justify="right")
        table.add_row("", *(f"{result[name]:.3f}" for name in names))
        known = result["pair_intervals"]
        ends = (f"{known[name][0]:.3f}–{known[name][1]:.3f}" if name in known else "" for name in names)
        table.add_row("95 %", *ends, style="dim")
        context.out.print(f"{counted(result['pairs'], 'pair')} ({result['pairs_judged_on']})")
        context.out.print(table)
        if not result["matcher"]["calibrated"]:
            context.out.print(
                "Uncalibrated: no labels of both classes outside these pairs teach a matcher, so this judges the"
                " packaged prior."
            )
        elif words := basis_remark(result["matcher"]["labels"], result["matcher"]["matches"]):
            context.out.print(words)
        context.out.print(bands(result["bands"]))
        context.out.print(reliability(result["reliability"]))
