"""Whatever happens to the file or the disk: one sentence with a way out, and no further damage."""

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
from tampering import change_unseen

from labels import guard, migrations  # noqa: F401 - before anybody gives up the right to read them
from labels.anchors import FOLDER, backups
from labels.backup import backup
from labels.database import SCHEMA_VERSION
from labels.errors import LabelsError
from labels.model import Verb
from labels.restore import restore
from labels.stats import label_stats
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
        store.draw_validation([q("v")], seed=1)
        store.record_all("bob", [(q(str(n)), [*match("a"), *implied("b", "c")], True) for n in range(30)])
        store.record("ada", Verb.COMMENT, q("1"), text="the “big” one")
        store.undo("ada")
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "labels.db"
    path.write_bytes(content)
    return path


def say(path: Path, query: str = "1") -> None:
    with LabelStore(path) as store:
        store.record("ada", Verb.ACCEPT, q(query), match("z"), closes=True)


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
def test_turned_bytes_are_found_or_do_no_harm(path: Path, content: bytes, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
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


def test_a_value_that_became_bytes_is_a_broken_link(path: Path) -> None:
    change_unseen(path, "UPDATE events SET text = x'ff' WHERE seq = 3")
    assert any("broken at event 3" in problem for problem in verify(path).problems)


# -- files that are cut, gone, or of others ------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.001, 0.1, 0.5, 0.9])
def test_a_cut_file_is_refused_and_comes_back_from_the_backup(path: Path, content: bytes, share: float) -> None:
    backup(path, path.parent / FOLDER)
    cut = content[: int(len(content) * share)]
    path.write_bytes(cut)
    error = refused(lambda: say(path))
    assert "samesku labels restore latest" in error.hint
    assert path.read_bytes() == cut
    restore(backups(path.parent / FOLDER)[-1].path, path)
    say(path)
    assert verify(path).ok


def test_a_cut_through_the_last_page_is_found(path: Path, content: bytes) -> None:
    path.write_bytes(content[:-4000])  # SQLite reads zeros for what is not there
    refused(lambda: verify(path), "malformed")
    refused(lambda: backup(path, path.parent / FOLDER), "malformed|not sound")


def test_a_ledger_that_is_gone_is_not_begun_anew_beside_its_backups(path: Path) -> None:
    backup(path, path.parent / FOLDER)
    path.unlink()
    assert "to begin anew, move the folder" in refused(lambda: say(path), "is gone or empty").hint
    shutil.move(path.parent / FOLDER, path.parent / "old")
    say(path)
    assert verify(path).events == 1


def test_an_empty_file_is_a_ledger_that_was_never_begun(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    path.touch()
    assert (verify(path).ok, verify(path).events) == (True, 0)
    refused(lambda: backup(path, tmp_path / FOLDER), "it is empty")
    say(path)
    assert verify(path).events == 1


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_what_happens_to_an_open_file_is_told_before_anything_is_written(path: Path, content: bytes, how: str) -> None:
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
def test_what_is_no_database_is_left_alone(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "labels.db"
    path.write_bytes(other)
    for attempt in (lambda: say(path), lambda: verify(path), lambda: backup(path, tmp_path / FOLDER)):
        refused(attempt)
    assert path.read_bytes() == other


# -- a disk that is full -------------------------------------------------------------------------------------


def much() -> list[tuple[object, ...]]:
    return [(q(f"many {n}"), match("a", "b", "c"), True) for n in range(300)]


@pytest.mark.parametrize("kind", ["no pages", "no bytes"])
def test_a_full_disk_takes_nothing_that_was_acknowledged(path: Path, kind: str) -> None:
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


def test_a_backup_that_does_not_fit_is_not_there(path: Path) -> None:
    folder = path.parent / FOLDER
    with full_disk(8192):
        refused(lambda: backup(path, folder))
    assert [place.name for place in folder.iterdir()] == ["labels.db.lock"]
    assert backup(path, folder).events == verify(path).events


def test_a_restore_that_does_not_fit_changes_nothing(path: Path) -> None:
    source = backup(path, path.parent / FOLDER).path
    say(path)
    before = dump(path)
    with full_disk(8192):
        refused(lambda: restore(source, path))
    assert dump(path) == before
    assert verify(path).ok


@pytest.mark.parametrize("room", [4096, 70_000])
def test_a_migration_that_does_not_fit_changes_nothing(tmp_path: Path, room: int) -> None:
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


def test_a_file_of_somebody_else_is_told(plain: Path) -> None:
    plain.chmod(0)
    for attempt in (lambda: say(plain), lambda: verify(plain), lambda: backup(plain, plain.parent / FOLDER)):
        refused(attempt)
