"""A lost, replaced or damaged ledger: no silent empty one, and a restore only where it helps."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from samples import match, q
from spoilt import SPOILT

from labels import database
from labels.backup import backup
from labels.backup_index import FOLDER, backups
from labels.database import SCHEMA_VERSION, has_marker, marker_path, write_marker
from labels.errors import LabelsError
from labels.model import ActionDetails, Stratum, Verb
from labels.reader import LabelReader
from labels.restore import compute_loss, restore
from labels.store import LabelStore
from labels.verify import verify

RESTORE = "labels restore latest"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of three events with a backup after the second."""
    path = tmp_path / "home" / "labels.db"
    path.parent.mkdir()
    say(path, "1", "2")
    backup(path, path.parent / FOLDER)
    say(path, "3")
    return path


def say(path: Path, *queries: str, who: str = "ada") -> None:
    with LabelStore(path) as store:
        for query in queries:
            store.record(who, Verb.ACCEPT, q(query), match("a"), ActionDetails(closes=True))


def answered(path: Path) -> set[str]:
    with LabelReader(path) as reader:
        return {query.id for query in reader.closed_queries()}


def refused(act: Callable[[], object], words: str = ".") -> LabelsError:
    with pytest.raises(LabelsError, match=words) as caught:
        act()
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


def emptied(path: Path) -> None:
    os.truncate(path, 0)


GONE = {"deleted": Path.unlink, "emptied": emptied}


# -- the next desk -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", GONE)
@pytest.mark.parametrize("backed_up", [True, False])
def test_a_lost_ledger_is_not_recreated_empty(path: Path, how: str, backed_up: bool) -> None:
    if not backed_up:
        shutil.rmtree(path.parent / FOLDER)
    GONE[how](path)
    before = {each.name for each in path.parent.iterdir()}
    for act in (lambda: LabelStore(path), lambda: verify(path), lambda: backup(path, path.parent / FOLDER)):
        error = refused(act, "is gone or empty, but")
        assert (RESTORE in error.hint) is backed_up
        assert "labels.db.created" in error.hint
    assert not path.exists() or path.stat().st_size == 0
    assert {each.name for each in path.parent.iterdir()} <= {*before, FOLDER}


@pytest.mark.parametrize("how", ["a folder", "a link", "a link to nothing", "a FIFO"])
def test_the_error_names_what_is_in_its_place(path: Path, how: str) -> None:
    SPOILT[how](path)
    assert (
        RESTORE in refused(lambda: LabelStore(path), "is a (folder|symbolic link|FIFO), not a regular file, but").hint
    )
    assert restore(backups(path.parent / FOLDER)[-1].path, path).events == 2
    assert answered(path) == {"1", "2"}
    assert path.is_file()
    assert not path.is_symlink()
    assert not path.with_name("nothing").exists()


def test_the_marker_alone_is_enough(path: Path) -> None:
    kept = marker_path(path)
    for each in path.parent.iterdir():
        if each != kept:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    assert "There" not in refused(lambda: LabelStore(path), "there is no backup of it").hint
    kept.rename(kept.with_name("moved away"))
    say(path, "4")
    assert verify(path).events == 1
    assert has_marker(path)


def test_moving_backups_and_marker_away_begins_an_empty_ledger(path: Path) -> None:
    path.unlink()
    shutil.move(path.parent / FOLDER, path.parent / "old")
    refused(lambda: LabelStore(path), "there is no backup of it")
    marker_path(path).unlink()
    say(path, "4")
    assert answered(path) == {"4"}


def test_workspaces_that_were_copied_moved_restored_or_are_older_open(path: Path, tmp_path: Path) -> None:
    shutil.copytree(path.parent, tmp_path / "copy")
    assert answered(tmp_path / "copy" / "labels.db") == {"1", "2", "3"}
    path.parent.rename(tmp_path / "moved")
    path = tmp_path / "moved" / "labels.db"
    assert answered(path) == {"1", "2", "3"}
    # A clone into which only the ledger was copied, and a workspace of an earlier version.
    alone = tmp_path / "clone" / "labels.db"
    alone.parent.mkdir()
    shutil.copy(path, alone)
    assert answered(alone) == {"1", "2", "3"}
    assert has_marker(alone)
    alone.unlink()
    refused(lambda: LabelStore(alone))
    restore(backups(path.parent / FOLDER)[-1].path, alone)
    assert answered(alone) == {"1", "2"}


