"""What a job printed: the end of its log, followed while it grows."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.jobs.job import Job
from core.text.safe import safe
from tui.actions import bindings
from tui.messages import Failed
from tui.page_actions import PAGE, PAGE_SCROLL
from tui.ports.desk import Desk
from tui.screens.dialog import Dialog
from tui.style import MUTED
from tui.workers import in_background, tell

_EVERY_S = 1.0


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
