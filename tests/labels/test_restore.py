"""Restoring a backup from any state of the ledger."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest
from samples import match, q

import labels.backup
import labels.restore
from labels import backup_index, database
from labels.backup import backup
from labels.backup_index import Backup, backups
from labels.errors import LabelsError
from labels.leases import Leases
from labels.model import ActionDetails, Verb
from labels.quarantine import damaged_copies
from labels.restore import check_restore, restore
from labels.store import LabelStore
from labels.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of three events with a backup after the second."""
    path = tmp_path / "labels.db"
    say(path, "1", "2")
    backup(path, tmp_path / backup_index.FOLDER)
    say(path, "3")
    return path


def say(path: Path, *queries: str) -> None:
    with LabelStore(path) as store:
        for query in queries:
            store.record("ada", Verb.ACCEPT, q(query), match("a"), ActionDetails(closes=True))


def answered(path: Path) -> set[str]:
    with LabelStore(path) as store:
        return {query.id for query in store.closed_queries()}


def latest(path: Path) -> Path:
    return backups(path.parent / backup_index.FOLDER)[-1].path


def test_a_restore_keeps_the_previous_ledger(path: Path) -> None:
    done = restore(latest(path), path)
    assert (done.events, done.damaged, answered(path)) == (2, False, {"1", "2"})
    assert done.previous is not None
    assert answered(done.previous) == {"1", "2", "3"}
    assert done.set_aside == (done.previous,)


def test_a_dry_run_finds_obstacles_and_changes_nothing(path: Path) -> None:
    before = {each: each.read_bytes() for each in path.parent.rglob("*.db")}
    assert check_restore(latest(path), path) == 2
    with closing(Leases(path)) as claims:
        claims.take(q("4"), "ada")
        assert check_restore(latest(path), path, "ada") == 2
        with pytest.raises(LabelsError, match="ada has queries on the screen"):
            check_restore(latest(path), path, "bob")
    assert {each: each.read_bytes() for each in before} == before
    latest(path).write_bytes(b"no database")
    with pytest.raises(LabelsError, match="was not restored"):
        check_restore(latest(path), path)


def test_verify_accepts_a_restored_ledger_and_labelling_continues(path: Path) -> None:
    restore(latest(path), path)
    say(path, "4")
    backup(path, path.parent / backup_index.FOLDER)
    assert verify(path).problems == ()


def test_a_restore_can_be_reverted(path: Path) -> None:
    kept = restore(latest(path), path).previous
    assert kept is not None
    again = restore(kept, path)
    assert answered(path) == {"1", "2", "3"}
    assert again.set_aside == ()
    assert verify(path).ok


@pytest.mark.parametrize("how", ["rubbish", "empty", "foreign", "tampered"])
def test_a_damaged_file_is_kept_unchanged(path: Path, how: str) -> None:
    damage(path, how)
    before = path.read_bytes()
    done = restore(latest(path), path)
    assert answered(path) == {"1", "2"}
    assert done.damaged
    assert done.previous is not None
    assert done.previous.read_bytes() == before
    assert verify(path).ok


def damage(path: Path, how: str) -> None:
    if how == "rubbish":
        path.write_bytes(b"rubbish" * 1000)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "foreign":
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE recipes (name TEXT)")
    else:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TRIGGER events_no_delete")
            connection.execute("DELETE FROM events WHERE seq = 2")


def test_a_restore_of_a_lost_ledger_ignores_its_old_journal(path: Path) -> None:
    path.unlink()
    path.with_name("labels.db-journal").write_bytes(b"stale")
    done = restore(latest(path), path)
    assert (done.previous, done.damaged, answered(path)) == (None, False, {"1", "2"})


def test_a_damaged_backup_is_refused_and_nothing_changes(path: Path) -> None:
    source = latest(path)
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE current SET decision = 'unsure'")
    with pytest.raises(LabelsError, match="is not sound and was not restored"):
        restore(source, path)
    assert answered(path) == {"1", "2", "3"}
    with pytest.raises(LabelsError, match="no labels file"):
        restore(path.with_name("absent.db"), path)


