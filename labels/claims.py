"""Who has which query on the screen: leases, so that two people never get the same query by accident.

They stand in a file of their own, `claims.db` beside the ledger: a lease is worth minutes, and need not wait for the
disk as a decision does. After a power cut the file may be gone or torn; then nobody holds anything, and it is
made anew.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labels.database import Connection, opened, readable_errors, transaction
from labels.errors import LabelsError
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


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that runs.

    Attributes:
        until: when it ends unless it is renewed, in seconds since the epoch.
    """

    annotator: str
    until: float


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
        with self._writing():
            self._connection.execute(
                "DELETE FROM claims WHERE (query_source, query_id) = (?, ?) AND annotator = ?", [*query, annotator]
            )

    def give_back(self, annotator: str) -> None:
        """End all leases of an annotator, as when the desk closes."""
        with self._writing():
            self._connection.execute("DELETE FROM claims WHERE annotator = ?", [annotator])

    def held(self, annotator: str) -> list[ProductRef]:
        """The queries that somebody has, the one taken or renewed last first."""
        with readable_errors(self.path):
            rows = self._connection.execute(
                "SELECT query_source, query_id FROM claims WHERE annotator = ? AND expires_at > ?"
                " ORDER BY expires_at DESC",
                [annotator, self._now()],
            )
            return [ProductRef(*row) for row in rows]

    def held_by_others(self, annotator: str) -> dict[ProductRef, str]:
        """The queries that other people have on their screens now, with their names."""
        with readable_errors(self.path):
            rows = self._connection.execute(
                "SELECT query_source, query_id, annotator FROM claims WHERE annotator <> ? AND expires_at > ?",
                [annotator, self._now()],
            )
            return {ProductRef(source, id_): name for source, id_, name in rows}

    def holder(self, query: ProductRef) -> Held | None:
        """Who has a query on the screen now; None where nobody has."""
        with readable_errors(self.path):
            row = self._connection.execute(
                "SELECT annotator, expires_at FROM claims WHERE (query_source, query_id) = (?, ?) AND expires_at > ?",
                [*query, self._now()],
            ).fetchone()
            return row and Held(*row)

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
