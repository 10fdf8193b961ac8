"""What somebody who sits down here for the first time is shown, once."""

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from tui.actions import WELCOME, bindings
from tui.keymap import keymap_of
from tui.page_actions import BUTTONS
from tui.screens.dialog import Dialog
from tui.style import KEY, MUTED

_WORK = "On top stands a listing; below it are up to ten that may be the same product. Say which of them is."
_KEYS = (
    ("{accept}", "this one is the same product"),
    ("{none}", "none of these is"),
    ("{down} {up}", "another candidate; or press its number"),
    ("{unsure}", "the listings do not tell"),
    ("{undo}", "take the last answer back, as often as you like"),
    ("{guidelines}", "what your team calls the same product"),
    ("{help}", "all keys"),
)
_SAFE = "Whatever you say is saved at once, and can be taken back."


class WelcomeDialog(Dialog[bool]):
    """The few keys that matter; True means practice."""

    BINDINGS = bindings((*WELCOME, *BUTTONS))
    HEADLINE = "Welcome"
    ACTS = WELCOME
    AUTO_FOCUS = "#practise"

    def body(self) -> Iterable[Widget]:
        """What there is to do, the keys, and two ways on."""
        yield Static(_WORK, classes="dialog-text", markup=False)
        lines = [Content.assemble((keymap_of(self.app).fill(keys).ljust(7), KEY), words) for keys, words in _KEYS]
        yield Static(Content("\n").join(lines), classes="dialog-text", markup=False)
        yield Static(Content.styled(_SAFE, MUTED), classes="dialog-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Practise on three queries", id="practise", variant="primary", compact=True)
            yield Button("Start working", id="work", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "practise")

    def action_begin(self) -> None:
        """What Enter does, by a click on the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()
