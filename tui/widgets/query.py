"""The product under review."""

from textual.content import Content
from textual.widget import Widget

from core.catalog.product import Product
from core.text.safe import safe
from tui.diff import marked
from tui.style import MARKS


def marked_title(own: Product, other: Product | None) -> Content:
    """A title in which is marked what the other product's title has not."""
    if other is None:
        return Content(safe(own.title))
    stretches = marked(safe(own.title), safe(other.title))
    return Content.assemble(*((stretch.text, MARKS[stretch.mark]) for stretch in stretches))


class QueryPanel(Widget):
    """The query's title, over as many lines as the panel is high.

    The panel's height does not follow the title: what is below stays where the eye expects it.
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._title = Content.empty()

    def show(self, query: Product, candidate: Product | None) -> None:
        """Show a query, marked against a candidate."""
        self._title = marked_title(query, candidate)
        self.refresh()

    @property
    def is_cut(self) -> bool:
        """Whether the title is longer than the panel."""
        size = self.content_size
        return bool(size.width) and len(self._title.wrap(size.width)) > size.height

    def render(self) -> Content:
        """The title, with an ellipsis where it goes on."""
        width, height = self.content_size
        lines = self._title.wrap(width) if width else []
        if len(lines) > height > 0:
            last = lines[height - 1].rstrip()
            lines = [*lines[: height - 1], last.truncate(width - 1) + Content("…")]
        return Content("\n").join(lines)
