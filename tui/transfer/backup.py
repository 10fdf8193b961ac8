"""Backups of the ledger: which there are, one more, whether they are sound, and back to one of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from core.text.safe import safe
from labels.backup_index import is_of_ledger
from labels.wording import counted, joined, sentence
from tui.actions import BACKUP, LEAVE, bindings
from tui.common.dialogs import ConfirmDialog, Dialog
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.common.pane import VerbProgress
from tui.common.words import UNKNOWN, local
from tui.messages import Answered, Failed
from tui.services.desk import Desk
from tui.theme import BAD, GOOD, MUTED, STRONG

#: How wide the columns are: when it was made, events, size.
_MADE, _EVENTS, _SIZE = 20, 10, 9
_GAP = "  "
_KIB = 1024


@dataclass(frozen=True, slots=True)
class BackupRow:
    """One backup.

    Attributes:
        at: when it was made, ISO 8601.
        size: bytes.
        readable: whether it ends where its name says.
        sound: what a check of all of it found; None while nobody has checked it here.
    """

    path: Path
    at: str
    events: int
    size: int
    readable: bool
    sound: bool | None = None

    @property
    def when(self) -> str:
        """By the clock on the wall."""
        moment = local(self.at)
        return f"{moment.day} {moment:%b %Y, %H:%M}" if moment else UNKNOWN


def backup_rows(values: Mapping[str, Any], sound: Mapping[Path, bool]) -> list[BackupRow]:
    """The rows for what `labels backups` answers, the newest first; `sound` by what was found here before."""
    rows = []
    for row in reversed(values["backups"]):
        path = Path(row["file"])
        rows.append(BackupRow(path, row["at"], row["events"], row["bytes"], row["readable"], sound.get(path)))
    return rows


def backup_heading() -> Content:
    """Over the columns."""
    cells = ("made".ljust(_MADE), "events".rjust(_EVENTS), "size".rjust(_SIZE))
    return Content.styled(_GAP.join(cells), MUTED)


def backup_line(row: BackupRow, width: int) -> Content:
    """When, how many, how large, and whether it is of use."""
    if not row.readable:
        state = Content.assemble(("✗ ", BAD), "cannot be used")
    elif row.sound is None:
        state = Content.styled("checked when made", MUTED)
    else:
        state = Content.assemble(("✓ ", GOOD), "sound") if row.sound else Content.assemble(("✗ ", BAD), "not sound")
    cells = (row.when.ljust(_MADE), f"{row.events:,}".rjust(_EVENTS), size(row.size).rjust(_SIZE))
    return (Content(_GAP.join(cells) + _GAP) + state).truncate(width, ellipsis=True)


def size(count: int) -> str:
    """Bytes, as coarse as one wants to read them."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= _KIB and len(units) > 1:
        value /= _KIB
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" or value >= 10 else f"{value:.1f} {units[0]}"


def checked_text(what: str, ok: bool, events: int, problems: Sequence[str], way_out: str) -> Content:
    """What a check found of `what`, with which the sentence begins; `way_out` is told where something is wrong."""
    if ok:
        return Content.assemble(("✓ ", GOOD), (f"{what} is sound", STRONG), f": {counted(events, 'event')}.")
    told = sentence(joined([safe(problem) for problem in problems]))
    return Content.assemble(("✗ ", BAD), (f"{what} is not sound", STRONG), f": {told}", "\n", (way_out, MUTED))


def restore_question(row: BackupRow, now: int | None, loss: str = "") -> str:
    """What going back to a backup would do.

    Args:
        row: the backup.
        now: how many events the ledger holds; None where nobody can tell.
        loss: what would be dropped, in a sentence.
    """
    held = f", with {counted(now, 'event')}" if now is not None else ""
    return (
        f"Go back to the backup of {row.when}, with {counted(row.events, 'event')}? {loss}{' ' if loss else ''}"
        f"It takes the place of the ledger as it is now{held}. A copy of that is kept, with the backups made since, in"
        " a folder of its own beside the backups; samesku labels restore brings it back. "
        "This desk closes and opens again; every other desk has to be opened anew."
    )


_LIST, _MAKE, _CHECK, _LEDGER, _REHEARSE = "list", "make", "check", "ledger", "rehearse"
_NONE = "There are no backups yet; b makes one."


