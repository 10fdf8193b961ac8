"""Small charts of characters: dots on a grid, told apart by their shape, coloured by the theme alone."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil, floor
from typing import TYPE_CHECKING

from textual.content import Content

from core.evaluate.report import Bin
from core.stats.wilson import wilson_interval
from tui.style import MUTED, STRONG

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
    from textual_plotext import Plot  # noqa: PLC0415 - 35 ms that only this screen pays

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
