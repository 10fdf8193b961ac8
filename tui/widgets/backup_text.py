"""Backups as rows of a list, and what is said of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.content import Content

from core.text.safe import safe
from labels.wording import counted, joined, sentence
from tui.style import BAD, GOOD, MUTED, STRONG
from tui.words import UNKNOWN, local

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
