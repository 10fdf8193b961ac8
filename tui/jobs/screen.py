"""The detached jobs of the workspace: how far they are, what they said, what came out."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.jobs.job import Job, JobState
from core.jobs.names import job_kept
from core.jobs.progress_log import ProgressLog
from core.text.safe import safe
from tui.actions import JOBS, PAGE, PAGE_SCROLL, bindings
from tui.background import in_background, tell
from tui.common.dialogs import ConfirmDialog, Dialog
from tui.common.full_page import FullPage
from tui.common.key_bar import KeyBar
from tui.jobs.list import JobList, JobPicked
from tui.jobs.pane import JobPane
from tui.jobs.text import can_resume
from tui.messages import Failed
from tui.services.desk import Desk
from tui.theme import MUTED, STRONG


@dataclass
class LogRead(Message):
    """The last lines of the log."""

    lines: tuple[str, ...]


class JobLogScreen(Dialog[None]):
    """The last lines, the newest at the bottom; it stays there unless somebody scrolls up."""

    BINDINGS = bindings((*PAGE, *PAGE_SCROLL))
    HEADLINE = "Log"
    ACTS = (*PAGE_SCROLL[:1], *PAGE[:1])

    def __init__(self, desk: Desk, job: Job) -> None:
        super().__init__()
        self._desk, self._job = desk, job
        self._lines: tuple[str, ...] | None = None

    def body(self) -> Iterable[Widget]:
        """Which job, and its lines."""
        yield Static(Content.styled(f"{safe(self._job.name)}, {safe(self._job.id)}", MUTED), markup=False)
        with VerticalScroll(id="log", can_focus=False):
            yield Static(id="log-lines", markup=False)

    def on_mount(self) -> None:
        """Read now, and every second."""
        self._read()
        self.set_interval(_EVERY_S, self._read)

    def _read(self) -> None:
        in_background(self, "log", lambda: LogRead(self._desk.jobs.log(self._job.id)))

    @on(LogRead)
    def _show(self, message: LogRead) -> None:
        if message.lines == self._lines:
            return
        page = self.query_one("#log", VerticalScroll)
        follows = self._lines is None or page.scroll_offset.y >= page.max_scroll_y
        self._lines = message.lines
        text = Content("\n".join(message.lines)) if message.lines else Content.styled("It printed nothing.", MUTED)
        self.query_one("#log-lines", Static).update(text)
        if follows:
            page.scroll_end(animate=False)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self.app, message)
        self.dismiss(None)

    def action_scroll_page(self, step: int) -> None:
        """Scroll by some lines."""
        self.query_one("#log").scroll_relative(y=step * 4, animate=False)


#: A running job writes its progress four times a second; a person looks once.
_EVERY_S = 1.0

#: What the filter lets through, besides the jobs of one name.
_ALL, _RUNNING = "all", "running"


@dataclass
class JobsSeen(Message):
    """The jobs, and what the highlighted one told on its way.

    Attributes:
        job_id: the highlighted job's; empty where there is none.
    """

    jobs: tuple[Job, ...]
    job_id: str
    course: ProgressLog


@dataclass
class JobResumed(Message):
    """A job was started again."""

    job_id: str


class JobsScreen(FullPage[None]):
    """A list on the left, the highlighted job on the right; read anew while this screen is in front."""

    BINDINGS = bindings(JOBS)
    ACTS = JOBS

    def __init__(self, desk: Desk, highlighted: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._first = highlighted
        self._jobs: tuple[Job, ...] | None = None
        self._course = ProgressLog()
        self._course_of = ""
        self._filter = _ALL
        self._told = ""

    def compose(self) -> ComposeResult:
        """Title, list, job, keys."""
        yield Static(id="jobs-title", classes="page-title", markup=False)
        with Horizontal(id="jobs"):
            yield JobList(id="job-list", highlighted=self._first)
            yield JobPane(id="job")
        yield KeyBar(JOBS)

    def on_mount(self) -> None:
        """Read now, and every second."""
        self._read()
        self.set_interval(_EVERY_S, self._read_if_in_front)

    # -- reading -------------------------------------------------------------------------------------------

    def _read_if_in_front(self) -> None:
        if self.is_active:
            self._read()

    def _read(self, wanted: str = "") -> None:
        """Read the jobs, and all of the one that is wanted: the highlighted one, if none is named."""
        here = self._list.job
        in_background(self, "jobs", partial(self._seen, wanted or (here.id if here else self._first)))

    def _seen(self, wanted: str) -> JobsSeen:
        """In a thread: the jobs, and the course of the one that is wanted, or of the latest."""
        board = self._desk.jobs
        jobs = tuple(board.list())
        job = next((job for job in jobs if job.id == wanted), jobs[0] if jobs else None)
        if job is None:
            return JobsSeen(jobs, "", ProgressLog())
        course = board.course(job.id, self._course if job.id == self._course_of else None)
        return JobsSeen(jobs, job.id, course)

    @on(JobsSeen)
    def _show(self, message: JobsSeen) -> None:
        self._jobs = message.jobs
        self._course_of, self._course = message.job_id, message.course
        self._draw()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        # What fails each second is told once.
        if message.message != self._told:
            self._told = message.message
            tell(self.app, message)

    # -- drawing -------------------------------------------------------------------------------------------

    @property
    def _list(self) -> JobList:
        return self.query_one(JobList)

    @property
    def job(self) -> Job | None:
        """The highlighted job."""
        return self._list.job

    def _draw(self) -> None:
        jobs = self._jobs or ()
        shown = [job for job in jobs if _passes(job, self._filter)]
        self._list.show(shown)
        title = self.query_one("#jobs-title", Static)
        if (text := _title(self._filter, len(shown), len(jobs))) != title.content:
            title.update(text)
        job = self.job
        known = job is not None and job.id == self._course_of
        self.query_one(JobPane).show(job, self._course if known else ProgressLog())

    @on(JobPicked)
    def _picked(self) -> None:
        self._draw()
        self._read()

    # -- acting --------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To a neighbouring job."""
        self._list.move(step)

    def action_scroll_job(self, step: int) -> None:
        """Scroll what is told of the job."""
        self.query_one(JobPane).scroll_relative(y=step * 4, animate=False)

    def action_filter(self) -> None:
        """Show all jobs, those that run, or those of one kind, in turn."""
        names = sorted({job.name for job in self._jobs or ()})
        choices = [_ALL, _RUNNING, *names]
        place = choices.index(self._filter) if self._filter in choices else 0
        self._filter = choices[(place + 1) % len(choices)]
        self._draw()
        self._read()

    def action_log(self) -> None:
        """What the highlighted job printed."""
        job = self.job
        if job is None:
            self.query_one(KeyBar).say("There is no job.")
        elif self._desk.facts.kiosk and not self._desk.facts.lead:
            self.query_one(KeyBar).say("The log names files of this machine; it is for leads here.")
        else:
            self.app.push_screen(JobLogScreen(self._desk, job))

    def action_cancel(self) -> None:
        """End the highlighted job, once confirmed."""
        job = self.job
        if job is None or job.state is not JobState.RUNNING:
            self.query_one(KeyBar).say("This job is not running.")
            return
        if refusal := self._desk.jobs.refusal(job):
            self.query_one(KeyBar).say(refusal)
            return
        whose = f"{job.by}'s " if job.by and job.by != self._desk.review.annotator else ""
        question = f"End {whose}{job.name}? If it is started again, {job_kept(job.arguments)}."
        dialog = ConfirmDialog(question, yes="End it", no="Let it run")
        self.app.push_screen(dialog, partial(self._cancel, job.id))

    def _cancel(self, job_id: str, sure: bool | None) -> None:
        if not sure:
            return

        def work() -> Message:
            self._desk.jobs.cancel(job_id)
            return self._seen(job_id)

        in_background(self, "jobs", work)

    def action_resume(self) -> None:
        """Start the highlighted job's work again."""
        job = self.job
        if job is None or not can_resume(job):
            ended = job is not None and job.state is JobState.DONE
            self.query_one(KeyBar).say(
                "This job has ended well; the menu (ctrl+p) starts another." if ended else "There is nothing to resume."
            )
            return
        job_id = job.id
        in_background(self, "resume", lambda: JobResumed(self._desk.jobs.resume(self._desk.facts.home, job_id)))

    @on(JobResumed)
    def _resumed(self, message: JobResumed) -> None:
        self._filter = _ALL
        self._list.highlighted = message.job_id
        self._read(message.job_id)


def _passes(job: Job, which: str) -> bool:
    return which == _ALL or (job.state is JobState.RUNNING if which == _RUNNING else job.name == which)


def _title(which: str, shown: int, total: int) -> Content:
    if which == _ALL:
        return Content.assemble(("Jobs", STRONG), (f"  {total:,}" if total else "", MUTED))
    return Content.assemble(("Jobs", STRONG), f"  {safe(which)}", (f"  {shown:,} of {total:,}", MUTED))
