"""The beginning of a text, for those who know it."""

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.passage import Passage


class Excerpt(Widget):
    """A text over a few lines, with an ellipsis where it goes on.

    Args:
        text: safe to show.
        lines: at most.
    """

    DEFAULT_CSS = "Excerpt { height: auto; }"

    def __init__(self, text: str, lines: int, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._text, self._lines = text, lines

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as are shown at that width."""
        return len(self._passage(width))

    def render(self) -> Content:
        """The lines."""
        return self._passage(self.content_size.width).content

    def _passage(self, width: int) -> Passage:
        return Passage([(self._text, "")], max(1, width), self._lines)
