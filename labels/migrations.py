"""The migrations of labels.db, forward only. Each is applied in one transaction with its record.

The SQL of a released migration is never changed: `labels.schema` compares the schema of a file with its result.
"""

import sqlite3
from collections.abc import Iterator

import sqlite_utils
from sqlite_utils import Migrations
from sqlite_utils.db import Database

from labels import chain, draws, projection
from labels.database import SCHEMA_VERSION, Connection, transaction

migrations = Migrations("labels")

_VERBS = "'accept','reject','none','unsure','skip','flag','comment','import','undo','redo'"

_TABLES = f"""
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    action TEXT NOT NULL,
    at TEXT NOT NULL,
    annotator TEXT NOT NULL CHECK (annotator <> ''),
    verb TEXT NOT NULL CHECK (verb IN ({_VERBS})),
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT,
    candidate_id TEXT,
    decision TEXT CHECK (decision IN ('match','no_match','unsure')),
    strength TEXT CHECK (strength IN ('explicit','implied')),
    stream TEXT NOT NULL CHECK (stream IN ('triage','validation','audit','adjudication')),
    side TEXT NOT NULL CHECK (side IN ('train','validation')),
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
    closes INTEGER NOT NULL CHECK (closes IN (0, 1)),
    look_ms INTEGER,
    rank INTEGER,
    similarity REAL,
    probability REAL,
    model TEXT,
    target TEXT,
    text TEXT NOT NULL DEFAULT '',
    CHECK ((decision IS NULL) = (strength IS NULL)),
    CHECK (decision IS NULL OR candidate_id IS NOT NULL),
    CHECK ((verb IN ('undo','redo')) = (target IS NOT NULL))
);
CREATE INDEX events_by_pair ON events (query_source, query_id, candidate_source, candidate_id, annotator);
CREATE INDEX events_by_action ON events (action);
CREATE INDEX events_by_target ON events (target) WHERE target IS NOT NULL;

-- Projections: derived from the events in the same transaction, checked against them by `labels verify`.
CREATE TABLE actions (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    annotator TEXT NOT NULL,
    verb TEXT NOT NULL,
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    closes INTEGER NOT NULL,
    text TEXT NOT NULL,
    undone_at INTEGER
) WITHOUT ROWID;
CREATE INDEX actions_by_annotator ON actions (annotator, seq);
CREATE INDEX actions_by_query ON actions (query_source, query_id);
CREATE TABLE current (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id, annotator)
) WITHOUT ROWID;

-- The validation queries, drawn before anything is known of them. Never redrawn.
CREATE TABLE validation (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;

-- Leases: who has which query on the screen. The only rows here that are meant to change.
CREATE TABLE claims (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
"""

# A REPLACE from a connection without PRAGMA recursive_triggers deletes rows without firing the triggers below.
_NO_REPLACE = """
CREATE TRIGGER events_no_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'events is append-only: nothing is replaced'); END;
CREATE TRIGGER validation_no_replace BEFORE INSERT ON validation WHEN EXISTS (
    SELECT 1 FROM validation WHERE (query_source, query_id) = (NEW.query_source, NEW.query_id)
)
BEGIN SELECT RAISE(IGNORE); END;
"""

_APPEND_ONLY = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only: correct it with a new event'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only: nothing is deleted'); END;
"""


@migrations(name="001_events")
def _events(db: Database) -> None:
    append_only = [_APPEND_ONLY.format(table=table) for table in ("events", "validation")]
    for statement in _statements("".join([_TABLES, *append_only, _NO_REPLACE])):
        db.execute(statement)
    db.execute("PRAGMA user_version = 1")


_LEDGER = """
DROP TRIGGER events_no_update;
DROP INDEX events_by_pair;
CREATE INDEX events_by_query ON events (query_source, query_id);
ALTER TABLE events ADD COLUMN hash TEXT NOT NULL DEFAULT '';

