"""Files that can be made again: what is damaged is set aside once, and what others have open stays as it is."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from damage import TO_DATABASES, flip, sql
from disk import full_disk
from judges import case_of
from samples import candidates_of, q

from core.errors import CoreError, DamagedError
from core.judge.cache import VerdictCache
from core.judge.verdict import Answer, Verdict
from core.retrieval.candidates import CandidateStore
from core.sqlite_cache import SqliteCache
from labels.errors import LabelsError
from labels.quarantine import damaged_copies, set_aside, set_aside_irregular

SAID = Verdict(Answer.MATCH, 0.75, 1.0986, "same model\n**Verdict:** MATCH", "judge-1", 0.5, 100, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "derived.db"


@pytest.fixture
def store(path: Path) -> Iterator[CandidateStore]:
    opened = CandidateStore(path)
    opened.replace([(q("q1"), candidates_of("q1"))], model="m", fingerprint="f")
    yield opened
    opened.close()


@pytest.mark.parametrize("damage", [name for name in TO_DATABASES if name not in {"journal", "wal", "journal FIFO"}])
def test_damage_is_met_once_and_the_next_use_finds_an_empty_file(path: Path, damage: str) -> None:
    TO_DATABASES["text" if damage == "wal folder" else damage](_written(path))
    again = CandidateStore(path)
    with suppress(DamagedError):
        again.check()
    assert (again.model, list(again.all())) == (None, [])
    again.replace([(q("q2"), candidates_of("q2"))], model="m", fingerprint="f")
    assert again.for_query(q("q2")) == candidates_of("q2")
    again.close()


def _written(path: Path) -> Path:
    first = CandidateStore(path)
    first.replace([(q("q1"), candidates_of("q1"))], model="m", fingerprint="f")
    first.close()
    return path


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("kind", ["FIFO", "folder", "link"])
def test_what_stands_beside_the_file_is_out_of_the_way(
    store: CandidateStore, path: Path, ending: str, kind: str
) -> None:
    store.close()
    beside = path.with_name(path.name + ending)
    {"FIFO": os.mkfifo, "folder": Path.mkdir, "link": lambda each: each.symlink_to("nowhere")}[kind](beside)
    assert store.for_query(q("q1")) == candidates_of("q1")
    assert not beside.is_symlink()
    assert not beside.exists()


def test_a_file_that_another_process_has_set_aside_is_left_and_the_new_one_read(
    store: CandidateStore, path: Path
) -> None:
    other = CandidateStore(path)
    assert other.model == "m"
    set_aside(path)
    assert store.model is None
    store.replace([(q("q2"), candidates_of("q2"))], model="n", fingerprint="g")
    assert other.model == "n"
    assert list(other.top_similarities()) == [q("q2")]
    other.close()


def test_two_that_find_the_same_damage_set_one_file_aside(path: Path) -> None:
    one, other = CandidateStore(_written(path)), CandidateStore(path)
    assert (one.model, other.model) == ("m", "m")
    flip(path, 0, 10**9)
    for each in (one, other):
        with suppress(DamagedError):
            each.check()
    assert len(damaged_copies(path)) == 1
    one.close()
    other.close()


def test_a_newer_file_is_not_set_aside_for_an_older_one(path: Path) -> None:
    _written(path)
    facts = path.stat()
    path.rename(path.with_name("old"))
    _written(path)
    assert set_aside(path, (facts.st_dev, facts.st_ino)) is None
    assert path.exists()


def test_a_full_disk_and_a_locked_file_are_no_damage(store: CandidateStore, path: Path) -> None:
    with full_disk(path.stat().st_size), pytest.raises(CoreError) as caught:
        store.replace([(q(f"q{n}"), candidates_of("q1")) for n in range(2000)], model="n", fingerprint="g")
    assert not isinstance(caught.value, DamagedError)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with store._cache.reading() as connection:
            connection.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(CoreError, match="locked") as caught:
            store.for_query(q("q1"))
    assert not isinstance(caught.value, DamagedError)
    assert store.for_query(q("q1")) == candidates_of("q1")
    assert damaged_copies(path) == []


def test_a_damaged_value_is_not_made_right_by_a_matcher(store: CandidateStore, path: Path) -> None:
    from core.retrieval.candidates import MatcherSummary  # noqa: PLC0415

    sql(path, "UPDATE candidates SET similarity = 0.5 WHERE rank = 1")
    with pytest.raises(DamagedError, match="checksum does not match"):
        store.score([], MatcherSummary(0.5, 0.9, 0.1, 3))
    assert store.model is None


def test_verdicts_are_carried_over_as_far_as_they_can_be_read(path: Path) -> None:
    cache = VerdictCache(_written(path))
    for number in range(300):
        cache.put(case_of(number), SAID)
    cache.close()
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'candidates'").fetchone()
    flip(path, (root - 1) * 4096, root * 4096, share=0.5)
    store = CandidateStore(path)
    with pytest.raises(DamagedError, match="set aside"):
        store.check()
    store.close()
    assert len(VerdictCache(path).latest_verdicts("judge-1")) == 300


def test_a_damaged_page_of_verdicts_takes_no_other_along(path: Path) -> None:
    cache = VerdictCache(path)
    for number in range(300):
        cache.put(case_of(number), SAID)
    cache.close()
    data = path.read_bytes()
    page = data.index(SAID.reasoning.encode(), len(data) // 2) // 4096 * 4096
    flip(path, page, page + 4096, share=0.5)
    with pytest.raises(DamagedError):
        VerdictCache(path)._cache.check()
    kept = VerdictCache(path).latest_verdicts("judge-1")
    assert 100 < len(kept) < 300
    assert set(kept.values()) == {SAID}


def test_a_folder_in_the_place_of_a_file_is_moved_with_all_that_is_in_it(tmp_path: Path) -> None:
    place = tmp_path / "pace.json"
    place.mkdir()
    (place / "mine.txt").write_text("mine")
    moved = set_aside_irregular(place)
    assert moved is not None
    assert (moved / "mine.txt").read_text() == "mine"
    assert set_aside_irregular(place) is None


def test_old_copies_are_removed_but_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "derived.db"
    path.mkdir()
    first = set_aside(path)
    for _ in range(6):
        path.write_bytes(b"x")
        path.with_name("derived.db-journal").write_bytes(b"y")
        set_aside(path)
    assert first is not None
    assert first.is_dir()
    assert len(damaged_copies(path)) == 4
    assert len(list(tmp_path.iterdir())) == 7


def test_a_copy_that_cannot_be_made_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("a letter" * 500)

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(LabelsError, match="cannot be renamed: Operation not permitted") as caught:
        CandidateStore(path).check()
    assert str(path) in caught.value.hint


def test_a_file_that_was_locked_while_its_tables_were_made_is_no_damage(path: Path) -> None:
    def prepare(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS things (name TEXT)")

    cache = SqliteCache(path, prepare, lambda tables: "things" in tables, hint="Make it again.", timeout_s=0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CoreError, match="locked"), cache.reading():
            pass
        other.execute("ROLLBACK")
    with cache.reading() as connection:
        assert connection.execute("SELECT count(*) FROM things").fetchone() == (0,)
    cache.close()
    assert damaged_copies(path) == []
