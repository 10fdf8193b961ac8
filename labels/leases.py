"""Who has which query on the screen: leases, so that two people never get the same query by accident.

They stand in a file of their own, `claims.db` beside the ledger: a lease is worth minutes, and need not wait for the
disk as a decision does. The file can be rebuilt at any time: whoever finds it damaged, replaced or gone sets it aside
and makes a new one, and goes on. Nobody holds anything then, until their desks renew their leases.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from labels.database import BUSY_TIMEOUT_MS, Connection, MovedError, open_database, readable_errors, transaction
from labels.errors import LabelsError
from labels.model import ProductRef
from labels.quarantine import Identity, find_irregular, identity, set_aside
from labels.write_lock import FifoWriteLock

DEFAULT_LEASE_S = 15 * 60.0
#: No setting makes a lease longer than a day; an hour more for the clocks of other hosts. What ends later is damage.
_MAX_LEASE_S = 25 * 3600.0
#: How often an act is tried again on a new file before it fails.
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

#: Whether a lease runs at a moment, of which the longest possible lease ends at another.
_RUNS = "coalesce(claims.expires_at > :now AND claims.expires_at <= :latest, 0)"

#: What SQLite says of a file that may be as it should be: locked, no room, no memory, a failing disk.
_NO_DAMAGE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
}  # fmt: skip
#: What it says of a file that this account may not open or write.
_DENIED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that runs.

    Attributes:
        until: when it ends unless it is renewed, in seconds since the epoch.
    """

    annotator: str
    until: float


class _DamageError(Exception):
    """The file is not what this module makes."""


