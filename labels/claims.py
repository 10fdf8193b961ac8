"""Who has which query on the screen: leases, so that two people never get the same query by accident."""

import time
from collections.abc import Callable
from pathlib import Path

from labels.database import connect, readable_errors, transaction
from labels.model import ProductRef

DEFAULT_LEASE_S = 15 * 60.0


class Claims:
    """The leases of a workspace.

    A lease is taken, kept alive by taking it again, and given back; one that nobody keeps alive ends by itself.
    """

    def __init__(self, path: Path, *, lease_s: float = DEFAULT_LEASE_S, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._lease_s = lease_s
        self._now = now
        self._connection = connect(path)

    def close(self) -> None:
        """Let go of the file; the leases stay."""
        self._connection.close()

    def take(self, query: ProductRef, annotator: str) -> bool:
        """Take or renew the lease on a query; False where somebody else holds it."""
        now = self._now()
        with readable_errors(self.path), transaction(self._connection):
            cursor = self._connection.execute(
                "INSERT INTO claims VALUES (?, ?, ?, ?) ON CONFLICT (query_source, query_id)"
                " DO UPDATE SET annotator = excluded.annotator, expires_at = excluded.expires_at"
                " WHERE claims.annotator = excluded.annotator OR claims.expires_at <= ?",
                [query.source, query.id, annotator, now + self._lease_s, now],
            )
            return cursor.rowcount == 1

    def release(self, query: ProductRef, annotator: str) -> None:
        """End the lease on one query, as when it was put off."""
        with readable_errors(self.path), transaction(self._connection):
            self._connection.execute(
                "DELETE FROM claims WHERE (query_source, query_id) = (?, ?) AND annotator = ?", [*query, annotator]
            )

    def give_back(self, annotator: str) -> None:
        """End all leases of an annotator, as when the desk closes."""
        with readable_errors(self.path), transaction(self._connection):
            self._connection.execute("DELETE FROM claims WHERE annotator = ?", [annotator])

    def held_by_others(self, annotator: str) -> dict[ProductRef, str]:
        """The queries that other people have on their screens now, with their names."""
        with readable_errors(self.path):
            rows = self._connection.execute(
                "SELECT query_source, query_id, annotator FROM claims WHERE annotator <> ? AND expires_at > ?",
                [annotator, self._now()],
            )
            return {ProductRef(source, id_): name for source, id_, name in rows}
