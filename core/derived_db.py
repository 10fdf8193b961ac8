"""derived.db: candidates, feature vectors (`evidence`) and judge verdicts, all of which can be recomputed."""

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from core.sqlite_cache import SqliteCache, transaction

#: PRAGMA user_version. Version 2 is migrated; candidates of any other version are dropped and rebuilt by the next index
#: run.
_VERSION = 3
#: The version whose table `standing` lacks the column `matches`.
_VERSION_WITHOUT_MATCHES = 2

_CANDIDATES = """
CREATE TABLE IF NOT EXISTS candidates (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    rank INTEGER NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    similarity REAL NOT NULL,
    score REAL NOT NULL,
    dense_rank INTEGER,
    lexical_rank INTEGER,
    probability REAL,
    PRIMARY KEY (query_source, query_id, rank)
) WITHOUT ROWID
"""
#: The best scores of each query, the least certain query first: a desk need not read all candidates to order its queue.
_BEST = """
CREATE TABLE IF NOT EXISTS best (
    place INTEGER PRIMARY KEY,
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    similarity REAL NOT NULL,
    probability REAL
)
"""
_RUNS = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL
)
"""
_STANDING = """
CREATE TABLE IF NOT EXISTS standing (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    threshold REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    labels INTEGER NOT NULL,
    matches INTEGER
)
"""
_EVIDENCE = """
CREATE TABLE IF NOT EXISTS evidence (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id)
) WITHOUT ROWID
"""
_EVIDENCE_RUN = """
CREATE TABLE IF NOT EXISTS evidence_run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    features TEXT NOT NULL,
    fingerprint TEXT NOT NULL
)
"""
_INDEXED = """
CREATE TABLE IF NOT EXISTS indexed (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID
"""
_INDEXED_RUN = "CREATE TABLE IF NOT EXISTS indexed_run (id INTEGER PRIMARY KEY CHECK (id = 1), mark TEXT NOT NULL)"
#: Table name → checksum of its rows. Files of earlier versions lack this table.
_CHECKSUMS = "CREATE TABLE IF NOT EXISTS checksums (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
#: The number in the table's name is its version. Each version of the program uses its own table, so that none discards
#: verdicts that another version paid for.
_VERDICTS = """
CREATE TABLE IF NOT EXISTS verdicts_1 (
    judge TEXT NOT NULL,
    content TEXT NOT NULL,
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    answer TEXT,
    probability REAL,
    log_odds REAL,
    reasoning TEXT NOT NULL,
    seconds REAL NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (judge, content)
)
"""
_TABLES = {
    "candidates": _CANDIDATES, "best": _BEST, "runs": _RUNS, "standing": _STANDING, "evidence": _EVIDENCE,
    "evidence_run": _EVIDENCE_RUN, "indexed": _INDEXED, "indexed_run": _INDEXED_RUN, "checksums": _CHECKSUMS,
    "verdicts_1": _VERDICTS,
}  # fmt: skip
_VERDICT_TABLE = re.compile(r"verdicts_\d+")

#: Time limit for reading a damaged file, in seconds, and the size limit of a salvaged row, in bytes.
_SALVAGE_TIMEOUT_S, _MAX_VERDICT_BYTES = 10.0, 1_000_000

#: The hint of every error about a damaged derived.db.
REBUILD_HINT = "Everything in this file can be rebuilt: run `samesku index`."


def derived_cache(path: Path, text_factory: Callable[[bytes], str] | type[str] = str) -> SqliteCache:
    """A cache for derived.db; the file is opened on first use."""
    return SqliteCache(
        path, _prepare, is_derived, hint=REBUILD_HINT, salvage=_salvage_verdicts, text_factory=text_factory
    )


def is_derived(tables: set[str]) -> bool:
    """Whether these table names are those of a derived.db, of any version."""
    return any(name in _TABLES or _VERDICT_TABLE.fullmatch(name) for name in tables)


def _prepare(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    existing = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version == _VERSION and existing >= _TABLES.keys():
        return
    with transaction(connection):
        # Another process may have migrated the file while this one waited for the lock.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == _VERSION_WITHOUT_MATCHES and "standing" in existing:
            connection.execute("ALTER TABLE standing ADD COLUMN matches INTEGER")
            # A row without labels describes the ranking by cosine, which is no longer used.
            connection.execute("DELETE FROM standing WHERE labels = 0")
        elif version != _VERSION:
            for name in ("candidates", "best", "runs", "standing"):
                connection.execute(f"DROP TABLE IF EXISTS {name}")
        for statement in _TABLES.values():
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _salvage_verdicts(damaged: Path, connection: sqlite3.Connection) -> None:
    """Copy the readable verdicts of a damaged file, since they were paid for. Each row is validated when it is used."""
    columns = "judge, content, query_source, query_id, candidate_source, candidate_id, answer, probability, log_odds,"
    columns += " reasoning, seconds, tokens_in, tokens_out, at"
    write = f"INSERT OR IGNORE INTO verdicts_1 ({columns}) VALUES ({', '.join('?' * 14)})"  # noqa: S608
    uri = f"{damaged.absolute().as_uri()}?mode=ro&immutable=1"
    deadline = time.monotonic() + _SALVAGE_TIMEOUT_S
    for order in ("ASC", "DESC"):  # from both ends up to the damaged page
        with suppress(sqlite3.DatabaseError, UnicodeDecodeError), closing(sqlite3.connect(uri, uri=True)) as old:
            old.execute("PRAGMA trusted_schema = OFF")
            old.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VERDICT_BYTES)
            old.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
            for row in old.execute(f"SELECT {columns} FROM verdicts_1 ORDER BY rowid {order}"):  # noqa: S608
                with suppress(sqlite3.IntegrityError):
                    connection.execute(write, row)
