"""SQLite transactions as context managers, for connections in autocommit mode (`isolation_level=None`)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def atomic(connection: sqlite3.Connection, mode: str = "IMMEDIATE") -> Iterator[None]:
    """A write transaction: committed at the end of the block, rolled back on any exception.

    Args:
        connection: outside a transaction.
        mode: DEFERRED, IMMEDIATE or EXCLUSIVE. IMMEDIATE takes the write lock at once, so that a read followed by a
            write waits for its turn instead of failing.

    Raises:
        sqlite3.Error: the lock was not obtained, or the commit failed.
    """
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        # Can fail while another connection reads; the transaction would then stay open, with its locks.
        connection.execute("COMMIT")
    finally:
        connection.rollback()  # does nothing after a commit, or where SQLite itself rolled back on a full disk


@contextmanager
def read_snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction for reading: every statement in the block sees the same state; writes in it are rolled back."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()
