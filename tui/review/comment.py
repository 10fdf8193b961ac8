"""The dialog to write a comment on a query."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from core.queue.item import ReviewItem
from tui.common.dialogs import Dialog
from tui.common.words import safe_excerpt
from tui.key_bindings import LEAVE, Act
from tui.theme import STRONG

_SAVE = Act("save_comment", "enter", "Enter", "save", "Save the comment.", "save", 1)

_MAX_CHARACTERS = 500


class CommentDialog(Dialog[str]):
    """Earlier comments and a text field; returns the new comment, or None."""

    HEADLINE = "Comment"
    ACTS = (_SAVE, LEAVE)
    AUTO_FOCUS = "Input"

    def __init__(self, item: ReviewItem) -> None:
        super().__init__()
        self._item = item

    def body(self) -> Iterable[Widget]:
        """Earlier comments, then the text field."""
        if self._item.comments:
            yield Static(self._earlier(), classes="dialog-text", markup=False)
        yield Input(placeholder="What should the next person know?", max_length=_MAX_CHARACTERS, compact=True)

    def _earlier(self) -> Content:
        lines = [
            Content.assemble((safe_excerpt(name), STRONG), f"  {safe_excerpt(text)}")
            for name, text in self._item.comments[-5:]
        ]
        return Content("\n").join(lines)

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_save(self) -> None:
        """Save, on a click in the key bar."""
        self.dismiss(self.query_one(Input).value.strip() or None)