@pytest.mark.parametrize("how", ["emptied", "flipped", "a folder", "a link to nothing", "a FIFO"])
def test_any_file_counts_as_the_marker(path: Path, how: str) -> None:
    SPOILT[how](marker_path(path))
    assert answered(path) == {"1", "2", "3"}
    path.unlink()
    refused(lambda: LabelStore(path), "is gone")


def test_a_marker_that_cannot_be_written_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labels.database.atomic_text", full)
    say(tmp_path / "labels.db", "1")
    assert not has_marker(tmp_path / "labels.db")
    monkeypatch.undo()
    say(tmp_path / "labels.db", "2")
    assert has_marker(tmp_path / "labels.db")


# -- the desk that is open -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["persist", "wal"])
def test_a_ledger_deleted_while_open_is_backed_up(path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "journal_mode", lambda _: mode)
    with LabelStore(path) as desk:
        desk.record("bob", Verb.ACCEPT, q("4"), match("a"), ActionDetails(closes=True))
        for each in path.parent.glob("labels.db*"):
            if each.name not in {"labels.db.created", "labels.db.lock", "labels.db-journal"}:
                each.unlink()
        error = refused(lambda: desk.record("bob", Verb.SKIP, q("5")), "was deleted, .* nothing was written")
        assert "4 events" in error.message
        assert RESTORE in error.hint
        refused(lambda: desk.undo("bob"), "4 events")
    saved = backups(path.parent / FOLDER)
    assert [each.events for each in saved] == [2, 4]
    assert not path.exists()
    refused(lambda: LabelStore(path), "holds 4 events")
    restore(saved[-1].path, path)
    assert answered(path) == {"1", "2", "3", "4"}
    assert verify(path).ok


def test_a_ledger_deleted_while_open_is_backed_up_on_close(path: Path) -> None:
    with LabelStore(path):
        path.unlink()
    assert [each.events for each in backups(path.parent / FOLDER)] == [2, 3]


