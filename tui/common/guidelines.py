"""What the team calls the same product, to be read beside the work."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from tui.actions import GUIDELINES, bindings
from tui.background import in_background
from tui.common.dialogs import PageDialog
from tui.common.markdown import MarkdownPage, parsed
from tui.messages import GuidelinesRead
from tui.services.files import TeamGuidelines
from tui.theme import MUTED

_BUILT_IN = (
    "These are general rules, since your team has written none. Its own go, as Markdown, into guidelines.md in the "
    "folder of the workspace."
)
_CUT = "The file is longer than what is shown here; its end is missing."


class GuidelinesScreen(PageDialog):
    """The text as it is now: whoever changes the file sees it at the next opening."""

    BINDINGS = bindings(GUIDELINES)
    HEADLINE = "Guidelines"

    def __init__(self, shelf: TeamGuidelines) -> None:
        super().__init__()
        self._shelf = shelf

    def page(self) -> Iterable[Widget]:
        """A word on where the text is from, and the text."""
        yield Static(id="guidelines-note", classes="dialog-text", markup=False)
        yield MarkdownPage()

    def on_mount(self) -> None:
        """Read it beside the keyboard: the workspace may be on another machine."""
        super().on_mount()
        in_background(self, "guidelines", self._read)

    def _read(self) -> Message:
        guidelines = self._shelf.read()
        return GuidelinesRead(guidelines, parsed(guidelines.text))

    @on(GuidelinesRead)
    def _show(self, message: GuidelinesRead) -> None:
        guidelines = message.guidelines
        note = self.query_one("#guidelines-note", Static)
        note.display = guidelines.cut or not guidelines.own
        note.update(Content.styled(_CUT if guidelines.cut else _BUILT_IN, MUTED))
        self.query_one(MarkdownPage).show(message.blocks)
