"""The screen with the team's labelling guidelines."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from tui.background import in_background
from tui.common.dialogs import PageDialog
from tui.common.markdown import MarkdownPage, parse_markdown
from tui.key_bindings import GUIDELINES, bindings
from tui.messages import GuidelinesRead
from tui.services.files import TeamGuidelines
from tui.theme import MUTED

_BUILT_IN_NOTE = (
    "These are general rules, because your team has written none. To replace them, write Markdown into guidelines.md "
    "in the workspace folder."
)
_CUT_NOTE = "The file is too long; only its beginning is shown."


class GuidelinesScreen(PageDialog):
    """The guidelines, read again each time the screen is opened."""

    BINDINGS = bindings(GUIDELINES)
    HEADLINE = "Guidelines"

    def __init__(self, guidelines: TeamGuidelines) -> None:
        super().__init__()
        self._guidelines = guidelines

    def page(self) -> Iterable[Widget]:
        """A note on the text's origin, and the text."""
        yield Static(id="guidelines-note", classes="dialog-text", markup=False)
        yield MarkdownPage()

    def on_mount(self) -> None:
        """Read in the background: the workspace may be on a network drive."""
        super().on_mount()
        in_background(self, "guidelines", self._read)

    def _read(self) -> Message:
        guidelines = self._guidelines.read()
        return GuidelinesRead(guidelines, parse_markdown(guidelines.text))

    @on(GuidelinesRead)
    def _show(self, message: GuidelinesRead) -> None:
        guidelines = message.guidelines
        note = self.query_one("#guidelines-note", Static)
        note.display = guidelines.cut or not guidelines.own
        note.update(Content.styled(_CUT_NOTE if guidelines.cut else _BUILT_IN_NOTE, MUTED))
        self.query_one(MarkdownPage).show(message.blocks)
