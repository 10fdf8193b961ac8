"""Backups of the ledger: atomic, verified, rotated, and compared with the ledger."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from samples import match, no_match, q
from tampering import change_unseen

from labels import backup as backup_module
from labels import backup_index
from labels.backup import backup
from labels.backup_index import Backup, backup_name, backups
from labels.database import SCHEMA_VERSION
from labels.errors import LabelsError
from labels.model import ActionDetails, Verb
from labels.store import LabelStore
from labels.verify import verify

EARLIER = (Path(__file__).parent / "labels_v1.sql").read_text(encoding="utf-8")


class Clock:
    """A second passes with every look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self, zone: object) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(backup_module, "datetime", clock)
    return clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / backup_index.FOLDER


def say(ledger: LabelStore, times: int = 1) -> None:
    """Some events more."""
    for number in range(times):
        ledger.record("ada", Verb.ACCEPT, q(str(number)), [*match("a"), *no_match("b")], ActionDetails(closes=True))


def made(folder: Path) -> list[int]:
    """The numbers of the last events."""
    return [one.events for one in backups(folder)]


def test_a_backup_holds_what_the_ledger_held_and_needs_nothing_beside_it(ledger: LabelStore, folder: Path) -> None:
    say(ledger, 3)
    one = backup(ledger.path, folder)
    assert one.path.name == "labels-20260101T000001Z-6.db"
    assert sorted(path.name for path in folder.iterdir()) == [one.path.name, "labels.db.lock"]
    assert verify(one.path).ok
    with LabelStore(one.path) as copy:
        assert copy.decisions() == ledger.decisions()


def test_a_backup_during_a_write(ledger: LabelStore, folder: Path) -> None:
    say(ledger)
    ledger.connection.execute("BEGIN IMMEDIATE")
    ledger.connection.execute("DELETE FROM current")
    one = backup(ledger.path, folder)
    ledger.connection.execute("ROLLBACK")
    assert one.events == 2


def test_an_unchanged_ledger_gets_no_second_backup(ledger: LabelStore, folder: Path) -> None:
    say(ledger)
    assert backup(ledger.path, folder) == backup(ledger.path, folder)
    ledger.draw_validation([q("v")], seed=1)
    backup(ledger.path, folder)
    assert made(folder) == [2, 2]  # a draw is no event, and is not lost


def test_a_damaged_newest_backup_does_not_replace_a_new_one(ledger: LabelStore, folder: Path) -> None:
    say(ledger)
    spoil(backup(ledger.path, folder).path)
    backup(ledger.path, folder)
    assert len(made(folder)) == 2


def spoil(path: Path) -> None:
    """Bytes in the middle turn."""
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 8] = b"\x5a" * 8
    path.write_bytes(content)


def test_rotation_keeps_the_newest_and_foreign_files(ledger: LabelStore, folder: Path) -> None:
    folder.mkdir()
    strangers = [folder / "labels-20200101T000000Z-7.db", folder / "labels-before-the-move.db", folder / "notes.txt"]
    for stranger in strangers:
        stranger.write_text("precious")
    for _ in range(5):
        say(ledger)
        backup(ledger.path, folder, keep=2)
    assert made(folder) == [7, 8, 10]
    assert all(stranger.read_text() == "precious" for stranger in strangers)


def test_rotation_keeps_backups_of_another_ledger(ledger: LabelStore, folder: Path, tmp_path: Path) -> None:
    """The folder may be a link to theirs, which another member of the group has made."""
    with LabelStore(tmp_path / "other" / "labels.db") as other:
        for _ in range(3):
            say(other)
            backup(other.path, folder)
    theirs = {found.path for found in backups(folder)}
    for _ in range(3):
        say(ledger)
        backup(ledger.path, folder, keep=1)
    left = {found.path for found in backups(folder)}
    assert theirs < left
    assert len(left - theirs) == 1


def test_rotation_keeps_the_backup_just_made_when_the_clock_goes_back(
    ledger: LabelStore, folder: Path, clock: Clock
) -> None:
    say(ledger)
    backup(ledger.path, folder, keep=1)
    clock.at -= timedelta(days=400)
    say(ledger)
    assert backup(ledger.path, folder, keep=1).path.exists()


