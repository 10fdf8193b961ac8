"""The list of candidates, and which of them have really been on the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.queue.item import Option
from labels.model import Decision, ProductRef, Strength
from tui.messages import Highlighted
from tui.widgets.candidate_row import Columns, row_lines


class CandidateList(ScrollView, can_focus=False):
    """Candidates in rows of one line, or of two where there is room.

    A candidate counts as seen once one of its lines was painted for the query at hand; what lies below the edge
    of a small terminal does not.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"candidates--row", "candidates--cursor"}

    highlighted = reactive(0, repaint=False)
    #: Lines that the layout means to give; what is painted while it is still settling is no more than a flicker.
    lines_given = reactive(0)

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.options: tuple[Option, ...] = ()
        self._verdicts: Mapping[ProductRef, bool] = {}
        self._query = ""
        self._blind = False
        self._painted: set[int] = set()
        self._rows: dict[tuple[int, bool], list[Content]] = {}
        self._made_for: tuple[int, int] | None = None
        self._columns = Columns.of((), "", 0, 1, blind=False)
        self._prepared: tuple[tuple[Option, ...], Columns, dict[tuple[int, bool], list[Content]]] = (
            (), self._columns, {},
        )  # fmt: skip

    # -- what is shown -------------------------------------------------------------------------------------

    def show(self, options: Sequence[Option], query: str, *, blind: bool, highlighted: int, same_query: bool) -> None:
        """Show a query's candidates; `same_query` keeps what was seen before."""
        if not same_query:
            self._verdicts = {}
            self._painted.clear()
            self.scroll_to(y=0, animate=False, immediate=True)
        self.options = self._with_verdicts(options)
        self._query = query
        self._blind = blind
        self._made_for = None
        self._fit()
        self.set_reactive(CandidateList.highlighted, highlighted)
        self._keep_in_view(highlighted)
        self.refresh()

    def note(self, verdicts: Mapping[ProductRef, bool]) -> None:
        """Mark what the judge says, until another query is shown."""
        self._verdicts = {**self._verdicts, **verdicts}
        self.options = self._with_verdicts(self.options)
        self._made_for = None
        self.refresh()

    def _with_verdicts(self, options: Sequence[Option]) -> tuple[Option, ...]:
        said = self._verdicts
        return tuple(replace(o, verdict=said[o.product.ref]) if o.product.ref in said else o for o in options)

    @property
    def current(self) -> Option | None:
        """The highlighted candidate."""
        return self.options[self.highlighted] if self.highlighted < len(self.options) else None

    @property
    def seen(self) -> list[Option]:
        """The candidates that were painted for this query, in their order."""
        return [option for place, option in enumerate(self.options) if place in self._painted]

    def move_to(self, index: int) -> None:
        """Highlight a candidate, if there is one."""
        if self.options:
            self.highlighted = max(0, min(index, len(self.options) - 1))

    def watch_highlighted(self, highlighted: int) -> None:
        """Bring it into view and tell the screen."""
        self._keep_in_view(highlighted)
        self.refresh()
        self.post_message(Highlighted(highlighted))

    # -- painting ------------------------------------------------------------------------------------------

    @property
    def row_height(self) -> int:
        """Two lines where they fit all candidates, so that long titles can be read."""
        return self._row_height(len(self.options))

    def _row_height(self, rows: int) -> int:
        return 2 if rows and self.size.height >= 2 * rows else 1

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        width = self.scrollable_content_region.width
        index, line = divmod(y + self.scroll_offset.y, self.row_height)
        if index >= len(self.options):
            return Strip.blank(width, self.visual_style.rich_style)
        if self.size.height <= self.lines_given:
            self._painted.add(index)
        cursor = index == self.highlighted
        name = "candidates--cursor" if cursor else "candidates--row"
        style = self.get_visual_style(name)
        content = self._row(index, cursor=cursor)[line]
        if cursor and self.app.native_ansi_color:
            # Reversed as a whole: colours of its own would become patches.
            content = Content.styled(content.pad_right(width - content.cell_length).plain, "reverse")
        segments = [Segment(text, part.rich_style) for text, part in content.render(style, end="")]
        return Strip(segments).adjust_cell_length(width, style.rich_style)

    @property
    def columns(self) -> Columns:
        """How the rows are laid out at the width that there is now."""
        made_for = (self.scrollable_content_region.width, self.row_height)
        if made_for != self._made_for:
            self._made_for = made_for
            self._columns = Columns.of(self.options, self._query, *made_for, blind=self._blind)
            prepared = self._prepared[:2] == (self.options, self._columns)
            self._rows = self._prepared[2] if prepared else {}
        return self._columns

    def prepare(self, options: Sequence[Option], query: str, *, blind: bool) -> None:
        """Make the rows of the query that comes next, while nobody waits for them."""
        columns = Columns.of(
            options, query, self.scrollable_content_region.width, self._row_height(len(options)), blind=blind
        )
        rows = {(at, at == 0): row_lines(at, option, columns, cursor=at == 0) for at, option in enumerate(options)}
        self._prepared = (tuple(options), columns, rows)

    def _row(self, index: int, *, cursor: bool) -> list[Content]:
        """The lines of one row; made once, and painted many times."""
        columns = self.columns
        if (index, cursor) not in self._rows:
            self._rows[index, cursor] = row_lines(index, self.options[index], columns, cursor=cursor)
        return self._rows[index, cursor]

    def on_resize(self) -> None:
        """Rows may change their height."""
        self._fit()
        self._keep_in_view(self.highlighted)

    def on_click(self, event: Click) -> None:
        """Highlight the row under the pointer."""
        self.move_to((event.y + self.scroll_offset.y) // self.row_height)

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.options) * self.row_height)

    def _keep_in_view(self, index: int) -> None:
        top, height = index * self.row_height, self.size.height
        if not height:
            return
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif top + self.row_height > self.scroll_offset.y + height:
            self.scroll_to(y=top + self.row_height - height, animate=False, immediate=True)


def next_undecided(options: tuple[Option, ...], index: int) -> int:
    """The next candidate without an explicit decision, going round; the next one where there is none."""
    count = len(options)
    for step in range(1, count):
        option = options[(index + step) % count]
        if option.decision is None or (option.strength is Strength.IMPLIED and option.decision is Decision.NO_MATCH):
            return (index + step) % count
    return min(index + 1, count - 1)
