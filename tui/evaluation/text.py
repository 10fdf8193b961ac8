"""An evaluation in words: figures with their intervals, bands, the calibration, and the course over time."""

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
from labels.wording import counted
from tui.common.figures import METRICS, measured, share
from tui.common.words import BAND_SIGNS, UNKNOWN, moment_of
from tui.ports import Measured
from tui.theme import BANDS, CAREFUL, MUTED, STRONG

if TYPE_CHECKING:
    from textual_plotext import Plot


_DOT, _SPAN, _DIAGONAL, _OTHER = "●", "|", "·", "○"
_STYLES = {_DOT: f"{STRONG} $text-primary", _OTHER: f"{STRONG} $text-warning", _SPAN: "$text-primary"}
_TICKS = [0.0, 0.25, 0.5, 0.75, 1.0]


def reliability_chart(bins: Sequence[Bin], width: int, height: int) -> list[Content]:
    """What came true against what was promised, each with its 95 % interval; dots on the diagonal keep their word."""
    plot = _plot(width, height)
    steps = [step / 100 for step in range(101)]
    plot.scatter(steps, steps, marker=_DIAGONAL)
    for each in bins:
        low, high = wilson_interval(each.true, each.pairs)
        plot.plot([each.promised, each.promised], [low, high], marker=_SPAN)
    plot.scatter([each.promised for each in bins], [each.true for each in bins], marker=_DOT)
    for ticks, limits in ((plot.xticks, plot.xlim), (plot.yticks, plot.ylim)):
        limits(0, 1)
        ticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
    return _lines(plot)


def course_chart(hits: Sequence[float], f1: Sequence[float | None], width: int, height: int) -> list[Content]:
    """Two figures over the evaluations, the oldest on the left: hit@1 as dots, F1 as rings."""
    plot = _plot(width, height)
    for marker, aside, values in ((_DOT, -0.1, hits), (_OTHER, 0.1, f1)):
        # Next to each other, so that neither hides the other.
        known = [(place + aside, value) for place, value in enumerate(values, 1) if value is not None]
        if known:
            plot.scatter(*zip(*known, strict=True), marker=marker)
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


_OF_PAIRS = ("f1", "precision", "recall", "average_precision")
_ANSWERS = {Band.HIGH: "match", Band.LOW: "no match"}
#: Cells of a figure with its interval, and one between two of them.
_COLUMN = 20
#: Cells of the names of rows.
_LEAD = 18
#: From this width on the numbers stand beside the chart.
_BESIDE = 75
_CHART, _COURSE = (38, 13), 8


def figure_lines(shown: Evaluation, measured_: Measured, model: str | None, width: int) -> list[Content]:
    """What was measured, and how firm the bands are."""
    lines = [*_about(shown, model, width), Content.empty(), *_retrieval(shown), Content.empty(), *_pairs(shown, width)]
    for band in shown.bands:
        lines += [Content.empty(), *_band(band, measured_.audits.get(band.answers), measured_.target)]
    return [line.truncate(width, ellipsis=True) for line in lines]


def _about(shown: Evaluation, model: str | None, width: int) -> list[Content]:
    lines = list(
        Content.assemble(
            (moment_of(shown.at), STRONG),
            f", {safe(shown.model)}, judged on ",
            (safe(shown.judged_on), STRONG),
        ).wrap(width)
    )
    if model is not None and model != shown.model:
        text = f"Another encoder is in use since: {safe(model)}. Press e to measure it."
        lines += Content.styled(text, CAREFUL).wrap(width)
    return lines


def _retrieval(shown: Evaluation) -> list[Content]:
    names = ("hit@1", "mrr@10")
    head = "".join(f"{METRICS[name]:<{_COLUMN}}" for name in names)
    lines = [
        Content.assemble(
            ("Finding matches", STRONG), (f"  {counted(shown.queries, 'query', 'queries')} with a known match", MUTED)
        ),
        Content.styled(f"{'':<{_LEAD}}{head}".rstrip(), MUTED),
    ]
    for ranking, meaning in reversed(RANKING_NAMES.items()):
        values: dict[str, float] = getattr(shown, ranking)
        ends = shown.intervals.get(ranking, {})
        figures = "".join(f"{measured(values.get(name), ends.get(name)):<{_COLUMN}}" for name in names)
        lines.append(Content.assemble((meaning.ljust(_LEAD), MUTED), figures.rstrip()))
    return lines


def _pairs(shown: Evaluation, width: int) -> list[Content]:
    if shown.f1 is None:
        text = "Pairs were not measured: nobody has found a match in the validation stream yet (ctrl+p, Stream)."
        return list(Content.styled(text, MUTED).wrap(width))
    lines = [Content.assemble(("Telling pairs apart", STRONG), (f"  {counted(shown.pairs, 'pair')}", MUTED))]
    for name in _OF_PAIRS:
        figure = measured(getattr(shown, name), shown.pair_intervals.get(name))
        label = "F1" if name == "f1" else name.replace("_", " ")
        lines.append(Content.assemble((label.ljust(_LEAD), MUTED), figure))
    if shown.threshold is not None:
        lines.append(Content.assemble(("a match from".ljust(_LEAD), MUTED), f"{shown.threshold:.2f} on"))
    return lines


