"""The trail: one's own actions, latest first, with the undo position."""

from collections.abc import Callable
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static

from labels.history import ActionStatus, TrailStep
from labels.model import ProductRef
from tui.background import failures_shown, in_background, tell
from tui.common.full_page import FullPage
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.key_bindings import TRAIL, bindings
from tui.messages import Failed, MoreWanted, TrailRead
from tui.review.past_work import trail_line
from tui.services.desk import Desk
from tui.theme import CAREFUL, MUTED

_UNDO_POSITION = " undo position "


@dataclass(frozen=True, slots=True)
class TrailRow:
    """An action; `at_undo_position` draws the mark above it, `note` names the key that undoes or redoes it."""

    step: TrailStep
    title: str
    at_undo_position: bool = False
    note: str = ""


class TrailScreen(FullPage[ProductRef]):
    """Actions of all days; `z` and `Z` undo and redo, Enter opens an action's query and returns it.

    Args:
        undo_or_redo: redoes if called with True, else undoes; returns a sentence on what it did.
    """

    BINDINGS = bindings(TRAIL)
    ACTS = TRAIL

    def __init__(self, desk: Desk, undo_or_redo: Callable[[bool], str]) -> None:
        super().__init__()
        self._desk = desk
        self._undo_or_redo = undo_or_redo
        self._steps: list[tuple[TrailStep, str]] = []
        self._reading = False
        self._at_end = False

    def compose(self) -> ComposeResult:
        """Title, actions, a note, keys."""
        yield Static("Your trail", classes="page-title", markup=False)
        yield PagedList(_draw_row, id="trail-rows")
        yield Static(id="trail-note", markup=False)
        yield KeyBar(TRAIL)

    def on_mount(self) -> None:
        """Read the latest actions."""
        self._read()

    # -- reading -------------------------------------------------------------------------------------------

    def _read(self, before: int | None = None) -> None:
        self._reading = True
        in_background(self, "trail", lambda: TrailRead(before, tuple(self._desk.past.trail(before))))

    @on(TrailRead)
    def _arrived(self, message: TrailRead) -> None:
        self._reading, self._at_end = False, not message.steps
        has_position = any(step.status is ActionStatus.STANDS for step, _ in self._steps)
        if message.before is not None and has_position:
            self._steps += message.steps
            self._rows.extend(TrailRow(step, title) for step, title in message.steps)
        else:
            self._steps = [*(self._steps if message.before is not None else ()), *message.steps]
            self._rows.show(_trail_rows(self._steps), self._rows.highlighted or 0)
        note = "Latest first." if self._steps else "There is nothing to undo yet."
        self.query_one("#trail-note", Static).update(Content.styled(note, MUTED))

    @on(MoreWanted)
    def _read_on(self) -> None:
        if self._steps and not self._reading and not self._at_end:
            self._read(self._steps[-1][0].action.seq)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._reading = False
        tell(self.app, message)

    @property
    def _rows(self) -> PagedList[TrailRow]:
        return self.query_one(PagedList)

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Move the highlight by `step` actions."""
        self._rows.move(step)

    def action_turn_page(self, pages: int) -> None:
        """Move the highlight by a screenful."""
        self._rows.turn(pages)

    def action_turn(self, back: bool) -> None:
        """Undo or redo, and show the new undo position."""
        self.query_one(KeyBar).say(self._undo_or_redo(back))
        self._read()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._rows.highlighted = event.option_index
        self.action_open_row()

    def action_open_row(self) -> None:
        """Open the highlighted action's query on the review screen, unless another annotator has it."""
        row = self._rows.current
        if row is not None:
            with failures_shown(self.app):
                self._desk.review.look_up(row.step.action.query)
                self.dismiss(row.step.action.query)


def _trail_rows(steps: list[tuple[TrailStep, str]]) -> list[TrailRow]:
    """The rows, with the undo position above the latest action that is not undone, and the keys that move it."""
    active = [at for at, (step, _) in enumerate(steps) if step.status is ActionStatus.STANDS]
    position = active[0] if active else len(steps)
    undone = [at for at in range(position) if steps[at][0].status is ActionStatus.REDOABLE]
    notes = {position: "z undoes it"} | ({undone[-1]: "Z redoes it"} if undone else {})
    return [TrailRow(step, title, at == position, notes.get(at, "")) for at, (step, title) in enumerate(steps)]


def _draw_row(row: TrailRow, width: int) -> Content:
    line = trail_line(row.step, row.title, row.note, width)
    if not row.at_undo_position:
        return line
    mark = Content.styled("──" + _UNDO_POSITION + "─" * max(0, width - len(_UNDO_POSITION) - 2), CAREFUL)
    return Content("\n").join([mark, line])
