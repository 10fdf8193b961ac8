"""The backups in a folder, and checks of a ledger against them: it must continue from every one of its backups.

The hash chain shows that an event was changed. That the last events or draws were removed, or that the ledger was
replaced by an older file, shows only in comparison with its backups.
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

#: The name of the folder of backups, beside the ledger.
FOLDER = "backups"

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"labels-(\d{8}T\d{6}Z)-(\d+)\.db")

#: Prefix of a problem of a backup, as opposed to one of the ledger.
_UNUSABLE = "a backup is unusable"

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup, described by its file name.

    Attributes:
        path: the file.
        at: when it was made, UTC, to the second.
        events: the number of its last event.
    """

    path: Path
    at: datetime
    events: int

    @property
    def description(self) -> str:
        """The backup in a sentence, by time and file name."""
        return f"the backup of {self.at:%Y-%m-%d %H:%M:%S} UTC ({self.path.name})"

    def last_event(self) -> Event:
        """Its last event, by column; empty where it holds none.

        Raises:
            LabelsError: it cannot be read, or its last event is not the one in its name.
        """
        with self.open() as connection:
            return last_event(connection)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Open the file read-only.

        Raises:
            LabelsError: it cannot be read, or its last event is not the one in its name.
        """
        from labels.recovery import foreign_error  # noqa: PLC0415 - needs this module

        with open_immutable(self.path) as connection:
            # The file may come from anybody: a view in the place of the table could return rows without end.
            if "events" not in table_names(connection):
                raise foreign_error(self.path)
            if last_event(connection).get("seq", 0) != self.events:
                raise LabelsError(
                    f"{self.path} is not the backup that its name says.", "Give it another name, or delete it."
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
    """A time as written in file names: UTC, to the second."""
    return at.astimezone(UTC).strftime(_TIME_FORMAT)


def backups(folder: Path) -> list[Backup]:
    """The backups in a folder, found by their names, the oldest first; none where there is no such folder.

    Raises:
        LabelsError: the folder cannot be read.
    """
    found = []
    with readable_errors(folder):
        try:
            entries = list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        for path in entries:
            if (parts := _NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink():
                with suppress(ValueError):  # no valid date, such as month 13
                    at = datetime.strptime(parts[1], _TIME_FORMAT).replace(tzinfo=UTC)
                    found.append(Backup(path, at, int(parts[2])))
    return sorted(found, key=lambda backup: (backup.at, backup.events))


def last_event(connection: sqlite3.Connection) -> Event:
    """The last event, by column; empty where there is none."""
    return _event(connection.execute("SELECT * FROM events ORDER BY seq DESC LIMIT 1"))


def contents(connection: sqlite3.Connection) -> tuple[object, ...]:
    """What two files share if they hold the same: row counts of the append-only tables, last event, last draw."""
    counts = {
        table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - of our own schema
        for table in table_names(connection) - {*projection.TABLES, "claims"}
    }
    return counts, last_event(connection), _last_draw(connection)


def diverging_backups(connection: sqlite3.Connection, folder: Path) -> list[Backup]:
    """The backups that the open ledger does not continue from, because it lacks events or draws that they hold.

    Only the last rows of each are read, and all drawn queries of one with an earlier schema. A backup that cannot be
    read is left out.
    """
    found = []
    for backup in backups(folder):
        with suppress(LabelsError):
            if _divergence(connection, backup):
                found.append(backup)
    return found


def problems(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """Problems of the open ledger in comparison with the backups in a folder, and of the backups, as clauses."""
    found = []
    for backup in backups(folder):
        try:
            found.append(_divergence(connection, backup))
        except LabelsError as error:
            found.append(f"{_UNUSABLE}: {error.message}")
    return [sentence for sentence in found if sentence]


def _divergence(connection: sqlite3.Connection, backup: Backup) -> str:
    """How the open ledger diverges from a backup, as a clause; empty where it continues from it."""
    with backup.open() as other:
        theirs = last_event(other)
        here = _event(connection.execute("SELECT * FROM events WHERE seq = ?", [backup.events]))
        # One of the two may be of an earlier schema, with fewer columns.
        if theirs and (not here or any(here[column] != theirs[column] for column in theirs.keys() & here.keys())):
            return f"the ledger is not a continuation of {backup.description}: events are missing or were changed since"
        if not _holds_draws(connection, other):
            return f"the ledger lacks what was drawn in {backup.description}: draws are missing or were changed since"
    return ""


def _holds_draws(connection: sqlite3.Connection, other: sqlite3.Connection) -> bool:
    """Whether this file holds the draws of the other: by the last record in `draws`, else by the drawn queries."""
    if "draws" in table_names(connection) & table_names(other):
        last = _last_draw(other)
        return not last or last == _event(connection.execute("SELECT * FROM draws WHERE number = ?", [last["number"]]))
    for table in set(draws.TABLES.values()) & table_names(other):
        if table not in table_names(connection):
            return not other.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - a constant
        columns = ", ".join(sorted(_columns(connection, table) & _columns(other, table)))
        here, theirs = (set(each.execute(f"SELECT {columns} FROM {table}")) for each in (connection, other))  # noqa: S608
        if theirs - here:
            return False
    return True


def _last_draw(connection: sqlite3.Connection) -> Event:
    if "draws" not in table_names(connection):
        return {}
    return _event(connection.execute("SELECT * FROM draws ORDER BY number DESC LIMIT 1"))


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def concerns_ledger(problem: str) -> bool:
    """Whether a problem that `verify` found is one of the ledger, which a restore may solve, and not of a backup."""
    return not problem.startswith(_UNUSABLE)


def _event(cursor: sqlite3.Cursor) -> Event:
    row = cursor.fetchone()
    return dict(zip((column[0] for column in cursor.description), row, strict=True)) if row else {}
