"""Leases on queries: who has which query on the screen, so that two people do not label the same query by accident.

Leases are in a database of their own, `claims.db` beside the ledger, written without waiting for the disk: a lost lease
costs minutes, not a decision. A file that is damaged, replaced or gone is set aside and created again. No lease exists
then until the desks renew theirs.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from labels.database import BUSY_TIMEOUT_MS, Connection, MovedError, open_database, readable_errors, transaction
from labels.errors import LabelsError
from labels.model import ProductRef
from labels.quarantine import Identity, find_irregular, identity, set_aside
from labels.write_lock import FifoWriteLock

DEFAULT_LEASE_S = 15 * 60.0
#: Settings allow leases of up to a day; one hour more for the clocks of other hosts. A later end is treated as damage.
_MAX_LEASE_S = 25 * 3600.0
#: How often an operation is retried on a new file before it fails.
_ATTEMPTS = 4

_TABLE = """
CREATE TABLE claims (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID
"""

#: SQL condition: the lease has not expired at `:now`, and ends no later than the longest possible lease, `:latest`.
_RUNS = "coalesce(claims.expires_at > :now AND claims.expires_at <= :latest, 0)"

#: SQLite errors that do not mean a damaged file: locked, disk full, no memory, a failing disk.
_NO_DAMAGE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
}  # fmt: skip
#: SQLite errors for a file that this account may not open or write.
_DENIED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that has not expired.

    Attributes:
        annotator: who holds it.
        until: when it expires unless it is renewed, in seconds since the epoch.
    """

    annotator: str
    until: float


class _DamageError(Exception):
    """The file does not have the content that this module writes."""


class Leases:
    """The leases of a workspace: taken, renewed by taking them again, and released; else they expire."""

    def __init__(self, ledger: Path, *, lease_s: float = DEFAULT_LEASE_S, now: Callable[[], float] = time.time) -> None:
        """Open the leases that go with a ledger; a file that is damaged is rebuilt.

        Args:
            ledger: labels.db; the leases are in `claims.db` beside it.
            lease_s: how long a lease lasts that is not renewed, in seconds.
            now: the clock, in seconds since the epoch; other processes compare with the same clock.

        Raises:
            LabelsError: the file cannot be opened.
        """
        self.path = ledger.with_name("claims.db")
        self._lease_s = lease_s
        self._now = now
        self._connection: Connection | None = None
        self._retry(lambda _: None)

    def close(self) -> None:
        """Close the file; the leases stay."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def take(self, query: ProductRef, annotator: str) -> bool:
        """Take or renew the lease on a query; False where somebody else holds it."""

        def upsert(connection: Connection) -> bool:
            cursor = connection.execute(
                "INSERT INTO claims VALUES (:source, :id, :annotator, :until)"  # noqa: S608 - constants only
                " ON CONFLICT (query_source, query_id)"
                " DO UPDATE SET annotator = excluded.annotator, expires_at = excluded.expires_at"
                f" WHERE claims.annotator = excluded.annotator OR NOT {_RUNS}",
                {
                    "source": query.source, "id": query.id, "annotator": annotator,
                    "until": self._now() + self._lease_s, **self._time_values(),
                },
            )  # fmt: skip
            return cursor.rowcount == 1

        return self._write(upsert)

    def require(self, query: ProductRef, annotator: str) -> None:
        """Take or renew the lease on a query.

        Raises:
            LabelsError: somebody else holds it; the message names them and the time of expiry.
        """
        while not self.take(query, annotator):
            held = self.holder(query)
            if held is not None:  # else it expired or was released in between
                until = time.strftime("%H:%M", time.localtime(held.until))
                raise LabelsError(
                    f"{held.annotator} has this query on the screen, until {until} or longer; nothing was changed.",
                    "Open it again when they are through with it.",
                )

    def release(self, query: ProductRef, annotator: str) -> None:
        """Release the lease on one query, as when it was skipped."""
        self._write(
            lambda connection: connection.execute(
                "DELETE FROM claims WHERE (query_source, query_id) = (?, ?) AND annotator = ?", [*query, annotator]
            )
        )

    def release_all(self, annotator: str) -> None:
        """Release all leases of an annotator, as when the desk closes."""
        self._write(lambda connection: connection.execute("DELETE FROM claims WHERE annotator = ?", [annotator]))

    def held_by(self, annotator: str) -> list[ProductRef]:
        """The queries that an annotator holds, the most recently taken or renewed first."""
        return [ref for ref, held in self._active() if held.annotator == annotator]

    def held_by_others(self, annotator: str) -> dict[ProductRef, str]:
        """The queries that other people have on their screens now, with their names."""
        return {ref: held.annotator for ref, held in self._active() if held.annotator != annotator}

    def holder(self, query: ProductRef) -> Lease | None:
        """The current lease on a query; None where there is none."""
        return next((held for ref, held in self._active() if ref == query), None)

    def _active(self) -> list[tuple[ProductRef, Lease]]:
        """All current leases, the most recently taken or renewed first. There are few: one per desk."""

        def select(connection: Connection) -> list[tuple[ProductRef, Lease]]:
            rows = connection.execute(
                "SELECT query_source, query_id, annotator, expires_at FROM claims"  # noqa: S608 - constants only
                f" WHERE {_RUNS} ORDER BY expires_at DESC",
                self._time_values(),
            ).fetchall()
            if not all(isinstance(name, str) for row in rows for name in row[:3]):
                raise _DamageError("a name is not text")
            return [(ProductRef(row[0], row[1]), Lease(row[2], row[3])) for row in rows]

        return self._retry(select)

    def _time_values(self) -> dict[str, float]:
        now = self._now()
        return {"now": now, "latest": now + max(_MAX_LEASE_S, self._lease_s)}

    def _write(self, operation: Callable[[Connection], Result]) -> Result:
        def write(connection: Connection) -> Result:
            with transaction(connection):
                return operation(connection)

        return self._retry(write)

    def _retry(self, operation: Callable[[Connection], Result]) -> Result:
        """Run an operation on the file; where the file is damaged, rebuild it and run the operation again.

        Raises:
            LabelsError: the file cannot be used, and cannot be rebuilt.
        """
        if find_irregular(self.path):
            self._rebuild(None)
        with readable_errors(self.path):
            for _ in range(_ATTEMPTS):
                examined = self._connection.identity if self._connection else identity(self.path)
                try:
                    return operation(self._current_connection())
                except MovedError:
                    self.close()
                except (sqlite3.Error, OSError, _DamageError, UnicodeDecodeError) as error:
                    if self._connection is not None and self._connection.is_moved():
                        self.close()
                    elif _is_damage(error, self.path):
                        self._rebuild(examined)
                    else:
                        raise
        raise LabelsError(f"{self.path} is damaged repeatedly by another program.", "Quit that program.")

    def _current_connection(self) -> Connection:
        """A connection to the file that is at the path now: another desk may have rebuilt it."""
        if self._connection is not None and self._connection.is_moved():
            self.close()
        if self._connection is None:
            self._connection = open_database(self.path, _prepare)
        return self._connection

    def _rebuild(self, examined: Identity | None) -> None:
        """Set the damaged file aside, unless another desk has done so already.

        Args:
            examined: the file that was found damaged; None for whatever is at the path.

        Raises:
            LabelsError: it cannot be renamed.
        """
        self.close()
        with closing(FifoWriteLock(self.path)) as lock, lock.hold(BUSY_TIMEOUT_MS / 1000):
            set_aside(self.path, examined)


def _is_damage(error: Exception, path: Path) -> bool:
    """Whether to replace the file: it is damaged, or this account may not use it but can create files in its folder."""
    if isinstance(error, OSError):
        return error.errno == errno.EINVAL  # raised by `require_regular`
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _DENIED:
        return os.access(path.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
    return code is None or code & 0xFF not in _NO_DAMAGE


def _prepare(connection: Connection) -> None:
    """Create the table in a new file; raise `_DamageError` for a file with any other schema, or that is damaged."""
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=OFF")
    if not _schema(connection):
        with transaction(connection):
            if not _schema(connection):  # another desk may have been first
                connection.execute(_TABLE)
    if _schema(connection) != [_TABLE.split()]:
        raise _DamageError("it has other tables")
    if (found := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise _DamageError(found)


def _schema(connection: Connection) -> list[list[str]]:
    return [str(sql).split() for (sql,) in connection.execute("SELECT sql FROM sqlite_master")]
