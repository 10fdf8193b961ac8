"""Who has which query on the screen: leases, so that two people never get the same query by accident.

They stand in a file of their own, `claims.db` beside the ledger: a lease is worth minutes, and need not wait for the
disk as a decision does. After a power cut the file may be gone or torn; then nobody holds anything, and it is
made anew.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labels.database import Connection, opened, readable_errors, transaction
from labels.model import ProductRef

DEFAULT_LEASE_S = 15 * 60.0

_TABLE = """
CREATE TABLE IF NOT EXISTS claims (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID
"""


class Claims:
    """The leases of a workspace.

    A lease is taken, kept alive by taking it again, and given back; one that nobody keeps alive ends by itself.
    """

    def __init__(self, ledger: Path, *, lease_s: float = DEFAULT_LEASE_S, now: Callable[[], float] = time.time) -> None:
        """Open the leases that go with a ledger.

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
        with readable_errors(self.path):
            self._connection = _connected(self.path)

    def close(self) -> None:
        """Let go of the file; the leases stay."""
        self._connection.close()

    def take(self, query: ProductRef, annotator: str) -> bool:
        """Take or renew the lease on a query; False where somebody else holds it."""
        now = self._now()
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO claims VALUES (?, ?, ?, ?) ON CONFLICT (query_source, query_id)"
                " DO UPDATE SET annotator = excluded.annotator, expires_at = excluded.expires_at"
                " WHERE claims.annotator = excluded.annotator OR claims.expires_at <= ?",
                [query.source, query.id, annotator, now + self._lease_s, now],
            )
            return cursor.rowcount == 1

    def release(self, query: ProductRef, annotator: str) -> None:
        """End the lease on one query, as when it was put off."""
        with self._writing():
            self._connection.execute(
                "DELETE FROM claims WHERE (query_source, query_id) = (?, ?) AND annotator = ?", [*query, annotator]
            )

    def give_back(self, annotator: str) -> None:
        """End all leases of an annotator, as when the desk closes."""
        with self._writing():
            self._connection.execute("DELETE FROM claims WHERE annotator = ?", [annotator])

    def held_by_others(self, annotator: str) -> dict[ProductRef, str]:
        """The queries that other people have on their screens now, with their names."""
        with readable_errors(self.path):
            rows = self._connection.execute(
                "SELECT query_source, query_id, annotator FROM claims WHERE annotator <> ? AND expires_at > ?",
                [annotator, self._now()],
            )
            return {ProductRef(source, id_): name for source, id_, name in rows}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with readable_errors(self.path), transaction(self._connection):
            yield


def _connected(path: Path) -> Connection:
    try:
        return _with_table(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        path.unlink()  # torn by a power cut; what it held has run out
        return _with_table(path)


def _with_table(path: Path) -> Connection:
    connection = opened(path)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=OFF")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'claims'").fetchone():
            with transaction(connection):
                connection.execute(_TABLE)
    except BaseException:
        connection.close()
        raise
    return connection
