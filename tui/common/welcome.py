"""The welcome dialog for newcomers."""

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from tui.common.dialogs import Dialog
from tui.common.guidelines import GuidelinesScreen
from tui.common.help import HelpScreen
from tui.key_bindings import BUTTONS, WELCOME, bindings
from tui.keymap import keymap_of
from tui.services.files import TeamGuidelines
from tui.theme import KEY, MUTED

_TASK = "At the top is a listing; below it are up to ten candidates. Decide which of them are the same product."
_KEYS = (
    ("{accept}", "the highlighted candidate is the same product"),
    ("{none}", "none of them is"),
    ("{down} {up}", "move to another candidate; or press its number"),
    ("{unsure}", "the listings do not say enough to decide"),
    ("{undo}", "undo the last answer, as often as you like"),
    ("{guidelines}", "what your team counts as the same product"),
    ("{help}", "all keys"),
)
_SAVED_NOTE = "Every answer is saved at once and can be undone."


class WelcomeDialog(Dialog[bool]):
    """Explains the task and the most important keys; returns True for practice."""

    BINDINGS = bindings((*WELCOME, *BUTTONS))
    HEADLINE = "Welcome"
    ACTS = WELCOME
    AUTO_FOCUS = "#practise"

    def __init__(self, guidelines: TeamGuidelines) -> None:
        super().__init__()
        self._guidelines = guidelines

    def body(self) -> Iterable[Widget]:
        """The task, the keys, and two buttons."""
        yield Static(_TASK, classes="dialog-text", markup=False)
        lines = [Content.assemble((keymap_of(self.app).fill(keys).ljust(7), KEY), words) for keys, words in _KEYS]
        yield Static(Content("\n").join(lines), classes="dialog-text", markup=False)
        yield Static(Content.styled(_SAVED_NOTE, MUTED), classes="dialog-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Practise on three queries", id="practise", variant="primary", compact=True)
            yield Button("Start working", id="work", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "practise")

    def action_begin(self) -> None:
        """Press the focused button, on a click in the key bar."""
        focused = self.focused
        if isinstance(focused, Button):
            focused.press()

    def action_guidelines(self) -> None:
        """Show the guidelines."""
        self.app.push_screen(GuidelinesScreen(self._guidelines))

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen())
