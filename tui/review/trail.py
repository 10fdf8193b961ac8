"""The trail: what one did, latest first, and where undo stands."""

from collections.abc import Callable
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static

from labels.history import ActStatus, Step
from labels.model import ProductRef
from tui.actions import TRAIL, bindings
from tui.background import failures_shown, in_background, tell
from tui.common.full_page import FullPage
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.messages import Failed, MoreWanted, TrailRead
from tui.review.past_work import trail_line
from tui.services.desk import Desk
from tui.theme import CAREFUL, MUTED

_HERE = " undo stands here "


@dataclass(frozen=True, slots=True)
class TrailRow:
    """An act; `here` puts the mark over it, `note` says which key moves it."""

    step: Step
    title: str
    here: bool = False
    note: str = ""


class TrailScreen(FullPage[ProductRef]):
    """Acts of any day; `z` and `Z` move the mark, Enter shows an act's query and gives it.

    Args:
        turn: takes back or, where True, brings back; returns what it did, in a sentence.
    """

    BINDINGS = bindings(TRAIL)
    ACTS = TRAIL

    def __init__(self, desk: Desk, turn: Callable[[bool], str]) -> None:
        super().__init__()
        self._desk = desk
        self._turn = turn
        self._steps: list[tuple[Step, str]] = []
        self._reading = False
        self._ended = False

    def compose(self) -> ComposeResult:
        """Title, acts, keys."""
        yield Static("Your trail", classes="page-title", markup=False)
        yield PagedList(_drawn, id="trail-rows")
        yield Static(id="trail-note", markup=False)
        yield KeyBar(TRAIL)

    def on_mount(self) -> None:
        """The latest acts."""
        self._read()

    # -- reading -------------------------------------------------------------------------------------------

    def _read(self, before: int | None = None) -> None:
        self._reading = True
        in_background(self, "trail", lambda: TrailRead(before, tuple(self._desk.past.trail(before))))

    @on(TrailRead)
    def _arrived(self, message: TrailRead) -> None:
        self._reading, self._ended = False, not message.steps
        marked = any(step.standing is ActStatus.STANDS for step, _ in self._steps)
        if message.before is not None and marked:
            self._steps += message.steps
            self._rows.extend(TrailRow(step, title) for step, title in message.steps)
        else:
            self._steps = [*(self._steps if message.before is not None else ()), *message.steps]
            self._rows.show(_rows(self._steps), self._rows.highlighted or 0)
        note = "Latest first." if self._steps else "You have done nothing yet that could be taken back."
        self.query_one("#trail-note", Static).update(Content.styled(note, MUTED))

    @on(MoreWanted)
    def _read_on(self) -> None:
        if self._steps and not self._reading and not self._ended:
            self._read(self._steps[-1][0].past.seq)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._reading = False
        tell(self.app, message)

    @property
    def _rows(self) -> PagedList[TrailRow]:
        return self.query_one(PagedList)

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To a neighbouring act."""
        self._rows.move(step)

    def action_turn_page(self, pages: int) -> None:
        """A screen further."""
        self._rows.turn(pages)

    def action_turn(self, back: bool) -> None:
        """Take back, or bring back, and show where that leads."""
        self.query_one(KeyBar).say(self._turn(back))
        self._read()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._rows.highlighted = event.option_index
        self.action_open_row()

    def action_open_row(self) -> None:
        """Show the highlighted act's query on the review screen, unless somebody else has it."""
        row = self._rows.current
        if row is not None:
            with failures_shown(self.app):
                self._desk.review.look_up(row.step.past.query)
                self.dismiss(row.step.past.query)


def _rows(steps: list[tuple[Step, str]]) -> list[TrailRow]:
    """The acts with the mark before the first that stands, and the keys that move it."""
    places = [at for at, (step, _) in enumerate(steps) if step.standing is ActStatus.STANDS]
    here = places[0] if places else len(steps)
    undone = [at for at in range(here) if steps[at][0].standing is ActStatus.BACK]
    notes = {here: "z takes it back"} | ({undone[-1]: "Z brings it back"} if undone else {})
    return [TrailRow(step, title, at == here, notes.get(at, "")) for at, (step, title) in enumerate(steps)]


def _drawn(row: TrailRow, width: int) -> Content:
    line = trail_line(row.step, row.title, row.note, width)
    if not row.here:
        return line
    mark = Content.styled("──" + _HERE + "─" * max(0, width - len(_HERE) - 2), CAREFUL)
    return Content("\n").join([mark, line])
