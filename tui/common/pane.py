"""Panes that run a command of the command line and show its progress, then its result or failure."""

import time
from collections.abc import Mapping
from typing import Any

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.text.safe import safe
from tui.background import in_background
from tui.common.words import duration
from tui.messages import Answered, Failed, Filled
from tui.services.processes import VerbRun, VerbRunner
from tui.theme import BAD, MUTED

_REFRESH_INTERVAL_S = 1.0
#: Seconds before progress is shown.
_SHOW_PROGRESS_AFTER_S = 2.0


class VerbProgress(Widget):
    """Runs a command when mounted and cancels it when removed; posts `Answered` or `Failed`.

    Args:
        asked: the command.
        text: what it does, with an ellipsis.
        name: copied into `Answered`, for screens with several commands.
    """

    DEFAULT_CSS = "VerbProgress { height: 1; }"

    def __init__(self, asked: VerbRun, text: str, *, name: str = "") -> None:
        super().__init__(name=name)
        self._asked, self._text = asked, text
        self._begun = time.monotonic()

    def on_mount(self) -> None:
        """Start the command and refresh its progress every second."""

        def work() -> Message:
            return Answered(self._asked.answer(), self.name or "")

        in_background(self, "ask", work)
        self.set_interval(_REFRESH_INTERVAL_S, self.refresh)

    def on_unmount(self) -> None:
        """Cancel the command."""
        self._asked.cancel()

    def render(self) -> Content:
        """One line with the progress."""
        return Content.styled(f"{self._text}{self._progress_text()}", MUTED).truncate(self.size.width, ellipsis=True)

    def _progress_text(self) -> str:
        waited = time.monotonic() - self._begun
        if waited < _SHOW_PROGRESS_AFTER_S:
            return ""
        headway = self._asked.progress()
        if headway is None:
            return f"  {duration(waited)}"
        share = f" {headway.done / headway.total:.0%}" if headway.total else ""
        left = f", {duration(headway.left_s)} left" if headway.left_s else ""
        return f"  {safe(headway.stage)}{share}{left or f', {duration(waited)}'}"


class Pane(VerticalScroll, can_focus=False):
    """A scrolling pane that runs a command on `ask` and shows its result.

    Subclasses render the result in `show`.
    """

    DEFAULT_CSS = "Pane { scrollbar-size-vertical: 1; }"

    def __init__(self, verbs: VerbRunner, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._verbs = verbs
        self.values: Mapping[str, Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether the command is running."""
        return bool(self.query(VerbProgress))

    async def ask(self, text: str, *arguments: str) -> None:
        """Run a command; `text` is shown meanwhile."""
        await self.clear()
        await self.mount(VerbProgress(self._verbs.ask(*arguments), text))

    async def clear(self) -> None:
        """Drop the result, and cancel the command if it is running."""
        self.values = None
        await self.remove_children()

    @on(Answered)
    async def _answered(self, message: Answered) -> None:
        message.stop()
        if not self.is_attached:
            return
        self.values = message.values
        await self.remove_children()
        await self.show(message.values)
        self.post_message(Filled())

    @on(Failed)
    async def _failed(self, message: Failed) -> None:
        message.stop()
        await self.remove_children()
        words = Content.assemble((safe(message.message), BAD), "\n", (safe(message.hint), MUTED))
        await self.mount(Static(words, markup=False))
        self.post_message(Filled())

    async def show(self, values: Mapping[str, Any]) -> None:
        """Render a result into the empty pane."""

    def move(self, step: int) -> None:
        """Scroll down, or up if negative."""
        self.scroll_relative(y=step * 3, animate=False)
