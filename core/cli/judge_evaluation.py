"""`samesku judge test` and `samesku judge compare`: what judges are worth."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.judge.metrics import paired_test
from core.judge.pair_context import pair_contexts
from core.judge.report import judge_report, known_pairs
from core.judge.run import Budget, judge_pairs
from core.retrieval.registry import Registry
from core.text.safe import safe
from labels.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.judge.interface import StoredVerdictsJudge
    from core.judge.metrics import JudgeMetrics, PairedTest
    from core.judge.report import JudgeReport
    from core.judge.run import JudgingResult
    from labels.model import Pair

_NAMES = "cross-encoder, mlx, mlx-base (without its adapter) or server"
_Pairs = Annotated[
    Path | None,
    typer.Option("--pairs", help=f"{LABELS_FILE} Else the validation set.", show_default=False),
]
#: So many of the pairs that only one of two judges gets right are shown; all of them with --json.
_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Put these verbs under `samesku judge`."""
    app.command("test")(measure)
    app.command("compare")(compare)


@rebuilds_damage
def measure(
    ctx: typer.Context,
    judge: Annotated[str | None, typer.Option(help=f"{_NAMES}; else what is in use.", show_default=False)] = None,
    pairs: _Pairs = None,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    detach: DetachOption = False,
) -> None:
    """What the judge is worth on labelled pairs that it was not trained on, and what it adds to the matcher.

    What comes out is kept among the workspace's reports.

    Example: samesku judge test --max-pairs 500
    """
    context = context_of(ctx)
    with judge_in_use(context, *([judge] if judge else [])) as asked:
        if detach:
            options = {"--judge": judge, "--pairs": pairs, "--max-pairs": max_pairs, "--max-minutes": max_minutes}
            start_detached(context, ["judge", "test"], options)
            return

        workspace, settings = context.workspace, context.settings
        with context.reporter() as reporter:
            known = known_pairs(workspace, settings, pairs)
            run = _run(context, asked, known.without(asked), Budget(max_pairs, max_minutes), reporter)
            encoder = Registry(workspace, settings).champion()
            report = judge_report(workspace, settings, encoder, known, run, reporter)
            result = {**asdict(report), "words": report.words, "left": run.left, "end": run.end.value}
            reporter.result(result)
    _tell(context, report)
    context.out.print(run.words)
    context.answer(result)


def _run(
    context: Context, judge: "StoredVerdictsJudge", truth: "Mapping[Pair, bool]", budget: Budget, reporter: Reporter
) -> "JudgingResult":

    found = judge_pairs(pair_contexts(context.workspace, truth), judge, budget, reporter, total=len(truth))
    end_if_interrupted(context, found)
    return found


def _tell(context: Context, report: "JudgeReport") -> None:
    of = report.measured
    context.out.print(
        safe(f"{of.judge}: {counted(of.pairs, 'pair')}, {counted(of.matches, 'match', 'matches')} ({report.judged_on})")
    )
    context.out.print(_figures([of]))
    context.out.print(f"Always giving the same answer would be right in {of.majority:.3f}.")
    context.out.print(report.words)


def _figures(several: "list[JudgeMetrics]") -> Table:
    """A column for each judge, a row for each figure with its 95 % interval."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for of in several:
        table.add_column(safe(of.judge) if len(several) > 1 else "", justify="right")
        table.add_column("95 % interval")
    for name in several[0].figures:
        cells = []
        for figure in (of.figures[name] for of in several):
            ends = figure.interval
            cells.append("unknown" if figure.value is None else f"{figure.value:.3f}")
            cells.append(f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else "")
        table.add_row(_TITLES.get(name, name), *cells)
    for title, name in (("half of them within", "p50"), ("99 in 100 within", "p99")):
        table.add_row(title, *(cell for of in several for cell in (f"{getattr(of, name):.3f}", "")))
    return table


_TITLES = {"f1": "F1", "no_verdict": "no verdict", "seconds": "seconds a pair"}


@rebuilds_damage
def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help=f"A judge: {_NAMES}.")],
    second: Annotated[str, typer.Argument(help="The judge to hold against it.")],
    pairs: _Pairs = None,
    max_pairs: PairsOption = None,
    max_minutes: MinutesOption = None,
    detach: DetachOption = False,
) -> None:
    """Two judges on the same labelled pairs: which of them each gets right. The budget is for each of them.

    Example: samesku judge compare mlx-base mlx --max-pairs 300
    """
    context = context_of(ctx)
    with judge_in_use(context, first) as one, judge_in_use(context, second) as other:
        if one.name == other.name:
            raise CoreError(f"{first} and {second} are the same judge: {one.name}.", _way_out(first, second))
        if detach:
            options = {"--pairs": pairs, "--max-pairs": max_pairs, "--max-minutes": max_minutes}
            start_detached(context, ["judge", "compare", first, second], options)
            return

        truth = known_pairs(context.workspace, context.settings, pairs).without(one, other)
        said = []
        with context.reporter() as reporter:
            for judge in (one, other):
                reporter.message(judge.name)
                said.append(_run(context, judge, truth, Budget(max_pairs, max_minutes), reporter).verdicts)
            found = paired_test((one.name, other.name), said[0], said[1], truth)
            result = {**asdict(found), "words": found.words}
            reporter.result(result)
    _tell_both(context, found, truth)
    context.answer(result)


def _way_out(first: str, second: str) -> str:
    if first != second and {first, second} <= {"mlx", "mlx-base"}:
        return "judge.mlx_adapter is not set; `samesku judge train --config` makes an adapter, and says how to set it."
    return f"Name two of {_NAMES}."


def _tell_both(context: Context, found: "PairedTest", truth: "Mapping[Pair, bool]") -> None:
    context.out.print(_figures([found.first, found.second]))
    context.out.print(f"Always giving the same answer would be right in {found.first.majority:.3f}.")
    context.out.print(
        f"Of {counted(found.first.pairs, 'pair')} both are right in {found.both:,}, only the first in"
        f" {found.only_first:,}, "
        f"only the second in {found.only_second:,}, neither in {found.neither:,} (McNemar's p {found.p:.3f})."
    )
    context.out.print(found.words)
    for title, apart in (
        ("Only the first is right:", found.apart[: found.only_first]),
        ("Only the second is right:", found.apart[found.only_first :]),
    ):
        if apart:
            context.out.print(title)
            context.out.print(_listings(context, {pair: truth[pair] for pair in apart[:_SHOWN]}))


def _listings(context: Context, truth: "Mapping[Pair, bool]") -> Table:
    """What the label says of pairs, their ids and titles."""
    with CatalogStore(context.workspace.catalog) as catalog:
        products = catalog.get_many(ref for pair in truth for ref in pair)
    table = Table(box=None, pad_edge=False, show_header=False)
    for no_wrap in (True, True, False):
        table.add_column(no_wrap=no_wrap, overflow="fold")
    for pair, match in truth.items():
        label = "  match" if match else "  no match"
        for said, ref in zip((label, ""), pair, strict=True):
            table.add_row(said, safe(ref.id), Text(safe(products[ref].title if ref in products else "")))
    return table
