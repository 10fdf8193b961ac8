"""Damage to the ledger or a full disk: a clear error with a hint, and no further damage."""

import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from disk import full_disk
from samples import implied, match, q
from tampering import change, change_unseen

from labels import chain, migrations, preflight  # noqa: F401 - before anybody gives up the right to read them
from labels.backup import backup
from labels.backup_index import FOLDER, backups
from labels.database import SCHEMA_VERSION
from labels.errors import LabelsError
from labels.exchange.merge import merge_ledger
from labels.model import ActionDetails, Stratum, Verb
from labels.restore import restore
from labels.statistics import label_stats
from labels.store import LabelStore
from labels.verify import verify

NOBODY = 65534
FIRST = (Path(__file__).parent / "labels_v1.sql").read_text(encoding="utf-8")
TRUE = ("events", "validation", "audits", "draws", "actions", "current", "opinions", "queries")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A sound ledger with something on every page."""
    path = tmp_path_factory.mktemp("sound") / "labels.db"
    with LabelStore(path) as store:
        store.draw_validation([q("v"), q("w"), q("x")], seed=1)
        store.record_all("bob", [(q(str(n)), [*match("a"), *implied("b", "c")], True) for n in range(30)])
        store.record("ada", Verb.COMMENT, q("1"), details=ActionDetails(text="the “big” one"))
        store.undo("ada")
        store.draw_audit({q(str(n)): Stratum("high", 2.5) for n in range(5)}, seed=2)
        store.record("ada", Verb.SKIP, q("2"))
        store.draw_audit({q(str(n)): Stratum("low", 4.0) for n in range(4, 8)}, seed=3)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "labels.db"
    path.write_bytes(content)
    return path


def say(path: Path, query: str = "1") -> None:
    with LabelStore(path) as store:
        store.record("ada", Verb.ACCEPT, q(query), match("z"), ActionDetails(closes=True))


def refused(act: Callable[[], object], words: str = ".") -> LabelsError:
    """What somebody is told who tries: a sentence, and a way out."""
    with pytest.raises(LabelsError, match=words) as caught:
        act()
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


# -- bytes that turned ---------------------------------------------------------------------------------------


def dump(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in TRUE]  # noqa: S608


def attempts(path: Path) -> list[Callable[[], object]]:
    """What people do with a ledger."""

    def reading(act: Callable[[LabelStore], object]) -> Callable[[], object]:
        def attempt() -> None:
            with LabelStore(path) as store:
                act(store)

        return attempt

    return [
        reading(LabelStore.decisions), reading(LabelStore.labels), reading(label_stats),
        reading(lambda store: store.undo("bob")), lambda: say(path), lambda: backup(path, path.parent / "copies"),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
def test_flipped_bytes_are_detected_or_harmless(path: Path, content: bytes, seed: int) -> None:
    rng = random.Random(seed)
    before = dump(path)
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 8])):
        damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
    path.write_bytes(damaged)
    try:
        sound = verify(path).ok
    except LabelsError:
        sound = False
    assert path.read_bytes() == damaged
    if sound:
        assert dump(path) == before  # a byte that nobody uses
    for attempt in attempts(path):
        with suppress(LabelsError):
            attempt()


def test_a_value_that_became_bytes_breaks_the_chain(path: Path) -> None:
    change_unseen(path, "UPDATE events SET text = x'ff' WHERE seq = 3")
    assert any("broken at event 3" in problem for problem in verify(path).problems)


# -- a schema that is not samesku's --------------------------------------------------------------------------

IGNORE_BOB = "BEFORE INSERT ON {} WHEN NEW.annotator = 'bob' BEGIN SELECT RAISE(IGNORE); END"
PLAIN_VALIDATION = (
    "CREATE TABLE validation (query_source TEXT NOT NULL, query_id TEXT NOT NULL, seed INTEGER NOT NULL,"
    " drawn_at TEXT NOT NULL, version INTEGER, stratum TEXT, weight REAL, PRIMARY KEY (query_source, query_id))"
)
#: What another program may do to the schema, by what it is.
SCHEMAS = {
    "a trigger that does nothing": (
        "DROP TRIGGER events_no_delete",
        "CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END",
    ),
    "a trigger on another table": (
        "DROP TRIGGER events_no_delete",
        "CREATE TRIGGER events_no_delete BEFORE DELETE ON actions BEGIN SELECT RAISE(ABORT, 'no'); END",
    ),
    "a missing trigger": ("DROP TRIGGER draws_no_update",),
    "a trigger that ignores a person": ("CREATE TRIGGER quiet " + IGNORE_BOB.format("events"),),
    "one that ignores what a person says now": ("CREATE TRIGGER quiet " + IGNORE_BOB.format("current"),),
    "a trigger that changes what is written": (
        "CREATE TRIGGER turn AFTER INSERT ON current BEGIN UPDATE current SET decision = 'match'; END",
    ),
    "a trigger on the record of migrations": (
        "CREATE TRIGGER later AFTER INSERT ON _sqlite_migrations BEGIN DELETE FROM current; END",
    ),
    "a view": ("CREATE VIEW mine AS SELECT * FROM events",),
    "a view in the place of a table": (
        "DROP TABLE opinions",
        "CREATE VIEW opinions AS SELECT query_source, query_id, candidate_source, candidate_id, 1 AS matches,"
        " 0 AS others, 1 AS explicit, 0 AS validation, 0 AS adjudicated, 1 AS people, seq FROM current",
    ),
    "a view without an end": (
        "ALTER TABLE validation RENAME TO hidden",
        "CREATE VIEW validation AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT 'walmart' AS query_source, i AS query_id, 1 AS seed, '' AS drawn_at, 1 AS version, '' AS stratum,"
        " 1.0 AS weight FROM n",
    ),
    "an events view without an end": (
        "ALTER TABLE events RENAME TO hidden",
        "CREATE VIEW events AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS seq FROM n",
    ),
    "a table more": ("CREATE TABLE notes (text TEXT)",),
    "a virtual table": ("CREATE VIRTUAL TABLE words USING fts5(text)",),
    "a column more": ("ALTER TABLE actions ADD COLUMN note TEXT",),
    "a generated column": ("ALTER TABLE events ADD COLUMN shout TEXT AS (upper(text)) VIRTUAL",),
    "a missing index": ("DROP INDEX events_by_query",),
    "a changed index": (
        "DROP INDEX events_by_query",
        "CREATE INDEX events_by_query ON events (query_id)",
    ),
    "an index on an expression": ("CREATE INDEX loud ON events (upper(text))",),
    "a table with row numbers": ("DROP TABLE validation", PLAIN_VALIDATION),
    "a check that is gone": ("replace in events", " CHECK (annotator <> '')", ""),
    "a collation": ("replace in current", "annotator TEXT NOT NULL", "annotator TEXT COLLATE NOCASE NOT NULL"),
    "a trigger that ignores in silence": (
        "replace in events_no_update",
        "RAISE(ABORT, 'events is append-only: correct it with a new event')",
        "RAISE(IGNORE)",
    ),
    "an earlier version": ("PRAGMA user_version = 3",),
    "the first version": ("PRAGMA user_version = 1",),
    "no version": ("PRAGMA user_version = 0",),
}


def change_schema(path: Path, kind: str) -> None:
    if not SCHEMAS[kind][0].startswith("replace in"):
        change(path, *SCHEMAS[kind])
        return
    place, old, new = SCHEMAS[kind]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        changed = connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ? AND instr(sql, ?)",
            [old, new, place.rpartition(" ")[2], old],
        )
        assert changed.rowcount == 1


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_changed_schema_is_found_and_nothing_is_written(path: Path, kind: str) -> None:
    folder = path.parent / "copies"
    source = shutil.copy(backup(path, folder).path, path.with_name("source.db"))
    for each in (path, source):
        change_schema(each, kind)
    before = path.read_bytes()
    if kind == "an events view without an end":
        refused(lambda: verify(path), "not a labels file")
    else:
        assert verify(path).problems
    refused(lambda: say(path))
    refused(lambda: backup(path, folder), "not sound|not a labels file")
    refused(lambda: restore(source, path), "not restored")
    assert path.read_bytes() == before
    assert len(backups(folder)) == 1


@pytest.mark.parametrize("kind", SCHEMAS)
def test_an_open_connection_acknowledges_only_what_is_stored(path: Path, kind: str) -> None:
    with LabelStore(path) as store:
        change_schema(path, kind)
        try:
            action = store.record("bob", Verb.ACCEPT, q("new"), match("z"))
        except LabelsError:
            return
        # SQLite still works by the schema that it read before: what was acknowledged is there.
        stored = store.connection.execute("SELECT action FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        assert stored == (action,)
        assert any(decision.action == action for decision in store.decisions(q("new")))


def test_a_changed_schema_is_named_with_a_hint(path: Path) -> None:
    backup(path, path.parent / FOLDER)
    say(path, "later")
    change_schema(path, "a trigger that ignores a person")
    error = refused(lambda: say(path), "the trigger quiet is not of samesku. Nothing was written")
    assert "labels verify" in error.hint
    # The way out that it names: back to the backup, and then what only the changed file holds.
    done = restore(backups(path.parent / FOLDER)[-1].path, path)
    assert done.damaged
    assert done.previous is not None
    with LabelStore(path) as store:
        assert merge_ledger(store, done.previous).events == 1
        assert {decision.pair.query.id for decision in store.decisions()} >= {"later"}
    assert verify(path).ok


@pytest.mark.parametrize("kind", ["a check that is gone", "a view without an end", "a table with row numbers"])
def test_a_ledger_with_other_tables_is_not_merged(path: Path, tmp_path: Path, kind: str) -> None:
    change_schema(path, kind)
    with LabelStore(tmp_path / "other.db") as store:
        refused(lambda: merge_ledger(store, path), "was changed by another program")
        assert store.last_event() == 0


def test_a_changed_schema_does_not_stop_the_other_checks(path: Path) -> None:
    change_schema(path, "a trigger that ignores a person")
    change(path, "DROP TRIGGER events_no_update", "UPDATE events SET text = 'other' WHERE seq = 3")
    problems = verify(path).problems
    assert problems[:2] == ("the trigger events_no_update is missing", "the trigger quiet is not of samesku")
    assert any("broken at event 3" in problem for problem in problems)


def test_violated_check_constraints_are_found(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        values = connection.execute("SELECT * FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        names = [row[1] for row in connection.execute("PRAGMA table_info(events)")]
        event = dict(zip(names, values, strict=True)) | {"seq": values[0] + 1, "action": "forged", "annotator": ""}
        draw = chain.last_draw(connection)
        event |= {"drawn": draw[0], "hash": ""}
        event["hash"] = chain.event_hash(chain.head(connection)[1], [event[name] for name in chain.COLUMNS], draw)
        connection.execute(
            f"INSERT INTO events ({', '.join(event)}) VALUES ({', '.join('?' * len(event))})",  # noqa: S608
            list(event.values()),
        )
    assert any("CHECK" in problem for problem in verify(path).problems)


@pytest.mark.parametrize("statement", ["ANALYZE", "VACUUM", "REINDEX"])
def test_harmless_schema_differences_are_ignored(path: Path, statement: str) -> None:
    with LabelStore(path) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement)
        store.record("ada", Verb.ACCEPT, q("1"), match("z"))
    assert verify(path).ok


# -- draws that were tampered with ---------------------------------------------------------------------------

#: Statements by what they do. Each is found by what the file itself holds.
DRAW_CHANGES = {
    "a validation query deleted": ["DELETE FROM validation WHERE query_id = 'w'"],
    "all of a draw deleted": ["DELETE FROM audits WHERE version = 1"],
    "a draw deleted with its record": [
        "DELETE FROM audits WHERE version = 1", "DELETE FROM draws WHERE purpose = 'audit' AND version = 1",
    ],
    "the last draw deleted with its record": [
        "DELETE FROM audits WHERE version = 2", "DELETE FROM draws WHERE purpose = 'audit' AND version = 2",
    ],
    "all draws deleted with their records": ["DELETE FROM audits", "DELETE FROM validation", "DELETE FROM draws"],
    "and the counter set back": [
        "DELETE FROM audits", "DELETE FROM validation", "DELETE FROM draws",
        "DELETE FROM sqlite_sequence WHERE name = 'draws'",
    ],
    "a record deleted": ["DELETE FROM draws WHERE number = 2"],
    "a query exchanged": ["UPDATE validation SET query_id = 'y' WHERE query_id = 'w'"],
    "a weight": ["UPDATE audits SET weight = 3.5 WHERE query_id = '4' AND version = 1"],
    "a stratum": ["UPDATE audits SET stratum = 'low' WHERE version = 1"],
    "a seed": ["UPDATE validation SET seed = 2"],
    "a time": ["UPDATE audits SET drawn_at = '2026-01-01T00:00:00.000+00:00'"],
    "a version": ["UPDATE audits SET version = 3 WHERE version = 2"],
    "a query moved to another draw": ["UPDATE audits SET version = 2 WHERE query_id = '0'"],
    "a query added": ["INSERT INTO validation SELECT query_source, 'y', seed, drawn_at, version, stratum, weight"
                      " FROM validation LIMIT 1"],
    "a draw added": ["INSERT INTO audits SELECT query_source, query_id, 9, stratum, weight, seed, drawn_at FROM audits"
                     " WHERE version = 1"],
    "a count": ["DELETE FROM validation WHERE query_id = 'w'", "UPDATE draws SET queries = 2 WHERE number = 1"],
    "a hash": ["UPDATE draws SET hash = upper(hash) WHERE number = 2"],
    "a hash of the last": ["UPDATE draws SET hash = upper(hash) WHERE number = 3"],
    "purposes exchanged": ["UPDATE draws SET purpose = 'audit', version = 7 WHERE number = 1"],
    "what an event covers": ["UPDATE events SET drawn = 0 WHERE seq = 93"],
    "a counter": ["UPDATE sqlite_sequence SET seq = 1 WHERE name = 'draws'"],
    "the counter of events": ["UPDATE sqlite_sequence SET seq = 7 WHERE name = 'events'"],
    "the last events deleted": ["DELETE FROM events WHERE seq > 92", "DELETE FROM queries WHERE touched > 92",
                                "DELETE FROM actions WHERE seq > 92"],
}  # fmt: skip


@pytest.mark.parametrize("kind", DRAW_CHANGES)
def test_a_changed_draw_is_found(path: Path, kind: str) -> None:
    assert verify(path).ok
    change_unseen(path, *DRAW_CHANGES[kind])
    assert verify(path).problems
    if kind != "the last events deleted":
        refused(lambda: backup(path, path.parent / FOLDER), "not sound")


@pytest.mark.parametrize("seed", range(20))
def test_rows_deleted_at_random_are_found(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with closing(sqlite3.connect(path)) as connection:
        rows = [
            (table, *row)
            for table in ("validation", "audits")
            for row in connection.execute(f"SELECT query_id, version FROM {table}")  # noqa: S608
        ]
    gone = rng.sample(rows, rng.randint(1, len(rows)))
    change_unseen(path, *(f"DELETE FROM {t} WHERE (query_id, version) = ('{i}', {v})" for t, i, v in gone))  # noqa: S608
    assert any("was changed" in problem for problem in verify(path).problems)


# -- files that are cut, gone, or of others ------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.001, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused_and_restored_from_the_backup(path: Path, content: bytes, share: float) -> None:
    backup(path, path.parent / FOLDER)
    cut = content[: int(len(content) * share)]
    path.write_bytes(cut)
    error = refused(lambda: say(path))
    assert "samesku labels restore latest" in error.hint
    assert path.read_bytes() == cut
    restore(backups(path.parent / FOLDER)[-1].path, path)
    say(path)
    assert verify(path).ok


def test_a_truncated_last_page_is_found(path: Path, content: bytes) -> None:
    path.write_bytes(content[:-4000])  # SQLite reads zeros for what is not there
    refused(lambda: verify(path), "malformed")
    refused(lambda: backup(path, path.parent / FOLDER), "malformed|not sound")


def test_a_missing_ledger_with_backups_is_not_recreated_empty(path: Path) -> None:
    backup(path, path.parent / FOLDER)
    path.unlink()
    assert "To begin an empty ledger instead, move the folder" in refused(lambda: say(path), "is gone or empty").hint
    shutil.move(path.parent / FOLDER, path.parent / "old")
    say(path)
    assert verify(path).events == 1


def test_an_empty_file_without_backups_is_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    path.touch()
    assert (verify(path).ok, verify(path).events) == (True, 0)
    refused(lambda: backup(path, tmp_path / FOLDER), "it is empty")
    say(path)
    assert verify(path).events == 1


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_change_to_an_open_file_is_reported_before_a_write(path: Path, content: bytes, how: str) -> None:
    with LabelStore(path) as store:
        path.rename(path.with_name("moved.db"))
        if how == "replaced":
            path.write_bytes(content)
        refused(lambda: store.record("ada", Verb.SKIP, q("1")), "nothing was written")
    assert dump(path.with_name("moved.db"))[0] == dump_of(content, path)
    assert path.exists() is (how == "replaced")


def dump_of(content: bytes, beside: Path) -> list[tuple[object, ...]]:
    other = beside.with_name("other.db")
    other.write_bytes(content)
    return dump(other)[0]


@pytest.mark.parametrize("version", [0, 1, SCHEMA_VERSION])
def test_another_programs_database_is_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "labels.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    refused(lambda: verify(path), "not a labels file")
    refused(lambda: backup(path, tmp_path / FOLDER), "not a labels file")
    refused(lambda: say(path))
    if version < SCHEMA_VERSION:
        assert path.read_bytes() == before
    assert dump_tables(path) == ["recipes"]


def dump_tables(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]


@pytest.mark.parametrize("other", [b"ltable_id,rtable_id,label\n" * 9, b"\x89PNG\r\n\x1a\n" * 99, b"SQLite format 3\0"])
def test_a_file_that_is_not_a_database_is_left_alone(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "labels.db"
    path.write_bytes(other)
    for attempt in (lambda: say(path), lambda: verify(path), lambda: backup(path, tmp_path / FOLDER)):
        refused(attempt)
    assert path.read_bytes() == other


# -- a disk that is full -------------------------------------------------------------------------------------


def much() -> list[tuple[object, ...]]:
    return [(q(f"many {n}"), match("a", "b", "c"), True) for n in range(300)]


@pytest.mark.parametrize("kind", ["no pages", "no bytes"])
def test_a_full_disk_loses_nothing_that_was_acknowledged(path: Path, kind: str) -> None:
    with LabelStore(path) as store:
        store.record("ada", Verb.ACCEPT, q("1"), match("y"))
        before = store.decisions()
        if kind == "no pages":
            pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
            store.connection.execute(f"PRAGMA max_page_count = {pages}")
            error = refused(lambda: store.record_all("bob", much()), "full")
            store.connection.execute("PRAGMA max_page_count = 1000000")
        else:
            with full_disk(path.stat().st_size):
                error = refused(lambda: store.record_all("bob", much()))
        assert "nothing that was acknowledged is lost" in error.hint.lower()
        assert store.decisions() == before
        assert store.record_all("bob", much()) == 900  # there is room again
    assert verify(path).ok


def test_a_backup_on_a_full_disk_leaves_no_file(path: Path) -> None:
    folder = path.parent / FOLDER
    with full_disk(8192):
        refused(lambda: backup(path, folder))
    assert [place.name for place in folder.iterdir()] == ["labels.db.lock"]
    assert backup(path, folder).events == verify(path).events


def test_a_restore_on_a_full_disk_changes_nothing(path: Path) -> None:
    source = backup(path, path.parent / FOLDER).path
    say(path)
    before = dump(path)
    with full_disk(8192):
        refused(lambda: restore(source, path))
    assert dump(path) == before
    assert verify(path).ok


@pytest.mark.parametrize("room", [4096, 70_000])
def test_a_migration_on_a_full_disk_changes_nothing(tmp_path: Path, room: int) -> None:
    path = tmp_path / "labels.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST)
        before = list(connection.iterdump())
    with full_disk(room):
        refused(lambda: LabelStore(path))
    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
    LabelStore(path).close()
    assert verify(path).ok


# -- what must not be written --------------------------------------------------------------------------------


@pytest.fixture
def plain(content: bytes) -> Iterator[Path]:
    """A ledger of somebody who may not write everywhere: the tests may run as root, whom nothing stops."""
    folder = Path(tempfile.mkdtemp(prefix="samesku-damage-"))
    path = folder / "labels.db"
    path.write_bytes(content)
    root = os.geteuid() == 0
    if root:
        for place in (folder, path):
            os.chown(place, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield path
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_write_protected_file_can_be_checked_and_backed_up(plain: Path) -> None:
    plain.chmod(0o444)
    before = plain.read_bytes()
    assert "can be written by you" in refused(lambda: say(plain)).hint
    assert verify(plain).ok
    assert backup(plain, plain.parent / FOLDER).events == verify(plain).events
    assert plain.read_bytes() == before


def test_in_a_write_protected_folder_nothing_is_written(plain: Path) -> None:
    plain.parent.chmod(0o555)
    before = plain.read_bytes()
    refused(lambda: say(plain))
    refused(lambda: backup(plain, plain.parent / FOLDER), "No backup can be written")
    refused(lambda: restore(plain, plain))
    assert verify(plain).ok
    assert plain.read_bytes() == before


def test_a_file_of_another_account_is_an_error(plain: Path) -> None:
    plain.chmod(0)
    for attempt in (lambda: say(plain), lambda: verify(plain), lambda: backup(plain, plain.parent / FOLDER)):
        refused(attempt)
