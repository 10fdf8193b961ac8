"""A line while a verb works beside the keyboard: what it does, how far it is, and nothing once it has answered."""

import time

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.text.safe import safe
from tui.messages import Answered
from tui.ports.verbs import Asked
from tui.style import MUTED
from tui.words import duration
from tui.workers import in_background

_EVERY_S = 1.0
#: Nobody counts the first moments.
_TOLD_FROM_S = 2.0


class Asking(Widget):
    """Asks when it appears, ends the verb when it goes; its screen gets `Answered` or `Failed`.

    Args:
        asked: the verb.
        text: what is being done, with an ellipsis.
        name: stands in the answer, for screens with several questions.
    """

    DEFAULT_CSS = "Asking { height: 1; }"

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
