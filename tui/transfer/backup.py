"""The backup dialog: list, create, verify and restore backups of the ledger."""

from collections.abc import Iterable, Mapping
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
from labels.backup_index import concerns_ledger
from labels.wording import as_sentence, counted, join_clauses
from tui.common.dialogs import ConfirmDialog, Dialog
from tui.common.key_bar import KeyBar
from tui.common.lists import PagedList
from tui.common.pane import VerbProgress
from tui.common.words import UNKNOWN, local
from tui.key_bindings import BACKUP, LEAVE, bindings
from tui.messages import Answered, Failed
from tui.services.desk import Desk
from tui.theme import BAD, GOOD, MUTED, STRONG

#: Cells of the columns: creation time, events, size.
_CREATED, _EVENTS, _SIZE = 20, 10, 9
_GAP = "  "
_KIB = 1024


@dataclass(frozen=True, slots=True)
class BackupRow:
    """One backup.

    Attributes:
        at: creation time, ISO 8601.
        size: bytes.
        readable: whether its last event is the one in its name.
        intact: result of a full verification in this dialog; None while there was none.
    """

    path: Path
    at: str
    events: int
    size: int
    readable: bool
    intact: bool | None = None

    @property
    def when(self) -> str:
        """Creation time in the local time zone."""
        moment = local(self.at)
        return f"{moment.day} {moment:%b %Y, %H:%M}" if moment else UNKNOWN


def backup_rows(values: Mapping[str, Any], verified: Mapping[Path, bool]) -> list[BackupRow]:
    """The rows for an answer of `labels backups`, newest first, with the verification results so far."""
    rows = []
    for row in reversed(values["backups"]):
        path = Path(row["file"])
        rows.append(BackupRow(path, row["at"], row["events"], row["bytes"], row["readable"], verified.get(path)))
    return rows


def backup_heading() -> Content:
    """The headings of the columns."""
    cells = ("made".ljust(_CREATED), "events".rjust(_EVENTS), "size".rjust(_SIZE))
    return Content.styled(_GAP.join(cells), MUTED)


def backup_line(row: BackupRow, width: int) -> Content:
    """Creation time, events, size, and whether it is usable."""
    if not row.readable:
        state = Content.assemble(("✗ ", BAD), "cannot be used")
    elif row.intact is None:
        state = Content.styled("verified when made", MUTED)
    else:
        state = Content.assemble(("✓ ", GOOD), "intact") if row.intact else Content.assemble(("✗ ", BAD), "damaged")
    cells = (row.when.ljust(_CREATED), f"{row.events:,}".rjust(_EVENTS), size(row.size).rjust(_SIZE))
    return (Content(_GAP.join(cells) + _GAP) + state).truncate(width, ellipsis=True)


