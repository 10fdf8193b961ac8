"""Tables of evaluation metrics for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from core.evaluation.comparison import RANKING_NAMES, Change, Comparison, Outcome
from core.evaluation.metric_info import PAIR_METRICS, RETRIEVAL_METRICS, MetricInfo, cost_texts
from core.evaluation.model_comparison import Estimate, ModelComparison
from core.matching.bands import Band, default_band
from core.text.safe import safe

#: Metrics in the tables, in this order.
_METRICS = ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10")

#: Rankings in the table of two evaluations.
_RANKINGS = ("encoder", "fused", "matched")

#: Characters of a bar for a share of 1.
_WIDTH = 30


def metrics(
    rows: Mapping[str, Mapping[str, float]], intervals: Mapping[str, Mapping[str, tuple[float, float]]]
) -> Table:
    """One row per ranking, one column per metric, and the 95 % interval below each value.

    Args:
        rows: metrics by ranking.
        intervals: 95 % intervals by ranking and metric.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in _METRICS:
        table.add_column(name, justify="right")
    for label, values in rows.items():
        table.add_row(RANKING_NAMES[label], *(f"{values[name]:.3f}" for name in _METRICS))
        interval_of = intervals.get(label, {})
        table.add_row("", *(_interval(interval_of.get(name)) for name in _METRICS), style="dim")
    return table


