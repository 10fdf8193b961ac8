"""Text that is made for whatever width there is."""

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget


class Fitted(Widget):
    """As high as what `make` gives for the width, in cells, that there is."""

    DEFAULT_CSS = "Fitted { height: auto; }"

    def __init__(self, make: Callable[[int], Content], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._make = make

    def show(self, make: Callable[[int], Content]) -> None:
        """Show another text."""
        self._make = make
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Its lines at that width."""
        return len(self._make(width).split("\n", allow_blank=True))

    def render(self) -> Content:
        """All of it."""
        return self._make(self.content_size.width)
