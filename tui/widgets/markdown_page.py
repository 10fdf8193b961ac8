"""A Markdown text on the screen."""

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.markdown import Block, laid_out


class MarkdownPage(Widget):
    """As high as its text at whatever width there is; what is around it scrolls."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: Sequence[Block] = ()
        self._lines: tuple[int, list[Content]] = (0, [])

    def show(self, blocks: Sequence[Block]) -> None:
        """Put a text on the screen."""
        self._blocks, self._lines = blocks, (0, [])
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as the text needs at that width."""
        return len(self._laid_out(width))

    def render(self) -> Content:
        """All lines; the page shows those that fit."""
        return Content("\n").join(self._laid_out(self.size.width))

    def _laid_out(self, width: int) -> list[Content]:
        if self._lines[0] != width:
            self._lines = width, laid_out(self._blocks, width)
        return self._lines[1]
