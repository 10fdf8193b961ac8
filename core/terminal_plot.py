"""Plots in characters, by plotext."""

from types import ModuleType

from rich.text import Text

from core.packages import install_hint, require_packages


def begin_plot(width: int, height: int) -> ModuleType:
    """Plotext with an empty figure of `width` × `height` characters.

    Raises:
        CoreError: plotext is not installed.
    """
    require_packages("A plot needs", ["plotext"], install_hint("train"))
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(width, height)
    loaded: ModuleType = plotext
    return loaded


def plot_text(plotext: ModuleType) -> Text:
    """The current figure."""
    built: str = plotext.build()
    return Text.from_ansi(built)
