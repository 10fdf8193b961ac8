"""`samesku evaluate`: retrieval and pair classification metrics."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from core.cli.context import Context, context_of
from core.cli.judge_options import LABELS_FILE
from core.cli.rebuild import rebuilds_damage
from core.cli.tables import band_remarks, bands, metrics, reliability
from core.evaluation.comparison import RANKING_NAMES
from core.evaluation.run import evaluate_pairs, evaluate_retrieval, evaluate_workspace
from core.matching.bands import basis_remark
from core.retrieval.encoder_registry import Registry
from core.splits.evaluation_size import evaluation_size
from core.splits.split import splits_of
from labels.wording import counted, evaluation_set

#: Pair classification metrics by key, with their table headings.
_PAIR_METRICS = {
    "f1": "F1", "precision": "precision", "recall": "recall", "average_precision": "average precision",
    "threshold": "threshold",
}  # fmt: skip


@rebuilds_damage
def evaluate(
    ctx: typer.Context,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help=f"{LABELS_FILE} The matcher is fitted without these pairs, even if they are labelled here.",
            show_default=False,
        ),
    ] = None,
    matches: Annotated[
        Path | None,
        typer.Option(
            help="Known matches, e.g. matches.csv: the columns query_id and candidate_id, or labels as for --pairs.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Id of an encoder; see `samesku models list`.", show_default="the champion"),
    ] = None,
) -> None:
    """Evaluate retrieval and pair classification, on the validation set or on a file.

    An evaluation on the validation set is saved among the reports of the workspace, and shown at the desk.

    Example: samesku evaluate --pairs valid.csv --json
    """
    context = context_of(ctx)
    workspace, settings = context.workspace.require(), context.settings
    result: dict[str, object] = {}
    with context.reporter() as reporter:
        registry = Registry(workspace, settings)
        encoder = registry.get(model) if model else registry.champion()
        if not matches and not pairs:
            result |= evaluate_workspace(workspace, settings, encoder, reporter)
        if matches:
            result |= evaluate_retrieval(workspace, settings, encoder, matches, reporter)
        if pairs:
            result |= evaluate_pairs(workspace, settings, encoder, pairs, reporter)
        reporter.result(result)
    _print_result(context, result)
    if not matches and not pairs and (remark := _size_remark(context)):
        context.out.print(remark)
    context.answer(result)


def _size_remark(context: Context) -> str:
    """How many more evaluation queries a promotion takes; empty where there are enough."""
    return evaluation_size(context.workspace, context.settings, splits_of(context.workspace, context.settings)).sentence


def _print_result(context: Context, result: dict[str, Any]) -> None:
    rankings = {name: values for name in RANKING_NAMES if isinstance(values := result.get(name), dict)}
    if rankings:
        context.out.print(
            f"{counted(result['queries'], 'query', 'queries')} with a known match"
            f" ({evaluation_set(result['judged_on'])}), encoder {result['model']}; 95 % intervals below the values"
        )
        context.out.print(metrics(rankings, result["intervals"]))
        context.out.print(
            "dense: encoder only · lexical: character n-grams · hybrid: both · matcher: order of `match` and the desk"
        )
    if "f1" in result:
        _print_pairs(context, result)


def _print_pairs(context: Context, result: dict[str, Any]) -> None:
    """Pair classification: metrics at the threshold, bands, and the reliability curve."""
    context.out.print(f"{counted(result['pairs'], 'pair')} ({evaluation_set(result['pairs_judged_on'])})")
    table = Table(box=None, pad_edge=False)
    for heading in ("", *_PAIR_METRICS.values()):
        table.add_column(heading, justify="right")
    table.add_row("", *(f"{result[name]:.3f}" for name in _PAIR_METRICS))
    intervals = result["pair_intervals"]
    cells = (
        f"{intervals[name][0]:.3f}–{intervals[name][1]:.3f}" if name in intervals else "" for name in _PAIR_METRICS
    )
    table.add_row("95 %", *cells, style="dim")
    context.out.print(table)
    matcher = result["matcher"]
    if not matcher["calibrated"]:
        context.out.print(
            "Uncalibrated: there are no labels of both classes besides these pairs, so that the packaged prior is"
            " evaluated."
        )
    elif remark := basis_remark(matcher["labels"], matcher["matches"]):
        context.out.print(remark)
    context.out.print(bands(result["bands"]))
    for sentence in band_remarks(result["bands"]):
        context.out.print(sentence)
    context.out.print(f"Expected calibration error {result['ece']:.3f}")
    context.out.print(reliability(result["reliability"]))
