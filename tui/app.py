"""The Textual application: screens, menu, notifications about jobs, theme, and leaving."""

import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from rich.console import RenderableType
from textual import on
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event, Paste
from textual.message import Message
from textual.screen import Screen

from core.jobs.job import JobState
from core.terminal import Terminal
from core.text.safe import safe
from labels.model import Stream
from tui.background import failures_shown, in_background, tell
from tui.common.dismissal import DeskPalette
from tui.common.welcome import WelcomeDialog
from tui.driver import DeskDriver
from tui.frame_diff import FrameDiff
from tui.jobs.screen import JobsScreen
from tui.jobs.text import end_notice
from tui.jobs.watch import JobWatch
from tui.keymap import Keymap
from tui.menu import DeskCommands
from tui.messages import Copied, Failed, JobsRead, JobStarted
from tui.practice.screen import PracticeScreen
from tui.review.screen import ReviewScreen
from tui.services.desk import Desk
from tui.textual_compat import Update
from tui.theme import DARK, THEMES, light_or_dark, readable, terminal_colours, theme_for

Result = TypeVar("Result")

_TICK_S = 1.0
#: Seconds that a notice of a sentence or two is shown, and the end of a job.
_NOTICE_S, _JOB_NOTICE_S = 15.0, 10.0
#: Key conflicts that are shown at once; more would cover the desk.
_MAX_KEY_PROBLEMS = 3


