"""All that is told of one job: head, progress, loss curve, metrics, what came out and what it said."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.jobs.course import Course
from core.jobs.job import Job, JobState
from tui.widgets.job_text import job_head, job_progress, job_rest, measured
from tui.widgets.loss_curve import LossCurve

_LEAST_CURVE, _MOST_CURVE = 3, 14
_WIDEST_CURVE = 100


class JobPane(VerticalScroll, can_focus=False):
    """One job. A part is painted when it has changed, and not otherwise: a curve is many bytes."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown: tuple[Job | None, Course] = (None, Course())

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        for part in ("head", "progress", "loss"):
            yield Static(id=f"job-{part}", markup=False)
        yield LossCurve(id="job-curve")
        yield Static(id="job-rest", markup=False)

    def show(self, job: Job | None, course: Course) -> None:
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
