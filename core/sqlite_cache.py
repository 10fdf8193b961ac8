"""SQLite files of derived data: checked when opened, and set aside when damaged, so that the next use starts afresh.

The file may have been damaged by the disk, replaced by another program while open, or be something else altogether.
Each case raises `DamagedError` after the file is set aside. Connections of other processes to it stay valid.
"""

import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import CoreError, DamagedError
from labels import files
from labels.database import way_out
from labels.files import make_shared, require_regular
from labels.quarantine import COMPANIONS, Identity, identity, set_aside

#: Primary result codes that mean a damaged file. SQLITE_ERROR means a missing table or column, since all SQL statements
#: are our own.
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_MISMATCH,
}  # fmt: skip
#: Mask that reduces an extended result code to its primary one.
_PRIMARY = 0xFF


class SqliteCache:
    """A SQLite file of derived data, opened on first use, by the thread that uses it.

    Args:
        path: the file; its folder is created if missing.
        prepare: creates missing tables; called whenever the file is opened, possibly by several processes at once.
        is_ours: decides by its table names whether the file is of the expected kind.
        hint: the hint of the error about a damaged file.
        salvage: copies readable rows; called with the path of the damaged file and a connection to the new one.
        timeout_s: how long to wait for another process's lock.
        text_factory: decodes text; by default text that is not UTF-8 counts as damage.
    """

    def __init__(
        self,
        path: Path,
        prepare: Callable[[sqlite3.Connection], None],
        is_ours: Callable[[set[str]], bool],
        *,
        hint: str,
        salvage: Callable[[Path, sqlite3.Connection], None] | None = None,
        timeout_s: float = 5,
        text_factory: Callable[[bytes], str] | type[str] = str,
    ) -> None:
        self.path = path
        self._prepare = prepare
        self._is_ours = is_ours
        self._hint = hint
        self._salvage = salvage
        self._timeout_s = timeout_s
        self._text_factory = text_factory
        self._connection: sqlite3.Connection | None = None
        #: Identity of the file opened last, kept after closing.
        self._opened: Identity | None = None

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file that is at the path now.

        Raises:
            DamagedError: the file is damaged or of another kind; it was set aside.
            CoreError: it cannot be read or written, since the disk is full or another process has locked it.
        """
        try:
            yield self._connected()
        except sqlite3.ProgrammingError:
            raise  # a bug
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise self._core_error(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction. Raises the errors of `reading`."""
        with self.reading() as connection, transaction(connection):
            yield connection

    def check(self) -> None:
        """Run PRAGMA quick_check on the file: milliseconds for 10,000 rows. Raises the errors of `reading`."""
        with self.reading() as connection:
            result = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if result != "ok":
                raise self.damaged(result.splitlines()[-1])

    def damaged(self, why: str) -> DamagedError:
        """Set the file aside, salvage its rows, and return the error to raise."""
        examined = self._opened or identity(self.path)
        self.close()
        aside = set_aside(self.path, examined) if examined is not None else None
        moved = f"; it was set aside as {aside.name}" if aside is not None else ""
        if aside is not None and self._salvage is not None and stat.S_ISREG(aside.lstat().st_mode):
            with suppress(sqlite3.Error, CoreError, OSError, UnicodeDecodeError), self.writing() as connection:
                self._salvage(aside, connection)
        return DamagedError(f"{self.path.name} is damaged and cannot be read ({why}){moved}.", self._hint)

    def _connected(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is not None and not connection.in_transaction and identity(self.path) != self._opened:
            self.close()  # the file was set aside or replaced in the meantime
        if self._connection is None:
            self._open()
        assert self._connection is not None  # noqa: S101 - opened above
        return self._connection

    def _open(self) -> None:
        path, self._opened = self.path, None
        path.parent.mkdir(parents=True, exist_ok=True)
        for each in (path, *(path.with_name(path.name + ending) for ending in COMPANIONS)):
            try:
                require_regular(each)
            except OSError as error:
                if each != path:
                    set_aside(each)
                    continue
                raise self.damaged(str(error.strerror)) from error
        make_shared(path)
        connection = self._connection = sqlite3.connect(path, isolation_level=None, timeout=self._timeout_s)
        self._opened = identity(path)
        connection.text_factory = self._text_factory
        try:
            # A long write must not spill to the file before its commit, which would lock out readers.
            for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "cache_spill = OFF"):
                connection.execute(f"PRAGMA {pragma}")
            self._check_schema(connection)
            self._prepare(connection)
        except BaseException:
            # The file may only be locked. A connection without tables would be taken for damage on the next use.
            self.close()
            raise

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        """Refuse another program's database before writing to it, and any triggers and views, since we create none."""
        found = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
        if found and not self._is_ours({str(name) for kind, name in found if kind == "table"}):
            raise self.damaged("it is another database")
        if foreign := [str(name) for kind, name in found if kind in {"trigger", "view"}]:
            raise self.damaged(f"it has a {foreign[0]!r} that does not belong there")

    def _core_error(self, error: sqlite3.Error | OSError | UnicodeDecodeError) -> CoreError:
        default = "Try again, or run `samesku doctor`."
        if isinstance(error, OSError):
            reason, hint = error.strerror or str(error), files.way_out(error, default)
        elif isinstance(error, UnicodeDecodeError) or is_damage(error):
            return self.damaged(str(error))
        else:
            reason, hint = str(error), way_out(error, default)
        return CoreError(f"{self.path} cannot be read or written: {reason}.", hint)


def is_damage(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Whether an error means a damaged file.

    Errors raised by Python itself, such as of decoding text, have no code. SQLite's own message may quote bytes that
    are not text: it is then a UnicodeDecodeError.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & _PRIMARY in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed on success, rolled back on any exception. Takes the write lock at the start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """A read transaction: all reads inside see the same state of the database."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


class Checksum:
    """An order-independent checksum of rows: their number and the sum of their CRC-32.

    Detects accidental changes, not deliberate ones. Takes 1 µs per row.
    """

    def __init__(self, rows: Iterable[bytes] = ()) -> None:
        self._count = self._total = 0
        for row in rows:
            self.add(row)

    @classmethod
    def from_text(cls, text: str) -> "Checksum":
        """The checksum with this text, so that rows can be added and removed.

        Raises:
            ValueError: it is the text of none.
        """
        found = cls()
        count, total = text.split(":")
        found._count, found._total = int(count), int(total, 16)
        return found

    def add(self, row: bytes) -> None:
        """Add a row."""
        self._count += 1
        self._total += zlib.crc32(row)

    def remove(self, row: bytes) -> None:
        """Remove a row that was added."""
        self._count -= 1
        self._total -= zlib.crc32(row)

    def __str__(self) -> str:
        return f"{self._count}:{self._total:x}"
