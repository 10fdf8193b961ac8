"""All that is told of one job: head, progress, loss curve, metrics, what came out and what it said."""

import math
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Sparkline, Static

from core.jobs.job import Job, JobState
from core.jobs.progress_log import ProgressLog
from tui.jobs.text import job_head, job_progress, job_rest, measured
from tui.theme import MUTED

Losses = Sequence[tuple[int, float]]

#: Fewer lines than these hold no curve that tells more than a sparkline.
_FEWEST_LINES = 7
_SPARKLINE_LINES = 2

_DOT = "·"
_BRAILLE = range(0x2800, 0x2900)


class LossCurve(Vertical):
    """Dots for the losses, a line for where they go; nothing while there are fewer than two."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._losses: Losses = ()
        self._room = (0, 0)

    def compose(self) -> ComposeResult:
        """One of the two is shown."""
        yield Static(markup=False)
        yield Sparkline()

    def show(self, losses: Losses, width: int, lines: int) -> None:
        """Draw the losses in so many columns and lines at the most; only if something has changed."""
        # A training that went astray tells of losses that are no numbers; none of ours is negative, and below the
        # axis the plot would take memory without end.
        losses = [(step, max(0.0, loss)) for step, loss in losses if math.isfinite(loss)]
        if (losses, (width, lines)) == (self._losses, self._room):
            return
        self._losses, self._room = losses, (width, lines)
        self.display = len(losses) > 1
        if not self.display:
            return
        plot, line = self.query_one(Static), self.query_one(Sparkline)
        plot.display = lines >= _FEWEST_LINES
        line.display = not plot.display
        if plot.display:
            plot.update(curve(losses, width, lines))
        else:
            line.styles.height = min(lines, _SPARKLINE_LINES)
            line.data = smooth([loss for _, loss in losses])


def curve(losses: Losses, width: int, lines: int) -> Content:
    """The curve as text: `width` columns, `lines` lines, axes and their numbers among them."""
    # Here, so that a desk pays for them when there is a curve to draw.
    from plotext import uncolorize
    from textual_plotext.plot import Plot

    thinned = _thinned(losses, width)
    steps, values = [step for step, _ in thinned], [loss for _, loss in thinned]
    plot = Plot()
    plot.theme("clear")
    # A plot believes that a terminal is around it; this one is as large as it is told.
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
    """The curve in the colour of progress, all else muted; dots and line differ in shape too."""
    content = Content.styled(line, MUTED)
    for place, character in enumerate(line):
        if ord(character) in _BRAILLE:
            content = content.stylize("$text-primary", place, place + 1)
    return content


def smooth(values: Sequence[float]) -> list[float]:
    """The moving average whose weights fall off exponentially, over about an eighth of all values.

    Divided by the sum of its weights, so that it starts at the first value (Kingma & Ba 2015, arXiv:1412.6980, sec. 3).
    """
    share = 2 / (max(3, len(values) / 8) + 1)
    total = weight = 0.0
    averages = []
    for value in values:
        total += share * (value - total)
        weight += share * (1 - weight)
        averages.append(total / weight)
    return averages


def _thinned(losses: Losses, most: int) -> list[tuple[int, float]]:
    """At most so many losses; neighbours are averaged."""
    size = -(-len(losses) // most)
    parts = [losses[begin : begin + size] for begin in range(0, len(losses), size)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]


_LEAST_CURVE, _MOST_CURVE = 3, 14
_WIDEST_CURVE = 100


class JobPane(VerticalScroll, can_focus=False):
    """One job. A part is painted when it has changed, and not otherwise: a curve is many bytes."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown: tuple[Job | None, ProgressLog] = (None, ProgressLog())

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        for part in ("head", "progress", "loss"):
            yield Static(id=f"job-{part}", markup=False)
        yield LossCurve(id="job-curve")
        yield Static(id="job-rest", markup=False)

    def show(self, job: Job | None, course: ProgressLog) -> None:
        """Tell of a job.

        Args:
            job: None where there is none.
            course: what it told on its way.
        """
        before = self._shown[0]
        self._shown = (job, course)
        if before is None or job is None or before.id != job.id:
            self.scroll_home(animate=False)
        self._draw()

    def on_resize(self) -> None:
        """Bar, curve and tables are made for the width."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        job, course = self._shown
        width = self.scrollable_content_region.width
        running = job is not None and job.state is JobState.RUNNING
        training = course.training
        head = job_head(job, width)
        progress = job_progress(job, width) if job is not None and running else Content.empty()
        loss = measured(training) if training is not None else Content.empty()
        rest = job_rest(job, course, width) if job is not None else Content.empty()
        for part, content in (("head", head), ("progress", progress), ("loss", loss), ("rest", rest)):
            self._update(f"#job-{part}", content)
        taken = sum(_lines(content) + 1 for content in (head, progress, loss, rest) if content.plain)
        lines = max(_LEAST_CURVE, min(_MOST_CURVE, self.scrollable_content_region.height - taken - 1))
        self.query_one(LossCurve).show(training.losses if training else (), min(width, _WIDEST_CURVE), lines)

    def _update(self, selector: str, content: Content) -> None:
        part = self.query_one(selector, Static)
        part.display = bool(content.plain)
        if part.content != content:
            part.update(content)


def _lines(content: Content) -> int:
    return content.plain.count("\n") + 1
