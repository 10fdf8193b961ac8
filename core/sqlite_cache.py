"""SQLite files that hold only what can be computed again: checked when opened, set aside when damaged.

A disk may have damaged such a file, another program may have replaced it while it is open, and any member of the group
may have put something else at its path. Whatever is met there ends in `DamagedError`, with the file set aside, so that
the next use finds a new, empty one; what other processes have open stays as it is.
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

#: How an error of SQLite shows that the file is not what it should be. SQLITE_ERROR is a table or a column that is not
#: there, since no statement comes from outside.
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_MISMATCH,
}  # fmt: skip
#: The part of an error code that says which kind it is.
_PRIMARY = 0xFF


class SqliteCache:
    """One such file, opened when it is first used, by the thread that uses it.

    Args:
        path: the file; its folder is made where it lacks.
        prepare: makes the tables that lack; is called whenever a file is opened that is ours or empty. Other processes
            may do the same at the same moment.
        ours: whether a file with tables of these names may be one of ours.
        cure: the way out where the file is damaged, a sentence.
        salvage: is given a damaged file, and a connection to the new one, to carry over what can still be read.
        timeout_s: how long to wait for another process that writes.
        text_factory: makes text of bytes; by default what is no UTF-8 is damage.
    """

    def __init__(
        self,
        path: Path,
        prepare: Callable[[sqlite3.Connection], None],
        ours: Callable[[set[str]], bool],
        *,
        cure: str,
        salvage: Callable[[Path, sqlite3.Connection], None] | None = None,
        timeout_s: float = 5,
        text_factory: Callable[[bytes], str] | type[str] = str,
    ) -> None:
        self.path = path
        self._prepare = prepare
        self._ours = ours
        self._cure = cure
        self._salvage = salvage
        self._timeout_s = timeout_s
        self._text_factory = text_factory
        self._connection: sqlite3.Connection | None = None
        #: The file that was opened last, also after it was closed.
        self._opened: Identity | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file that stands at the path now.

        Raises:
            DamagedError: the file is damaged, or none of ours; it was set aside.
            CoreError: it cannot be read or written: the disk is full, another process has it locked.
        """
        try:
            yield self._connected()
        except sqlite3.ProgrammingError:
            raise  # a fault of this program
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The same in a transaction: all that is written inside is there afterwards, or none of it.

        Raises:
            CoreError, DamagedError: as `reading`.
        """
        with self.reading() as connection, transaction(connection):
            yield connection

    def check(self) -> None:
        """Look through the whole file (PRAGMA quick_check): some milliseconds for 10,000 rows.

        Raises:
            CoreError, DamagedError: as `reading`.
        """
        with self.reading() as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found != "ok":
                raise self.damaged(found.splitlines()[-1])

    def damaged(self, why: str) -> DamagedError:
        """Set the file aside for what was found in it, and return the error to raise."""
        examined = self._opened or identity(self.path)
        self.close()
        aside = set_aside(self.path, examined) if examined is not None else None
        moved = f"; it was set aside as {aside.name}" if aside is not None else ""
        if aside is not None and self._salvage is not None and stat.S_ISREG(aside.lstat().st_mode):
            with suppress(sqlite3.Error, CoreError, OSError), self.writing() as connection:
                self._salvage(aside, connection)
        return DamagedError(f"{self.path.name} is damaged and cannot be read ({why}){moved}.", self._cure)

    def _connected(self) -> sqlite3.Connection:
        connection = self._connection
        if connection is not None and not connection.in_transaction and identity(self.path) != self._opened:
            self.close()  # it was set aside or replaced meanwhile: what is read from it is of no use to anybody
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
            # A long write must not spill to the file before its commit: that would lock the readers out.
            for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "cache_spill = OFF"):
                connection.execute(f"PRAGMA {pragma}")
            self._check_schema(connection)
            self._prepare(connection)
        except BaseException:
            # Another process may only have it locked. Without its tables the next use would take it for damaged.
            self.close()
            raise

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        """Refuse another program's database before anything is written to it, and what would act on writes."""
        found = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
        if found and not self._ours({str(name) for kind, name in found if kind == "table"}):
            raise self.damaged("it is another database")
        if acting := [str(name) for kind, name in found if kind in {"trigger", "view"}]:
            raise self.damaged(f"it has a {acting[0]!r} that does not belong there")

    def _explained(self, error: sqlite3.Error | OSError) -> CoreError:
        otherwise = "Try again, or see `samesku doctor`."
        if isinstance(error, OSError):
            reason, hint = error.strerror or str(error), files.way_out(error, otherwise)
        elif is_damage(error):
            return self.damaged(str(error))
        else:
            reason, hint = str(error), way_out(error, otherwise)
        return CoreError(f"{self.path} cannot be read or written: {reason}.", hint)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error shows that the file is not what it should be: those of Python, as of text, have no code."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & _PRIMARY in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside is there afterwards, or none of it. Waits for its turn to write at the beginning."""
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
    """All that is read inside is of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


class Checksum:
    """A checksum of rows, in whatever order they come: their number, and the sum of their CRC-32.

    It shows what a disk or a stray program has changed, and takes a microsecond a row.
    """

    def __init__(self, rows: Iterable[bytes] = ()) -> None:
        self._count = self._total = 0
        for row in rows:
            self.add(row)

    def add(self, row: bytes) -> None:
        """Count a row in."""
        self._count += 1
        self._total += zlib.crc32(row)

    def __str__(self) -> str:
        return f"{self._count}:{self._total:x}"
