"""Past work: one's own queries, and those that anybody flagged or commented on."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static

from core.past.find import PastPage, Scope
from core.past.row import PastRow
from labels.model import ProductRef
from labels.wording import counted
from tui.actions import bindings
from tui.messages import Failed, MoreWanted, PastRead
from tui.page_actions import PAST
from tui.ports.desk import Desk
from tui.screens.full_page import FullPage, page_title
from tui.style import MUTED
from tui.widgets.key_bar import KeyBar
from tui.widgets.paged_list import PagedList
from tui.widgets.past_row import past_lines
from tui.workers import failures_shown, in_background, tell

_SCOPES = {Scope.OWN: "Your own", Scope.NOTED: "Flagged and commented"}
_INVITATION = "Words, an id, or: match, none, unsure, skipped, flagged, commented"
_NOTHING = {
    Scope.OWN: "You have decided nothing yet.",
    Scope.NOTED: "Nothing is flagged or commented on: f flags the query on the screen, c writes on it.",
}


@dataclass
class PastPlace:
    """Where one was in the lists, to come back to.

    Attributes:
        query: the row that was highlighted.
    """

    scope: Scope = Scope.OWN
    text: str = ""
    query: ProductRef | None = None


class PastScreen(FullPage[ProductRef]):
    """Finds as one types; Enter shows the query on the review screen and gives it, Escape changes nothing."""

    BINDINGS = bindings(PAST)
    ACTS = PAST
    AUTO_FOCUS = "Input"

    def __init__(self, desk: Desk, place: PastPlace) -> None:
        super().__init__()
        self._desk = desk
        self._place = place
        self._asked: tuple[Scope, str, int | None] | None = None
        self._next: int | None = None

    def compose(self) -> ComposeResult:
        """The two lists' names, the field, the rows, how far they go, keys."""
        yield Static(id="past-scopes", classes="page-title", markup=False)
        yield Input(self._place.text, placeholder=_INVITATION, compact=True, select_on_focus=False)
        yield PagedList(past_lines, id="past-rows")
        yield Static(id="past-note", markup=False)
        yield KeyBar(PAST)

    def on_mount(self) -> None:
        """The list as one left it."""
        self._read()

    # -- reading -------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if event.value != self._place.text:
            self._place.text, self._place.query = event.value, None
            self._read()

    def _read(self, before: int | None = None) -> None:
        asked = self._asked = (self._place.scope, self._place.text, before)
        self._draw_scopes()

        def work() -> Message:
            scope, text, _ = asked
            page = self._desk.past.page(scope, text, before=before, wanted=lambda: self._asked == asked)
            return PastRead(asked, page)

        in_background(self, "past", work)

    @on(PastRead)
    def _arrived(self, message: PastRead) -> None:
        if message.asked != self._asked:
            return
        self._asked, self._next = None, message.page.next
        if message.asked[2] is None:
            rows = message.page.rows
            at = next((at for at, row in enumerate(rows) if row.query == self._place.query), 0)
            self._rows.show(rows, at)
        else:
            self._rows.extend(message.page.rows)
        self._tell(message.page)
        if self._rows.has_room:
            self._read_on()

    @on(MoreWanted)
    def _read_on(self) -> None:
        if self._next is not None and self._asked is None:
            self._read(self._next)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._asked = None
        tell(self.app, message)

    # -- drawing -------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> PagedList[PastRow]:
        return self.query_one(PagedList)

    def _draw_scopes(self) -> None:
        title = page_title("Past work", list(_SCOPES.values()), list(_SCOPES).index(self._place.scope))
        self.query_one("#past-scopes", Static).update(title)

    def _tell(self, page: PastPage) -> None:
        count = len(self._rows.rows)
        if page.next is not None:
            note = f"{count:,} so far, latest first; ↓ looks further back." if self._place.text else "Latest first."
        elif count:
            note = f"{counted(count, 'query', 'queries')}, latest first."
        else:
            note = "Nothing holds all of these words." if self._place.text.strip() else _NOTHING[self._place.scope]
        self.query_one("#past-note", Static).update(Content.styled(note, MUTED))

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To a neighbouring row, while the field keeps the focus."""
        self._rows.move(step)

    def action_turn_page(self, pages: int) -> None:
        """A screen further."""
        self._rows.turn(pages)

    def action_other_list(self) -> None:
        """To the other list."""
        self.action_part(1 - list(_SCOPES).index(self._place.scope))

    def action_part(self, place: int) -> None:
        """To one of the lists."""
        self._place.scope = list(_SCOPES)[place]
        self._place.query = None
        self._read()

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_open_row()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._rows.highlighted = event.option_index
        self.action_open_row()

    def action_open_row(self) -> None:
        """Show the highlighted query on the review screen, unless somebody else has it."""
        row = self._rows.current
        if row is None or (self._asked is not None and self._asked[2] is None):
            return  # what is on the screen answers an older text
        with failures_shown(self.app):
            self._desk.review.look_up(row.query)
            self._place.query = row.query
            self.dismiss(row.query)

    def action_leave(self) -> None:
        """Back to the desk."""
        row = self._rows.current
        self._place.query = row.query if row else None
        self.dismiss(None)
