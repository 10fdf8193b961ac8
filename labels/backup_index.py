"""Backups as anchors: what the ledger held when each was made, it must hold for ever.

The chain of hashes shows an event that was changed. That the last events are gone, or that somebody put an older file
in the place of the ledger, shows only against what was known of it elsewhere: against its backups. So it is with draws.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from labels import draws, projection
from labels.database import readable_errors
from labels.errors import LabelsError
from labels.snapshot import open_immutable, table_names

#: Where the backups of a ledger are, beside it.
FOLDER = "backups"

_MOMENT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"labels-(\d{8}T\d{6}Z)-(\d+)\.db")

#: How a problem begins that is the backup's, not the ledger's.
_USELESS = "a backup is of no use"

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup, as its name tells.

    Attributes:
        at: when it was made, UTC, to the second.
        events: the number of its last event.
    """

    path: Path
    at: datetime
    events: int

    @property
    def description(self) -> str:
        """What it is called in a sentence."""
        return f"the backup of {self.at:%Y-%m-%d %H:%M:%S} UTC ({self.path.name})"

    def last_event(self) -> Event:
        """Its last event; empty where it holds none.

        Raises:
            LabelsError: it cannot be read, or does not end where its name says.
        """
        with self.open() as connection:
            return last_event(connection)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """The file, only for reading.

        Raises:
            LabelsError: it cannot be read, or does not end where its name says.
        """
        from labels.recovery import foreign_error  # noqa: PLC0415 - needs this module

        with open_immutable(self.path) as connection:
            # Anybody may have put the file there: a view in the place of a table could have rows without end.
            if "events" not in table_names(connection):
                raise foreign_error(self.path)
            if last_event(connection).get("seq", 0) != self.events:
                raise LabelsError(
                    f"{self.path} is not the backup that its name tells of.", "Give it another name, or delete it."
                )
            yield connection


def backup_name(at: datetime, events: int) -> str:
    """The file name of a backup.

    Args:
        at: when it is made, UTC.
        events: the number of its last event.
    """
    return f"labels-{file_timestamp(at)}-{events}.db"


def file_timestamp(at: datetime) -> str:
    """A time as it stands in file names: UTC, to the second."""
    return at.astimezone(UTC).strftime(_MOMENT)


def backups(folder: Path) -> list[Backup]:
    """The backups in a folder by their names, the oldest first; there need not be such a folder.

    Raises:
        LabelsError: it cannot be looked into.
    """
    found = []
    with readable_errors(folder):
        try:
            entries = list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        for path in entries:
            if (parts := _NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink():
                with suppress(ValueError):  # a month 13: nothing that was made here
                    at = datetime.strptime(parts[1], _MOMENT).replace(tzinfo=UTC)
                    found.append(Backup(path, at, int(parts[2])))
    return sorted(found, key=lambda backup: (backup.at, backup.events))


def last_event(connection: sqlite3.Connection) -> Event:
    """The last event, by column; empty where there is none."""
    return _event(connection.execute("SELECT * FROM events ORDER BY seq DESC LIMIT 1"))


def contents(connection: sqlite3.Connection) -> tuple[object, ...]:
    """What tells whether two files hold the same: the sizes of the tables that are only added to, and their ends."""
    counts = {
        table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - of our own schema
        for table in table_names(connection) - {*projection.TABLES, "claims"}
    }
    return counts, last_event(connection), _last_draw(connection)


def diverging_backups(connection: sqlite3.Connection, folder: Path) -> list[Backup]:
    """The backups that the open ledger does not go on from: it does not hold what they hold.

    A row or two of each is read, and of those of an earlier schema what was drawn. A backup that cannot be read is left
    out.
    """
    found = []
    for backup in backups(folder):
        with suppress(LabelsError):
            if _departure(connection, backup):
                found.append(backup)
    return found


def problems(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """What the backups in a folder say against the open ledger, in sentences; and what is wrong with them."""
    found = []
    for backup in backups(folder):
        try:
            found.append(_departure(connection, backup))
        except LabelsError as error:
            found.append(f"{_USELESS}: {error.message}")
    return [sentence for sentence in found if sentence]


def _departure(connection: sqlite3.Connection, backup: Backup) -> str:
    """What a backup says against the open ledger; empty where the ledger goes on from it."""
    with backup.open() as other:
        held = last_event(other)
        here = _event(connection.execute("SELECT * FROM events WHERE seq = ?", [backup.events]))
        # One of the two may be of an earlier schema, with fewer columns.
        if held and (not here or any(here[column] != held[column] for column in held.keys() & here.keys())):
            return f"the ledger is not a continuation of {backup.description}: events are missing or were changed since"
        if not _holds_draws(connection, other):
            return f"the ledger lacks what was drawn in {backup.description}: draws are missing or were changed since"
    return ""


def _holds_draws(connection: sqlite3.Connection, other: sqlite3.Connection) -> bool:
    """Whether this file holds what was drawn in the other: by its last record, else by the queries."""
    if "draws" in table_names(connection) & table_names(other):
        last = _last_draw(other)
        return not last or last == _event(connection.execute("SELECT * FROM draws WHERE number = ?", [last["number"]]))
    for table in set(draws.TABLES.values()) & table_names(other):
        if table not in table_names(connection):
            return not other.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - a constant
        columns = ", ".join(sorted(_columns(connection, table) & _columns(other, table)))
        here, held = (set(each.execute(f"SELECT {columns} FROM {table}")) for each in (connection, other))  # noqa: S608
        if held - here:
            return False
    return True


def _last_draw(connection: sqlite3.Connection) -> Event:
    if "draws" not in table_names(connection):
        return {}
    return _event(connection.execute("SELECT * FROM draws ORDER BY number DESC LIMIT 1"))


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def concerns_ledger(problem: str) -> bool:
    """Whether a problem that `verify` found is the ledger's own, for which a restore may be the way out."""
    return not problem.startswith(_USELESS)


def _event(cursor: sqlite3.Cursor) -> Event:
    row = cursor.fetchone()
    return dict(zip((column[0] for column in cursor.description), row, strict=True)) if row else {}
