"""The text of the evaluation screen: metrics with intervals, bands, the reliability chart, and metrics over time."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil, floor
from typing import TYPE_CHECKING

from textual.content import Content

from core.evaluation.comparison import RANKING_NAMES
from core.evaluation.report import Bin, Evaluation, FirmBand
from core.matching.audit import Audit
from core.matching.bands import Band
from core.stats.wilson import Precision, checks_needed, wilson_interval
from core.text.safe import safe
from labels.wording import counted, evaluation_set
from tui.common.figures import METRICS, measured, share
from tui.common.words import BAND_SIGNS, UNKNOWN, moment_of
from tui.ports import EvaluationResults
from tui.theme import BANDS, CAREFUL, MUTED, STRONG

if TYPE_CHECKING:
    from textual_plotext import Plot

_PAIR_METRICS = ("f1", "precision", "recall", "average_precision")
_ANSWERS = {Band.HIGH: "match", Band.LOW: "no match"}
#: Cells of a metric with its interval, and one between two of them.
_COLUMN = 20
#: Cells of the names of rows.
_NAME = 18
#: From this width on the numbers of the calibration stand beside its chart.
_SIDE_BY_SIDE_WIDTH = 75
#: Width and height of the reliability chart; height of the chart over time.
_RELIABILITY_SIZE, _HISTORY_HEIGHT = (38, 13), 8


# -- metrics -----------------------------------------------------------------------------------------------


def figure_lines(shown: Evaluation, results: EvaluationResults, model: str | None, width: int) -> list[Content]:
    """The left side: retrieval and pair metrics, and the precision of each firm band.

    Args:
        shown: the evaluation.
        results: all results, for the audits.
        model: the champion's id; None before the first index run.
        width: columns to fill.
    """
    lines = [*_about(shown, model, width), Content.empty(), *_retrieval(shown), Content.empty(), *_pairs(shown, width)]
    for band in shown.bands:
        lines += [Content.empty(), *_band(band, results.audits.get(band.answers), results.target, width)]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _about(shown: Evaluation, model: str | None, width: int) -> list[Content]:
    lines = list(
        Content.assemble(
            (moment_of(shown.at), STRONG),
            f", {safe(shown.model)}, evaluated on ",
            (safe(evaluation_set(shown.judged_on)), STRONG),
        ).wrap(width)
    )
    if model is not None and model != shown.model:
        text = f"A different encoder is now champion: {safe(model)}. Press e to evaluate it."
        lines += Content.styled(text, CAREFUL).wrap(width)
    return lines


def _retrieval(shown: Evaluation) -> list[Content]:
    names = ("hit@1", "mrr@10")
    head = "".join(f"{METRICS[name]:<{_COLUMN}}" for name in names)
    lines = [
        Content.assemble(
            ("Retrieval", STRONG), (f"  {counted(shown.queries, 'query', 'queries')} with a known match", MUTED)
        ),
        Content.styled(f"{'':<{_NAME}}{head}".rstrip(), MUTED),
    ]
    for ranking, label in reversed(RANKING_NAMES.items()):
        values: dict[str, float] = getattr(shown, ranking)
        intervals = shown.intervals.get(ranking, {})
        figures = "".join(f"{measured(values.get(name), intervals.get(name)):<{_COLUMN}}" for name in names)
        lines.append(Content.assemble((label.ljust(_NAME), MUTED), figures.rstrip()))
    return lines


def _pairs(shown: Evaluation, width: int) -> list[Content]:
    if shown.f1 is None:
        text = "Pairs were not measured: no pair of the validation stream is labelled as a match yet (ctrl+p, Stream)."
        return list(Content.styled(text, MUTED).wrap(width))
    lines = [Content.assemble(("Pair classification", STRONG), (f"  {counted(shown.pairs, 'labelled pair')}", MUTED))]
    for name in _PAIR_METRICS:
        figure = measured(getattr(shown, name), shown.pair_intervals.get(name))
        label = "F1" if name == "f1" else name.replace("_", " ")
        lines.append(Content.assemble((label.ljust(_NAME), MUTED), figure))
    if shown.threshold is not None:
        lines.append(Content.assemble(("threshold".ljust(_NAME), MUTED), f"{shown.threshold:.2f}"))
    return lines


def _band(firm: FirmBand, audit: Audit | None, target: float, width: int) -> list[Content]:
    band = firm.answers
    cut = f"from {firm.cut:.2f}" if band is Band.HIGH else f"below {firm.cut:.2f}"
    if not firm.calibrated:
        cut = "by the prior matcher, uncalibrated"
    head = Content.styled(f"{BAND_SIGNS[band]} Band {band.value}", f"bold {BANDS[band]}")
    rows = [*_promise_rows(firm), ("  validation set", _precision(firm.measured)), *_audit_rows(audit, target)]
    remark = "The promise was not kept on the validation set." if firm.kept is False else safe(firm.remark)
    return [
        head + Content(f"  {_ANSWERS.get(band, '')} {cut}"),
        *(Content.assemble((name.ljust(_NAME), MUTED), text) for name, text in rows),
        *Content.styled(remark, CAREFUL if firm.kept is False else MUTED).wrap(width)[: None if remark else 0],
    ]


def _promise_rows(firm: FirmBand) -> list[tuple[str, str]]:
    """What the training labels prove, and the precision on their folds; nothing where neither is known."""
    if not firm.promise:
        return []
    return [("  promised", f"≥ {firm.promise:.3f}"), ("  on folds", _precision(firm.promised))]


def _audit_rows(audit: Audit | None, target: float) -> list[tuple[str, str]]:
    """The audited precision of a band, and whether it suffices for automatic decisions."""
    if audit is None:
        return [("  audit", "needs a fitted matcher")]
    found = ("  audit", _precision(audit.precision))
    if audit.certified:
        return [found, ("", "certified for automatic decisions")]
    more = checks_needed(audit.precision, target)
    return [found, ("", f"{counted(more, 'more correct check')} to certify it")]


def _precision(found: Precision) -> str:
    if not found.labels:
        return "no pairs yet"
    return f"{measured(found.right / found.labels, (found.low, found.high))}, {found.right:,} of {found.labels:,}"


# -- calibration and history -------------------------------------------------------------------------------


def calibration_lines(shown: Evaluation, results: EvaluationResults, width: int) -> list[Content]:
    """The right side: reliability chart with its numbers, and hit@1 and F1 of all evaluations."""
    lines = [*_calibration(shown, width), Content.empty(), *_history(results.saved.evaluations, shown, width)]
    for text in results.saved.damaged:
        lines += Content.styled(safe(text), CAREFUL).wrap(width)
    return lines


def _calibration(shown: Evaluation, width: int) -> list[Content]:
    if not shown.reliability:
        return [Content.styled("Calibration", STRONG), Content.styled("No pairs were measured.", MUTED)]
    if not shown.calibrated:
        summary = "Uncalibrated: the matcher has not been fitted to labels yet."
    elif shown.ece is None:
        summary = "Observed against predicted."
    else:
        summary = f"Expected calibration error {shown.ece:.3f}; observed against predicted."
    head = [Content.styled("Calibration", STRONG), *Content.styled(summary, MUTED).wrap(width)]
    numbers = _bins(shown)
    if width < _SIDE_BY_SIDE_WIDTH:
        return [*head, *reliability_chart(shown.reliability, width, _RELIABILITY_SIZE[1]), Content.empty(), *numbers]
    chart = reliability_chart(shown.reliability, *_RELIABILITY_SIZE)
    numbers += [Content.empty()] * (len(chart) - len(numbers))
    chart += [Content(" " * _RELIABILITY_SIZE[0])] * (len(numbers) - len(chart))
    rows = zip(chart, numbers, strict=True)
    return [*head, *(left.truncate(_RELIABILITY_SIZE[0] + 2, pad=True) + right for left, right in rows)]


def _bins(shown: Evaluation) -> list[Content]:
    lines = [Content.styled(f"predicted  {'observed (95 %)':<19} pairs", MUTED)]
    for each in shown.reliability:
        interval = wilson_interval(each.true, each.pairs)
        predicted = share(each.promised, interval)
        lines.append(Content(f"{predicted:<9}  {measured(each.true, interval):<19}{each.pairs:>6,}"))
    return lines


def _history(evaluations: Sequence[Evaluation], shown: Evaluation, width: int) -> list[Content]:
    lines = [Content.assemble(("Over time", STRONG), ("  ● hit@1, matcher   ○ F1 of pairs", MUTED))]
    if len(evaluations) > 1:
        oldest_first = evaluations[::-1]
        hits = [each.matched.get("hit@1", 0.0) for each in oldest_first]
        chart_width = min(width, _SIDE_BY_SIDE_WIDTH)
        lines += history_chart(hits, [each.f1 for each in oldest_first], chart_width, _HISTORY_HEIGHT)
    for each in evaluations:
        hit = measured(each.matched.get("hit@1"), each.intervals.get("matched", {}).get("hit@1"))
        f1 = measured(each.f1, each.pair_intervals.get("f1")) if each.f1 is not None else UNKNOWN
        mark = ("▌", "$accent") if each is shown else " "
        lines.append(Content.assemble(mark, (moment_of(each.at).ljust(20), MUTED), f"{hit:<{_COLUMN}}{f1}"))
    return [line.truncate(width, ellipsis=True) for line in lines]


# -- charts ------------------------------------------------------------------------------------------------

#: Markers; they differ in shape, so that the charts need no colour.
_DOT, _INTERVAL, _DIAGONAL, _RING = "●", "|", "·", "○"
_STYLES = {_DOT: f"{STRONG} $text-primary", _RING: f"{STRONG} $text-warning", _INTERVAL: "$text-primary"}
_TICKS = [0.0, 0.25, 0.5, 0.75, 1.0]


def reliability_chart(bins: Sequence[Bin], width: int, height: int) -> list[Content]:
    """Observed share of matches (y) against predicted probability (x), with 95 % Wilson intervals and the diagonal."""
    plot = _plot(width, height)
    steps = [step / 100 for step in range(101)]
    plot.scatter(steps, steps, marker=_DIAGONAL)
    for each in bins:
        low, high = wilson_interval(each.true, each.pairs)
        plot.plot([each.promised, each.promised], [low, high], marker=_INTERVAL)
    plot.scatter([each.promised for each in bins], [each.true for each in bins], marker=_DOT)
    for ticks, limits in ((plot.xticks, plot.xlim), (plot.yticks, plot.ylim)):
        limits(0, 1)
        ticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    return _lines(plot)


def history_chart(hits: Sequence[float], f1: Sequence[float | None], width: int, height: int) -> list[Content]:
    """hit@1 (dots) and F1 (rings) of the evaluations, oldest on the left."""
    plot = _plot(width, height)
    for marker, offset, values in ((_DOT, -0.1, hits), (_RING, 0.1, f1)):
        # Side by side, so that neither marker hides the other.
        points = [(place + offset, value) for place, value in enumerate(values, 1) if value is not None]
        if points:
            plot.scatter(*zip(*points, strict=True), marker=marker)
    every = [value for value in (*hits, *f1) if value is not None]
    low, high = floor(min(every) * 20) / 20, ceil(max(every) * 20) / 20
    plot.ylim(low, high if high > low else low + 0.05)
    plot.yticks([low, high], [f"{low:.2f}", f"{high:.2f}"])
    plot.xlim(0.5, len(hits) + 0.5)
    plot.xticks([], [])
    return _lines(plot)


def _plot(width: int, height: int) -> "Plot":
    from textual_plotext import Plot

    plot = Plot()
    plot.theme("clear")
    plot.plotsize(width, height)
    return plot


def _lines(plot: "Plot") -> list[Content]:
    text = plot.uncolorize(plot.build())
    return [
        Content("").join(
            Content.styled("".join(run), _STYLES.get(kind, MUTED))
            for kind, run in groupby(line, key=lambda c: c if c in _STYLES else "")
        )
        for line in text.splitlines()
    ]
