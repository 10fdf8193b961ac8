"""A part of a page that a verb fills: a line while it works, then what it answered, or why it could not."""

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.text.safe import safe
from tui.messages import Answered, Failed, Filled
from tui.ports.verbs import Verbs
from tui.style import BAD, MUTED
from tui.widgets.asking import Asking


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
        return bool(self.query(Asking))

    async def ask(self, text: str, *arguments: str) -> None:
        """Have a verb answer; `text` says meanwhile what is being done."""
        await self.clear()
        await self.mount(Asking(self._verbs.ask(*arguments), text))

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
