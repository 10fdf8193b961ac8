"""Connections to labels.db: journal mode, durability, schema version, write lock, and errors that a user can read."""

import errno
import os
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from labels import files, schema
from labels.errors import LabelsError
from labels.files import atomic_text, make_shared, require_regular
from labels.quarantine import Identity, companions, identity
from labels.transactions import atomic
from labels.write_lock import FifoWriteLock

#: PRAGMA user_version of the newest schema that this program knows; `labels.migrations` leads up to it.
SCHEMA_VERSION = 4

#: How long a connection waits for the write lock, and SQLite for its own, in milliseconds.
BUSY_TIMEOUT_MS = 5_000

_MARKER_SUFFIX = ".created"

#: File system types on which the shared memory of a write-ahead log does not work (https://sqlite.org/wal.html).
_NETWORK_FILE_SYSTEMS = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph", "lustre",
}  # fmt: skip


def marker_path(path: Path) -> Path:
    """The file beside a ledger that records that there was one, so that no empty one takes the place of a lost one."""
    return path.parent / (path.name + _MARKER_SUFFIX)  # not with_name: `.` and `/` have no name


def has_marker(path: Path) -> bool:
    """Whether there was a ledger at `path` before."""
    return os.path.lexists(marker_path(path))


def write_marker(path: Path) -> None:
    """Record that there is a ledger at `path`. A failure is ignored: the next opening tries again."""
    if has_marker(path):
        return
    with suppress(OSError), atomic_text(marker_path(path)) as out:
        out.write(
            f"{path.name} was here on {datetime.now(UTC):%Y-%m-%d}. While this file is here, samesku begins no empty"
            f" ledger in its place.\n"
        )


