"""Read-only SQL queries on the ledger."""

import sqlite3
import time
from pathlib import Path

import pytest
from samples import match, q

from labels import draws
from labels.errors import LabelsError
from labels.model import ActionDetails, Verb
from labels.sql_query import query
from labels.store import LabelStore


@pytest.fixture
def path(ledger: LabelStore) -> Path:
    for number in range(5):
        ledger.record("ada", Verb.ACCEPT, q(str(number)), match("a"), ActionDetails(closes=True))
    return ledger.path


def test_a_result_has_column_names_and_values(path: Path) -> None:
    answer = query(path, "SELECT annotator, count(*) AS n, NULL FROM current GROUP BY annotator")
    assert (answer.columns, answer.rows, answer.more) == (("annotator", "n", "NULL"), [("ada", 5, None)], False)


@pytest.mark.parametrize(("limit", "more"), [(4, True), (5, False), (6, False)])
def test_a_result_says_whether_there_are_more_rows(path: Path, limit: int, more: bool) -> None:
    answer = query(path, "SELECT * FROM events", limit=limit)
    assert (len(answer.rows), answer.more) == (min(limit, 5), more)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM events", "UPDATE current SET decision = 'match'", "INSERT INTO events DEFAULT VALUES",
        "DROP TABLE events", "DROP TRIGGER events_no_delete", "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)",
        "ATTACH 'other.db' AS other", "DETACH main", "VACUUM", "VACUUM INTO 'copy.db'", "BEGIN IMMEDIATE", "ANALYZE",
        "PRAGMA query_only = 0", "PRAGMA writable_schema = 1", "PRAGMA journal_mode = off", "PRAGMA user_version = 9",
        "SELECT load_extension('evil')", "SELECT fts3_tokenizer('simple')", "REINDEX", "SAVEPOINT x",
        "WITH x AS (SELECT 1) DELETE FROM events RETURNING *",
    ],
)  # fmt: skip
def test_only_reading_is_allowed(path: Path, sql: str) -> None:
    before = path.read_bytes()
    with pytest.raises(LabelsError, match="a query only reads"):
        query(path, sql)
    assert path.read_bytes() == before
    assert not path.with_name("copy.db").exists()


@pytest.mark.parametrize("sql", ["PRAGMA table_info(events)", "EXPLAIN QUERY PLAN SELECT * FROM events", "VALUES (1)"])
def test_informative_statements_are_allowed(path: Path, sql: str) -> None:
    assert query(path, sql).rows


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM nope", "no such table: nope"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT 1\0", "null character"),
        ("SELECT '\udc80'", "surrogates not allowed"),
        ("", "returns no columns"),
        ("-- only a remark", "returns no columns"),
        ("SELECT zeroblob(1000000000)", "too big"),
    ],
)
def test_a_failed_query_is_an_error_with_a_hint(path: Path, sql: str, reason: str) -> None:
    with pytest.raises(LabelsError, match=reason) as caught:
        query(path, sql)
    assert caught.value.hint


def test_a_slow_query_is_stopped(path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    begun = time.monotonic()
    with pytest.raises(LabelsError, match=r"stopped after 0\.2 seconds"):
        query(path, endless, seconds=0.2)
    assert time.monotonic() - begun < 60


def test_invalid_utf_8_is_shown_with_replacement_characters(path: Path) -> None:
    assert query(path, "SELECT CAST(x'41ff' AS TEXT)").rows == [("A\N{REPLACEMENT CHARACTER}",)]


def test_a_ledger_with_an_interrupted_write_can_be_queried(path: Path, tmp_path: Path) -> None:
    with LabelStore(path) as store:
        store.connection.execute("PRAGMA cache_size = 5")
        store.connection.execute("BEGIN IMMEDIATE")
        rows = [("walmart", f"q{number}", 7, "now", "", 1.0) for number in range(2000)]
        draws.record(store.connection, "validation", 1, rows)
        killed = tmp_path / "killed"
        killed.mkdir()
        for file in path.parent.glob("labels.db*"):
            (killed / file.name).write_bytes(file.read_bytes())
        store.connection.execute("ROLLBACK")
    assert query(killed / "labels.db", "SELECT count(*) FROM validation").rows == [(0,)]


def test_a_newer_file_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LabelsError, match="newer samesku"):
        query(path, "SELECT 1")


def test_a_long_query_does_not_block_a_desk(ledger: LabelStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.connection.execute("PRAGMA busy_timeout = 50")
    decided: list[str] = []

    class Clock:
        """Looked at while the question is being answered."""

        def monotonic(self) -> float:
            if calls:
                decided.append(ledger.record("ada", Verb.COMMENT, q("0"), details=ActionDetails(text="meanwhile")))
            calls.append(1)
            return 0.0

    calls: list[int] = []
    monkeypatch.setattr("labels.sql_query.time", Clock())
    sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n, events LIMIT 20000) SELECT max(i) FROM n"
    assert query(path, sql).rows
    assert decided
