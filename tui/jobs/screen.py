"""The jobs screen: the detached jobs of the workspace with progress, results and logs."""

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
from core.jobs.names import resume_note
from core.jobs.progress_log import ProgressLog
from core.text.safe import safe
from tui.background import in_background, tell
from tui.common.dialogs import ConfirmDialog, ScrollingDialog
from tui.common.full_page import FullPage
from tui.common.key_bar import KeyBar
from tui.jobs.list import JobList, JobPicked
from tui.jobs.pane import JobPane
from tui.jobs.text import can_resume, log_content
from tui.key_bindings import JOBS, PAGE, PAGE_SCROLL, bindings
from tui.messages import Failed
from tui.services.desk import Desk
from tui.theme import MUTED, STRONG

#: Seconds between readings. A running job writes its progress four times a second.
_REFRESH_S = 1.0


@dataclass
class LogRead(Message):
    """What a job has reported, and the last lines that it has printed."""

    progress: ProgressLog
    printed: tuple[str, ...]


class JobLogScreen(ScrollingDialog[None]):
    """What a job has reported, and the end of what it has printed; follows new lines unless scrolled up."""

    BINDINGS = bindings((*PAGE, *PAGE_SCROLL))
    HEADLINE = "Log"
    PANE = "#log"
    FRAME_LINES = 7  # one more for the job's name

    def __init__(self, desk: Desk, job: Job) -> None:
        super().__init__()
        self._desk, self._job = desk, job
        self._progress = ProgressLog()
        self._content: Content | None = None

    def body(self) -> Iterable[Widget]:
        """The job's name, and the lines."""
        yield Static(Content.styled(f"{safe(self._job.name)}, {safe(self._job.id)}", MUTED), markup=False)
        with VerticalScroll(id="log", can_focus=False):
            yield Static(id="log-lines", markup=False)

    def on_mount(self) -> None:
        """Read now, and every second from now on."""
        super().on_mount()
        self._read()
        self.set_interval(_REFRESH_S, self._read)

    def _read(self) -> None:
        so_far, job_id = self._progress, self._job.id

        def work() -> Message:
            return LogRead(self._desk.jobs.progress_log(job_id, so_far), self._desk.jobs.log(job_id))

        in_background(self, "log", work)

    @on(LogRead)
    def _show(self, message: LogRead) -> None:
        self._progress = message.progress
        content = log_content(message.progress, message.printed)
        if content == self._content:
            return
        follows = self._content is None or self._pane.scroll_offset.y >= self._pane.max_scroll_y
        self._content = content
        self.query_one("#log-lines", Static).update(content)
        if follows:
            self._pane.scroll_end(animate=False)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self.app, message)
        self.dismiss(None)


#: Values of the filter besides the names of jobs.
_ALL, _RUNNING = "all", "running"


@dataclass
class JobDetailsRead(Message):
    """The jobs, and the progress log of the highlighted one.

    Attributes:
        job_id: the highlighted job; empty where there is none.
    """

    jobs: tuple[Job, ...]
    job_id: str
    log: ProgressLog


@dataclass
class JobResumed(Message):
    """A job was started again."""

    job_id: str