def has_content(path: Path) -> bool:
    """Whether a file at `path` may be a ledger: a regular file that is not empty, or one this account may not stat."""
    try:
        facts = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return facts.st_size > 0 and stat.S_ISREG(facts.st_mode)


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL corruption bug with two or more connections.

    Versions 3.7.0 to 3.51.2 have the bug; it is fixed in 3.51.3, and in 3.50.7 and 3.44.6 of the older lines
    (https://sqlite.org/wal.html, "The WAL-reset bug").
    """
    if version >= (3, 51, 3):
        return True
    major_minor, patch = version[:2], version[2]
    return (major_minor == (3, 50) and patch >= 7) or (major_minor == (3, 44) and patch >= 6)


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Type of the file system that holds `path`; empty where there is no such file as `mounts` (macOS)."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    resolved = path.resolve()
    longest, kind = -1, ""
    for line in lines:
        fields = line.split()
        mount = Path(fields[1].replace("\\040", " "))
        if resolved.is_relative_to(mount) and len(mount.parts) > longest:
            longest, kind = len(mount.parts), fields[2]
    return kind


def journal_mode(path: Path) -> str:
    """`wal` where it is safe with this SQLite and file system, else `persist`: a rollback journal that is not deleted.

    `persist` and not `delete`: at `synchronous=FULL` SQLite syncs the header that ends a persistent journal, but not
    the deletion of a journal from its folder. A power cut could bring a deleted journal back and undo a write that was
    acknowledged. `persist` is also a quarter faster.
    """
    if wal_is_safe(sqlite3.sqlite_version_info) and file_system(path.parent) not in _NETWORK_FILE_SYSTEMS:
        return "wal"
    return "persist"


class MovedError(LabelsError):
    """The open file is no longer the one at its path."""


class Connection(sqlite3.Connection):
    """A connection with a fair write lock that detects when another file has taken the place of its own."""

    path: Path
    identity: Identity | None
    write_lock: FifoWriteLock
    #: PRAGMA schema_version when the schema was last compared; None for a database whose schema is not, as the leases.
    schema_cookie: int | None = None

    def execute(self, *arguments: object) -> sqlite3.Cursor:
        """Run a statement. Outside a transaction, first check that the file at the path is still the open one.

        After a restore even a read does harm: SQLite finds a journal by its name, and would take that of the new
        ledger for one that a crash left to this file, roll it back into this file, and delete it.

        Raises:
            MovedError: another file is at the path.
        """
        if not self.in_transaction and identity(self.path) not in (self.identity, None):
            self.require_same_file()
        return super().execute(*arguments)  # type: ignore[arg-type]  # as they were given

    def close(self) -> None:
        """Close the database and the file of its lock."""
        super().close()
        self.write_lock.close()

    def is_moved(self) -> bool:
        """Whether the open file is no longer the one at its path. With a write-ahead log SQLite does not check this."""
        return identity(self.path) != self.identity

    def require_same_file(self) -> None:
        """Return if the open file is still the one at its path: what is written to another would be lost.

        Raises:
            MovedError: the file was deleted, moved or replaced.
        """
        if self.is_moved():
            from labels.recovery import moved_error  # noqa: PLC0415 - needs this module

            raise moved_error(self)

    def require_schema(self) -> None:
        """Return if the schema is that of this program. It is compared only when SQLite's schema counter has changed.

        Raises:
            LabelsError: the schema differs: a trigger or view of another program could change what is stored.
        """
        cookie = int(self.execute("PRAGMA main.schema_version").fetchone()[0])
        if cookie != self.schema_cookie:
            _require_not_lost(self.path)  # an emptied file has no schema at all
            schema.require_current(self, self.path, require_known_version(self, self.path))
            self.schema_cookie = cookie


def connect(path: Path) -> Connection:
    """Open labels.db ready for use, creating or migrating it as needed.

    Raises:
        LabelsError: the file cannot be opened, is not a database, or was written by a newer program
            (it is then left untouched); or there was a ledger here that is gone.
    """
    with readable_errors(path):
        _require_not_lost(path)
        return open_database(path, _prepare)


def open_database(path: Path, prepare: Callable[[Connection], None]) -> Connection:
    """Open a database in autocommit mode, creating file and folder where they are missing.

    Args:
        path: the file.
        prepare: called with the new connection, which is closed if it raises.

    Raises:
        OSError: a symbolic link, which could lead writes elsewhere, or a folder is at the path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    require_regular(path)
    make_shared(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, factory=Connection)
    connection.path, connection.identity, connection.write_lock = path, identity(path), FifoWriteLock(path)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: Connection) -> None:
    """Set the pragmas of the ledger and migrate it."""
    path = connection.path
    version = require_known_version(connection, path)
    if version < SCHEMA_VERSION:
        from labels.preflight import require_migratable  # noqa: PLC0415 - needs this module

        require_migratable(connection, path)
    else:
        connection.require_schema()
    connection.execute(f"PRAGMA journal_mode={journal_mode(path)}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Without it, INSERT OR REPLACE would delete a row without firing the triggers that forbid it.
    connection.execute("PRAGMA recursive_triggers=ON")
    if version < SCHEMA_VERSION:
        load_migrations().migrate(connection)
        connection.require_schema()


def require_known_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of the open file; 0 for a new one.

    Raises:
        LabelsError: a newer program wrote the file.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise LabelsError(
            f"{path} was written by a newer samesku (schema {version}; this one knows {SCHEMA_VERSION}).",
            "Update samesku; the file was not touched.",
        )
    return version


def load_migrations() -> ModuleType:
    """The module `labels.migrations`, imported on demand: sqlite_utils takes longer to import than the desk to start.

    sqlite_utils also imports pandas and numpy where they are installed, to know their types: a second, and 80 MB for as
    long as the desk is open.
    """
    with _hidden_modules("numpy", "pandas"):
        from labels import migrations  # noqa: PLC0415
    return migrations


@contextmanager
def _hidden_modules(*names: str) -> Iterator[None]:
    """Make imports of these modules fail inside the block, unless they were loaded before."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is Python's own mark for it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """One write, all or nothing, after waiting in the queue of writers; file and schema are checked first.

    Raises:
        MovedError: the file was deleted, moved or replaced.
        LabelsError: the schema was changed by another program.
        sqlite3.Error: the file is locked or cannot be written.
    """
    with connection.write_lock.hold(BUSY_TIMEOUT_MS / 1000):
        connection.require_same_file()  # SQLite would only report that reading failed
        _refuse_special_files(connection.path)  # may have appeared while this writer waited
        with atomic(connection):
            connection.require_same_file()
            if connection.schema_cookie is not None:
                connection.require_schema()
            yield connection


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and the file system about `path` into a LabelsError: one sentence and a hint."""
    try:
        _refuse_special_files(path)
        yield
    except sqlite3.Error as error:
        raise _database_error(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's own message may quote bytes that are not text
        from labels.recovery import damaged_error  # noqa: PLC0415 - needs this module

        raise damaged_error(path, error) from error
    except UnicodeEncodeError as error:
        raise LabelsError(
            f"{error.object!r} is not text that can be stored: it contains half of a surrogate pair.", "Type it again."
        ) from error
    except OSError as error:
        raise _open_error(path, error) from error


@contextmanager
def decode_errors(path: Path) -> Iterator[None]:
    """Turn a ValueError, from a stored value that is not a known word or time, into a LabelsError."""
    try:
        yield
    except ValueError as error:
        raise LabelsError(
            f"{path} holds a value that this samesku does not know: {error}.",
            "`samesku labels verify` shows whether it is damaged; if it is not, a newer samesku wrote it: update.",
        ) from error


def _refuse_special_files(path: Path) -> None:
    """Refuse a FIFO or device in the place of the database or of a file beside it: SQLite would wait without end.

    Raises:
        OSError: there is one.
    """
    for place in (path, *companions(path)):
        try:
            mode = place.stat().st_mode
        except OSError:
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            require_regular(place.resolve())


def _require_not_lost(path: Path) -> None:
    if error := _lost(path):
        raise error


def _lost(path: Path) -> LabelsError | None:
    """The error for a ledger that is gone from `path`; None where there is a file, or never was a ledger."""
    from labels.recovery import lost_error  # noqa: PLC0415 - needs this module

    return None if has_content(path) else lost_error(path)


def _open_error(path: Path, error: OSError) -> LabelsError:
    from labels.recovery import LEDGER  # noqa: PLC0415 - needs this module

    if lost := _lost(path):
        return lost
    if error.errno == errno.EINVAL and error.filename:  # raised by `require_regular`
        # The ledger's place is samesku's own; any other path was named by a person, and the file may be theirs.
        hint = "Move it away." if path.name == LEDGER else "Name another one."
        return LabelsError(f"{error.filename} cannot be opened: {error.strerror}.", hint)
    return LabelsError(
        f"{path} cannot be opened: {error.strerror}.", files.way_out(error, "Check the folder and its permissions.")
    )


def _database_error(path: Path, error: sqlite3.Error) -> LabelsError:
    if lost := _lost(path):
        return lost
    if is_damage(error):
        from labels.recovery import damaged_error  # noqa: PLC0415 - needs this module

        return damaged_error(path, error)
    if isinstance(error, sqlite3.OperationalError):
        return LabelsError(
            f"{path} cannot be used: {error}.", way_out(error, "Run `samesku doctor` to see what is wrong.")
        )
    return LabelsError(f"{path} rejects the change: {error}.", "`samesku labels verify` lists what is wrong.")


def is_damage(error: Exception) -> bool:
    """Whether SQLite reports a file as damaged or not a database."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def way_out(error: sqlite3.Error, otherwise: str) -> str:
    """The hint for a database that cannot be used but need not be damaged.

    Args:
        error: what SQLite raised.
        otherwise: the hint where it is neither a lock, nor permissions, nor the disk.
    """
    message = str(error)
    if "locked" in message:
        return "Another program holds it; close it and try again."
    if "full" in message:
        return "Free some disk space; nothing that was acknowledged is lost."
    if "readonly" in message or "unable to open" in message:
        return "Check that the folder and the file can be written by you."
    if "I/O error" in message:
        return "Is the disk full, gone or failing? Nothing that was acknowledged is lost."
    return otherwise
