"""Text that is made for whatever width there is."""

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from core.text.safe import safe
from tui.hanging import hanging
from tui.style import BAD


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

    def complain(self, message: str, hint: str) -> None:
        """Say why there is nothing to show, and the way out."""
        sign, words = Content.styled("✗ ", BAD), Content.styled(safe(message), BAD)
        self.show(
            lambda width: Content("\n").join(
                [*hanging(sign, words, width), *hanging(Content("  "), Content(safe(hint)), width)]
            )
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """Its lines at that width."""
        return len(self._make(width).split("\n", allow_blank=True))

    def render(self) -> Content:
        """All of it."""
        return self._make(self.content_size.width)