class Leases:
    """The leases of a workspace.

    A lease is taken, kept alive by taking it again, and given back; one that nobody keeps alive ends by itself.
    """

    def __init__(self, ledger: Path, *, lease_s: float = DEFAULT_LEASE_S, now: Callable[[], float] = time.time) -> None:
        """Open the leases that go with a ledger; a file that is damaged is rebuilt.

        Args:
            ledger: labels.db; the leases stand beside it.
            lease_s: how long a lease lasts that nobody renews.
            now: seconds since the epoch: other processes read the same clock.

        Raises:
            LabelsError: the file cannot be opened.
        """
        self.path = ledger.with_name("claims.db")
        self._lease_s = lease_s
        self._now = now
        self._connection: Connection | None = None
        self._read(lambda _: None)

    def close(self) -> None:
        """Let go of the file; the leases stay."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def take(self, query: ProductRef, annotator: str) -> bool:
        """Take or renew the lease on a query; False where somebody else holds it."""

        def act(connection: Connection) -> bool:
            cursor = connection.execute(
                "INSERT INTO claims VALUES (:source, :id, :annotator, :until)"  # noqa: S608 - constants only
                " ON CONFLICT (query_source, query_id)"
                " DO UPDATE SET annotator = excluded.annotator, expires_at = excluded.expires_at"
                f" WHERE claims.annotator = excluded.annotator OR NOT {_RUNS}",
                {
                    "source": query.source, "id": query.id, "annotator": annotator,
                    "until": self._now() + self._lease_s, **self._moments(),
                },
            )  # fmt: skip
            return cursor.rowcount == 1

        return self._write(act)

    def require(self, query: ProductRef, annotator: str) -> None:
        """Take or renew the lease on a query.

        Raises:
            LabelsError: somebody else holds it: who, and until when.
        """
        while not self.take(query, annotator):
            held = self.holder(query)
            if held is not None:  # else it came free in between
                until = time.strftime("%H:%M", time.localtime(held.until))
                raise LabelsError(
                    f"{held.annotator} has this query on the screen, until {until} or longer; nothing was changed.",
                    "Open it again when they are through with it.",
                )

    def release(self, query: ProductRef, annotator: str) -> None:
        """End the lease on one query, as when it was put off."""
        self._write(
            lambda connection: connection.execute(
                "DELETE FROM claims WHERE (query_source, query_id) = (?, ?) AND annotator = ?", [*query, annotator]
            )
        )

    def release_all(self, annotator: str) -> None:
        """End all leases of an annotator, as when the desk closes."""
        self._write(lambda connection: connection.execute("DELETE FROM claims WHERE annotator = ?", [annotator]))

    def held_by(self, annotator: str) -> list[ProductRef]:
        """The queries that somebody has, the one taken or renewed last first."""
        return [ref for ref, held in self._running() if held.annotator == annotator]

    def held_by_others(self, annotator: str) -> dict[ProductRef, str]:
        """The queries that other people have on their screens now, with their names."""
        return {ref: held.annotator for ref, held in self._running() if held.annotator != annotator}

    def holder(self, query: ProductRef) -> Lease | None:
        """Who has a query on the screen now; None where nobody has."""
        return next((held for ref, held in self._running() if ref == query), None)

    # -- the file ------------------------------------------------------------------------------------------

    def _running(self) -> list[tuple[ProductRef, Lease]]:
        """The leases that run, the one taken or renewed last first. There are few: one for each desk."""

        def act(connection: Connection) -> list[tuple[ProductRef, Lease]]:
            rows = connection.execute(
                "SELECT query_source, query_id, annotator, expires_at FROM claims"  # noqa: S608 - constants only
                f" WHERE {_RUNS} ORDER BY expires_at DESC",
                self._moments(),
            ).fetchall()
            if not all(isinstance(name, str) for row in rows for name in row[:3]):
                raise _DamageError("a name is no text")
            return [(ProductRef(row[0], row[1]), Lease(row[2], row[3])) for row in rows]

        return self._read(act)

    def _moments(self) -> dict[str, float]:
        now = self._now()
        return {"now": now, "latest": now + max(_MAX_LEASE_S, self._lease_s)}

    def _write(self, act: Callable[[Connection], Result]) -> Result:
        def write(connection: Connection) -> Result:
            with transaction(connection):
                return act(connection)

        return self._read(write)

    def _read(self, act: Callable[[Connection], Result]) -> Result:
        """Do something with the file; where it is damaged, rebuild it and do it again.

        Raises:
            LabelsError: the file cannot be used, and cannot be rebuilt.
        """
        if find_irregular(self.path):
            self._rebuild(None)
        with readable_errors(self.path):
            for _ in range(_ATTEMPTS):
                examined = self._connection.identity if self._connection else identity(self.path)
                try:
                    return act(self._opened())
                except MovedError:
                    self.close()
                except (sqlite3.Error, OSError, _DamageError, UnicodeDecodeError) as error:
                    if self._connection is not None and self._connection.is_moved():
                        self.close()
                    elif _is_damage(error, self.path):
                        self._rebuild(examined)
                    else:
                        raise
        raise LabelsError(f"{self.path} is damaged again and again.", "End the program that does that.")

    def _opened(self) -> Connection:
        """The connection to the file that stands at the path now: another desk may have rebuilt it."""
        if self._connection is not None and self._connection.is_moved():
            self.close()
        if self._connection is None:
            self._connection = _connected(self.path)
        return self._connection

    def _rebuild(self, examined: Identity | None) -> None:
        """Set the damaged file aside, unless another desk has done so already.

        Raises:
            LabelsError: it cannot be renamed.
        """
        self.close()
        turns = FifoWriteLock(self.path)
        try:
            with turns.hold(BUSY_TIMEOUT_MS / 1000):
                set_aside(self.path, examined)
        finally:
            turns.close()


def _is_damage(error: Exception, path: Path) -> bool:
    """Whether a new file is the way out: also of one that this account may not use, where it can make another."""
    if isinstance(error, OSError):
        return error.errno == errno.EINVAL  # as `require_regular` says it
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _DENIED:
        return os.access(path.parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
    return code is None or code & 0xFF not in _NO_DAMAGE


def _connected(path: Path) -> Connection:
    """The file, with its table and nothing else in it."""
    connection = open_database(path)
    try:
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
    except BaseException:
        connection.close()
        raise
    return connection


def _schema(connection: Connection) -> list[list[str]]:
    return [str(sql).split() for (sql,) in connection.execute("SELECT sql FROM sqlite_master")]
