"""Errors for a ledger that is damaged, replaced or gone, and the rescue of what an open connection still holds.

A restore drops what was decided since the backup. So a hint proposes it only where the ledger itself is damaged or
gone, and where there is a backup.
"""

import math
import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from labels import database
from labels.backup import back_up_open
from labels.backup_index import FOLDER, Backup, backups
from labels.database import Connection, MovedError, is_damage
from labels.errors import LabelsError
from labels.files import require_regular, way_out
from labels.quarantine import identity
from labels.wording import counted

#: The file name of the ledger of a workspace. Copies and backups have other names, or no backups beside them.
LEDGER = "labels.db"

_RESTORE = "`samesku labels restore latest`"
#: The first bytes of a journal that is not hot, so that nothing of it is to be rolled back
#: (https://sqlite.org/fileformat.html, "The Rollback Journal").
_COLD_JOURNAL = bytes(8)

#: Time limit of `require_sound`, well below `labels.database.BUSY_TIMEOUT_MS`.
_CHECK_TIMEOUT_S = 2.0
#: SQLite virtual machine instructions between two looks at the clock.
_PROGRESS_STEPS = 100_000


def lost_error(path: Path) -> LabelsError | None:
    """The error for a ledger that was at `path` and is gone; None where there never was one.

    Args:
        path: where there is no ledger now.
    """
    last = _last_backup(path)
    if last is None and not database.has_marker(path):
        return None
    state = _state_of(path)
    marker = f"{database.marker_path(path).name} away from {path.parent}"
    if last is None:
        return LabelsError(
            f"{path} {state}, but there was a ledger; there is no backup of it in {FOLDER}.",
            "Put the file back, or a backup from elsewhere with `samesku labels restore FILE`. To begin an empty"
            f" ledger instead, move {marker}.",
        )
    return LabelsError(
        f"{path} {state}, but {last.description} holds {counted(last.events, 'event')}.",
        f"{_RESTORE} brings them back. To begin an empty ledger instead, move the folder {FOLDER} and {marker}.",
    )


def moved_error(connection: Connection) -> MovedError:
    """The error for an open file that was deleted, moved or replaced; the content of a deleted ledger is backed up."""
    path = connection.path
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # deleted or moved
    except OSError as error:
        return MovedError(
            f"{path} cannot be accessed any more: {error.strerror}; nothing was written.",
            way_out(error, "Try again."),
        )
    message = f"{path} was deleted, moved or restored while it was open; nothing was written."
    if path.name != LEDGER:
        return MovedError(message, "Start again.")
    if kept := rescue(connection):
        return MovedError(
            f"{message} Everything until then is saved in {kept.path}, {counted(kept.events, 'event')}.",
            f"Quit; {_RESTORE} puts it back.",
        )
    if identity(path) is not None:
        return MovedError(
            f"{message} What was decided here is in the file that was there before.",
            "Quit and start again, to see what is there now; a restore keeps the file before in the folder backups.",
        )
    last = _last_backup(path)
    backed_up = (
        f"{last.description} holds {counted(last.events, 'event')}: {_RESTORE}."
        if last
        else "There is no backup beside it."
    )
    return MovedError(
        f"{message} What was decided until then was in that file.",
        f"Quit. Where the file was moved, move it back; else {backed_up}",
    )


def rescue(connection: Connection) -> Backup | None:
    """Back up what an open connection still holds of a ledger whose file is gone; None where that is not possible.

    Nothing is written if the workspace is gone too.
    """
    path = connection.path
    if identity(path) is not None or not database.has_marker(path) or connection.in_transaction:
        return None
    with suppress(LabelsError, OSError, sqlite3.Error, UnicodeDecodeError):
        _remove_cold_journal(path)
        return back_up_open(connection, path)
    return None


def damaged_error(path: Path, error: Exception) -> LabelsError:
    """The error for a file that SQLite cannot read; checks again whether the file itself is damaged."""
    message = f"{path} is damaged or not a labels file: {error}."
    if path.name != LEDGER:
        return LabelsError(message, "Name another file.")
    if not _is_damaged(path):
        return LabelsError(message, "`samesku labels verify` lists what is wrong.")
    if _last_backup(path) is None:
        return LabelsError(
            message,
            "There is no backup beside it; `samesku labels restore FILE` takes one from elsewhere, and keeps the"
            " damaged file.",
        )
    return LabelsError(
        message,
        f"{_RESTORE} goes back to the last backup; it says first what that would drop, and keeps the damaged file.",
    )


def require_sound(path: Path) -> None:
    """Return if SQLite finds no damage in the pages of a ledger, or there is none.

    A verb that reads some of the tables would not notice damage in the others, and would go on with a part of the
    labels. The check is bounded in time, since it keeps others from writing: a ledger of gigabytes counts as sound.

    Raises:
        LabelsError: the ledger is damaged.
    """
    if database.has_content(path) and (found := _page_damage(path, _CHECK_TIMEOUT_S)):
        raise damaged_error(path, sqlite3.DatabaseError(found))


def foreign_error(path: Path) -> LabelsError:
    """The error for an SQLite file of another program, or a ledger that has lost its events table."""
    has_backup = _last_backup(path) is not None
    remedy = f"{_RESTORE} brings the ledger back, and keeps this file." if has_backup else "Move it away."
    return LabelsError(f"{path} is not a labels file: it holds no events.", f"It was not touched. {remedy}")


def _last_backup(path: Path) -> Backup | None:
    """The last backup of a workspace's ledger that holds events."""
    if path.name != LEDGER:
        return None
    try:
        found = [backup for backup in backups(path.parent / FOLDER) if backup.events]
    except LabelsError:
        return None
    return found[-1] if found else None


def _state_of(path: Path) -> str:
    """What is in the place of the ledger, as a predicate."""
    try:
        require_regular(path)
    except OSError as error:
        return str(error.strerror).removeprefix("it ")
    return "is gone or empty"


def _is_damaged(path: Path) -> bool:
    return bool(_page_damage(path))


def _page_damage(path: Path, timeout_s: float = math.inf) -> str:
    """What SQLite finds wrong with the pages of a file; empty where nothing is, or the time was not enough."""
    deadline = time.monotonic() + timeout_s
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return "" if found == "ok" else found.splitlines()[-1]
    except UnicodeDecodeError as error:  # SQLite's own message may quote bytes that are not text
        return str(error)
    except sqlite3.Error as error:
        return str(error) if is_damage(error) else ""


def _remove_cold_journal(path: Path) -> None:
    """Remove a journal with nothing to roll back: without the database file SQLite fails on it, and reads nothing."""
    journal = path.with_name(f"{path.name}-journal")
    with suppress(FileNotFoundError):
        descriptor = os.open(journal, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            cold = os.read(descriptor, len(_COLD_JOURNAL)) in {_COLD_JOURNAL, b""}
        finally:
            os.close(descriptor)
        if cold:
            journal.unlink()
