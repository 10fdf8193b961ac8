"""Comparison of a file's schema with that of its migrations."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from samples import c, match, q
from tampering import change

from labels import schema
from labels.database import SCHEMA_VERSION
from labels.errors import LabelsError
from labels.model import Decision, Judgement, Stratum, Verb
from labels.store import LabelStore
from labels.verify import verify

FIXTURES = Path(__file__).parent


def file_of(version: int, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / f"labels_v{version}.sql").read_text(encoding="utf-8"))
    return path


def differences(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return schema.differences(connection, connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_the_fingerprint_of_a_version_is_that_of_its_migrations(version: int) -> None:
    assert schema.fingerprint(schema.expected_objects(version)) == schema.FINGERPRINTS[version]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_file_of_an_earlier_version_has_no_differences(tmp_path: Path, version: int) -> None:
    path = file_of(version, tmp_path / "labels.db")
    assert differences(path) == []
    LabelStore(path).close()
    assert differences(path) == []


def test_a_new_ledger_has_no_differences(ledger: LabelStore) -> None:
    assert differences(ledger.path) == []


def test_all_differences_are_named_in_order(ledger: LabelStore) -> None:
    ledger.close()
    change(
        ledger.path, "DROP TRIGGER events_no_update", "DROP TRIGGER events_no_delete", "CREATE TABLE extra (a)",
        "CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END",
    )  # fmt: skip
    assert differences(ledger.path) == [
        "the trigger events_no_delete was changed",
        "the trigger events_no_update is missing",
        "the table extra is not of samesku",
    ]


def test_the_expected_schema_is_not_built_without_differences(
    ledger: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    build = schema.expected_objects
    monkeypatch.setattr(schema, "expected_objects", lambda version: built.append(version) or build(version))
    LabelStore(ledger.path).close()
    assert built == []
    ledger.close()
    change(ledger.path, "CREATE TABLE extra (a)")
    assert differences(ledger.path) == ["the table extra is not of samesku"]
    assert built == [SCHEMA_VERSION]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_migration_creates_triggers_that_the_first_ledgers_lacked(tmp_path: Path, version: int) -> None:
    path = file_of(version, tmp_path / "labels.db")
    change(path, "DROP TRIGGER events_no_replace", "DROP TRIGGER validation_no_replace")
    assert verify(path).problems == ()
    LabelStore(path).close()
    assert differences(path) == []


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_earlier_ledger_with_a_trigger_of_another_program_is_not_migrated(tmp_path: Path, version: int) -> None:
    path = file_of(version, tmp_path / "labels.db")
    change(path, "CREATE TRIGGER quiet BEFORE UPDATE ON events BEGIN SELECT RAISE(IGNORE); END")
    before = path.read_bytes()
    with pytest.raises(LabelsError, match="the trigger quiet is not of samesku"):
        LabelStore(path)
    assert path.read_bytes() == before
    assert verify(path).problems == ("the trigger quiet is not of samesku",)


def test_an_open_desk_stops_where_a_newer_samesku_has_changed_the_ledger(ledger: LabelStore) -> None:
    change(ledger.path, "CREATE TABLE future (x)", f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(LabelsError, match="written by a newer samesku"):
        ledger.record("ada", Verb.SKIP, q("1"))
    assert rows(ledger)[0] == 0


# -- what was inserted is there before it is acknowledged ------------------------------------------------------


def ignoring(store: LabelStore, table: str, act: str = "INSERT") -> None:
    """A fault that the schema of the file does not show: a trigger of this connection alone."""
    store.connection.execute(f"CREATE TEMP TRIGGER quiet BEFORE {act} ON main.{table} BEGIN SELECT RAISE(IGNORE); END")


def rows(store: LabelStore) -> list[int]:
    tables = ("events", "draws", "validation", "audits", "actions", "current")
    return [store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]  # noqa: S608


ACTS = {
    "record": lambda store: store.record("ada", Verb.ACCEPT, q("2"), match("a")),
    "import": lambda store: store.record_all("bob", [(q("3"), match("a"), True)]),
    "undo": lambda store: store.undo("ada"),
    "revoke": lambda store: store.revoke("batch", "bob"),
}


@pytest.mark.parametrize("table", ["events", "actions"])
@pytest.mark.parametrize("act", ACTS)
def test_an_event_that_is_not_stored_is_not_acknowledged(ledger: LabelStore, act: str, table: str) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record_all("bob", [(q("1"), match("a"), True)], batch="batch")
    turns = table == "actions" and act in {"undo", "revoke"}
    ignoring(ledger, table, "UPDATE" if turns else "INSERT")
    before = rows(ledger)
    with pytest.raises(LabelsError, match="did not store what was written; nothing was changed"):
        ACTS[act](ledger)
    assert rows(ledger) == before
    ledger.connection.execute("DROP TRIGGER quiet")
    assert verify(ledger.path).ok


def test_a_partly_stored_action_is_not_acknowledged(ledger: LabelStore) -> None:
    ledger.connection.execute(
        "CREATE TEMP TRIGGER quiet BEFORE INSERT ON main.events WHEN NEW.candidate_id = 'b'"
        " BEGIN SELECT RAISE(IGNORE); END"
    )
    judgements = [Judgement(c(id_), Decision.NO_MATCH) for id_ in "abd"]
    with pytest.raises(LabelsError, match="did not store"):
        ledger.record("ada", Verb.NONE, q("1"), judgements)
    assert rows(ledger)[0] == 0


@pytest.mark.parametrize("table", ["draws", "validation", "audits"])
def test_a_draw_that_is_not_stored_is_not_acknowledged(ledger: LabelStore, table: str) -> None:
    ignoring(ledger, table)
    draws = {
        "audits": lambda: ledger.draw_audit({q("1"): Stratum("high", 2.0)}, seed=1),
        "validation": lambda: ledger.draw_validation([q("1")], seed=1),
    }
    with pytest.raises(LabelsError, match="did not store what was written"):
        draws.get(table, draws["validation"])()
    assert rows(ledger) == [0] * 6
