"""Learning curves over campaigns: mean and standard deviation by number of labels, as CSV, JSON, plot or SVG."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import fmean, stdev

from rich.console import Console
from rich.text import Text

from core.errors import CoreError
from core.evaluation.campaign import Point
from core.terminal_plot import begin_plot, plot_text
from labels.exchange.files import output_text, unknown_ending
from labels.exchange.json_values import json_text

_COLOURS = ("blue", "red", "green", "magenta", "cyan", "orange", "gray")
_WIDTH, _HEIGHT = 100, 26
Curves = Mapping[str, "Sequence[CurvePoint]"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Metrics over all seeds after some number of labels.

    Attributes:
        labels: number of labels.
        mean: mean of each metric of `core.evaluation.campaign.Point`.
        spread: standard deviation over the seeds; 0 for one seed.
    """

    labels: int
    mean: dict[str, float]
    spread: dict[str, float]

    def flat(self) -> dict[str, float]:
        """One row: `labels`, the mean of each metric under its name, the standard deviation as `NAME_sd`."""
        return {"labels": self.labels, **self.mean, **{f"{name}_sd": value for name, value in self.spread.items()}}


def mean_curve(campaigns: Sequence[Sequence[Point]]) -> list[CurvePoint]:
    """Mean and standard deviation over campaigns, at the label counts that all of them reached."""
    by_labels = [{point.labels: point.metrics for point in points} for points in campaigns]
    curve = []
    for labels in sorted(set.intersection(*(set(each) for each in by_labels))):
        values = {name: [each[labels][name] for each in by_labels] for name in by_labels[0][labels]}
        spread = {name: stdev(each) if len(each) > 1 else 0.0 for name, each in values.items()}
        curve.append(CurvePoint(labels, {name: fmean(each) for name, each in values.items()}, spread))
    return curve


def write_curves(curves: Curves, about: Mapping[str, object], path: Path) -> None:
    """Write curves as CSV (one row per strategy and point) or as JSON, by the file extension.

    Args:
        curves: by strategy.
        about: the whole result, which is the JSON file.
        path: of the file.

    Raises:
        CoreError: another extension.
        LabelsError: the file cannot be written.
    """
    if path.suffix.lower() not in {".csv", ".json"}:
        raise CoreError(*unknown_ending(path, (".csv", ".json")))
    rows = [{"strategy": name, **point.flat()} for name, curve in curves.items() for point in curve]
    with output_text(path) as out:
        if path.suffix.lower() == ".json":
            out.write(json_text(about, indent=1) + "\n")
        else:
            writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def plot(curves: Curves, metric: str = "f1", *, width: int = _WIDTH, height: int = _HEIGHT) -> Text:
    """Plot a metric by number of labels, one line per strategy, in `width` × `height` characters.

    Raises:
        CoreError: plotext is not installed.
    """
    figure = begin_plot(width, height)
    for (name, curve), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        labels = [point.labels for point in curve]
        figure.plot(labels, [p.mean[metric] for p in curve], label=name, marker="braille", color=colour)
    figure.xlabel("labels")
    figure.title(f"{metric.replace('_', ' ')} by labels")
    return plot_text(figure)


def write_curve_svg(curves: Curves, path: Path, metric: str = "f1") -> None:
    """Write the plot as SVG.

    Raises:
        CoreError: another extension, or plotext is not installed.
        LabelsError: the file cannot be written.
    """
    if path.suffix.lower() != ".svg":
        raise CoreError(*unknown_ending(path, (".svg",)))
    drawn = plot(curves, metric)
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(drawn)
    svg = console.export_svg(title=f"samesku simulate: {metric}")
    with output_text(path) as out:
        out.write(svg)
