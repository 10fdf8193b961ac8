"""Base classes of the modal dialogs: a titled box, a confirmation, and a scrolling page."""

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static

from core.text.safe import safe
from tui.common.dismissal import DismissedOnce
from tui.common.key_bar import KeyBar
from tui.key_bindings import CONFIRM, LEAVE, PAGE, PAGE_SCROLL, Act, bindings

Result = TypeVar("Result")


class Dialog(DismissedOnce, ModalScreen[Result]):
    """A titled box with its keys at the bottom; Escape closes it without a result."""

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
        """The widgets in the box."""
        return ()

    def action_leave(self) -> None:
        """Close without a result."""
        self.dismiss(None)


class ConfirmDialog(Dialog[bool]):
    """A yes-or-no question; the focus is on the answer that changes nothing."""

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
        """Answer by key."""
        self.dismiss(answer)


#: Lines of a small step, and lines that stay visible after a page step.
_STEP_LINES, _OVERLAP_LINES = 4, 2


class ScrollingDialog(Dialog[Result]):
    """A dialog with a part that scrolls where it is longer than the screen; only then its keys are shown."""

    #: Selector of the part that scrolls.
    PANE: ClassVar[str] = ".page"
    #: Lines around it: the frame, the title, the keys, and blank lines between them.
    FRAME_LINES: ClassVar[int] = 6

    def on_resize(self) -> None:
        """Limit the height of the part to the screen."""
        self._pane.styles.max_height = self.size.height - self.FRAME_LINES

    @property
    def _pane(self) -> VerticalScroll:
        return self.query_one(self.PANE, VerticalScroll)

    def on_mount(self) -> None:
        """Offer other keys whenever the scroll bar comes or goes."""
        self.watch(self._pane, "show_vertical_scrollbar", self.offer_keys)

    def offer_keys(self) -> None:
        """Show the keys that do something now."""
        self.query_one(KeyBar).offer(self.acts(scrolls=self._pane.show_vertical_scrollbar))

    def acts(self, *, scrolls: bool) -> tuple[Act, ...]:
        """The keys that do something now."""
        return (*PAGE_SCROLL[:1], LEAVE) if scrolls else (LEAVE,)

    def action_scroll_page(self, steps: int) -> None:
        """Scroll by small steps."""
        self._pane.scroll_relative(y=steps * _STEP_LINES, animate=False)

    def action_turn_page(self, pages: int) -> None:
        """Scroll by pages."""
        self._pane.scroll_relative(y=pages * max(1, self._pane.size.height - _OVERLAP_LINES), animate=False)


class PageDialog(ScrollingDialog[None]):
    """A page that scrolls."""

    BINDINGS = bindings((*PAGE, *PAGE_SCROLL))

    def body(self) -> Iterable[Widget]:
        """The page."""
        with VerticalScroll(classes="page", can_focus=False):
            yield from self.page()

    def page(self) -> Iterable[Widget]:
        """The widgets of the page."""
        return ()
