"""The product under review."""

from textual.content import Content
from textual.widget import Widget

from core.catalog.product import Product
from tui.common.words import NO_TITLE, titled
from tui.common.wrapped_text import Pieces, WrappedText
from tui.review.diff import marked
from tui.theme import MARKS, MUTED


def marked_title(own: Product, other: Product | None) -> Pieces:
    """A title in which is marked what the other listing has neither in its title nor as brand or model number."""
    title = titled(own)
    if title == NO_TITLE:
        return [(title, MUTED)]
    if other is None:
        return [(title, "")]
    stretches = marked(title, titled(other), f"{other.brand} {other.model}")
    return [(stretch.text, MARKS[stretch.mark]) for stretch in stretches]


class QueryPanel(Widget):
    """The query's title, over as many lines as the panel is high.

    The panel's height does not follow the title: what is below stays where the eye expects it.
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._title: Pieces = []

    def show(self, query: Product, candidate: Product | None) -> None:
        """Show a query, marked against a candidate."""
        self._title = marked_title(query, candidate)
        self.refresh()

    @property
    def is_cut(self) -> bool:
        """Whether the title is longer than the panel."""
        width, height = self.content_size
        return bool(width) and WrappedText(self._title, width, height).is_cut

    def render(self) -> Content:
        """The title, with an ellipsis where it goes on."""
        width, height = self.content_size
        return WrappedText(self._title, width, height).content if width else Content.empty()
