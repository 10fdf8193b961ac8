"""The list of jobs, a line each; only lines in view that have changed are painted."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.jobs.job import Job, JobState
from core.text.safe import safe
from tui.common.words import local
from tui.jobs.text import STATE_SIGNS, share_done
from tui.theme import MUTED, STRONG

#: Cells of the last column: progress, time or date.
_LAST_COLUMN = 6


class JobPicked(Message):
    """Another job is highlighted."""


class JobList(ScrollView, can_focus=False):
    """Jobs, latest first. The highlight stays on its job when others appear."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"jobs--row", "jobs--cursor"}

    def __init__(self, *, id: str, highlighted: str = "") -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._jobs: tuple[Job, ...] = ()
        self._places: dict[str, int] = {}
        self.highlighted = highlighted

    def show(self, jobs: Sequence[Job]) -> None:
        """Show jobs; only lines that differ are painted."""
        before, place = self._jobs, self._place
        self._jobs = tuple(jobs)
        self._places = {job.id: place for place, job in enumerate(self._jobs)}
        if len(before) != len(self._jobs) or self._place != place:
            self.virtual_size = Size(self.size.width, len(self._jobs))
            self._keep_in_view()
            self.refresh()
            return
        for line, (old, new) in enumerate(zip(before, self._jobs, strict=True)):
            if old is not new and _row(old, self._width) != _row(new, self._width):
                self._paint(line)

    @property
    def job(self) -> Job | None:
        """The highlighted job; the latest one at first."""
        return self._jobs[self._place] if self._jobs else None

    @property
    def _place(self) -> int:
        return self._places.get(self.highlighted, 0)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def highlight(self, job_id: str) -> None:
        """Highlight a job."""
        self._paint(self._place)
        self.highlighted = job_id
        self._paint(self._place)
        self._keep_in_view()
        self.post_message(JobPicked())

    def move(self, step: int) -> None:
        """Highlight a neighbouring job."""
        if self._jobs:
            place = max(0, min(self._place + step, len(self._jobs) - 1))
            self.highlight(self._jobs[place].id)

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        place = y + self.scroll_offset.y
        if place >= len(self._jobs):
            return Strip.blank(self._width, self.visual_style.rich_style)
        job, here = self._jobs[place], place == self._place
        style = self.get_visual_style("jobs--cursor" if here else "jobs--row")
        line = Content.assemble(("▌", "$accent") if here else " ", _row(job, self._width - 1))
        segments = [Segment(text, part.rich_style) for text, part in line.render(style, end="")]
        return Strip(segments).adjust_cell_length(self._width, style.rich_style)

    def on_resize(self) -> None:
        """Fit the list to its new size."""
        self.virtual_size = Size(self.size.width, len(self._jobs))
        self._keep_in_view()

    def on_click(self, event: Click) -> None:
        """Highlight the line under the pointer."""
        place = event.y + self.scroll_offset.y
        if place < len(self._jobs):
            self.highlight(self._jobs[place].id)

    def _paint(self, line: int) -> None:
        self.refresh_lines(line - self.scroll_offset.y, 1)

    def _keep_in_view(self) -> None:
        place, height = self._place, self.size.height
        if height:
            top = max(place - height + 1, min(self.scroll_offset.y, place))
            self.scroll_to(y=top, animate=False, immediate=True)


def _row(job: Job, width: int) -> Content:
    """State, name, and the progress of a running job or the start of another."""
    sign, style = STATE_SIGNS[job.state]
    share = share_done(job) if job.state is JobState.RUNNING else None
    last = _started(job.started_at) if share is None else f"{share:.0%}"
    name = Content.styled(safe(job.name), STRONG if job.state is JobState.RUNNING else "")
    room = max(1, width - _LAST_COLUMN - 4)
    return Content.assemble(
        (sign, style), " ", name.truncate(room, ellipsis=True, pad=True), " ", (last.rjust(_LAST_COLUMN), MUTED), " "
    )


def _started(stamp: str) -> str:
    """The time of a start today, the date of an earlier one."""
    moment = local(stamp)
    if moment is None:
        return ""
    today = moment.date() == datetime.now(moment.tzinfo).date()
    return f"{moment:%H:%M}" if today else f"{moment.day} {moment:%b}"
