"""Tables of figures for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from core.evaluation.comparison import RANKING_NAMES, Change, Comparison, Outcome
from core.matching.bands import Band, default_band
from core.text.safe import safe

#: What people look at first, in this order.
_SHOWN = ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10")


def comparison(result: Mapping[str, Any]) -> Table:
    """Champion against challenger, as `retrain` reports them: the encoder alone (dense), and fused (hybrid).

    Beside them, how each changed on the same queries, with the 95 % interval; jobs of earlier versions tell none.
    """
    changed = result.get("changes")
    table = Table(title="Before and after", title_justify="left", box=None, pad_edge=False)
    rankings = ("encoder", "fused")
    headings = [""]
    for what in rankings:
        headings += [f"{RANKING_NAMES[what]} before", "after", *(["change (95 %)"] if changed else [])]
    for heading in headings:
        table.add_column(heading, justify="left" if not heading else "right")
    for name in _SHOWN:
        cells = []
        for what in rankings:
            cells += [f"{result[who][what][name]:.3f}" for who in ("champion", "challenger")]
            cells += [_gain(changed[what][name])] if changed else []
        table.add_row(name, *cells)
    return table


def _gain(change: Mapping[str, Any]) -> str:
    ends = change["interval"]
    return f"{change['by']:+.3f}" + (f" ({ends[0]:+.3f} to {ends[1]:+.3f})" if ends else "")


#: The rankings of an evaluation that the table of before and after holds.
_RANKINGS = ("encoder", "fused", "matched")


def before_and_after(before: Mapping[str, Any], after: Mapping[str, Any]) -> Table:
    """Two evaluations of one validation set: a row per metric, each ranking before and after.

    Args:
        before: what `evaluate` answers.
        after: likewise, later.
    """
    table = Table(title="Before and after", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for ranking in _RANKINGS:
        for heading in (f"{RANKING_NAMES[ranking]} before", "after"):
            table.add_column(heading, justify="right")
    for metric in _SHOWN:
        figures = [each[ranking][metric] for ranking in _RANKINGS for each in (before, after)]
        table.add_row(metric, *(f"{figure:.3f}" for figure in figures))
    return table


def metrics(
    rows: Mapping[str, Mapping[str, float]], intervals: Mapping[str, Mapping[str, tuple[float, float]]]
) -> Table:
    """One row per ranking, one column per metric, and below each figure its 95 % interval.

    Args:
        rows: the figures by ranking, as an evaluation names them.
        intervals: theirs.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in _SHOWN:
        table.add_column(name, justify="right")
    for label, values in rows.items():
        table.add_row(RANKING_NAMES[label], *(f"{values[name]:.3f}" for name in _SHOWN))
        known = intervals.get(label, {})
        table.add_row("", *(_ends(known.get(name)) for name in _SHOWN), style="dim")
    return table


def _ends(interval: tuple[float, float] | None) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}" if interval else ""


def changes(comparison: Comparison) -> Table:
    """One row per ranking: how many queries got better or worse, and what that does to the figures."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", *Outcome, "hit@1", "mrr@10", "change", "95 % interval"):
        table.add_column(heading, justify="right" if heading else "left")
    for name in comparison.rankings:
        counts, of = comparison.counts(name), comparison.changes[name]
        mrr = of["mrr@10"]
        table.add_row(
            RANKING_NAMES[name], *(f"{counts[outcome]:,}" for outcome in Outcome), _both(of["hit@1"]), _both(mrr),
            f"{mrr.by:+.3f}", f"{mrr.interval[0]:+.3f} to {mrr.interval[1]:+.3f}" if mrr.interval else "",
        )  # fmt: skip
    return table


def _both(change: Change) -> str:
    return f"{change.before.value:.3f} → {change.after.value:.3f}"


def moves(comparison: Comparison, ranking: str) -> Text:
    """The queries whose known match stands elsewhere now, those that got worse first; three lines each at most."""
    lines = [f"By the {RANKING_NAMES[ranking]} ranking:"]
    for outcome in (Outcome.WORSE, Outcome.BETTER):
        for query in comparison.queries:
            move = query.moves[ranking]
            if move.outcome is outcome:
                before, after = (place.rank or ">10" for place in (move.before, move.after))
                lines += [f"{outcome:>9}  {before} → {after}  {query.title}", f"    match  {query.match_title}"]
                lines += [f"first now  {move.after.first}"] * (after != 1)
    return Text("\n".join(safe(line) for line in lines))


def bands(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The firm bands: the precision that folds of the training labels promised, and what was measured."""
    table = Table(title="Bands", title_justify="left", box=None, pad_edge=False)
    for heading in ("band", "answer", "probability", "promised", "labels", "measured", "95 % interval", "labels"):
        table.add_column(heading, justify="left" if heading in {"band", "answer"} else "right")
    for row in rows:
        promised, measured = row["promised"], row["measured"]
        table.add_row(
            row["band"],
            row["answer"].replace("_", " "),
            f"{'≥' if default_band(row['band']) == Band.HIGH else '<'} {row['cut']:.3f}",
            _share(promised),
            f"{promised['labels']:,}",
            _share(measured),
            f"{measured['low']:.3f} to {measured['high']:.3f}",
            f"{measured['labels']:,}",
        )
    return table


def _share(precision: Mapping[str, Any]) -> str:
    return f"{precision['right'] / precision['labels']:.3f}" if precision["labels"] else "–"


#: Characters of the longest bar.
_WIDTH = 30


def reliability(rows: Sequence[Mapping[str, float]]) -> Table:
    """The reliability curve: a bar as long as the share of matches, a mark where the probability promised it."""
    table = Table(title="Reliability", title_justify="left", box=None, pad_edge=False)
    for heading in ("promised", "true", "pairs", "0" + " " * (_WIDTH - 1) + "1"):
        table.add_column(heading, justify="left" if heading.startswith("0") else "right")
    for row in rows:
        bar = list("█" * round(row["true"] * _WIDTH) + " " * (_WIDTH + 1 - round(row["true"] * _WIDTH)))
        bar[round(row["promised"] * _WIDTH)] = "┃"
        table.add_row(f"{row['promised']:.3f}", f"{row['true']:.3f}", f"{row['pairs']:,}", "".join(bar))
    return table
