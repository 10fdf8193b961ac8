"""The status line at the top: stream, progress, annotator, model and running jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from core.jobs.job import Job
from core.queue.item import Progress
from core.retrieval.candidates import MatcherSummary
from labels.model import Stream
from tui.common.words import calibration_summary, duration, model_name, safe_excerpt
from tui.theme import GOOD, MUTED, STREAM_STYLES, STRONG

_MAX_MODEL = 24
_MAX_NAME = 32


@dataclass(frozen=True, slots=True)
class DeskStatus:
    """What the status line shows.

    Attributes:
        matcher: the fitted matcher; None before the first fit.
        one_class: whether there are labels, but all of one class.
        blind: whether scores are hidden; the model's name is then hidden too.
    """

    stream: Stream
    progress: Progress
    annotator: str
    model: str | None
    matcher: MatcherSummary | None
    blind: bool
    one_class: bool = False


class StatusLine(Widget):
    """The top line."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._status: DeskStatus | None = None
        self._jobs: tuple[Job, ...] = ()

    def show(self, status: DeskStatus) -> None:
        """Show another status."""
        self._status = status
        self.refresh()

    def show_jobs(self, running: Sequence[Job]) -> None:
        """Show the progress of the running jobs, if any."""
        if tuple(running) != self._jobs:
            self._jobs = tuple(running)
            self.refresh()

    def render(self) -> Content:
        """Stream and progress on the left; model, or running jobs, and annotator on the right."""
        if self._status is None:
            return Content.empty()
        return status_line(self._status, self._jobs, self.size.width)


def status_line(status: DeskStatus, jobs: Sequence[Job], width: int) -> Content:
    """Stream, progress and pace on the left, model or running jobs and annotator on the right, as far as they fit."""
    left, rights = _stream(status), _right_options(status, jobs)
    session, pace = _session(status.progress), _pace(status.progress)
    lefts = [left + session + pace, left + session, left] if pace else [left + session, left]
    # Pace and session count replace the encoder's name if there is no room for both, but not the calibration.
    layouts = [(begin, right) for begin in lefts for right in rights[:2]]
    layouts += [(begin, right) for right in rights[2:] for begin in lefts[-2:]]
    for begin, right in layouts:
        gap = width - begin.cell_length - right.cell_length - 1
        if gap >= 2:
            return begin + Content(" " * gap) + right
    return left + session


def _stream(status: DeskStatus) -> Content:
    progress = status.progress
    parts = [Content.styled(f" {status.stream.value.upper()} ", STREAM_STYLES[status.stream])]
    if status.blind:
        parts.append(Content.styled(" BLIND ", "reverse"))
    counts = Content.assemble(
        (f"{progress.done:,}", STRONG), (f" of {progress.total:,}", MUTED), "  ",
        (f"{progress.total - progress.done:,}", STRONG), (" left", MUTED),
    )  # fmt: skip
    return Content(" ").join([*parts, Content(" ") + counts])


def _session(progress: Progress) -> Content:
    return Content.assemble("  ", (f"{progress.own:,}", STRONG), (" this session", MUTED))


def _pace(progress: Progress) -> Content:
    """Queries an hour in this session and the estimated time left; empty while unknown."""
    if progress.hourly is None or progress.left_s is None:
        return Content.empty()
    return Content.styled(f"  {progress.hourly:,.0f}/h, {duration(progress.left_s)} to go", MUTED)


def _right_options(status: DeskStatus, jobs: Sequence[Job]) -> list[Content]:
    """Alternatives for the right side, the longest first."""
    person = Content.styled(safe_excerpt(status.annotator, _MAX_NAME), STRONG)
    if jobs:
        words = _job_options(jobs[0], len(jobs) - 1)
        return [Content("  ").join([each, person]) for each in words] + words
    if status.blind or not status.model:
        return [person]
    model = Content.styled(model_name(status.model), MUTED).truncate(_MAX_MODEL, ellipsis=True)
    matcher = Content.styled(calibration_summary(status.matcher, one_class=status.one_class), MUTED)
    return [Content("  ").join([matcher, model, person]), Content("  ").join([matcher, person]), person]


def _job_options(job: Job, others: int) -> list[Content]:
    """Alternatives for the latest running job and the number of others, the longest first."""
    name = Content.styled(f"● {safe_excerpt(job.name, _MAX_NAME)}", GOOD)
    more = Content.styled(f" and {others} more", MUTED) if others else Content.empty()
    if not job.total:
        return [name + more]
    stage = f": {safe_excerpt(job.stage, _MAX_NAME)} " if job.stage else " "
    percent = Content.assemble(stage, (f"{min(1.0, job.done / job.total):.0%}", STRONG))
    if job.eta_s is None:
        return [name + percent + more, name + more]
    left = Content.styled(f" {duration(job.eta_s)} left", MUTED)
    return [name + percent + left + more, name + percent + more, name + more]
