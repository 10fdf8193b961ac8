"""The frame of everything that opens over the desk."""

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from tui.actions import Act, bindings
from tui.page_actions import LEAVE
from tui.widgets.key_bar import KeyBar

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A titled box with its keys at the bottom. Escape leaves it and changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((LEAVE,))
    HEADLINE: ClassVar[str] = ""
    ACTS: ClassVar[tuple[Act, ...]] = (LEAVE,)

    def compose(self) -> ComposeResult:
        """Title, body, keys."""
        with Vertical(classes="dialog"):
            yield Static(self.HEADLINE, classes="dialog-title", markup=False)
            yield from self.body()
            yield KeyBar(self.ACTS)

    def body(self) -> Iterable[Widget]:
        """What stands in the box."""
        return ()

    def action_leave(self) -> None:
        """Back, without a result."""
        self.dismiss(None)
