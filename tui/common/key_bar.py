"""The key bar at the bottom: the most important keys, or a notice for a few seconds."""

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style
from textual.timer import Timer
from textual.widget import Widget

from core.text.safe import safe
from tui.key_bindings import Act
from tui.keymap import keymap_of
from tui.theme import KEY, MUTED

_NOTICE_S = 4.0


class KeyBar(Widget):
    """Clickable keys with labels; the least important are dropped if there is no room."""

    def __init__(self, acts: Sequence[Act], *, id: str = "keys") -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._acts = [act for act in acts if act.label]
        self._notice = ""
        self._timer: Timer | None = None

    def offer(self, acts: Sequence[Act]) -> None:
        """Replace the keys."""
        offered = [act for act in acts if act.label]
        if offered != self._acts:
            self._acts = offered
            self.refresh()

    def say(self, text: str) -> None:
        """Show a notice instead of the keys for a few seconds."""
        if self._timer is not None:
            self._timer.stop()
        self._notice = safe(text)
        self._timer = self.set_timer(_NOTICE_S, self._clear_notice)
        self.refresh()

    @property
    def notice(self) -> str:
        """The current notice; empty while the keys are shown."""
        return self._notice

    def stop(self) -> None:
        """Remove the notice and show the keys again."""
        if self._timer is not None:
            self._timer.stop()
        self._clear_notice()

    def _clear_notice(self) -> None:
        if self._notice:
            self._notice = ""
            self.refresh()

    def render(self) -> Content:
        """The notice, or as many keys as fit."""
        width = self.content_size.width
        if self._notice:
            return Content(self._notice).truncate(width, ellipsis=True)
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
