"""The detached jobs of the workspace: how far they are, what they said, what came out."""

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Sparkline, Static

from core.jobs.job import Job, JobState
from tui.actions import JOBS, bindings
from tui.messages import Failed, JobsRead
from tui.ports.desk import Desk
from tui.screens.confirm import ConfirmDialog
from tui.widgets.job_text import job_above, job_below, job_list
from tui.widgets.key_bar import KeyBar
from tui.workers import in_background, tell

#: A running job writes its progress four times a second; a person looks once.
_EVERY_S = 1.0


class JobsScreen(Screen[None]):
    """A list on the left, the highlighted job on the right; read anew while this screen is in front."""

    BINDINGS = bindings(JOBS)

    def __init__(self, desk: Desk, highlighted: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._jobs: tuple[Job, ...] | None = None
        self._highlighted = highlighted
        self._told = ""

    def compose(self) -> ComposeResult:
        """List, job, keys."""
        yield Static("Jobs", classes="page-title", markup=False)
        with Horizontal(id="jobs"):
            with VerticalScroll(id="job-list", can_focus=False):
                yield Static(id="job-lines", markup=False)
            with VerticalScroll(id="job", can_focus=False):
                yield Static(id="job-above", markup=False)
                yield Sparkline(id="job-loss")
                yield Static(id="job-below", markup=False)
        yield KeyBar(JOBS)

    def on_mount(self) -> None:
        """Read now, and every second."""
        self._read()
        self.set_interval(_EVERY_S, self._read_if_in_front)

    def _read_if_in_front(self) -> None:
        if self.is_current:
            self._read()

    def _read(self) -> None:
        in_background(self, "jobs", lambda: JobsRead(tuple(self._desk.jobs.list())))

    @on(JobsRead)
    def _show(self, message: JobsRead) -> None:
        if message.jobs != self._jobs:
            self._jobs = message.jobs
            self._draw()

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        # What fails each second is told once.
        if message.message != self._told:
            self._told = message.message
            tell(self.app, message)

    @property
    def job(self) -> Job | None:
        """The highlighted job; the latest one at first."""
        jobs = self._jobs or ()
        return next((job for job in jobs if job.id == self._highlighted), jobs[0] if jobs else None)

    def _draw(self) -> None:
        job = self.job
        self.query_one("#job-lines", Static).update(job_list(self._jobs or (), job))
        loss = self.query_one("#job-loss", Sparkline)
        losses = [value for _, value in job.losses] if job else []
        # One value is no curve.
        loss.display = len(losses) > 1
        loss.data = losses
        width = self.query_one("#job").scrollable_content_region.width
        self.query_one("#job-above", Static).update(job_above(job, width))
        self.query_one("#job-below", Static).update(job_below(job, width))

    def on_resize(self) -> None:
        """The bar and the tables are made for the width."""
        if self._jobs is not None:
            self.call_after_refresh(self._draw)

    def action_move(self, step: int) -> None:
        """To a neighbouring job."""
        jobs, job = self._jobs or (), self.job
        if job is not None:
            place = max(0, min(jobs.index(job) + step, len(jobs) - 1))
            self._highlighted = jobs[place].id
            self._draw()
            self.query_one("#job-list").scroll_to(y=max(0, place - 2), animate=False)

    def action_cancel(self) -> None:
        """End the highlighted job, once confirmed."""
        job = self.job
        if job is None or job.state is not JobState.RUNNING:
            self.query_one(KeyBar).say("This job is not running.")
            return
        question = f"End the running {job.verb}? What it has computed so far is kept where it can be."
        dialog = ConfirmDialog(question, yes="End it", no="Let it run")
        self.app.push_screen(dialog, partial(self._cancel, job.id))

    def _cancel(self, job_id: str, sure: bool | None) -> None:
        if not sure:
            return

        def work() -> Message:
            self._desk.jobs.cancel(job_id)
            return JobsRead(tuple(self._desk.jobs.list()))

        in_background(self, "jobs", work)

    def action_leave(self) -> None:
        """Back to the desk; the jobs go on."""
        self.dismiss(None)
