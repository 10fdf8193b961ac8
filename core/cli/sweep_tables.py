"""The trials of a sweep as a table and as a plot."""

from rich.table import Table
from rich.text import Text

from core.cli.recipe_tables import value_text
from core.terminal_plot import begin_plot, plot_text
from core.training.sweep.run import Sweep
from core.training.sweep.space import Choices, SearchSpace
from core.training.sweep.study import DONE, TrialResult
from core.training.trainer_hooks import METRIC


def trials_table(found: Sweep) -> Table:
    """All trials, the best first, then those that were not trained to their end."""
    keys = list(dict.fromkeys(key for result in found.results for key in result.values))
    table = Table(title="Trials", title_justify="left", box=None, pad_edge=False)
    for heading in ("trial", METRIC, "seconds"):
        table.add_column(heading, justify="right")
    for heading in ("", *keys):
        table.add_column(heading, overflow="fold")
    for result in sorted((each for each in found.results if each.counts), key=_order):
        table.add_row(
            str(result.number + 1),
            "" if result.score is None else f"{result.score:.4f}",
            "" if result.seconds is None else f"{result.seconds:.0f}",
            _remark(result),
            *(_value(result.values.get(key, "")) for key in keys),
        )
    return table


def _order(result: TrialResult) -> tuple[bool, float, int]:
    return result.state != DONE, -(result.score or 0.0), result.number


def _remark(result: TrialResult) -> str:
    if result.same_as is not None:
        return f"same values as {result.same_as + 1}"
    return "" if result.state == DONE else f"{result.state}: {result.error}".removesuffix(": ")


def space_table(space: SearchSpace) -> Table:
    """The keys of a space with their values."""
    table = Table(title="Space", title_justify="left", box=None, pad_edge=False)
    table.add_column("key", no_wrap=True)
    table.add_column("values", overflow="fold")
    for key, values in space.dimensions.items():
        if isinstance(values, Choices):
            table.add_row(key, ", ".join(map(_value, values.values)))
        else:
            scale = ", in the logarithm" if values.log else f", in steps of {values.step:g}" if values.step else ""
            table.add_row(key, f"{values.low:g} to {values.high:g}{scale}")
    return table


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else value_text(value) if value != "" else ""


def plot_trials(found: Sweep, *, width: int, height: int) -> Text:
    """The score of each trial, and the best one so far, in `width` × `height` characters.

    Raises:
        CoreError: plotext is not installed.
    """
    figure = begin_plot(width, height)
    scored = [(each.number + 1, each.score, each.state == DONE) for each in found.results if each.score is not None]
    done = [(number, score) for number, score, is_done in scored if is_done]
    stopped = [(number, score) for number, score, is_done in scored if not is_done]
    for points, label, marker in ((done, "trial", "o"), (stopped, "stopped early", "x")):
        if points:
            figure.scatter([n for n, _ in points], [score for _, score in points], label=label, marker=marker)
    numbers = [number for number, _ in done]
    best = [max(score for n, score in done if n <= number) for number in numbers]
    figure.plot(numbers, best, label="best so far", marker="braille")
    figure.xlabel("trial")
    figure.title(f"{METRIC} by trial")
    return plot_text(figure)