def size(count: int) -> str:
    """Bytes in binary units, with two significant digits."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= _KIB and len(units) > 1:
        value /= _KIB
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" or value >= 10 else f"{value:.1f} {units[0]}"


def verification_text(subject: str, answer: Mapping[str, Any], way_out: str) -> Content:
    """The result of `labels verify` on `subject`; `way_out` follows where there are problems."""
    if answer["ok"]:
        events = counted(answer["events"], "event")
        return Content.assemble(("✓ ", GOOD), (f"{subject} is intact", STRONG), f": {events}.")
    problems = as_sentence(join_clauses([safe(problem) for problem in answer["problems"]]))
    return Content.assemble(("✗ ", BAD), (f"{subject} is damaged", STRONG), f": {problems}", "\n", (way_out, MUTED))


def restore_question(row: BackupRow, now: int | None, loss: str = "") -> str:
    """The question before a restore.

    Args:
        row: the backup.
        now: events in the ledger; None where unknown.
        loss: a sentence on the events that would be lost; empty for none.
    """
    held = f", with {counted(now, 'event')}" if now is not None else ""
    return (
        f"Restore the backup of {row.when}, with {counted(row.events, 'event')}? {loss}{' ' if loss else ''}"
        f"It replaces the current ledger{held}. A copy of that is kept, with the backups made since, in a folder beside"
        " the backups; samesku labels restore brings it back. "
        "This desk closes and opens again; every other desk has to be opened again by hand."
    )


#: Names of the commands in progress.
_LIST, _CREATE, _VERIFY, _VERIFY_LEDGER, _DRY_RESTORE = "list", "make", "check", "ledger", "rehearse"
_NO_BACKUPS = "There are no backups yet; b makes one."


class BackupDialog(Dialog[Path]):
    """The list, and the outcome of the last command. Answers with the backup to restore."""

    BINDINGS = bindings((*BACKUP, LEAVE))
    HEADLINE = "Backup"
    ACTS = (*BACKUP, LEAVE)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._verified: dict[Path, bool] = {}
        self._ledger_events: int | None = None
        self._subject: BackupRow | None = None

    def body(self) -> Iterable[Widget]:
        """The list, the command in progress, and its outcome."""
        yield Static(backup_heading(), id="backup-heading", markup=False)
        yield PagedList[BackupRow](backup_line, id="backups")
        yield Vertical(id="asking")
        outcome = Static(id="said", markup=False)
        outcome.display = False
        yield outcome

    async def on_mount(self) -> None:
        """Read the list. Only leads are offered to restore."""
        if not self._desk.facts.lead:
            self.query_one(KeyBar).offer([act for act in self.ACTS if act.id != "backup_restore"])
        await self._run(_LIST, "Reading …", "backups")

    # -- commands -------------------------------------------------------------------------------------------

    @property
    def _list(self) -> PagedList[BackupRow]:
        return self.query_one(PagedList)

    async def _run(self, name: str, text: str, *arguments: str) -> None:
        """Run a command, unless one runs already."""
        if not self.query(VerbProgress):
            if name != _LIST:
                self._show_outcome(Content.empty())
            await self.query_one("#asking").mount(
                VerbProgress(self._desk.verbs.ask("labels", *arguments), text, name=name)
            )

    def _show_outcome(self, text: Content) -> None:
        outcome = self.query_one("#said", Static)
        outcome.update(text)
        outcome.display = bool(text)

    @on(Answered)
    async def _answered(self, message: Answered) -> None:
        message.stop()
        await self._remove_progress()
        values, row = message.values, self._subject
        if message.name == _LIST:
            self._show_list(values)
        elif message.name == _CREATE:
            self._show_outcome(self._created_text(values))
            await self._run(_LIST, "Reading …", "backups")
        elif message.name == _VERIFY_LEDGER:
            self._show_outcome(verification_text("The ledger", values, self._way_out(values["problems"])))
        elif message.name == _VERIFY and row is not None:
            self._show_verification(row, values)
        elif message.name == _DRY_RESTORE and row is not None:
            question = restore_question(row, self._ledger_events, values.get("loss", ""))
            self.app.push_screen(
                ConfirmDialog(question, yes="Restore", no="Leave it as it is"), partial(self._confirmed, row)
            )

    @on(Failed)
    async def _failed(self, message: Failed) -> None:
        message.stop()
        await self._remove_progress()
        self._show_outcome(Content.assemble((f"✗ {safe(message.message)}", BAD), "\n", (safe(message.hint), MUTED)))

    async def _remove_progress(self) -> None:
        # `DOMQuery.remove` would lay out this dialog, but not the container, which then keeps its height.
        await self.query_one("#asking").remove_children()

    def _way_out(self, problems: Iterable[str]) -> str:
        """What to do about problems of the ledger: restore it if it is damaged itself, not if a backup is."""
        if not any(map(concerns_ledger, problems)):
            return "The ledger itself is intact; move the damaged backup away."
        return "Enter restores the highlighted backup." if self._desk.facts.lead else "Tell a lead."

    def _show_list(self, values: Mapping[str, Any]) -> None:
        self._ledger_events = values["events"]
        rows, here = backup_rows(values, self._verified), self._list.current
        places = (place for place, row in enumerate(rows) if here is not None and row.path == here.path)
        self._list.show(rows, next(places, 0))
        if not rows and not self.query_one("#said").display:
            self._show_outcome(Content.styled(_NO_BACKUPS, MUTED))

    def _created_text(self, values: Mapping[str, Any]) -> Content:
        if Path(values["file"]) in {row.path for row in self._list.rows}:
            return Content.assemble(
                ("✓ ", GOOD), "Nothing has been added since the last backup, which is intact; no new one is needed."
            )
        created = f"A backup of {counted(values['events'], 'event')} is made and verified."
        return Content.assemble(("✓ ", GOOD), (created, STRONG))

    def _show_verification(self, row: BackupRow, values: Mapping[str, Any]) -> None:
        self._verified[row.path] = values["ok"]
        self._show_outcome(verification_text(f"The backup of {row.when}", values, "Restore another one."))
        rows = [replace(each, intact=self._verified.get(each.path)) for each in self._list.rows]
        self._list.show(rows, self._list.highlighted or 0)

    # -- keys ----------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Highlight another backup."""
        self._list.move(step)

    async def action_make(self) -> None:
        """Create a backup, while everybody goes on working."""
        await self._run(_CREATE, "Copying the ledger and verifying the copy …", "backup")

    async def action_check(self) -> None:
        """Verify the highlighted backup."""
        await self._run_on_row(_VERIFY, "Verifying the backup …", "verify")

    async def action_ledger(self) -> None:
        """Verify the ledger."""
        await self._run(_VERIFY_LEDGER, "Verifying the ledger …", "verify")

    async def action_restore(self) -> None:
        """Check that the highlighted backup can be restored, then ask."""
        if self._desk.facts.lead:
            await self._run_on_row(_DRY_RESTORE, "Verifying the backup …", "restore", "--dry-run")
        else:
            self.query_one(KeyBar).say("Only leads restore the ledger.")

    async def _run_on_row(self, name: str, text: str, *verb: str) -> None:
        row = self._list.current
        if row is None:
            self.query_one(KeyBar).say(_NO_BACKUPS)
        elif not self.query(VerbProgress):
            self._subject = row
            await self._run(name, text, *verb, str(row.path))

    def _confirmed(self, row: BackupRow, confirmed: bool | None) -> None:
        if confirmed:
            self.dismiss(row.path)
