"""Questions to the ledger in SQL, by anybody, about anything, and without a way to change it."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from labels.database import readable_errors
from labels.errors import LabelsError
from labels.snapshot import private_copy

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
#: What a PRAGMA may tell, where it is given no value to set.
_TELLING = {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"}
#: Functions that reach beyond the file.
_REACHING = {"load_extension", "fts3_tokenizer"}
#: The longest text or blob that a query may make, in bytes: far more than anybody writes, far less than memory.
_LONGEST = 10_000_000
#: So many steps of SQLite's machine between two looks at the clock: well under a millisecond.
_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query gave.

    Attributes:
        columns: their names, in order.
        rows: the values, as SQLite has them: text, numbers, bytes, None.
        more: whether there are further rows than were asked for.
    """

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]
    more: bool


def query(path: Path, sql: str, *, limit: int = 1000, seconds: float = 30.0) -> QueryResult:
    """Ask labels.db one question in SQL. Nothing is written, whatever is asked.

    Args:
        path: labels.db, which may be in use.
        sql: one SELECT, WITH, VALUES or EXPLAIN.
        limit: how many rows are wanted at most.
        seconds: how long it may take.

    Raises:
        LabelsError: it is no question, cannot be answered, or takes too long.
    """
    # A copy, since no desk could store a decision for as long as the question takes, where there is a rollback journal.
    with (
        private_copy(path) as copy,
        readable_errors(path),
        closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as connection,
    ):
        connection.execute("PRAGMA query_only=ON")
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        connection.set_authorizer(_authorize)
        deadline = time.monotonic() + seconds
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            cursor = connection.execute(sql)
            rows = cursor.fetchmany(limit + 1)
        except (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError) as error:
            raise _refused(error, seconds) from error
        columns = tuple(column[0] for column in cursor.description or ())
    if not columns:
        raise LabelsError("That asks for nothing.", 'For example: samesku labels query "SELECT * FROM events LIMIT 5"')
    return QueryResult(columns, rows[:limit], more=len(rows) > limit)


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Only what reads: anything that is not known to read is refused, whatever a later SQLite may bring."""
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if second in _REACHING else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        telling = first in _TELLING or (first == "user_version" and second is None)
        return sqlite3.SQLITE_OK if telling else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _refused(error: Exception, seconds: float) -> LabelsError:
    """The error in a sentence."""
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_INTERRUPT:
        return LabelsError(
            f"The query was stopped after {seconds:g} seconds.",
            "Ask for less, or give it longer: `samesku labels query SQL --seconds 300`.",
        )
    if code == sqlite3.SQLITE_AUTH or "not authorized" in str(error):
        return LabelsError(
            "That is not allowed: a query only reads, and asks one thing.",
            "PRAGMA table_info(events) tells a table's columns; decisions are made at the desk.",
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return LabelsError(f"The ledger is damaged: {error}.", "`samesku labels verify` tells what is wrong.")
    return LabelsError(
        f"That cannot be answered: {str(error).rstrip('.')}.", "labels/SCHEMA.md names the tables and columns."
    )
