"""Opening ledger files for reading, and consistent copies of a ledger while it is written to."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from labels import database, files
from labels.database import is_damage, readable_errors, require_known_version
from labels.errors import LabelsError


@contextmanager
def open_existing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a labels file that exists, without migrating it. As on any opening, an interrupted write is rolled back.

    An empty file, as a desk that was killed at its first start leaves it, is a ledger without events.

    Raises:
        LabelsError: there is no such file, or it is gone; it is not a labels file; or a newer program wrote it.
    """
    from labels.recovery import foreign_error, lost_error  # noqa: PLC0415 - needs this module

    if not database.has_content(path) and (error := lost_error(path)):
        raise error
    with readable_errors(path):
        there = _exists(path)
    if not there:
        hint = "`samesku review` creates one." if path.name == "labels.db" else "Check the path."
        raise LabelsError(f"There is no labels file at {path}.", hint)
    # Not mode=ro: an interrupted write has to be rolled back before anything can be read. SQLite itself falls back to
    # reading only for a write-protected file.
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
    """Whether there is something at a path, links followed.

    Raises:
        OSError: that cannot be determined.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def table_names(connection: sqlite3.Connection) -> set[str]:
    """The names of the tables in a file; none in a new or emptied one."""
    return {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@contextmanager
def open_immutable(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file that is no longer written, such as a backup, read-only and without locks or journal.

    Raises:
        LabelsError: it cannot be read, or is not a database.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with readable_errors(path):
        files.require_regular(path, follow_links=True)
    with readable_errors(path), closing(sqlite3.connect(uri, uri=True)) as connection:
        yield connection


def snapshot(path: Path, copy: Path) -> None:
    """Copy a labels file to a new file by SQLite's online backup. The copy needs no journal and is not synced.

    Writers wait while it is copied.

    Args:
        path: the ledger.
        copy: the new file.

    Raises:
        LabelsError: there is no such file, it cannot be read, or the copy cannot be written.
    """
    with open_existing(path) as source:
        # The read lock is taken here, where waiting for it times out; the backup would wait without end.
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
    """Copy an open database to a new file by SQLite's online backup. The copy needs no journal and is not synced.

    Raises:
        sqlite3.Error: the source cannot be read, or the copy cannot be written.
        OSError: the copy cannot be created.
    """
    files.make_shared(copy)
    with closing(sqlite3.connect(copy)) as target:
        target.execute("PRAGMA synchronous=OFF")
        source.backup(target)
        # A copy of a ledger with a write-ahead log would otherwise need one too.
        target.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def private_copy(path: Path) -> Iterator[Path]:
    """A temporary snapshot of a labels file, readable for this account only and deleted afterwards.

    Raises:
        LabelsError: as `snapshot`, or temporary files cannot be created.
    """
    with files.private_folder() as folder:
        copy = folder / "labels.db"
        snapshot(path, copy)
        yield copy


@contextmanager
def naming_original(copy: Path, path: Path) -> Iterator[None]:
    """Replace the path of a copy by that of the original in errors: users do not know the copy."""
    try:
        yield
    except LabelsError as error:
        raise LabelsError(error.message.replace(str(copy), str(path)), error.hint) from error
