"""A question before something is lost."""

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Static

from core.text.safe import safe
from tui.actions import bindings
from tui.page_actions import CONFIRM
from tui.screens.dialog import Dialog


class ConfirmDialog(Dialog[bool]):
    """Yes or no; the focus is on the answer that changes nothing."""

    BINDINGS = bindings(CONFIRM)
    HEADLINE = "Sure?"
    ACTS = CONFIRM
    AUTO_FOCUS = "#no"

    def __init__(self, question: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._question, self._yes, self._no = safe(question), yes, no

    def body(self) -> Iterable[Widget]:
        """The question and two buttons."""
        yield Static(self._question, classes="dialog-text", markup=False)
        with Horizontal(classes="buttons"):
            yield Button(self._no, id="no", compact=True)
            yield Button(self._yes, id="yes", variant="error", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer by letter."""
        self.dismiss(answer)