class DeskApp(App[None]):
    """Owns the screens; the workspace is behind `tui.services.desk.Desk`.

    Args:
        desk: an open workspace.
        notice: shown at start; empty for nothing.
        welcome: whether to open the welcome dialog.
        driver: Textual's driver; the one for this terminal if not given.

    Attributes:
        fault: the exception that ended the desk; None where there was none.
        backup_to_restore: the backup that the annotator wants restored after the desk is left.
    """

    TITLE = "samesku"
    CSS_PATH = "app.tcss"
    COMMANDS = {DeskCommands}  # noqa: RUF012 - Textual's own kind of constant

    def __init__(
        self, desk: Desk, notice: str = "", *, welcome: bool = False, driver: type[Driver] | None = None
    ) -> None:
        self.terminal = Terminal.from_environment()
        # NO_COLOR means none at all, not even grey.
        super().__init__(driver, ansi_color=True if self.terminal.no_colour else None)
        for theme in THEMES:
            self.register_theme(theme)
        self.desk = desk
        self.keymap = Keymap.of(desk.facts.keys)
        self.set_keymap(self.keymap.textual)
        self._notice, self._welcome = notice, welcome
        self._job_watch = JobWatch(desk.jobs, away_since=desk.last_active_at)
        self.review = ReviewScreen(desk)
        self._frame_diff = FrameDiff()
        self._initial_theme = self.theme
        self.fault: BaseException | None = None
        self.backup_to_restore: Path | None = None

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send only the difference to what the terminal shows."""
        if isinstance(renderable, Update):
            frame = self._frame_diff.frame(renderable, self.size)
            super()._display(screen, frame)  # type: ignore[arg-type]  # it takes updates too
        else:
            super()._display(screen, renderable)

    def on_resize(self) -> None:
        """Repaint everything: a resized terminal may show anything."""
        self._frame_diff.invalidate()

    def action_command_palette(self) -> None:
        """Show the command palette."""
        if not isinstance(self.screen, DeskPalette):
            self.push_screen(DeskPalette())

    def action_redraw(self) -> None:
        """Repaint everything: another program wrote to this terminal."""
        self._frame_diff.invalidate()
        self.screen.refresh()

    def _resume(self) -> None:
        """Repaint after suspension, and renew the lease, which may have expired."""
        self.action_redraw()
        self.review.renew()

    def get_default_screen(self) -> ReviewScreen:
        """The review screen is at the bottom of the stack."""
        return self.review

    def on_mount(self) -> None:
        """Set the theme, start polling, and show notices on start-up and the last session."""
        self._set_theme()
        self.set_interval(_TICK_S, self._tick)
        self._tick()
        with failures_shown(self):
            for notice in filter(None, (self._notice, self.desk.sitting.resume_notice)):
                self._warn(notice)
        for problem in self.keymap.problems[:_MAX_KEY_PROBLEMS]:
            tell(self, Failed(problem, ""))
        self.call_after_refresh(_freeze_objects)
        self.app_resume_signal.subscribe(self, lambda _: self._resume())
        if self._welcome:
            # The review screen stays visible behind the dialog: first it is laid out for the terminal's width.
            self.screen.call_after_refresh(self.open, WelcomeDialog(self.desk.guidelines), self._practise)

    def _set_theme(self) -> None:
        """Set the theme of the last session, if this terminal can show it, else the team's."""
        wanted = theme_for(self.desk.facts.theme, self.terminal)
        own = self.available_themes.get(self.desk.sitting.theme)
        if own is not None and (own.ansi or not self.terminal.has_few_colours):
            wanted = own.name
        self.theme = wanted if wanted in self.available_themes else DARK.name
        if wanted != self.theme:
            hint = "Set desk.theme in samesku.toml; the menu (ctrl+p) shows the names."
            tell(self, Failed(f"There is no theme {wanted}.", hint))
        self._initial_theme = self.theme

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, with readable text."""
        # Again with the theme's own variables: Textual ignores those for text colours.
        variables = super().get_css_variables() | self.current_theme.variables
        if self.native_ansi_color:
            variables = terminal_colours(variables, no_colour=self.terminal.no_colour)
        else:
            variables = readable(variables)
        self.theme_variables = variables
        return variables

    async def on_event(self, event: Event) -> None:
        """Make pasted text safe to show."""
        if isinstance(event, Paste):
            event.text = safe(event.text)
        await super().on_event(event)

    # -- jobs ----------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._job_watch.should_read():
            in_background(self, "watch", lambda: JobsRead(self._job_watch.read()))
        # The first tick precedes the mounting of the review screen.
        if self.review.is_mounted and self.desk.review.item is None and self.desk.has_new_candidates():
            with failures_shown(self):
                self.desk.reload_candidates()
                if notice := self.desk.take_notice():
                    self._warn(notice)
            self.review.draw()

    def _warn(self, notice: str) -> None:
        self.notify(safe(notice), severity="warning", timeout=_NOTICE_S, markup=False)

    @on(JobsRead)
    def _show_jobs(self, message: JobsRead) -> None:
        for job in self._job_watch.newly_ended(message.jobs):
            text, succeeded = end_notice(job)
            self.notify(text, severity="information" if succeeded else "warning", timeout=_JOB_NOTICE_S, markup=False)
        self.review.draw_jobs([job for job in message.jobs if job.state is JobState.RUNNING])

    @on(JobStarted)
    def _started(self, message: JobStarted) -> None:
        self.open(JobsScreen(self.desk, message.job_id))

    @on(Copied)
    def _copied(self, message: Copied) -> None:
        # A terminal gives no answer to the escape sequence, so the file is named as well.
        file = safe(message.path.name)
        self.notify(f"Copied. If your terminal ignores that, the text is in {file} in reports.", markup=False)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self, message)

    def _practise(self, accepted: bool | None) -> None:
        if accepted:
            self.open(PracticeScreen(self.desk))

    # -- actions of the menu -------------------------------------------------------------------------------

    def start_job(self, *arguments: str) -> None:
        """Start `python -m core ARGUMENTS` as a job, then show the jobs."""

        def work() -> Message:
            return JobStarted(self.desk.jobs.start(self.desk.facts.home, list(arguments)))

        in_background(self, "start", work)

    def switch_stream(self, stream: Stream) -> None:
        """Switch to another stream and show the review screen."""
        self.review.switch(stream)
        self._save_place()
        self.call_later(self._close_screens)

    def on_review(self, action: str) -> None:
        """Run an action of the review screen after closing the screens over it."""

        async def act() -> None:
            await self._close_screens()
            await self.run_action(action, default_namespace=self.review)

        self.call_later(act)

    def toggle_light(self) -> None:
        """Switch between the light and the dark theme."""
        self.theme = light_or_dark(self.current_theme)

    def open(self, screen: Screen[Result], then: Callable[[Result | None], None] | None = None) -> None:
        """Show a screen directly over the review screen."""

        async def act() -> None:
            await self._close_screens()
            await self.push_screen(screen, then)

        self.call_later(act)

    async def _close_screens(self) -> None:
        """Close all screens over the review screen."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    # -- leaving -------------------------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        """On a terminal, the driver that detects its loss."""
        found: type[Driver] = super().get_driver_class()
        return DeskDriver if found is LinuxDriver else found

    def leave(self) -> None:
        """End the desk, from any thread. Does nothing before the event loop runs."""
        with suppress(RuntimeError):  # the loop has ended meanwhile
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self.exit)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """End the desk; the next session resumes from here."""
        self._save_place()
        super().exit(result, return_code, message)

    def _save_place(self) -> None:
        same = self.theme == self._initial_theme
        self.desk.sitting.note(self.review.highlighted, self.desk.sitting.theme if same else self.theme)

    def _fatal_error(self) -> None:
        """End on a bug without Textual's traceback; `run_desk` reports it in a sentence."""
        self.fault = self._exception
        self._close_messages_no_wait()

    def panic(self, *_: Any) -> None:
        """The same for bugs in Textual's own threads, such as the one that reads the keyboard."""
        self._return_code = 1
        self._fatal_error()


def _freeze_objects() -> None:
    """Exempt the objects made so far from garbage collection: a full collection takes 40 ms, during a key press."""
    gc.collect()
    gc.freeze()
