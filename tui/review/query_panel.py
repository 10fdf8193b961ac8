"""The panel with the title of the product under review."""

from textual.content import Content
from textual.widget import Widget

from core.catalog.product import Product
from core.text.title_diff import mark_differences
from tui.common.words import NO_TITLE, display_title
from tui.common.wrapped_text import Pieces, WrappedText
from tui.theme import MARKS, MUTED


def marked_title(own: Product, other: Product | None) -> Pieces:
    """A title; tokens are marked that the other listing has neither in its title nor as brand or model number."""
    title = display_title(own)
    if title == NO_TITLE:
        return [(title, MUTED)]
    if other is None:
        return [(title, "")]
    spans = mark_differences(title, display_title(other), f"{other.brand} {other.model}")
    return [(span.text, MARKS[span.mark]) for span in spans]


class QueryPanel(Widget):
    """The query's title, wrapped over the panel's height.

    The height does not depend on the title, so that what is below does not move.
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._title: Pieces = []

    def show(self, query: Product, candidate: Product | None) -> None:
        """Show a query with its differences from a candidate marked."""
        self._title = marked_title(query, candidate)
        self.refresh()

    @property
    def is_cut(self) -> bool:
        """Whether the title does not fit."""
        width, height = self.content_size
        return bool(width) and WrappedText(self._title, width, height).is_cut

    def render(self) -> Content:
        """The title, with an ellipsis if it is cut."""
        width, height = self.content_size
        return WrappedText(self._title, width, height).content if width else Content.empty()
