"""Opening labels.db: journal, durability, schema version, and errors a user can read."""

import errno
import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from labels import files, schema
from labels.errors import LabelsError
from labels.files import atomic_text, make_shared, require_regular
from labels.quarantine import Identity, companions, identity
from labels.write_lock import FifoWriteLock

_ENDING = ".created"


def marker(path: Path) -> Path:
    """Where the marker of a ledger is."""
    return path.parent / (path.name + _ENDING)  # `.` and `/` have no name


def is_marked(path: Path) -> bool:
    """Whether there was a ledger at `path` before."""
    return os.path.lexists(marker(path))


def mark(path: Path) -> None:
    """Remember that there is a ledger at `path`. Where that cannot be written now, the next opening tries again."""
    if is_marked(path):
        return
    with suppress(OSError), atomic_text(marker(path)) as out:
        out.write(
            f"{path.name} was here on {datetime.now(UTC):%Y-%m-%d}. While this file is here, samesku begins no empty"
            f" ledger in its place.\n"
        )


def has_content(path: Path) -> bool:
    """Whether a file stands at `path` that may be a ledger; an empty one, a link or a folder holds none.

    What this account may not look at is no sign that there is none.
    """
    try:
        facts = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return facts.st_size > 0 and stat.S_ISREG(facts.st_mode)


#: PRAGMA user_version of the newest schema that this program knows; labels.migrations leads up to it.
SCHEMA_VERSION = 4

BUSY_TIMEOUT_MS = 5_000

_NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "fuse.sshfs",
    "glusterfs",
    "ceph",
    "lustre",
}


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the WAL corruption bug with two or more connections.

    The bug stands in 3.7.0 to 3.51.2; fixed in 3.51.3, and in 3.50.7 and 3.44.6 of the older lines
    (https://sqlite.org/wal.html, "The WAL-reset bug").
    """
    if version >= (3, 51, 3):
        return True
    major_minor, patch = version[:2], version[2]
    return (major_minor == (3, 50) and patch >= 7) or (major_minor == (3, 44) and patch >= 6)


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Type of the file system that holds `path`, or "" where the system does not tell (macOS)."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    resolved = path.resolve()
    best, kind = -1, ""
    for line in lines:
        fields = line.split()
        mount = Path(fields[1].replace("\\040", " "))
        if resolved.is_relative_to(mount) and len(mount.parts) > best:
            best, kind = len(mount.parts), fields[2]
    return kind


def journal_mode(path: Path) -> str:
    """`wal` where it is safe for this SQLite and file system, else a rollback journal that stays beside the file.

    `persist` and not `delete`: at `synchronous=FULL` SQLite waits until the header that ends a persistent journal is on
    disk, but not until a deleted journal is gone from its folder, so that a power cut could bring it back, and take
    back what was acknowledged. It is a quarter faster too.
    """
    if wal_is_safe(sqlite3.sqlite_version_info) and file_system(path.parent) not in _NETWORK_FILE_SYSTEMS:
        return "wal"
    return "persist"


class MovedError(LabelsError):
    """The file of an open connection is not the one at its path any more."""


class Connection(sqlite3.Connection):
    """A connection that waits for its turn to write, and knows which file it opened."""

    path: Path
    identity: Identity | None
    write_lock: FifoWriteLock
    #: PRAGMA schema_version when the schema was last compared; None where that is not done, as for leases.
    schema_cookie: int | None = None

    def execute(self, *arguments: object) -> sqlite3.Cursor:
        """Run a statement; outside of a transaction only where no other file took the place of this one.

        Even a read does harm after a restore: SQLite knows a journal by its name, and would take that of the ledger
        at the path for one that a crash left to this file, roll it back into this file, and end it.

        Raises:
            MovedError: another file did.
        """
        if not self.in_transaction and identity(self.path) not in (self.identity, None):
            self.refuse_moved()
        return super().execute(*arguments)  # type: ignore[arg-type]  # as they were given

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self.write_lock.close()

    def is_moved(self) -> bool:
        """Whether the open file is not the one at its path any more. With a write-ahead log SQLite does not look."""
        return identity(self.path) != self.identity

    def refuse_moved(self) -> None:
        """Refuse to write where nobody would find what is written.

        Raises:
            MovedError: the file was deleted, moved or replaced.
        """
        if self.is_moved():
            from labels.recovery import moved_error  # noqa: PLC0415 - needs this module

            raise moved_error(self)

    def refuse_changed_schema(self) -> None:
        """Raise LabelsError where the schema is not that of this program: what is written might not be stored so.

        It is compared again only where SQLite's own counter of changes to it has moved.
        """
        cookie = int(self.execute("PRAGMA main.schema_version").fetchone()[0])
        if cookie != self.schema_cookie:
            _refuse_lost(self.path)  # an emptied file has no schema at all
            schema.require_current(self, self.path, require_known_version(self, self.path))
            self.schema_cookie = cookie


def connect(path: Path) -> Connection:
    """Open labels.db ready for use, creating or migrating it as needed.

    Raises:
        LabelsError: the file cannot be opened, is no database, or was written by a newer program
            (it is then left untouched); or there was a ledger here that is gone.
    """
    with readable_errors(path):
        _refuse_lost(path)
        connection = open_database(path)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_database(path: Path) -> Connection:
    """Open a database as it is, in a folder that is made where it lacks.

    Raises:
        OSError: a link stands there, which could lead what is written elsewhere, or a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    require_regular(path)
    make_shared(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, factory=Connection)
    connection.path, connection.identity, connection.write_lock = path, identity(path), FifoWriteLock(path)
    return connection


def _refuse_lost(path: Path) -> None:
    if not has_content(path):
        from labels.recovery import lost_error  # noqa: PLC0415 - needs this module

        if error := lost_error(path):
            raise error


def require_known_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of the open file, where this program knows it; 0 for a new one.

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


def _prepare(connection: Connection, path: Path) -> None:
    version = require_known_version(connection, path)
    if version < SCHEMA_VERSION:
        from labels.preflight import require_migratable  # noqa: PLC0415 - needs this module

        require_migratable(connection, path)
    else:
        connection.refuse_changed_schema()
    connection.execute(f"PRAGMA journal_mode={journal_mode(path)}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # Without it, INSERT OR REPLACE would delete a row without firing the triggers that forbid it.
    connection.execute("PRAGMA recursive_triggers=ON")
    if version < SCHEMA_VERSION:
        load_migrations().migrate(connection)
        connection.refuse_changed_schema()


def load_migrations() -> ModuleType:
    """The module labels.migrations.

    Imported here: sqlite_utils takes longer to import than the desk may take to start. It also loads pandas and numpy
    wherever they are installed, to know their types: a second, and 80 MB for as long as the desk is open.
    """
    with _not_installed("numpy", "pandas"):
        from labels import migrations  # noqa: PLC0415
    return migrations


@contextmanager
def _not_installed(*names: str) -> Iterator[None]:
    """Whoever imports one of these modules inside finds it missing, unless it was loaded before."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is Python's own sign for it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """One write, all or nothing. Begins immediate, so a read-then-write waits for its turn instead of failing."""
    with connection.write_lock.hold(BUSY_TIMEOUT_MS / 1000):
        connection.refuse_moved()  # SQLite would only say that reading failed
        _refuse_waiting(connection.path)  # the turn may have been long in coming
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.refuse_moved()
            if connection.schema_cookie is not None:
                connection.refuse_changed_schema()
            yield connection
            # It fails while somebody reads for long, and the transaction then stays open, with its locks.
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say about `path` into one sentence and a way out."""
    try:
        _refuse_waiting(path)
        yield
    except sqlite3.Error as error:
        raise _in_words(path, error) from error
    except UnicodeDecodeError as error:  # SQLite's own message may be what is no text
        from labels.recovery import damaged_error  # noqa: PLC0415 - needs this module

        raise damaged_error(path, error) from error
    except UnicodeEncodeError as error:
        raise LabelsError(
            f"{error.object!r} is no text that can be kept: half of a character.", "Type it again."
        ) from error
    except OSError as error:
        raise _unopened(path, error) from error


def _refuse_waiting(path: Path) -> None:
    """Refuse what SQLite would wait for without end: a FIFO, also in the place of a journal.

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


@contextmanager
def decode_errors(path: Path) -> Iterator[None]:
    """What only samesku writes is one of its own words and times; where it is not, `verify` tells why."""
    try:
        yield
    except ValueError as error:
        raise LabelsError(
            f"{path} holds what this samesku does not know: {error}.",
            "`samesku labels verify` tells whether it is damaged; if it is not, a newer samesku wrote it: update.",
        ) from error


def _unopened(path: Path, error: OSError) -> LabelsError:
    from labels.recovery import LEDGER, lost_error  # noqa: PLC0415 - needs this module

    if not has_content(path) and (gone := lost_error(path)):
        return gone
    if error.errno == errno.EINVAL and error.filename:  # as `require_regular` says it
        # What a person has named may be anything of theirs.
        hint = "Move it away." if path.name == LEDGER else "Name another one."
        return LabelsError(f"{error.filename} cannot be opened: {error.strerror}.", hint)
    return LabelsError(
        f"{path} cannot be opened: {error.strerror}.", files.way_out(error, "Check the folder and its permissions.")
    )


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that a file is damaged, or none of its own."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _in_words(path: Path, error: sqlite3.Error) -> LabelsError:
    from labels.recovery import damaged_error, lost_error  # noqa: PLC0415 - needs this module

    if not has_content(path) and (gone := lost_error(path)):
        return gone
    if is_damage(error):
        return damaged_error(path, error)
    if isinstance(error, sqlite3.OperationalError):
        return LabelsError(
            f"{path} cannot be used: {error}.", way_out(error, "Run `samesku doctor` to see what is wrong.")
        )
    return LabelsError(f"{path} refuses that: {error}.", "`samesku labels verify` tells what is wrong.")


def way_out(error: sqlite3.Error, otherwise: str) -> str:
    """What to do about a database that cannot be used, which need not be damaged.

    Args:
        error: what SQLite said.
        otherwise: the way out where it is neither locked nor closed to this account, and the disk is well.
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
