"""The keys of one page and what they do."""

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from tui.actions import Act
from tui.keymap import keymap_of
from tui.screens.help import key_lines
from tui.screens.page import PageDialog
from tui.widgets.fitted import Fitted


class PageKeys(PageDialog):
    """All of a page's keys, also those for which the bar has no room."""

    HEADLINE = "Keys of this page"

    def __init__(self, acts: Sequence[Act]) -> None:
        super().__init__()
        self._acts = acts

    def page(self) -> Iterable[Widget]:
        """Keys and sentences."""
        keymap = keymap_of(self.app)
        keys = [(act.shown, act.help) for act in map(keymap.act, self._acts)]
        yield Fitted(lambda width: key_lines(keys, width))