def test_a_restore_while_somebody_labels_is_refused_with_their_name(path: Path) -> None:
    source = latest(path)
    with closing(Leases(path)) as claims:
        claims.take(q("9"), "bob")
        with pytest.raises(LabelsError, match="bob has queries on the screen") as caught:
            restore(source, path)
        # Not how to do it all the same: that could lose their work.
        assert caught.value.hint == "Ask them to quit the desk first."
        assert restore(source, path, force=True).events == 2


def test_an_expired_lease_does_not_block_a_restore(path: Path) -> None:
    with closing(Leases(path, lease_s=-1)) as claims:
        claims.take(q("9"), "bob")
    assert restore(latest(path), path).events == 2


@pytest.mark.parametrize("mode", ["persist", "wal"])
def test_an_open_desk_writes_nothing_into_the_old_file(path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr(database, "journal_mode", lambda _: mode)
    with LabelStore(path) as desk:
        assert len(desk.decisions()) == 3
        if mode == "wal":  # SQLite would not see that the file is another one
            with pytest.raises(LabelsError, match="locked"):
                restore(latest(path), path, force=True)
            assert desk.record("ada", Verb.SKIP, q("5"))
            return
        restore(latest(path), path, force=True)
        with pytest.raises(LabelsError, match="deleted, moved or restored while it was open; nothing was written"):
            desk.record("ada", Verb.SKIP, q("5"))
    assert verify(path).ok


def test_a_restore_during_a_write_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    with LabelStore(path) as desk:
        desk.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(LabelsError, match="locked"):
            restore(latest(path), path)
        desk.connection.execute("ROLLBACK")
    assert answered(path) == {"1", "2", "3"}


def test_a_restore_leaves_no_extra_files(path: Path) -> None:
    restore(latest(path), path)
    left = {file.name for file in path.parent.iterdir()}
    known = {"labels.db", "labels.db-journal", "labels.db.lock", "labels.db.created", "claims.db", "claims.db.lock"}
    assert left <= {*known, "backups"}


def test_an_earlier_schema_can_be_restored_and_is_migrated_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "labels_v1.sql").read_text(encoding="utf-8"))
    first = shutil.copy(path, tmp_path / "old.db")
    say(path, "10")
    assert restore(first, path).events == 20
    say(path, "11")
    assert verify(path).problems == ()


def test_two_restores_in_one_second_keep_both_damaged_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = latest(path)
    monkeypatch.setattr(backup_index, "file_timestamp", lambda _: "20260101T000000Z")
    for content in (b"damaged", b"damaged again"):
        path.write_bytes(content * 1000)
        kept = restore(source, path).previous
        assert kept is not None
        assert kept.read_bytes() == content * 1000
    assert [each.read_bytes()[:13] for each in damaged_copies(path)] == [b"damageddamage", b"damaged again"]


def test_two_restores_in_one_second_keep_both_ledgers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stopped":
            return cls(2026, 1, 1, tzinfo=tz)

    source = latest(path)
    for module in ("labels.backup", "labels.restore"):
        monkeypatch.setattr(f"{module}.datetime", Stopped)
    previous = []
    for query in ("4", "5"):
        say(path, query)
        # Both have four events, so the backups of both have the same name.
        while len(answered(path)) < 4:
            say(path, f"{query} again")
        previous.append(restore(source, path).previous)
    assert [query for each in previous if each for query in sorted(answered(each) - {"1", "2"})] == [
        "3", "4", "5", "5 again",
    ]  # fmt: skip


def test_a_backup_copied_before_the_exchange_is_not_named_after_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, exchanged = Event(), Event()
    other = Thread(target=backup, args=(path, path.parent / backup_index.FOLDER))

    def newest(folder: Path) -> Backup | None:
        if current_thread() is other:
            copied.set()
            assert exchanged.wait(60)
        return find_newest(folder)

    @contextmanager
    def locked(ledger: Path, saved: Backup) -> Iterator[Path]:
        other.start()
        copied.wait(0.5)  # in vain: the restore keeps other backups waiting
        with lock(ledger, saved) as previous:
            yield previous

    find_newest, lock = labels.backup._newest, labels.restore._locked
    monkeypatch.setattr(labels.backup, "_newest", newest)
    monkeypatch.setattr(labels.restore, "_locked", locked)
    restore(latest(path), path)
    exchanged.set()
    other.join(60)
    assert verify(path).ok
    assert answered(path) == answered(latest(path)) == {"1", "2"}
