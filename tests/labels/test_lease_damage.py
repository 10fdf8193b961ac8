"""Damage to claims.db: open desks rebuild it and go on."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from samples import match, q
from spoilt import SPOILT

from labels import leases as module
from labels.errors import LabelsError
from labels.leases import Leases
from labels.model import Verb
from labels.quarantine import damaged_copies
from labels.store import LabelStore
from labels.verify import verify

#: What still opens, with a table that is not the one of this version.
OTHER_SCHEMAS = {
    "no key": "CREATE TABLE claims (query_source, query_id, annotator, expires_at)",
    "other columns": "CREATE TABLE claims (name TEXT)",
    "a view": "CREATE VIEW claims AS SELECT 1 AS query_source",
    "a trigger": f"{module._TABLE}; CREATE TRIGGER t BEFORE INSERT ON claims BEGIN SELECT RAISE(IGNORE); END;",
}


def replaced(script: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)

    return spoil


ALL = SPOILT | {name: replaced(script) for name, script in OTHER_SCHEMAS.items()}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "labels.db"


@pytest.fixture
def pair(ledger: Path) -> Iterator[tuple[Leases, Leases]]:
    """Two desks on one workspace, each with a query."""
    with closing(Leases(ledger)) as one, closing(Leases(ledger)) as other:
        assert one.take(q("1"), "ada")
        assert other.take(q("2"), "bob")
        yield one, other


@pytest.mark.parametrize("how", ALL)
def test_opening_a_damaged_file_creates_a_new_one(ledger: Path, how: str) -> None:
    Leases(ledger).close()
    ALL[how](ledger.with_name("claims.db"))
    with closing(Leases(ledger)) as claims:
        assert claims.held_by_others("") == {}
        assert claims.take(q("1"), "ada")
        assert not claims.take(q("1"), "bob")


@pytest.mark.parametrize("how", ALL)
def test_open_desks_continue_in_the_same_new_file(pair: tuple[Leases, Leases], how: str) -> None:
    one, other = pair
    ALL[how](one.path)
    assert one.take(q("3"), "ada")
    assert not other.take(q("3"), "bob")
    assert other.take(q("2"), "bob")
    assert one.held_by_others("ada") == {q("2"): "bob"}
    assert other.holder(q("3")) is not None
    assert one.held_by("ada") == [q("3")]
    other.release_all("bob")
    one.release(q("3"), "ada")
    assert one.held_by_others("") == {}


@pytest.mark.parametrize("how", ["flipped", "truncated", "overwritten", "a folder", "another database"])
def test_damaged_files_are_set_aside_and_a_few_kept(ledger: Path, how: str) -> None:
    path = ledger.with_name("claims.db")
    for _ in range(6):
        Leases(ledger).close()
        SPOILT[how](path)
        Leases(ledger).close()
    copies = damaged_copies(path)
    assert all(copy.name.startswith("claims.db.damaged-") for copy in copies)
    # What a folder holds is somebody's own, and never deleted.
    assert len(copies) == (6 if how == "a folder" else 3)


@pytest.mark.parametrize("expires_at", [1e300, 9e999, "for ever", b"\xff", -1.0])
def test_a_lease_with_an_impossible_expiry_is_ignored(pair: tuple[Leases, Leases], expires_at: object) -> None:
    one, other = pair
    with closing(sqlite3.connect(one.path)) as connection, connection:
        connection.execute("UPDATE claims SET expires_at = ? WHERE annotator = 'bob'", [expires_at])
    assert one.held_by_others("ada") == {}
    assert one.take(q("2"), "ada")
    assert not other.take(q("2"), "bob")


@pytest.mark.parametrize("name", [b"\xff", b"ada"])
def test_a_name_that_is_not_text_is_damage(pair: tuple[Leases, Leases], name: bytes) -> None:
    one, _ = pair
    with closing(sqlite3.connect(one.path)) as connection, connection:
        connection.execute("UPDATE claims SET annotator = CAST(? AS TEXT) WHERE annotator = 'bob'", [name])
        connection.execute("UPDATE claims SET annotator = ? WHERE annotator <> 'ada'", [name])
    assert one.held_by_others("ada") == {}
    assert one.take(q("2"), "ada")


def test_a_locked_file_is_not_damage(pair: tuple[Leases, Leases], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _ = pair
    one.close()
    monkeypatch.setattr("labels.database.BUSY_TIMEOUT_MS", 10)
    with closing(sqlite3.connect(one.path, isolation_level=None)) as holder:
        one.held_by("ada")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LabelsError, match="locked") as caught:
            one.take(q("3"), "ada")
    assert "restore" not in caught.value.hint
    assert damaged_copies(one.path) == []
    assert one.take(q("3"), "ada")


@pytest.mark.parametrize("how", SPOILT)
def test_a_damaged_lock_file_is_replaced(ledger: Path, how: str) -> None:
    with LabelStore(ledger) as store, closing(Leases(ledger)) as claims:
        for name in ("labels.db.lock", "claims.db.lock"):
            if how != "a journal that is a FIFO":
                (ledger.with_name(name)).write_bytes(b"x" * 100)
                SPOILT[how](ledger.with_name(name))
        store.record("ada", Verb.ACCEPT, q("1"), match("a"))
        assert claims.take(q("1"), "ada")
        with LabelStore(ledger) as other:
            other.record("bob", Verb.ACCEPT, q("1"), match("a"))
    assert not (ledger.with_name("labels.db.lock")).is_symlink()
    assert verify(ledger).events == 2
    assert not os.path.lexists(ledger.with_name("nothing"))


@pytest.mark.parametrize(
    ("code", "may_replace", "damage"),
    [
        (sqlite3.SQLITE_CORRUPT, True, True), (sqlite3.SQLITE_NOTADB, False, True), (sqlite3.SQLITE_BUSY, True, False),
        (sqlite3.SQLITE_FULL, True, False), (sqlite3.SQLITE_READONLY, True, True),
        (sqlite3.SQLITE_READONLY, False, False), (sqlite3.SQLITE_CANTOPEN_ISDIR, False, False), (None, True, True),
    ],
)  # fmt: skip
def test_what_sqlite_reports_is_damage_unless_it_passes_or_is_forbidden(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, code: int | None, may_replace: bool, damage: bool
) -> None:
    monkeypatch.setattr(module.os, "access", lambda *_, **__: may_replace)
    error = sqlite3.OperationalError("…")
    if code is not None:
        error.sqlite_errorcode = code
    assert module._is_damage(error, ledger) is damage


@pytest.mark.parametrize(("number", "damage"), [(errno.EINVAL, True), (errno.EACCES, False)])
def test_only_what_is_no_file_is_damage_of_the_file_system(ledger: Path, number: int, damage: bool) -> None:
    assert module._is_damage(OSError(number, "…"), ledger) is damage
