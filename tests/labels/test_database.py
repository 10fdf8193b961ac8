"""Connections to labels.db: journal mode, files that are refused, and concurrent writers."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from samples import q

from labels import database
from labels.database import file_system, journal_mode, wal_is_safe
from labels.errors import LabelsError
from labels.model import ActionDetails, Verb
from labels.store import LabelStore
from labels.verify import verify

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local\\040disk btrfs rw 0 0
"""


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 7, 0), False), ((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 44, 9), True),
        ((3, 45, 6), False), ((3, 50, 6), False), ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True),
        ((3, 52, 0), True), ((4, 0, 0), True),
    ],
)  # fmt: skip
def test_the_write_ahead_log_is_used_where_its_bug_is_fixed(version: tuple[int, int, int], safe: bool) -> None:
    assert wal_is_safe(version) is safe


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/srv/x", "ext4"), ("/home/ada/x", "nfs4"), ("/home/local disk/x", "btrfs"), ("/homework", "ext4")],
)
def test_the_file_system_is_that_of_the_deepest_mount(tmp_path: Path, path: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert file_system(Path(path), mounts) == kind
    assert file_system(Path(path), tmp_path / "absent") == ""


@pytest.mark.parametrize(
    ("version", "kind", "mode"),
    [
        ((3, 51, 3), "ext4", "wal"),
        ((3, 51, 3), "nfs4", "persist"),
        ((3, 51, 3), "fuse.sshfs", "persist"),
        ((3, 40, 1), "ext4", "persist"),
    ],
)
def test_the_journal_follows_from_version_and_file_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: tuple[int, int, int], kind: str, mode: str
) -> None:
    monkeypatch.setattr(database.sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(database, "file_system", lambda _: kind)
    assert journal_mode(tmp_path / "labels.db") == mode


def test_a_connection_is_durable_and_keeps_its_triggers(ledger: LabelStore) -> None:
    pragmas = ("synchronous", "foreign_keys", "recursive_triggers", "user_version")
    values = [ledger.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    assert values == [2, 1, 1, database.SCHEMA_VERSION]
    mode = ledger.connection.execute("PRAGMA journal_mode").fetchone()[0]
    assert mode == journal_mode(ledger.path)


def test_a_newer_file_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    LabelStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION + 1}")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(LabelsError, match="written by a newer samesku"):
        LabelStore(path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_file_that_is_not_a_database_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    path.write_text("ltable_id,rtable_id,label\n" * 100)
    before = path.read_bytes()
    with pytest.raises(LabelsError, match="damaged or not a labels file"):
        LabelStore(path)
    assert path.read_bytes() == before


def test_a_folder_in_its_place_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "labels.db").mkdir()
    with pytest.raises(LabelsError, match="cannot be opened") as caught:
        LabelStore(tmp_path / "labels.db")
    assert caught.value.hint


def test_a_locked_file_is_an_error(ledger: LabelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    ledger.connection.execute("BEGIN IMMEDIATE")
    with LabelStore(ledger.path) as other, pytest.raises(LabelsError, match="locked") as caught:
        other.undo("ada")
    ledger.connection.execute("ROLLBACK")
    assert "Another program holds it" in caught.value.hint


WRITER = """
import sys
from pathlib import Path
from labels.model import Decision, Judgement, ProductRef, Verb
from labels.store import LabelStore
path, name = Path(sys.argv[1]), sys.argv[2]
with LabelStore(path) as store:
    for number in range(50):
        query = ProductRef("walmart", str(number))
        store.record(name, Verb.ACCEPT, query, [Judgement(ProductRef("amazon", name), Decision.MATCH)])
"""


def test_four_processes_write_at_once_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    # The file is not there yet: they also race to create it.
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"person {n}"], stderr=subprocess.PIPE)
        for n in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=240)
        assert (writer.returncode, errors) == (0, b"")
    with LabelStore(path) as store:
        decisions = [(d.annotator, d.pair.query.id) for d in store.decisions()]
    assert sorted(decisions) == sorted((f"person {n}", str(i)) for n in range(4) for i in range(50))
    assert verify(path).ok


@pytest.mark.parametrize("kind", ["link", "FIFO", "folder"])
def test_only_a_regular_file_is_opened_as_a_ledger(tmp_path: Path, kind: str) -> None:
    path, elsewhere = tmp_path / "labels.db", tmp_path / "elsewhere.db"
    elsewhere.write_bytes(b"")
    {
        "link": lambda: path.symlink_to(elsewhere),
        "FIFO": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(LabelsError, match=rf"{kind}, not a regular file"):
        LabelStore(path)
    assert elsewhere.read_bytes() == b""


def test_the_lock_file_is_not_created_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "labels.db.lock").symlink_to(tmp_path / "made.txt")
    with LabelStore(tmp_path / "labels.db") as store:
        assert store.last_event() == 0
    assert not (tmp_path / "made.txt").exists()


def test_a_commit_blocked_by_a_reader_leaves_no_transaction_open(
    ledger: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ledger.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        pytest.skip("with a write-ahead log readers keep nobody waiting")
    ledger.connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        with pytest.raises(LabelsError, match="database is locked"):
            ledger.record("ada", Verb.COMMENT, q("q1"), details=ActionDetails(text="while an export runs"))
        assert not ledger.connection.in_transaction
        reader.execute("ROLLBACK")
    assert ledger.last_event() == 0
    ledger.record("ada", Verb.COMMENT, q("q1"), details=ActionDetails(text="afterwards"))
    assert verify(ledger.path).events == 1


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("database is locked", "Another program holds it"),
        ("database or disk is full", "Free some disk space"),
        ("attempt to write a readonly database", "can be written by you"),
        ("unable to open database file", "can be written by you"),
        ("disk I/O error", "full, gone or failing"),
        ("no such table: events", "Ask."),
    ],
)
def test_the_hint_follows_from_what_sqlite_reports(message: str, hint: str) -> None:
    assert hint in database.way_out(sqlite3.OperationalError(message), "Ask.")


def test_missing_folders_are_created(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "labels.db"
    LabelStore(path).close()
    assert path.is_file()