def test_two_backups_in_one_second_have_two_names(
    ledger: LabelStore, folder: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    say(ledger)
    first = backup(ledger.path, folder)
    clock.at -= timedelta(seconds=1)
    ledger.draw_validation([q("v")], seed=1)
    assert backup(ledger.path, folder) != first
    assert len(made(folder)) == 2


def test_an_unsound_ledger_is_not_backed_up(ledger: LabelStore, folder: Path) -> None:
    say(ledger, 3)
    change_unseen(ledger.path, "UPDATE events SET annotator = 'eve' WHERE seq = 2")
    with pytest.raises(LabelsError, match="the hash chain is broken at event 2"):
        backup(ledger.path, folder)
    assert made(folder) == []


def test_a_folder_that_cannot_be_written_is_an_error_with_a_hint(ledger: LabelStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabelsError, match="No backup can be written") as caught:
        backup(ledger.path, tmp_path / "file" / "backups")
    assert "--to" in caught.value.hint


def test_stale_drafts_are_removed_and_fresh_ones_left(ledger: LabelStore, folder: Path) -> None:
    for name, age in (("old", 7200), ("new", 0)):
        draft = folder / f".samesku-draft-{name}"
        draft.mkdir(parents=True)
        (draft / "labels.db").touch()
        os.utime(draft, (time.time() - age,) * 2)
    backup(ledger.path, folder)
    assert [path.name for path in folder.glob(".samesku-draft-*")] == [".samesku-draft-new"]


# -- anchors -------------------------------------------------------------------------------------------------


def test_an_older_file_in_place_of_the_ledger_is_detected(ledger: LabelStore, folder: Path, tmp_path: Path) -> None:
    say(ledger)
    old = backup(ledger.path, folder)
    say(ledger)
    new = backup(ledger.path, folder)
    assert verify(ledger.path).ok
    shutil.copy(old.path, ledger.path)
    assert verify(ledger.path).problems == (
        f"the ledger is not a continuation of the backup of 2026-01-01 00:00:0{new.at.second} UTC ({new.path.name}): "
        "events are missing or were changed since",
    )


def test_replaced_events_are_detected(ledger: LabelStore, folder: Path) -> None:
    say(ledger)
    old = backup(ledger.path, folder)
    say(ledger)
    backup(ledger.path, folder)
    shutil.copy(old.path, ledger.path)
    with LabelStore(ledger.path) as other:
        say(other, 5)
    assert len(verify(ledger.path).problems) == 1


def test_an_unreadable_backup_is_reported(ledger: LabelStore, folder: Path) -> None:
    say(ledger)
    backup(ledger.path, folder).path.write_bytes(b"nothing" * 1000)
    assert [problem.partition(":")[0] for problem in verify(ledger.path).problems] == ["a backup is unusable"]


def test_many_backups_cost_little(ledger: LabelStore, folder: Path) -> None:
    say(ledger)
    one = backup(ledger.path, folder)
    for number in range(300):
        shutil.copy(one.path, folder / backup_name(one.at - timedelta(hours=number + 1), one.events))
    begun = time.process_time()
    assert verify(ledger.path).ok
    assert time.process_time() - begun < 2


def test_a_file_with_a_backup_name_but_other_content_is_refused(folder: Path) -> None:
    folder.mkdir()
    for name in ("labels-20261399T000000Z-1.db", "labels-20260101T000000Z-1.db.part", "labels-x-1.db"):
        (folder / name).touch()
    assert backups(folder) == []


# -- before a migration --------------------------------------------------------------------------------------


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    path = tmp_path / "labels.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(EARLIER)
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_migration_begins_with_a_backup_of_what_was_there(earlier: Path, folder: Path) -> None:
    LabelStore(earlier).close()
    (one,) = backups(folder)
    assert (one.events, version_of(one.path), version_of(earlier)) == (20, 1, SCHEMA_VERSION)
    assert verify(earlier).ok
    assert verify(one.path).ok


def test_a_backup_of_an_earlier_schema_is_compared_too(earlier: Path, folder: Path) -> None:
    LabelStore(earlier).close()
    (one,) = backups(folder)
    change_unseen(one.path, "UPDATE events SET annotator = 'eve' WHERE seq = 20")
    assert "not a continuation" in verify(earlier).problems[0]


def test_without_a_backup_there_is_no_migration(earlier: Path, folder: Path) -> None:
    folder.write_text("a file in its place")
    before = earlier.read_bytes()
    with pytest.raises(LabelsError, match="it has to be backed up before it is changed") as caught:
        LabelStore(earlier)
    assert caught.value.hint
    assert earlier.read_bytes() == before


def test_the_description_of_a_backup(tmp_path: Path) -> None:
    one = Backup(tmp_path / "labels-20260102T030405Z-6.db", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 6)
    assert one.description == "the backup of 2026-01-02 03:04:05 UTC (labels-20260102T030405Z-6.db)"
