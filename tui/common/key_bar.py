"""The bottom line: the keys that matter here, or a word on what a key just did."""

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.timer import Timer
from textual.widget import Widget

from core.text.safe import safe
from tui.actions import Act
from tui.keymap import keymap_of
from tui.theme import KEY, MUTED

_SAID_S = 4.0


class KeyBar(Widget):
    """Keys with their labels; each can be clicked too. Where there is no room the least important go."""

    def __init__(self, acts: Sequence[Act], *, id: str = "keys") -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._acts = [act for act in acts if act.label]
        self._said = ""
        self._timer: Timer | None = None

    def offer(self, acts: Sequence[Act]) -> None:
        """Show other keys from now on."""
        offered = [act for act in acts if act.label]
        if offered != self._acts:
            self._acts = offered
            self.refresh()

    def say(self, text: str) -> None:
        """Say something in the place of the keys for a moment."""
        if self._timer is not None:
            self._timer.stop()
        self._said = safe(text)
        self._timer = self.set_timer(_SAID_S, self._fall_silent)
        self.refresh()

    @property
    def said(self) -> str:
        """What it says now; empty while it shows the keys."""
        return self._said

    def stop(self) -> None:
        """Show the keys again: what was said is about something that is over."""
        if self._timer is not None:
            self._timer.stop()
        self._fall_silent()

    def _fall_silent(self) -> None:
        if self._said:
            self._said = ""
            self.refresh()

    def render(self) -> Content:
        """As many keys as fit."""
        width = self.content_size.width
        if self._said:
            return Content(self._said).truncate(width, ellipsis=True)
        keymap = keymap_of(self.app)
        acts = [keymap.act(act) for act in self._acts]
        line = _line(acts)
        while acts and line.cell_length > width:
            least = max(acts, key=lambda act: act.rank)
            acts = [act for act in acts if act is not least]
            line = _line(acts)
        return line


def _line(acts: Sequence[Act]) -> Content:
    return Content("  ").join([_key(act) for act in acts])


def _key(act: Act) -> Content:
    action = act.action if "." in act.action else f"screen.{act.action}"
    if act.id == "palette":
        action = "app.command_palette"
    words = Content.assemble((act.shown, KEY), (f" {act.label}", MUTED))
    return words.stylize_before(Style.from_meta({"@click": action}))
