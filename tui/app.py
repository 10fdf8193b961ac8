"""The desk as a program: screens, menu, jobs in the corner of the eye, and leaving in good order."""

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
from tui.common.welcome import WelcomeDialog
from tui.driver import DeskDriver
from tui.frame_diff import FrameDiff
from tui.jobs.screen import JobsScreen
from tui.jobs.text import ending
from tui.jobs.watch import JobWatch
from tui.keymap import Keymap
from tui.menu import DeskCommands
from tui.messages import Copied, Failed, JobsRead, JobStarted
from tui.ports import Desk
from tui.practice.screen import PracticeScreen
from tui.review.screen import ReviewScreen
from tui.textual_compat import Update
from tui.theme import DARK, THEMES, light_or_dark, readable, terminal_colours, theme_for

Result = TypeVar("Result")

_TICK_S = 1.0
#: A sentence or two, among other things to look at.
_NEWS_S = 15.0
#: More notes than so many would cover the desk; the others come once these are mended.
_MOST_PROBLEMS = 3


class DeskApp(App[None]):
    """Owns the screens and nothing else; what the desk needs is behind `tui.ports.Desk`."""

    TITLE = "samesku"
    CSS_PATH = "app.tcss"
    COMMANDS = {DeskCommands}  # noqa: RUF012 - Textual's own kind of constant

    def __init__(self, desk: Desk, word: str = "", *, greets: bool = False, driver: type[Driver] | None = None) -> None:
        self.terminal = Terminal.of()
        # Who wants no colour gets none at all, not even grey.
        super().__init__(driver, ansi_color=True if self.terminal.no_colour else None)
        for theme in THEMES:
            self.register_theme(theme)
        self.desk = desk
        self.keymap = Keymap.of(desk.facts.keys)
        self.set_keymap(self.keymap.textual)
        self._word, self._greets = word, greets
        self.watch_jobs = JobWatch(desk.jobs, away_since=desk.away_since)
        self.review = ReviewScreen(desk)
        self._frame_diff = FrameDiff()
        self._theme_at_first = self.theme
        self.fault: BaseException | None = None
        self.restoring: Path | None = None

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """What Textual means to send, as the difference to what the terminal shows."""
        if isinstance(renderable, Update):
            frame = self._frame_diff.frame(renderable, self.size)
            super()._display(screen, frame)  # type: ignore[arg-type]  # it takes updates too
        else:
            super()._display(screen, renderable)

    def on_resize(self) -> None:
        """A terminal that was resized may show anything."""
        self._frame_diff.invalidate()

    def action_redraw(self) -> None:
        """Paint everything anew: something else wrote to this terminal."""
        self._frame_diff.invalidate()
        self.screen.refresh()

    def _come_back(self) -> None:
        """From the shell, which wrote on the screen, and after which somebody else may have the query."""
        self.action_redraw()
        self.review.renew()

    def get_default_screen(self) -> ReviewScreen:
        """The desk opens on the review screen, and always comes back to it."""
        return self.review

    def on_mount(self) -> None:
        """Theme, the jobs' corner, and what became of the last sitting."""
        self._choose_theme()
        self.set_interval(_TICK_S, self._tick)
        self._tick()
        with failures_shown(self):
            for news in filter(None, (self._word, self.desk.sitting.news)):
                self.notify(safe(news), severity="warning", timeout=_NEWS_S, markup=False)
        for problem in self.keymap.problems[:_MOST_PROBLEMS]:
            tell(self, Failed(problem, ""))
        self.call_after_refresh(_settle)
        self.app_resume_signal.subscribe(self, lambda _: self._come_back())
        if self._greets:
            self.open(WelcomeDialog(), self._practise)

    def _choose_theme(self) -> None:
        """The one that was chosen here the last time, if this terminal can show it, else the team's."""
        wanted = theme_for(self.desk.facts.theme, self.terminal)
        own = self.available_themes.get(self.desk.sitting.theme)
        if own is not None and (own.ansi or not self.terminal.few_colours):
            wanted = own.name
        self.theme = wanted if wanted in self.available_themes else DARK.name
        if wanted != self.theme:
            hint = "Set desk.theme in samesku.toml; the menu (ctrl+p) shows the names."
            tell(self, Failed(f"There is no theme {wanted}.", hint))
        self._theme_at_first = self.theme

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, text made readable."""
        # A theme's own variables once more: Textual does not ask it for the colours of words.
        variables = super().get_css_variables() | self.current_theme.variables
        if self.native_ansi_color:
            variables = terminal_colours(variables, no_colour=self.terminal.no_colour)
        else:
            variables = readable(variables)
        self.theme_variables = variables
        return variables

    async def on_event(self, event: Event) -> None:
        """What is pasted may hold anything, and would be shown as it is where it goes."""
        if isinstance(event, Paste):
            event.text = safe(event.text)
        await super().on_event(event)

    # -- jobs ----------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        if self.watch_jobs.is_due():
            in_background(self, "watch", lambda: JobsRead(self.watch_jobs.read()))
        # The first tick comes before there is a sheet to draw on.
        if self.review.is_mounted and self.desk.review.item is None and self.desk.notice_new_candidates():
            with failures_shown(self):
                self.desk.read_new_candidates()
                if news := self.desk.take_news():
                    self.notify(safe(news), severity="warning", timeout=_NEWS_S, markup=False)
            self.review.draw()

    @on(JobsRead)
    def _watch(self, message: JobsRead) -> None:
        for job in self.watch_jobs.note(message.jobs):
            text, well = ending(job)
            self.notify(text, severity="information" if well else "warning", timeout=10, markup=False)
        self.review.draw_jobs([job for job in message.jobs if job.state is JobState.RUNNING])

    @on(JobStarted)
    def _started(self, message: JobStarted) -> None:
        self.open(JobsScreen(self.desk, message.job_id))

    @on(Copied)
    def _copied(self, message: Copied) -> None:
        # A terminal that forbids it says nothing, so the file is named as well.
        where = f"Where your terminal does not take it, it stands in {safe(message.path.name)} in reports."
        self.notify(f"Copied. {where}", markup=False)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        tell(self, message)

    def _practise(self, wanted: bool | None) -> None:
        if wanted:
            self.open(PracticeScreen(self.desk))

    # -- what the menu does --------------------------------------------------------------------------------

    def start_job(self, *arguments: str) -> None:
        """Start `python -m core ARGUMENTS` beside the keyboard, then show the jobs."""

        def work() -> Message:
            return JobStarted(self.desk.jobs.start(self.desk.facts.home, list(arguments)))

        in_background(self, "start", work)

    def switch_stream(self, stream: Stream) -> None:
        """Go to another stream, and to the review screen."""
        self.review.switch(stream)
        self._note_place()
        self.call_later(self._uncover)

    def on_review(self, action: str) -> None:
        """Do what a key of the review screen does, whatever is over it."""

        async def act() -> None:
            await self._uncover()
            await self.run_action(action, default_namespace=self.review)

        self.call_later(act)

    def toggle_light(self) -> None:
        """Light or dark."""
        self.theme = light_or_dark(self.current_theme)

    def open(self, screen: Screen[Result], then: Callable[[Result | None], None] | None = None) -> None:
        """Put a screen over the review screen, and over nothing else."""

        async def act() -> None:
            await self._uncover()
            await self.push_screen(screen, then)

        self.call_later(act)

    async def _uncover(self) -> None:
        """Leave whatever lies over the review screen."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    # -- leaving -------------------------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        """For a terminal, the driver that knows when it is gone."""
        found: type[Driver] = super().get_driver_class()
        return DeskDriver if found is LinuxDriver else found

    def leave(self) -> None:
        """End the desk, from any thread. While it only just opens, nothing happens."""
        with suppress(RuntimeError):  # it has ended meanwhile
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self.exit)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """End the desk; the next sitting goes on from here."""
        self._note_place()
        super().exit(result, return_code, message)

    def _note_place(self) -> None:
        same = self.theme == self._theme_at_first
        self.desk.sitting.note(self.review.highlighted, self.desk.sitting.theme if same else self.theme)

    def _fatal_error(self) -> None:
        """A fault ends the desk without Textual's traceback: `run_desk` tells of it, in a sentence."""
        self.fault = self._exception
        self._close_messages_no_wait()

    def panic(self, *_: Any) -> None:
        """The same where Textual has one at hand already, as from the thread that reads the keyboard."""
        self._return_code = 1
        self._fatal_error()


def _settle() -> None:
    """Take what is there by now out of the garbage collector's sight: going through it takes 40 ms, amid a key."""
    gc.collect()
    gc.freeze()
