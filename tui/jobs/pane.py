"""The details of one job: head, progress, training metrics, loss curve, result and messages."""

import math
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Sparkline, Static

from core.jobs.job import Job, JobState
from core.jobs.progress_log import ProgressLog
from tui.jobs.text import job_head, job_progress, job_result, training_metrics
from tui.theme import MUTED

Losses = Sequence[tuple[int, float]]

#: In fewer lines a plot tells no more than a sparkline.
_MIN_PLOT_LINES = 7
_SPARKLINE_LINES = 2

_DOT = "·"
_BRAILLE = range(0x2800, 0x2900)


class LossCurve(Vertical):
    """Training losses as dots with their moving average; hidden while there are fewer than two."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._losses: Losses = ()
        self._size_drawn = (0, 0)

    def compose(self) -> ComposeResult:
        """Plot and sparkline, of which one is shown."""
        yield Static(markup=False)
        yield Sparkline()

    def show(self, losses: Losses, width: int, lines: int) -> None:
        """Draw the losses in at most `width` columns and `lines` lines, if anything has changed.

        Losses that are not finite are left out: the plot would take unbounded memory. Negative ones count as 0.
        """
        losses = [(step, max(0.0, loss)) for step, loss in losses if math.isfinite(loss)]
        if (losses, (width, lines)) == (self._losses, self._size_drawn):
            return
        self._losses, self._size_drawn = losses, (width, lines)
        self.display = len(losses) > 1
        if not self.display:
            return
        plot, line = self.query_one(Static), self.query_one(Sparkline)
        plot.display = lines >= _MIN_PLOT_LINES
        line.display = not plot.display
        if plot.display:
            plot.update(curve(losses, width, lines))
        else:
            line.styles.height = min(lines, _SPARKLINE_LINES)
            line.data = smooth([loss for _, loss in losses])


def curve(losses: Losses, width: int, lines: int) -> Content:
    """The curve as text, `width` columns by `lines` lines including axes and ticks."""
    # Imported here, since they are slow to load and few desks show a curve.
    from plotext import uncolorize
    from textual_plotext.plot import Plot

    points = _downsample(losses, width)
    steps, values = [step for step, _ in points], [loss for _, loss in points]
    plot = Plot()
    plot.theme("clear")
    # `plotsize` is limited to the size of the terminal; `_set_size` is not.
    plot.plotsize(width, lines)
    plot._set_size(width, lines)
    plot.xaxes(lower=True, upper=False)
    plot.yaxes(left=True, right=False)
    plot.scatter(steps, values, marker=_DOT)
    plot.plot(steps, smooth(values), marker="braille")
    top = max(values) or 1.0
    plot.ylim(0, top)
    plot.yticks([0, top / 2, top], [f"{tick:.2f}" for tick in (0, top / 2, top)])
    ticks = sorted({round(steps[0] + (steps[-1] - steps[0]) * part / 4) for part in range(5)})
    plot.xticks([float(tick) for tick in ticks], [f"{tick:,}" for tick in ticks])
    text = uncolorize(plot.build()).rstrip("\n")
    return Content("\n").join([_coloured(line.rstrip()) for line in text.splitlines()])


def _coloured(line: str) -> Content:
    """A line of the plot: the moving average coloured, all else muted. Dots and average also differ in shape."""
    content = Content.styled(line, MUTED)
    for place, character in enumerate(line):
        if ord(character) in _BRAILLE:
            content = content.stylize("$text-primary", place, place + 1)
    return content


def smooth(values: Sequence[float]) -> list[float]:
    """The exponential moving average over about an eighth of all values.

    Bias-corrected, so that it starts at the first value (Kingma & Ba 2015, arXiv:1412.6980, sec. 3).
    """
    alpha = 2 / (max(3, len(values) / 8) + 1)
    total = weight = 0.0
    averages = []
    for value in values:
        total += alpha * (value - total)
        weight += alpha * (1 - weight)
        averages.append(total / weight)
    return averages


def _downsample(losses: Losses, limit: int) -> list[tuple[int, float]]:
    """At most `limit` losses, each the mean of its neighbours, at the step of the last of them."""
    size = -(-len(losses) // limit)
    parts = [losses[begin : begin + size] for begin in range(0, len(losses), size)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]


#: Bounds of the loss curve, in lines and columns.
_MIN_CURVE_LINES, _MAX_CURVE_LINES = 3, 14
_MAX_CURVE_WIDTH = 100


class JobPane(VerticalScroll, can_focus=False):
    """One job, from several parts; a part is painted only when it has changed, since a curve is many bytes."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._job: Job | None = None
        self._log = ProgressLog()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        for part in ("head", "progress", "loss"):
            yield Static(id=f"job-{part}", markup=False)
        yield LossCurve(id="job-curve")
        yield Static(id="job-rest", markup=False)

    def show(self, job: Job | None, log: ProgressLog) -> None:
        """Show a job with its progress log; None where there is no job."""
        before = self._job
        self._job, self._log = job, log
        if before is None or job is None or before.id != job.id:
            self.scroll_home(animate=False)
        self._draw()

    def on_resize(self) -> None:
        """Draw bar, curve and tables for the new width."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        job, log = self._job, self._log
        width = self.scrollable_content_region.width
        running = job is not None and job.state is JobState.RUNNING
        training = log.training
        head = job_head(job, width)
        progress = job_progress(job, width) if job is not None and running else Content.empty()
        loss = training_metrics(training) if training is not None else Content.empty()
        rest = job_result(job, log, width) if job is not None else Content.empty()
        for part, content in (("head", head), ("progress", progress), ("loss", loss), ("rest", rest)):
            self._update(f"#job-{part}", content)
        used = sum(_line_count(content) + 1 for content in (head, progress, loss, rest) if content.plain)
        lines = max(_MIN_CURVE_LINES, min(_MAX_CURVE_LINES, self.scrollable_content_region.height - used - 1))
        self.query_one(LossCurve).show(training.losses if training else (), min(width, _MAX_CURVE_WIDTH), lines)

    def _update(self, selector: str, content: Content) -> None:
        part = self.query_one(selector, Static)
        part.display = bool(content.plain)
        if part.content != content:
            part.update(content)


def _line_count(content: Content) -> int:
    return content.plain.count("\n") + 1