-- Leases have a file of their own now.
DROP TABLE claims;
CREATE INDEX actions_skipped ON actions (annotator, query_source, query_id) WHERE verb = 'skip' AND undone_at IS NULL;
CREATE INDEX actions_undone ON actions (annotator, undone_at) WHERE undone_at IS NOT NULL;
DROP TABLE current;
CREATE TABLE current (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    decision TEXT NOT NULL,
    strength TEXT NOT NULL,
    stream TEXT NOT NULL,
    side TEXT NOT NULL,
    action TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id, annotator)
) WITHOUT ROWID;
CREATE TABLE opinions (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    matches INTEGER NOT NULL,
    others INTEGER NOT NULL,
    explicit INTEGER NOT NULL,
    validation INTEGER NOT NULL,
    adjudicated INTEGER NOT NULL,
    people INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id)
) WITHOUT ROWID;
CREATE INDEX opinions_apart ON opinions (query_source, query_id) WHERE matches > 0 AND others > 0;
CREATE TABLE queries (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    closed INTEGER NOT NULL,
    closed_by_machine INTEGER NOT NULL,
    flagged INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
CREATE INDEX queries_by_touch ON queries (touched);

-- A draw is frozen: version n of a set is what was drawn up to n. A query stands for `weight` queries of its stratum.
ALTER TABLE validation ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE validation ADD COLUMN stratum TEXT NOT NULL DEFAULT '';
ALTER TABLE validation ADD COLUMN weight REAL NOT NULL DEFAULT 1;
CREATE TABLE audits (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    stratum TEXT NOT NULL,
    weight REAL NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL,
    PRIMARY KEY (query_source, query_id, version)
) WITHOUT ROWID;
CREATE TRIGGER audits_no_replace BEFORE INSERT ON audits WHEN EXISTS (
    SELECT 1 FROM audits WHERE (query_source, query_id, version) = (NEW.query_source, NEW.query_id, NEW.version)
)
BEGIN SELECT RAISE(IGNORE); END;
"""

# No program can insert an event without a hash.
_CHAINED = """
CREATE TRIGGER events_chained BEFORE INSERT ON events WHEN length(NEW.hash) <> 64
BEGIN SELECT RAISE(ABORT, 'events is a chain: each carries the hash of all before it'); END;
"""


@migrations(name="002_ledger")
def _ledger(db: Database) -> None:
    for statement in _statements(_LEDGER):
        db.execute(statement)
    hashes = [(hash_, seq) for seq, hash_ in _event_hashes(db.conn)]
    db.conn.executemany("UPDATE events SET hash = ? WHERE seq = ?", hashes)
    guards = _APPEND_ONLY.format(table="events").split("CREATE TRIGGER events_no_delete")[0]
    for statement in _statements(guards + _APPEND_ONLY.format(table="audits") + _CHAINED):
        db.execute(statement)
    projection.rebuild(db.conn)
    db.execute("PRAGMA user_version = 2")


# Indexes for lists of past work: skipped, unsure, flagged and commented queries, and the queries that a candidate was
# accepted for. A usual decision adds at most one index entry.
_PAST = """
CREATE INDEX actions_noted ON actions (verb, annotator, seq)
    WHERE verb = 'flag' OR verb = 'comment' OR verb = 'unsure' OR verb = 'skip';
CREATE INDEX current_accepted ON current (candidate_source, candidate_id) WHERE decision = 'match';
"""


@migrations(name="003_past")
def _past(db: Database) -> None:
    for statement in _statements(_PAST):
        db.execute(statement)
    db.execute("PRAGMA user_version = 3")


# Draws get a hash chain, and every later event covers the last draw. Also creates the triggers against REPLACE that the
# first ledgers of schema 1 lacked.
_DRAWS = """
CREATE TABLE draws (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('validation','audit')),
    version INTEGER NOT NULL,
    queries INTEGER NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    UNIQUE (purpose, version)
);
CREATE TRIGGER draws_no_replace BEFORE INSERT ON draws WHEN EXISTS (
    SELECT 1 FROM draws WHERE number = NEW.number OR (purpose, version) = (NEW.purpose, NEW.version)
)
BEGIN SELECT RAISE(ABORT, 'draws is append-only: nothing is replaced'); END;
ALTER TABLE events ADD COLUMN drawn INTEGER NOT NULL DEFAULT 0;
"""

# An earlier version of samesku does not hash draws and would break the chains: once there are draws, it cannot write.
_COVERED = """
DROP TRIGGER events_chained;
CREATE TRIGGER events_chained BEFORE INSERT ON events
WHEN length(NEW.hash) <> 64 OR NEW.drawn <> (SELECT coalesce(max(number), 0) FROM draws)
BEGIN SELECT RAISE(ABORT, 'events is a chain: each carries the hash of all before it'); END;
CREATE TRIGGER validation_recorded BEFORE INSERT ON validation WHEN NOT EXISTS (
    SELECT 1 FROM draws WHERE (purpose, version) = ('validation', NEW.version)
)
BEGIN SELECT RAISE(ABORT, 'a draw is recorded in draws before its queries are'); END;
CREATE TRIGGER audits_recorded BEFORE INSERT ON audits WHEN NOT EXISTS (
    SELECT 1 FROM draws WHERE (purpose, version) = ('audit', NEW.version)
)
BEGIN SELECT RAISE(ABORT, 'a draw is recorded in draws before its queries are'); END;
"""


@migrations(name="004_draws")
def _draws(db: Database) -> None:
    missing_triggers = _NO_REPLACE.replace("CREATE TRIGGER", "CREATE TRIGGER IF NOT EXISTS")
    for statement in _statements("".join([_DRAWS, _APPEND_ONLY.format(table="draws"), missing_triggers])):
        db.execute(statement)
    draws.record_existing(db.conn)
    for statement in _statements(_COVERED):
        db.execute(statement)
    db.execute("PRAGMA user_version = 4")


def _event_hashes(connection: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """The number and hash of every event, in order."""
    previous = chain.GENESIS
    for values in connection.execute(chain.SELECT_EVENTS):
        previous = chain.event_hash(previous, values)
        yield values[0], previous


def _statements(script: str) -> list[str]:
    """Split a script into statements, because executescript() would commit the migration's transaction."""
    statements, buffer = [], ""
    for line in script.splitlines(keepends=True):
        buffer += line
        if sqlite3.complete_statement(buffer):
            statements.append(buffer)
            buffer = ""
    return statements


def apply_up_to(connection: sqlite3.Connection, version: int) -> None:
    """Give a new database the schema of a version."""
    database = sqlite_utils.Database(connection)
    later = [each.name for each in migrations.pending(database) if int(each.name.partition("_")[0]) > version]
    migrations.apply(database, stop_before=later)


def migrate(connection: Connection) -> None:
    """Migrate an open labels.db to SCHEMA_VERSION.

    Raises:
        sqlite3.Error: the file cannot be written or is not a database.
    """
    # One outer immediate transaction: a second process that starts at the same time waits here, and then finds nothing
    # to do. sqlite_utils nests its own transactions in it as savepoints.
    with transaction(connection):
        migrations.apply(sqlite_utils.Database(connection))
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"schema version is {version} after migrating, not {SCHEMA_VERSION}")
