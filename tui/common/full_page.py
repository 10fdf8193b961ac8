"""Base classes of the full-screen pages: a titled page, and one with two sides."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

from core.errors import JobError
from core.jobs.job import JobState
from core.text.safe import safe
from tui.background import in_background
from tui.common.dismissal import DismissedOnce
from tui.common.help import PageKeys
from tui.common.key_bar import KeyBar
from tui.jobs.text import progress_summary
from tui.key_bindings import Act
from tui.messages import JobsRead, JobStarted
from tui.services.desk import Desk
from tui.theme import GOOD, STRONG

Result = TypeVar("Result")


class FullPage(DismissedOnce, Screen[Result]):
    """A full-screen page; Escape returns to the review screen, and `?` lists all keys, as the key bar may cut some."""

    ACTS: ClassVar[tuple[Act, ...]] = ()

    def action_keys(self) -> None:
        """Show all keys of this page."""
        self.app.push_screen(PageKeys(self.ACTS))

    def action_leave(self) -> None:
        """Return to the review screen without a result."""
        self.dismiss(None)


def page_title(headline: str, parts: Sequence[str], here: int, starts: Sequence[int] = ()) -> Content:
    """The headline and the names of the page's parts; a click on another one runs the screen's action `part`.

    Args:
        headline: of the page.
        parts: their names, in order.
        here: index of the current part.
        starts: columns at which the names begin, by part, as far as there is room; without them side by side.
    """
    line = Content.styled(headline, STRONG)
    for place, name in enumerate(parts):
        gap = max(2, starts[place] - line.cell_length - 1) if starts else 2
        if place == here:
            part = Content.assemble(("▌", "$accent"), (name, f"{STRONG} underline"))
        else:
            link = Style.from_meta({"@click": f"screen.part({place})"})
            part = Content.styled(f" {name}", "not bold").stylize_before(link)
        line += Content(" " * gap) + part
    return line


#: Seconds between two readings of a job that was started on a page.
_REFRESH_S = 1.0


class TwoSidedScreen(FullPage[None]):
    """A page with two sides; keys go to the side marked in the title, which is the only visible one on a narrow screen.

    A job that is started here shows its progress in the title, and its results when it has ended.

    Args:
        desk: an open workspace.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own kind of constant
    HEADLINE: ClassVar[str] = ""
    SIDES: ClassVar[tuple[str, str]] = ("", "")

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._job_id = ""
        self._progress = Content.empty()

    def compose(self) -> ComposeResult:
        """Title, both sides, keys."""
        yield Static(id="sides", classes="page-title", markup=False)
        with Horizontal(id="both"):
            for widget, name in zip(self.sides(), ("left", "right"), strict=True):
                yield widget.add_class(f"{name}-side")
        yield KeyBar(self.ACTS)

    def sides(self) -> Iterable[Widget]:
        """The left and the right widget."""
        return ()

    def on_mount(self) -> None:
        """Start on the left side, and read what is shown."""
        self._face(right=False)
        self.set_interval(_REFRESH_S, self._follow_job)
        self.reload()

    def on_resize(self) -> None:
        """Put the names over their sides."""
        self.call_after_refresh(self._draw_title)

    def reload(self) -> None:
        """Read what the page shows, in the background."""

    # -- sides ---------------------------------------------------------------------------------------------

    @property
    def on_the_right(self) -> bool:
        """Whether keys go to the right side."""
        return self.has_class("-right")

    def action_turn(self) -> None:
        """Switch to the other side."""
        self._face(right=not self.on_the_right)

    def action_part(self, place: int) -> None:
        """Switch to a side, on a click on its name."""
        self._face(right=place == 1)

    def _face(self, *, right: bool) -> None:
        self.set_class(right, "-right")
        self._draw_title()

    def _draw_title(self) -> None:
        """The names of both sides, on a wide screen each over its side, and the progress of a job."""
        right = self.query_one(".right-side").region.x if self.has_class("-wide") else 0
        starts = (0, right + 1) if right else ()
        title = page_title(self.HEADLINE, self.SIDES, int(self.on_the_right), starts)
        if self._progress:
            title = Content("   ").join([title, self._progress])
        bar = self.query_one("#sides", Static)
        bar.update(title.truncate(max(1, bar.content_size.width or self.size.width), ellipsis=True))

    def say(self, text: str) -> None:
        """Show a notice in the key bar."""
        self.query_one(KeyBar).say(text)

    # -- jobs ----------------------------------------------------------------------------------------------

    def start_job(self, *arguments: str) -> None:
        """Start `python -m core ARGUMENTS` as a job and stay on this page."""
        jobs, home = self._desk.jobs, self._desk.facts.home
        in_background(self, "start", lambda: JobStarted(jobs.start(home, list(arguments))))

    @on(JobStarted)
    def _job_started(self, message: JobStarted) -> None:
        message.stop()  # the app would leave this page for that of the jobs
        self._job_id = message.job_id
        self._progress = Content.styled("● started", GOOD)
        self._draw_title()
        self._follow_job()

    def _follow_job(self) -> None:
        if job_id := self._job_id:
            in_background(self, "job", lambda: self._read_job(job_id))

    def _read_job(self, job_id: str) -> JobsRead:
        with suppress(JobError):  # its folder was removed, or is damaged
            return JobsRead((self._desk.jobs.get(job_id),))
        return JobsRead(())

    @on(JobsRead)
    def _show_job(self, message: JobsRead) -> None:
        message.stop()
        running = [job for job in message.jobs if job.state is JobState.RUNNING]
        for job in running:
            self._progress = Content.assemble((f"● {safe(job.name)}", GOOD), "  ", progress_summary(job))
        if not running:  # the app says how it ended
            self._job_id, self._progress = "", Content.empty()
            self.reload()
        self._draw_title()