class JobsScreen(FullPage[None]):
    """The list on the left, the highlighted job on the right; refreshed while this screen is in front."""

    BINDINGS = bindings(JOBS)
    ACTS = JOBS

    def __init__(self, desk: Desk, highlighted: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._first = highlighted
        self._jobs: tuple[Job, ...] | None = None
        self._log = ProgressLog()
        self._log_of = ""
        self._filter = _ALL
        self._last_error = ""

    def compose(self) -> ComposeResult:
        """Title, list, job, keys."""
        yield Static(id="jobs-title", classes="page-title", markup=False)
        with Horizontal(id="jobs"):
            yield JobList(id="job-list", highlighted=self._first)
            yield JobPane(id="job")
        yield KeyBar(JOBS)

    def on_mount(self) -> None:
        """Read now, and every second from now on."""
        self._read()
        self.set_interval(_REFRESH_S, self._read_if_in_front)

    # -- reading -------------------------------------------------------------------------------------------

    def _read_if_in_front(self) -> None:
        if self.is_active:
            self._read()

    def _read(self, job_id: str = "") -> None:
        """Read the jobs, and the log of one of them: the highlighted one by default."""
        highlighted = self._list.job
        default = highlighted.id if highlighted else self._first
        in_background(self, "jobs", partial(self._load, job_id or default))

    def _load(self, job_id: str) -> JobDetailsRead:
        """The jobs, and the progress log of one of them, else of the latest. Runs in a thread."""
        jobs = tuple(self._desk.jobs.list())
        job = next((job for job in jobs if job.id == job_id), jobs[0] if jobs else None)
        if job is None:
            return JobDetailsRead(jobs, "", ProgressLog())
        log = self._desk.jobs.progress_log(job.id, self._log if job.id == self._log_of else None)
        return JobDetailsRead(jobs, job.id, log)

    @on(JobDetailsRead)
    def _show(self, message: JobDetailsRead) -> None:
        self._jobs = message.jobs
        self._log_of, self._log = message.job_id, message.log
        self._draw()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        # An error that recurs with every reading is shown once.
        if message.message != self._last_error:
            self._last_error = message.message
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
        shown = [job for job in jobs if _matches(job, self._filter)]
        self._list.show(shown)
        title = self.query_one("#jobs-title", Static)
        if (text := _title(self._filter, len(shown), len(jobs))) != title.content:
            title.update(text)
        job = self.job
        has_log = job is not None and job.id == self._log_of
        self.query_one(JobPane).show(job, self._log if has_log else ProgressLog())

    @on(JobPicked)
    def _picked(self) -> None:
        self._draw()
        self._read()

    # -- acting --------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Highlight a neighbouring job."""
        self._list.move(step)

    def action_scroll_job(self, step: int) -> None:
        """Scroll the details."""
        self.query_one(JobPane).scroll_relative(y=step * 4, animate=False)

    def action_filter(self) -> None:
        """Show all jobs, the running ones, or those of one name, in turn."""
        names = sorted({job.name for job in self._jobs or ()})
        filters = [_ALL, _RUNNING, *names]
        place = filters.index(self._filter) if self._filter in filters else 0
        self._filter = filters[(place + 1) % len(filters)]
        self._draw()
        self._read()

    def action_log(self) -> None:
        """Show the log of the highlighted job."""
        job = self.job
        if job is None:
            self.query_one(KeyBar).say("There is no job.")
        elif self._desk.facts.kiosk and not self._desk.facts.lead:
            self.query_one(KeyBar).say("The log names files of this machine; in a kiosk it is for leads.")
        else:
            self.app.push_screen(JobLogScreen(self._desk, job))

    def action_cancel(self) -> None:
        """Ask, then end the highlighted job."""
        job = self.job
        if job is None or job.state is not JobState.RUNNING:
            self.query_one(KeyBar).say("This job is not running.")
            return
        if refusal := self._desk.jobs.refusal(job):
            self.query_one(KeyBar).say(refusal)
            return
        whose = f"{job.by}'s " if job.by and job.by != self._desk.review.annotator else ""
        question = f"End {whose}{job.name}? If it is started again, {resume_note(job.arguments)}."
        dialog = ConfirmDialog(question, yes="End it", no="Let it run")
        self.app.push_screen(dialog, partial(self._cancel, job.id))

    def _cancel(self, job_id: str, sure: bool | None) -> None:
        if not sure:
            return

        def work() -> Message:
            self._desk.jobs.cancel(job_id)
            return self._load(job_id)

        in_background(self, "jobs", work)

    def action_resume(self) -> None:
        """Start the work of the highlighted job again."""
        job = self.job
        if job is None or not can_resume(job):
            done = job is not None and job.state is JobState.DONE
            reason = (
                "This job has finished; the menu (ctrl+p) starts another." if done else "There is nothing to resume."
            )
            self.query_one(KeyBar).say(reason)
            return
        job_id = job.id
        in_background(self, "resume", lambda: JobResumed(self._desk.jobs.resume(self._desk.facts.home, job_id)))

    @on(JobResumed)
    def _resumed(self, message: JobResumed) -> None:
        self._filter = _ALL
        self._list.highlighted = message.job_id
        self._read(message.job_id)


def _matches(job: Job, filter_: str) -> bool:
    return filter_ == _ALL or (job.state is JobState.RUNNING if filter_ == _RUNNING else job.name == filter_)


def _title(filter_: str, shown: int, total: int) -> Content:
    if filter_ == _ALL:
        return Content.assemble(("Jobs", STRONG), (f"  {total:,}" if total else "", MUTED))
    return Content.assemble(("Jobs", STRONG), f"  {safe(filter_)}", (f"  {shown:,} of {total:,}", MUTED))