def _interval(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else ""


def bands(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The bands high and low: precision promised with 95 % confidence, on the folds it comes from, and measured."""
    table = Table(title="Bands", title_justify="left", box=None, pad_edge=False)
    for heading in (
        "band",
        "answer",
        "probability",
        "promised",
        "on folds",
        "fitted on",
        "measured",
        "95 % interval",
        "evaluated on",
    ):
        table.add_column(heading, justify="left" if heading in {"band", "answer"} else "right")
    for row in rows:
        promised, measured = row["promised"], row["measured"]
        table.add_row(
            row["band"],
            row["answer"].replace("_", " "),
            f"{'≥' if default_band(row['band']) == Band.HIGH else '<'} {row['cut']:.3f}",
            f"≥ {row['promise']:.3f}" if promised["labels"] else "–",
            _share(promised),
            f"{promised['labels']:,}",
            _share(measured),
            f"{measured['low']:.3f} to {measured['high']:.3f}",
            f"{measured['labels']:,}",
        )
    return table


def band_remarks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each band that is empty, narrow or not proven, or whose promise was not kept."""
    found = [f"{row['band']}: {row['remark']}" for row in rows if row["remark"]]
    found += [
        f"{row['band']}: The promise was not kept: the interval measured ends below it."
        for row in rows
        if row["kept"] is False
    ]
    return found


def _share(precision: Mapping[str, Any]) -> str:
    return f"{precision['right'] / precision['labels']:.3f}" if precision["labels"] else "–"


def reliability(rows: Sequence[Mapping[str, float]]) -> Table:
    """The reliability curve: a bar for the observed share of matches, a mark at the predicted one."""
    table = Table(
        title="Reliability: observed (bar) against predicted (┃)", title_justify="left", box=None, pad_edge=False
    )
    for heading in ("predicted", "observed", "pairs", "0" + " " * (_WIDTH - 1) + "1"):
        table.add_column(heading, justify="left" if heading.startswith("0") else "right")
    for row in rows:
        bar = list("█" * round(row["true"] * _WIDTH) + " " * (_WIDTH + 1 - round(row["true"] * _WIDTH)))
        bar[round(row["promised"] * _WIDTH)] = "┃"
        table.add_row(f"{row['promised']:.3f}", f"{row['true']:.3f}", f"{row['pairs']:,}", "".join(bar))
    return table


def comparison(result: Mapping[str, Any]) -> Table:
    """Champion and challenger of a `retrain` result: a row per ranking and metric.

    Includes the changes with their 95 % intervals, which results of earlier versions lack.
    """
    differences = result.get("changes")
    table = Table(title="Before and after", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "", "before", "after", *(["change", "95 % interval"] if differences else [])):
        table.add_column(heading, justify="right" if heading else "left")
    for ranking in _RANKINGS:
        if ranking in result["champion"] and ranking in result["challenger"]:
            for row, name in enumerate(_METRICS):
                values = (f"{result[who][ranking][name]:.3f}" for who in ("champion", "challenger"))
                change = _difference(differences[ranking][name]) if differences else ()
                table.add_row("" if row else RANKING_NAMES[ranking], name, *values, *change)
    return table


def _difference(change: Mapping[str, Any]) -> tuple[str, str]:
    interval = change["interval"]
    return f"{change['by']:+.3f}", f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else ""


def before_and_after(before: Mapping[str, Any], after: Mapping[str, Any]) -> Table:
    """Two evaluations on the same validation set: a row per metric, each ranking before and after.

    Args:
        before: answer of `evaluate`.
        after: a later answer.
    """
    table = Table(title="Before and after", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for ranking in _RANKINGS:
        for heading in (f"{RANKING_NAMES[ranking]} before", "after"):
            table.add_column(heading, justify="right")
    for metric in _METRICS:
        figures = [each[ranking][metric] for ranking in _RANKINGS for each in (before, after)]
        table.add_row(metric, *(f"{figure:.3f}" for figure in figures))
    return table


def model_metrics(compared: ModelComparison) -> Table:
    """One row per metric, one column per model, the 95 % interval below each value.

    A significant change against the reference, the first model, is marked with ▲ or ▼, better or worse.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for model in compared.models:
        table.add_column(model.id, justify="right", overflow="fold")
    for info in (*RETRIEVAL_METRICS, *PAIR_METRICS):
        found = [model.rankings["encoder"].get(info.name) or model.pairs.get(info.name) for model in compared.models]
        if any(found):
            table.add_row(info.label, *(_value_and_change(info, each) for each in found))
            table.add_row("", *(info.interval(each.interval) if each else "" for each in found), style="dim")
    costs = [model.cost for model in compared.models]
    for label, texts in cost_texts(costs).items():
        table.add_row(label, *texts)
    return table


def _value_and_change(info: MetricInfo, estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    if estimate.difference is None:
        return info.text(estimate.value)
    mark = {1: " ▲", -1: " ▼", 0: ""}[info.direction(estimate.difference)]
    return f"{info.text(estimate.value)} ({info.signed(estimate.difference.by)}{mark})"


def changes(comparison: Comparison) -> Table:
    """One row per ranking: number of queries per outcome, and the change of the metrics."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", *Outcome, "hit@1", "mrr@10", "change", "95 % interval"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in comparison.rankings:
        counts, metrics_of = comparison.counts(name), comparison.changes[name]
        mrr = metrics_of["mrr@10"]
        table.add_row(
            RANKING_NAMES[name], *(f"{counts[outcome]:,}" for outcome in Outcome),
            _before_after(metrics_of["hit@1"]), _before_after(mrr),
            f"{mrr.by:+.3f}", f"{mrr.interval[0]:+.3f} to {mrr.interval[1]:+.3f}" if mrr.interval else "",
        )  # fmt: skip
    return table


def _before_after(change: Change) -> str:
    return f"{change.before.value:.3f} → {change.after.value:.3f}"


def moves(comparison: Comparison, ranking: str) -> Text:
    """The queries whose known match changed its rank, worse ones first; at most three lines each."""
    lines = [f"{RANKING_NAMES[ranking].capitalize()} ranking:"]
    for outcome in (Outcome.WORSE, Outcome.BETTER):
        for query in comparison.queries:
            move = query.moves[ranking]
            if move.outcome is outcome:
                before, after = (result.rank or ">10" for result in (move.before, move.after))
                lines += [f"{outcome:>9}  {before} → {after}  {query.title}", f"    match  {query.match_title}"]
                lines += [f"  top now  {move.after.first}"] * (after != 1)
    return Text("\n".join(safe(line) for line in lines))