def test_a_failed_rescue_is_not_reported_as_saved(path: Path) -> None:
    """A journal that is to be rolled back belongs to a write that was cut off: what is open is not sound."""
    with LabelStore(path) as desk:
        path.unlink()
        path.with_name("labels.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
        error = refused(lambda: desk.record("ada", Verb.SKIP, q("5")), "was in that file")
        assert "lost" not in error.message + error.hint
        assert "holds 2 events" in error.hint
    assert len(backups(path.parent / FOLDER)) == 1


def test_a_deleted_workspace_is_not_recreated(path: Path) -> None:
    with LabelStore(path):
        shutil.rmtree(path.parent)
    assert not path.parent.exists()


def test_reading_a_deleted_ledger_is_an_error(path: Path) -> None:
    with LabelStore(path) as desk:
        path.unlink()
        refused(desk.require_present, "was deleted")
        path.with_name("labels.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
        error = refused(desk.decisions, "is gone or empty")
        assert "acknowledged" not in error.hint


def test_an_emptied_ledger_is_reported_by_an_open_connection(path: Path) -> None:
    with LabelStore(path) as desk:
        emptied(path)
        for act in (desk.decisions, desk.require_present, lambda: desk.record("ada", Verb.SKIP, q("5"))):
            assert RESTORE in refused(act, "is gone or empty").hint
    assert path.stat().st_size == 0


def test_a_replaced_ledger_is_reported_by_an_open_connection(path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(backups(path.parent / FOLDER)[0].path, other)
    with LabelStore(path) as desk:
        other.replace(path)
        error = refused(lambda: desk.record("ada", Verb.SKIP, q("5")), "in the file that was there before")
        assert RESTORE not in error.hint
    assert len(backups(path.parent / FOLDER)) == 1


def test_a_fifo_in_place_of_the_journal_does_not_block(path: Path) -> None:
    with LabelStore(path) as desk:
        SPOILT["a journal that is a FIFO"](path)
        for act in (desk.decisions, lambda: desk.record("ada", Verb.SKIP, q("5"))):
            error = refused(act, "labels.db-journal cannot be opened: it is a FIFO")
            assert error.hint == "Move it away."
    refused(lambda: LabelStore(path), "it is a FIFO")
    refused(lambda: verify(path), "it is a FIFO")
    path.with_name("labels.db-journal").unlink()
    assert verify(path).ok


# -- when a restore is proposed ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["flipped", "truncated", "overwritten"])
def test_a_restore_is_proposed_where_the_ledger_is_damaged_and_backed_up(path: Path, how: str) -> None:
    SPOILT[how](path)
    assert RESTORE in refused(lambda: answered(path), "damaged").hint
    shutil.rmtree(path.parent / FOLDER)
    assert RESTORE not in refused(lambda: answered(path), "damaged").hint


def newer_word(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE current SET decision = 'perhaps'")


def newer_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def locked(path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")


def refusing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TRIGGER t BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END")


@pytest.mark.parametrize("trouble", [newer_word, newer_schema, locked, refusing])
def test_no_restore_is_proposed_without_damage(
    path: Path, trouble: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    trouble(path)

    def work() -> None:
        with LabelStore(path) as store:
            store.decisions()
            store.record("ada", Verb.SKIP, q("5"))

    error = refused(work)
    assert RESTORE not in error.message + error.hint


def test_no_restore_is_proposed_for_a_damaged_backup(path: Path) -> None:
    found = backups(path.parent / FOLDER)[-1]
    SPOILT["truncated"](found.path)
    assert RESTORE not in refused(found.last_event, "damaged").hint
    assert RESTORE not in refused(lambda: restore(found.path, path), "was not restored").hint


# -- what a restore drops ------------------------------------------------------------------------------------


def test_the_loss_is_counted_by_annotator(path: Path) -> None:
    say(path, "4", "5", who="bob")
    latest = backups(path.parent / FOLDER)[-1].path
    found = compute_loss(latest, path)
    assert (found.events, found.decisions, found.annotators, found.last) == (3, 3, {"bob": 2, "ada": 1}, 5)
    assert found.sentence().startswith("3 events would be dropped: 3 decisions, by bob, ada, 2")
    assert compute_loss(path, path).sentence() == "No event would be dropped."
    assert not compute_loss(path, path)


def test_draws_that_would_be_dropped_are_counted(path: Path) -> None:
    latest = backup(path, path.parent / FOLDER).path
    with LabelStore(path) as store:
        store.draw_validation([q("20"), q("21")], seed=1)
        store.draw_audit({q("22"): Stratum("high", 2.0)}, seed=1)
    found = compute_loss(latest, path)
    assert (found.events, found.drawn, bool(found)) == (0, 3, True)
    assert "3 would be dropped" in found.sentence()
    assert compute_loss(backup(path, path.parent / FOLDER).path, path).drawn == 0


@pytest.mark.parametrize("how", [*GONE, "another database", "a folder", "a FIFO"])
def test_without_a_ledger_nothing_is_dropped(path: Path, how: str) -> None:
    SPOILT[how](path)
    assert compute_loss(backups(path.parent / FOLDER)[-1].path, path).events == 0


@pytest.mark.parametrize(("share", "readable"), [(0.0001, False), (0.6, True)])
def test_the_loss_of_a_damaged_ledger_counts_readable_events(path: Path, share: float, readable: bool) -> None:
    with LabelStore(path) as store:
        for number in range(10, 300):
            store.record("ada", Verb.ACCEPT, q(str(number)), match("a", "b"), ActionDetails(closes=True))
    os.truncate(path, int(path.stat().st_size * share))
    found = compute_loss(backups(path.parent / FOLDER)[-1].path, path)
    assert found.events is None
    assert bool(found)
    assert (found.readable > 200) is readable
    assert found.unsaved == max(0, found.readable - 2)
    assert found.sentence().startswith("How many events would be dropped is unknown: the ledger is damaged.")
    assert f"{found.readable:,} of its events can still be read" in found.sentence()


def test_confirm_may_cancel_a_restore(path: Path) -> None:
    latest = backups(path.parent / FOLDER)[-1].path
    asked = []

    def no(dropped: object) -> None:
        asked.append(dropped)
        raise KeyError

    with pytest.raises(KeyError):
        restore(latest, path, confirm=no)
    assert len(asked) == 1
    assert answered(path) == {"1", "2", "3"}
    done = restore(latest, path, confirm=asked.append)
    assert (done.events, done.dropped) == (2, 1)
    # Now the backup has all that there is.
    assert restore(backups(path.parent / FOLDER)[-1].path, path, confirm=no).dropped == 0


def test_a_decision_made_during_confirmation_is_not_dropped(path: Path) -> None:
    latest = backups(path.parent / FOLDER)[-1].path
    with pytest.raises(LabelsError, match="has decided in the meantime"):
        restore(latest, path, confirm=lambda _: say(path, "4"))
    assert answered(path) == {"1", "2", "3", "4"}


def test_the_marker_is_written_once(path: Path) -> None:
    before = marker_path(path).stat()
    write_marker(path)
    assert marker_path(path).stat().st_ino == before.st_ino
