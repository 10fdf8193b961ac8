"""Curves as a picture: a plot of characters for the terminal, and the same as SVG."""

from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from core.errors import CoreError
from core.evaluate.curve import Curves
from labels.exchange.writing import output_text

_COLOURS = ("blue", "red", "green", "magenta", "cyan", "orange", "gray")
_WIDTH, _HEIGHT = 100, 26


def plot(curves: Curves, metric: str = "f1", *, width: int = _WIDTH, height: int = _HEIGHT) -> Text:
    """Labels → metric, one line per strategy, in `width` × `height` characters.

    Raises:
        CoreError: plotext is not installed.
    """
    try:
        import plotext  # noqa: PLC0415
    except ImportError as error:
        raise CoreError(
            "A plot needs plotext, which is not installed.", "From a clone: pip install -c constraints.txt '.[train]'"
        ) from error
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(width, height)
    for (name, curve), colour in zip(curves.items(), _COLOURS * len(curves), strict=False):
        labels = [point.labels for point in curve]
        plotext.plot(labels, [p.mean[metric] for p in curve], label=name, marker="braille", color=colour)
    plotext.xlabel("labels")
    plotext.title(f"{metric.replace('_', ' ')} by labels")
    text: str = plotext.build()
    return Text.from_ansi(text)


def write_picture(curves: Curves, path: Path, metric: str = "f1") -> None:
    """Write the plot as SVG.

    Raises:
        CoreError: another ending, or plotext is not installed.
        LabelsError: the file cannot be written.
    """
    if path.suffix != ".svg":
        raise CoreError(f"{path}: unknown ending.", "Use .svg.")
    drawn = plot(curves, metric)
    console = Console(record=True, width=_WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(drawn)
    svg = console.export_svg(title=f"samesku simulate: {metric}")
    with output_text(path) as out:
        out.write(svg)
