"""Read-only SQL queries on a copy of the ledger, with limits on time and memory."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from labels.database import readable_errors
from labels.errors import LabelsError
from labels.snapshot import private_copy

#: Authorizer actions that only read.
_READ_ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
#: PRAGMAs that only return information.
_READ_PRAGMAS = {
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
}  # fmt: skip
#: Functions that reach outside the database.
_UNSAFE_FUNCTIONS = {"load_extension", "fts3_tokenizer"}
#: Maximum size of a text or blob that a query creates, in bytes: far above any comment, far below the memory.
_MAX_VALUE_BYTES = 10_000_000
#: Instructions of SQLite's virtual machine between two checks of the deadline: well under a millisecond.
_CHECK_INTERVAL = 10_000


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of a query.

    Attributes:
        columns: the column names, in order.
        rows: the values as SQLite returns them: text, numbers, bytes, None.
        more: whether there are more rows than the limit.
    """

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]
    more: bool


def query(path: Path, sql: str, *, limit: int = 1000, seconds: float = 30.0) -> QueryResult:
    """Run one SQL query on labels.db. Nothing can be written.

    Args:
        path: labels.db, which may be in use.
        sql: one SELECT, WITH, VALUES or EXPLAIN.
        limit: maximum number of rows.
        seconds: time limit.

    Raises:
        LabelsError: the statement does not only read, fails, or takes too long.
    """
    # On a copy: with a rollback journal no desk could store a decision while the query runs.
    with (
        private_copy(path) as copy,
        readable_errors(path),
        closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as connection,
    ):
        connection.execute("PRAGMA query_only=ON")
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        connection.set_authorizer(_authorize)
        deadline = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECK_INTERVAL)
        try:
            cursor = connection.execute(sql)
            rows = cursor.fetchmany(limit + 1)
        except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
            raise _query_error(error, seconds) from error
        columns = tuple(column[0] for column in cursor.description or ())
    if not columns:
        raise LabelsError(
            "The statement returns no columns.", 'For example: samesku labels query "SELECT * FROM events LIMIT 5"'
        )
    return QueryResult(columns, rows[:limit], more=len(rows) > limit)


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """An authorizer that allows known reading actions only, so that actions of later SQLite versions are denied."""
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if second in _UNSAFE_FUNCTIONS else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        reads = first in _READ_PRAGMAS or (first == "user_version" and second is None)
        return sqlite3.SQLITE_OK if reads else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READ_ACTIONS else sqlite3.SQLITE_DENY


def _query_error(error: Exception, seconds: float) -> LabelsError:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_INTERRUPT:
        return LabelsError(
            f"The query was stopped after {seconds:g} seconds.",
            "Ask for less, or give it longer: `samesku labels query SQL --seconds 300`.",
        )
    if code == sqlite3.SQLITE_AUTH or "not authorized" in str(error):
        return LabelsError(
            "This statement is not allowed: a query only reads.",
            "PRAGMA table_info(events) lists the columns of a table; decisions are made at the desk.",
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return LabelsError(f"The ledger is damaged: {error}.", "`samesku labels verify` lists what is wrong.")
    return LabelsError(
        f"The query failed: {str(error).rstrip('.')}.", "labels/SCHEMA.md describes the tables and columns."
    )