def _band(firm: FirmBand, audit: Audit | None, target: float) -> list[Content]:
    band = firm.answers
    cut = f"from {firm.cut:.2f} on" if band is Band.HIGH else f"below {firm.cut:.2f}"
    if not firm.calibrated:
        cut = "by the prior matcher, uncalibrated"
    head = Content.styled(f"{BAND_SIGNS[band]} Band {band.value}", f"bold {BANDS[band]}")
    rows = [("  on these pairs", _precision(firm.measured)), *_audited(audit, target)]
    return [
        head + Content(f"  {_ANSWERS.get(band, '')} {cut}"),
        *(Content.assemble((name.ljust(_LEAD), MUTED), text) for name, text in rows),
    ]


def _audited(audit: Audit | None, target: float) -> list[tuple[str, str]]:
    """What people found, and whether that is enough for the band to decide by itself."""
    if audit is None:
        return [("  in audits", "no labels to learn from yet")]
    found = ("  in audits", _precision(audit.precision))
    if audit.certified:
        return [found, ("", "certified: it may decide by itself")]
    more = checks_needed(audit.precision, target)
    return [found, ("", f"{counted(more, 'more check')}, all right, certify it")]


def _precision(found: Precision) -> str:
    if not found.labels:
        return "no pairs yet"
    return f"{measured(found.right / found.labels, (found.low, found.high))}, {found.right:,} of {found.labels:,}"


# -- calibration and course --------------------------------------------------------------------------------


def calibration_lines(shown: Evaluation, measured_: Measured, width: int) -> list[Content]:
    """The reliability curve with its numbers, and how the figures went over the evaluations."""
    lines = [*_calibration(shown, width), Content.empty(), *_course(measured_.kept.evaluations, shown, width)]
    for text in measured_.kept.damaged:
        lines += Content.styled(safe(text), CAREFUL).wrap(width)
    return lines


def _calibration(shown: Evaluation, width: int) -> list[Content]:
    if not shown.reliability:
        return [Content.styled("Calibration", STRONG), Content.styled("No pairs were measured.", MUTED)]
    error = "" if shown.ece is None else f"  off by {shown.ece:.3f} on average"
    if not shown.calibrated:
        error = "  uncalibrated: no labels taught a matcher yet"
    head = Content.assemble(("Calibration", STRONG), (error, MUTED))
    hint = "What came true (upwards) for what was promised; on the dots it holds."
    numbers = _bins(shown)
    if width >= _BESIDE:
        chart = reliability_chart(shown.reliability, *_CHART)
        numbers += [Content.empty()] * (len(chart) - len(numbers))
        chart += [Content(" " * _CHART[0])] * (len(numbers) - len(chart))
        body = [left.truncate(_CHART[0] + 2, pad=True) + right for left, right in zip(chart, numbers, strict=True)]
    else:
        body = [*reliability_chart(shown.reliability, width, _CHART[1]), Content.empty(), *numbers]
    return [head, *Content.styled(hint, MUTED).wrap(width), *body]


def _bins(shown: Evaluation) -> list[Content]:
    lines = [Content.styled(f"promised  {'true (95 %)':<19} pairs", MUTED)]
    for each in shown.reliability:
        ends = wilson_interval(each.true, each.pairs)
        promised = share(each.promised, ends)
        lines.append(Content(f"{promised:<8}  {measured(each.true, ends):<19}{each.pairs:>6,}"))
    return lines


def _course(evaluations: Sequence[Evaluation], shown: Evaluation, width: int) -> list[Content]:
    lines = [Content.assemble(("Over time", STRONG), ("  ● hit@1, matcher   ○ F1 of pairs", MUTED))]
    if len(evaluations) > 1:
        oldest_first = evaluations[::-1]
        hits = [each.matched.get("hit@1", 0.0) for each in oldest_first]
        lines += course_chart(hits, [each.f1 for each in oldest_first], min(width, _BESIDE), _COURSE)
    for each in evaluations:
        hit = measured(each.matched.get("hit@1"), each.intervals.get("matched", {}).get("hit@1"))
        f1 = measured(each.f1, each.pair_intervals.get("f1")) if each.f1 is not None else UNKNOWN
        mark = ("▌", "$accent") if each is shown else " "
        lines.append(Content.assemble(mark, (moment_of(each.at).ljust(20), MUTED), f"{hit:<{_COLUMN}}{f1}"))
    return [line.truncate(width, ellipsis=True) for line in lines]
