"""A part of a page that a verb fills: a line while it works, then what it answered, or why it could not."""

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
from tui.ports import Asked, Verbs
from tui.theme import BAD, MUTED

_EVERY_S = 1.0
#: Nobody counts the first moments.
_TOLD_FROM_S = 2.0


class VerbProgress(Widget):
    """Asks when it appears, ends the verb when it goes; its screen gets `Answered` or `Failed`.

    Args:
        asked: the verb.
        text: what is being done, with an ellipsis.
        name: stands in the answer, for screens with several questions.
    """

    DEFAULT_CSS = "VerbProgress { height: 1; }"

    def __init__(self, asked: Asked, text: str, *, name: str = "") -> None:
        super().__init__(name=name)
        self._asked, self._text = asked, text
        self._begun = time.monotonic()

    def on_mount(self) -> None:
        """Ask, and look once a second how far it is."""

        def work() -> Message:
            return Answered(self._asked.answer(), self.name or "")

        in_background(self, "ask", work)
        self.set_interval(_EVERY_S, self.refresh)

    def on_unmount(self) -> None:
        """Nobody waits any more."""
        self._asked.cancel()

    def render(self) -> Content:
        """One line."""
        return Content.styled(f"{self._text}{self._how_far()}", MUTED).truncate(self.size.width, ellipsis=True)

    def _how_far(self) -> str:
        waited = time.monotonic() - self._begun
        if waited < _TOLD_FROM_S:
            return ""
        headway = self._asked.headway()
        if headway is None:
            return f"  {duration(waited)}"
        share = f" {headway.done / headway.total:.0%}" if headway.total else ""
        left = f", {duration(headway.left_s)} left" if headway.left_s else ""
        return f"  {safe(headway.stage)}{share}{left or f', {duration(waited)}'}"


class Pane(VerticalScroll, can_focus=False):
    """Asks once it is told to, and again whenever it is; scrolls where its answer is longer than the screen.

    Subclasses put the answer on the screen in `show`.
    """

    DEFAULT_CSS = "Pane { scrollbar-size-vertical: 1; }"

    def __init__(self, verbs: Verbs, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._verbs = verbs
        self.values: Mapping[str, Any] | None = None

    @property
    def busy(self) -> bool:
        """Whether the verb has not answered yet."""
        return bool(self.query(VerbProgress))

    async def ask(self, text: str, *arguments: str) -> None:
        """Have a verb answer; `text` says meanwhile what is being done."""
        await self.clear()
        await self.mount(VerbProgress(self._verbs.ask(*arguments), text))

    async def clear(self) -> None:
        """Forget the answer, and end the verb where it still works."""
        self.values = None
        await self.query("*").remove()

    @on(Answered)
    async def _answered(self, message: Answered) -> None:
        message.stop()
        if not self.is_attached:
            return
        self.values = message.values
        await self.query("*").remove()
        await self.show(message.values)
        self.post_message(Filled())

    @on(Failed)
    async def _failed(self, message: Failed) -> None:
        message.stop()
        await self.query("*").remove()
        words = Content.assemble((safe(message.message), BAD), "\n", (safe(message.hint), MUTED))
        await self.mount(Static(words, markup=False))
        self.post_message(Filled())

    async def show(self, values: Mapping[str, Any]) -> None:
        """Put the answer on the screen, which is empty."""

    def move(self, step: int) -> None:
        """Down or up, for whoever reads on."""
        self.scroll_relative(y=step * 3, animate=False)
