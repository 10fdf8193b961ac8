"""A copy of the ledger as it is at one moment, while people go on writing to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from labels import database, files
from labels.database import is_damage, readable_errors, require_known_version
from labels.errors import LabelsError


@contextmanager
def open_existing(path: Path) -> Iterator[sqlite3.Connection]:
    """A labels file as it is: neither made nor migrated. A write that was cut off is rolled back, as by any opening.

    A desk that was killed at its very first start leaves an empty file, which is a ledger without events.

    Raises:
        LabelsError: there is no such file, or not any more; it is no labels file; or a newer program wrote it.
    """
    from labels.recovery import foreign_error, lost_error  # noqa: PLC0415 - needs this module

    if not database.has_content(path) and (error := lost_error(path)):
        raise error
    with readable_errors(path):
        there = _exists(path)
    if not there:
        hint = "`samesku review` makes one." if path.name == "labels.db" else "Check the path."
        raise LabelsError(f"There is no labels file at {path}.", hint)
    # Not mode=ro: what was cut off has to be rolled back before anything can be read at all. SQLite opens a
    # write-protected file for reading only by itself.
    uri = f"{path.resolve().as_uri()}?mode=rw"
    with readable_errors(path):
        files.require_regular(path, follow_links=True)
    with (
        readable_errors(path),
        closing(
            sqlite3.connect(uri, uri=True, timeout=database.BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        ) as connection,
    ):
        require_known_version(connection, path)
        if (present := table_names(connection)) and "events" not in present:
            raise foreign_error(path)
        yield connection


def _exists(path: Path) -> bool:
    """Whether something stands at a path, at the end of links.

    Raises:
        OSError: that cannot be seen.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def table_names(connection: sqlite3.Connection) -> set[str]:
    """The names of the tables in a file; a new or an emptied file has none."""
    return {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def open_immutable(path: Path) -> Iterator[sqlite3.Connection]:
    """A file that nobody writes any more, such as a backup: only read, without locks or files beside it.

    Raises:
        LabelsError: it cannot be read, or is no database.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with readable_errors(path):
        files.require_regular(path, follow_links=True)
    with readable_errors(path), closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection


def snapshot(path: Path, copy: Path) -> None:
    """Copy a labels file to a new one, whole, by SQLite's online backup; the copy needs no journal beside it.

    Writers wait while it is copied; the copy is not synced.

    Raises:
        LabelsError: there is no such file, it cannot be read, or the copy cannot be written.
    """
    with open_existing(path) as source:
        # The lock for reading is taken here, where waiting for it ends: the copy would wait without end.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with readable_errors(copy):
            try:
                copy_to(source, copy)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                from labels.recovery import damaged_error  # noqa: PLC0415 - needs this module

                raise damaged_error(path, error) from error


def copy_to(source: sqlite3.Connection, copy: Path) -> None:
    """Copy an open database to a new file, which needs no other file beside it; it is not synced.

    Raises:
        sqlite3.Error: it cannot be read, or the copy cannot be written.
        OSError: the copy cannot be made.
    """
    files.make_shared(copy)
    with closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA synchronous=OFF")
        source.backup(target)
        # Nothing but this one file is needed, also where the ledger itself keeps a write-ahead log.
        target.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def private_copy(path: Path) -> Iterator[Path]:
    """A snapshot of a labels file that only this process sees; gone afterwards.

    Raises:
        LabelsError: as `snapshot`, or there is no room for temporary files.
    """
    with files.private_folder() as folder:
        copy = folder / "labels.db"
        snapshot(path, copy)
        yield copy


@contextmanager
def naming_original(copy: Path, path: Path) -> Iterator[None]:
    """Let errors about a copy name the file that it was made of: people know nothing of the copy."""
    try:
        yield
    except LabelsError as error:
        raise LabelsError(error.message.replace(str(copy), str(path)), error.hint) from error
