"""`samesku judge test` and `samesku judge compare`: evaluation of judges on labelled pairs."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from core.catalog.store import CatalogStore
from core.cli.context import Context, context_of
from core.cli.judge_options import (
    LABELS_FILE,
    DetachOption,
    MinutesOption,
    PairsOption,
    end_if_interrupted,
    judge_in_use,
    start_detached,
)
from core.cli.rebuild import rebuilds_damage
from core.cli.tables import evaluation_set
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.judge.interface import StoredVerdictsJudge
from core.judge.metrics import JudgeMetrics, PairedTest, paired_test
from core.judge.pair_context import pair_contexts
from core.judge.report import JudgeReport, evaluate_judge, labelled_pairs
from core.judge.run import Budget, JudgingResult, judge_pairs
from core.retrieval.encoder_registry import Registry
from core.text.safe import safe
from labels.model import Pair
from labels.wording import counted

_NAMES = "cross-encoder, mlx, mlx-base (without its adapter) or server"
_Pairs = Annotated[
    Path | None,
    typer.Option("--pairs", help=LABELS_FILE, show_default="the validation set"),
]

#: Printed pairs that only one of two judges classifies correctly; --json has all.
_MAX_PAIRS = 10
_METRIC_TITLES = {"f1": "F1", "no_verdict": "no verdict", "seconds": "seconds per pair"}


def register(app: typer.Typer) -> None:
    """Add these verbs to `samesku judge`."""
    app.command("test")(measure)
    app.command("compare")(compare)


@rebuilds_damage
def measure(
    ctx: typer.Context,
    judge_name: Annotated[
        str | None, typer.Option("--judge", metavar="NAME", help=f"{_NAMES}.", show_default="the configured one")
    ] = None,
    pairs: _Pairs = None,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    detach: DetachOption = False,
) -> None:
    """Evaluate a judge on labelled pairs that it was not trained on, alone and combined with the matcher.

    The result is saved among the reports of the workspace.

    Example: samesku judge test --max-pairs 500
    """
    context = context_of(ctx)
    with judge_in_use(context, *([judge_name] if judge_name else [])) as judge:
        if detach:
            options = {"--judge": judge_name, "--pairs": pairs, "--max-pairs": max_pairs, "--max-minutes": max_minutes}
            start_detached(context, ["judge", "test"], options)
            return
        workspace, settings = context.workspace, context.settings
        with context.reporter() as reporter:
            known = labelled_pairs(workspace, settings, pairs)
            run = _run(context, judge, known.without(judge), Budget(max_pairs, max_minutes), reporter)
            encoder = Registry(workspace, settings).champion()
            report = evaluate_judge(workspace, settings, encoder, known, run, reporter)
            result = {**asdict(report), "words": report.summary, "left": run.remaining, "end": run.stop_reason.value}
            reporter.result(result)
    _print_report(context, report)
    context.out.print(run.summary)
    context.answer(result)


@rebuilds_damage
def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help=f"A judge: {_NAMES}.")],
    second: Annotated[str, typer.Argument(help="The judge to compare with it.")],
    pairs: _Pairs = None,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    detach: DetachOption = False,
) -> None:
    """Compare two judges on the same labelled pairs, with McNemar's test. Limits apply to each judge.

    Example: samesku judge compare mlx-base mlx --max-pairs 300
    """
    context = context_of(ctx)
    with judge_in_use(context, first) as one, judge_in_use(context, second) as other:
        if one.name == other.name:
            raise CoreError(f"{first} and {second} are the same judge: {one.name}.", _same_judge_hint(first, second))
        if detach:
            options = {"--pairs": pairs, "--max-pairs": max_pairs, "--max-minutes": max_minutes}
            start_detached(context, ["judge", "compare", first, second], options)
            return
        truth = labelled_pairs(context.workspace, context.settings, pairs).without(one, other)
        verdicts = []
        with context.reporter() as reporter:
            for judge in (one, other):
                reporter.message(judge.name)
                verdicts.append(_run(context, judge, truth, Budget(max_pairs, max_minutes), reporter).verdicts)
            found = paired_test((one.name, other.name), verdicts[0], verdicts[1], truth)
            result = {**asdict(found), "words": found.summary}
            reporter.result(result)
    _print_comparison(context, found, truth)
    context.answer(result)


def _same_judge_hint(first: str, second: str) -> str:
    if first != second and {first, second} <= {"mlx", "mlx-base"}:
        return (
            "judge.mlx_adapter is not set; `samesku judge train --config` trains an adapter, and prints how to set it."
        )
    return f"Name two of {_NAMES}."


def _run(
    context: Context, judge: StoredVerdictsJudge, truth: Mapping[Pair, bool], budget: Budget, reporter: Reporter
) -> JudgingResult:
    found = judge_pairs(pair_contexts(context.workspace, truth), judge, budget, reporter, total=len(truth))
    end_if_interrupted(context, found)
    return found


def _print_report(context: Context, report: JudgeReport) -> None:
    metrics = report.measured
    context.out.print(
        safe(
            f"{metrics.judge}: {counted(metrics.pairs, 'pair')},"
            f" {counted(metrics.matches, 'match', 'matches')} ({evaluation_set(report.judged_on)})"
        )
    )
    context.out.print(_metrics_table([metrics]))
    context.out.print(f"Accuracy of the majority class: {metrics.majority:.3f}.")
    context.out.print(report.summary)


def _print_comparison(context: Context, found: PairedTest, truth: Mapping[Pair, bool]) -> None:
    context.out.print(_metrics_table([found.first, found.second]))
    context.out.print(f"Accuracy of the majority class: {found.first.majority:.3f}.")
    context.out.print(
        f"{counted(found.first.pairs, 'pair')}: both right {found.both:,}, only the first {found.only_first:,},"
        f" only the second {found.only_second:,}, neither {found.neither:,} (McNemar's test: p {found.p:.3f})."
    )
    context.out.print(found.summary)
    for title, apart in (
        ("Only the first is right:", found.apart[: found.only_first]),
        ("Only the second is right:", found.apart[found.only_first :]),
    ):
        if apart:
            context.out.print(title)
            context.out.print(_listings(context, {pair: truth[pair] for pair in apart[:_MAX_PAIRS]}))


def _metrics_table(judges: list[JudgeMetrics]) -> Table:
    """A row per metric, and per judge a column with the value and one with the 95 % interval."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for metrics in judges:
        table.add_column(safe(metrics.judge) if len(judges) > 1 else "", justify="right")
        table.add_column("95 % interval")
    for name in judges[0].figures:
        cells = []
        for figure in (metrics.figures[name] for metrics in judges):
            interval = figure.interval
            cells.append("unknown" if figure.value is None else f"{figure.value:.3f}")
            cells.append(f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "")
        table.add_row(_METRIC_TITLES.get(name, name), *cells)
    for title, name in (("p50 seconds per pair", "p50"), ("p99 seconds per pair", "p99")):
        table.add_row(title, *(cell for metrics in judges for cell in (f"{getattr(metrics, name):.3f}", "")))
    return table


def _listings(context: Context, truth: Mapping[Pair, bool]) -> Table:
    """Label, ids and titles of some pairs, two rows each."""
    with CatalogStore(context.workspace.catalog) as catalog:
        products = catalog.get_many(ref for pair in truth for ref in pair)
    table = Table(box=None, pad_edge=False, show_header=False)
    for no_wrap in (True, True, False):
        table.add_column(no_wrap=no_wrap, overflow="fold")
    for pair, match in truth.items():
        label = "  match" if match else "  no match"
        for cell, ref in zip((label, ""), pair, strict=True):
            table.add_row(cell, safe(ref.id), Text(safe(products[ref].title if ref in products else "")))
    return table