class BackupDialog(Dialog[Path]):
    """A list and a word on what was done last. Answers with the backup that the ledger is to go back to."""

    BINDINGS = bindings((*BACKUP, LEAVE))
    HEADLINE = "Backup"
    ACTS = (*BACKUP, LEAVE)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._sound: dict[Path, bool] = {}
        self._events: int | None = None
        self._about: BackupRow | None = None

    def body(self) -> Iterable[Widget]:
        """The list, what is being done, what came of it."""
        yield Static(backup_heading(), id="backup-heading", markup=False)
        yield PagedList[BackupRow](backup_line, id="backups")
        yield Vertical(id="asking")
        said = Static(id="said", markup=False)
        said.display = False
        yield said

    async def on_mount(self) -> None:
        """Read them; who may not restore is not offered it."""
        if not self._desk.facts.lead:
            self.query_one(KeyBar).offer([act for act in self.ACTS if act.id != "backup_restore"])
        await self._ask(_LIST, "Reading …", "backups")

    # -- asking --------------------------------------------------------------------------------------------

    @property
    def _list(self) -> PagedList[BackupRow]:
        return self.query_one(PagedList)

    async def _ask(self, name: str, text: str, *arguments: str) -> None:
        """One thing at a time."""
        if not self.query(VerbProgress):
            if name != _LIST:
                self._say(Content.empty())
            await self.query_one("#asking").mount(
                VerbProgress(self._desk.verbs.ask("labels", *arguments), text, name=name)
            )

    def _say(self, words: Content) -> None:
        said = self.query_one("#said", Static)
        said.update(words)
        said.display = bool(words)

    @on(Answered)
    async def _answered(self, message: Answered) -> None:
        message.stop()
        await self.query(VerbProgress).remove()
        values, row = message.values, self._about
        if message.name == _LIST:
            self._show(values)
        elif message.name == _MAKE:
            self._say(self._made(values))
            await self._ask(_LIST, "Reading …", "backups")
        elif message.name == _LEDGER:
            hint = self._way_out(values["problems"])
            self._say(checked_text("The ledger", values["ok"], values["events"], values["problems"], hint))
        elif message.name == _CHECK and row is not None:
            self._note(row, values)
        elif message.name == _REHEARSE and row is not None:
            question = restore_question(row, self._events, values.get("loss", ""))
            self.app.push_screen(
                ConfirmDialog(question, yes="Go back to it", no="Leave it as it is"), partial(self._sure, row)
            )

    @on(Failed)
    async def _failed(self, message: Failed) -> None:
        message.stop()
        await self.query(VerbProgress).remove()
        self._say(Content.assemble((f"✗ {safe(message.message)}", BAD), "\n", (safe(message.hint), MUTED)))

    def _way_out(self, problems: Iterable[str]) -> str:
        """For the ledger: a restore where it is damaged itself, and not where a backup is."""
        if not any(map(is_of_ledger, problems)):
            return "The ledger itself is sound; move the damaged backup away."
        return "Enter goes back to the highlighted backup." if self._desk.facts.lead else "Tell a lead."

    def _show(self, values: Mapping[str, Any]) -> None:
        self._events = values["events"]
        rows, here = backup_rows(values, self._sound), self._list.current
        places = (place for place, row in enumerate(rows) if here is not None and row.path == here.path)
        self._list.show(rows, next(places, 0))
        if not rows and not self.query_one("#said").display:
            self._say(Content.styled(_NONE, MUTED))

    def _made(self, values: Mapping[str, Any]) -> Content:
        if Path(values["file"]) in {row.path for row in self._list.rows}:
            return Content.assemble(
                ("✓ ", GOOD), "Nothing has been added since the last backup, which is sound and stands for a new one."
            )
        made = f"A backup of {counted(values['events'], 'event')} is made and checked."
        return Content.assemble(("✓ ", GOOD), (made, STRONG))

    def _note(self, row: BackupRow, values: Mapping[str, Any]) -> None:
        self._sound[row.path] = values["ok"]
        what = f"The backup of {row.when}"
        self._say(checked_text(what, values["ok"], values["events"], values["problems"], "Go back to another one."))
        rows = [replace(each, sound=self._sound.get(each.path)) for each in self._list.rows]
        self._list.show(rows, self._list.highlighted or 0)

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """To another backup."""
        self._list.move(step)

    async def action_make(self) -> None:
        """A backup of the ledger as it is, while everybody goes on."""
        await self._ask(_MAKE, "Copying the ledger and checking the copy …", "backup")

    async def action_check(self) -> None:
        """All of the highlighted backup."""
        await self._of_row(_CHECK, "Checking the backup …", "verify")

    async def action_ledger(self) -> None:
        """All of the ledger."""
        await self._ask(_LEDGER, "Checking the ledger …", "verify")

    async def action_restore(self) -> None:
        """Look whether the ledger can go back to the highlighted backup, then ask."""
        if self._desk.facts.lead:
            await self._of_row(_REHEARSE, "Checking the backup …", "restore", "--dry-run")
        else:
            self.query_one(KeyBar).say("Only leads restore the ledger.")

    async def _of_row(self, name: str, text: str, *verb: str) -> None:
        row = self._list.current
        if row is None:
            self.query_one(KeyBar).say(_NONE)
        elif not self.query(VerbProgress):
            self._about = row
            await self._ask(name, text, *verb, str(row.path))

    def _sure(self, row: BackupRow, sure: bool | None) -> None:
        if sure:
            self.dismiss(row.path)
