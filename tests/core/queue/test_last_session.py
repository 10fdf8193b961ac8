"""Session files: resuming a session, and detecting one that was not closed properly."""

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from disk import full_disk
from hypothesis import given
from hypothesis import strategies as st
from samples import c, q

from core.queue.last_session import DeskSession, Position, SessionEnd, SessionRecord
from labels.model import Stream

ROOT = Path(__file__).parents[3]
PLACE = Position(Stream.AUDIT, q("7"), c("9"), blind=True, theme="nord")

KILLED = """
import os, signal, sys
from pathlib import Path
from core.queue.last_session import Position
from core.queue.last_session import DeskSession
from labels.model import Stream
DeskSession(Path(sys.argv[1]), "ada", 41).move(Position(Stream.VALIDATION))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sittings"


def end(sitting: DeskSession, ending: SessionEnd = SessionEnd.LEFT) -> None:
    sitting.end(ending)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_the_first_sitting_begins_nowhere(folder: Path) -> None:
    sitting = DeskSession(folder, "ada", 0)
    assert (sitting.place, sitting.interrupted, sitting.alone) == (Position(), None, True)


def test_the_next_sitting_begins_where_the_last_one_ended(folder: Path) -> None:
    first = DeskSession(folder, "ada", 0)
    first.move(Position(Stream.TRIAGE, q("a query with a long id")))
    first.move(PLACE)
    end(first)
    second = DeskSession(folder, "ada", 3)
    assert (second.place, second.interrupted) == (PLACE, None)
    assert DeskSession(folder, "bob", 3).place == Position()
    assert len(files(folder)) == 2  # one for each who sits


def test_a_killed_sitting_is_told_once(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, folder], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    second = DeskSession(folder, "ada", 50)
    assert second.place.stream is Stream.VALIDATION
    assert second.interrupted is not None
    assert (second.interrupted.ending, second.interrupted.after) == (None, 41)
    end(second)
    assert DeskSession(folder, "ada", 50).interrupted is None


@pytest.mark.parametrize("ending", [SessionEnd.DISCONNECTED, SessionEnd.STOPPED])
def test_a_sitting_that_others_ended_is_told(folder: Path, ending: SessionEnd) -> None:
    end(DeskSession(folder, "ada", 0), ending)
    told = DeskSession(folder, "ada", 0).interrupted
    assert told is not None
    assert told.ending is ending
    assert told.ended_at >= told.begun_at


def test_only_the_first_end_counts(folder: Path) -> None:
    first = DeskSession(folder, "ada", 0)
    first.end(SessionEnd.DISCONNECTED)
    first.end(SessionEnd.LEFT)
    first.move(PLACE)
    second = DeskSession(folder, "ada", 0)
    assert second.interrupted is not None
    assert second.place == Position()


def test_somebody_at_two_desks_is_not_told_of_either(folder: Path) -> None:
    first, second = DeskSession(folder, "ada", 0), DeskSession(folder, "ada", 0)
    assert (first.alone, second.alone) == (True, False)
    assert second.interrupted is None
    first.move(PLACE)
    end(first)
    third = DeskSession(folder, "ada", 0)
    assert (third.place, third.interrupted, third.alone) == (PLACE, None, False)


# -- unexpected files in the folder --------------------------------------------------------------------------


@pytest.fixture
def record(folder: Path) -> Path:
    """The file of a session that was closed."""
    sitting = DeskSession(folder, "ada", 0)
    sitting.move(PLACE)
    end(sitting)
    return files(folder)[0]


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b"[]", b"7", b'"x"', b"\xff\xfe", b"[" * 9000, b"{}" * 9000])
def test_a_damaged_file_is_ignored_and_left_alone(record: Path, damage: bytes) -> None:
    record.write_bytes(damage)
    assert DeskSession(record.parent, "ada", 0).place == Position()
    assert record.read_bytes() == damage


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2), ("annotator", "bob"), ("after", -1), ("after", 10**30), ("after", True), ("after", "1"),
        ("begun_at", "yesterday"), ("begun_at", 7), ("begun_at", "0001-01-01T00:00:00+14:00"), ("ending", "exploded"),
        ("ended_at", [1]), ("place", None), ("place", []), ("place", {}),
        ("place", {"stream": "gossip", "query": None, "candidate": None, "blind": False, "theme": ""}),
        ("place", {"stream": None, "query": ["a"], "candidate": None, "blind": False, "theme": ""}),
        ("place", {"stream": None, "query": [1, 2], "candidate": None, "blind": False, "theme": ""}),
    ],
)  # fmt: skip
def test_what_another_program_wrote_is_ignored(record: Path, name: str, value: object) -> None:
    foreign = json.dumps(json.loads(record.read_text().splitlines()[0]) | {name: value})
    record.write_text(foreign)
    sitting = DeskSession(record.parent, "ada", 0)
    assert (sitting.place, sitting.interrupted) == (Position(), None)
    assert record.read_text() == foreign


def test_what_is_no_file_is_not_opened(record: Path, tmp_path: Path) -> None:
    aim = tmp_path / "aim.json"
    record.rename(aim)
    stem = record.name.partition(".")[0]
    (record.parent / f"{stem}.1.json").symlink_to(aim)
    os.mkfifo(record.parent / f"{stem}.2.json")
    (record.parent / f"{stem}.3.json").mkdir()
    assert DeskSession(record.parent, "ada", 0).place == Position()
    assert len(files(record.parent)) == 4


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_no_value_anywhere_does_harm(value: object) -> None:
    fields = json.loads(SessionRecord("ada", "2026-01-01T00:00:00+00:00", 0, PLACE).to_line())
    odd = [fields | {name: value} for name in fields]
    odd += [fields | {"place": fields["place"] | {name: value}} for name in fields["place"]]
    for each in odd:
        read = SessionRecord.from_line(json.dumps(each).encode(), "ada")
        assert read is None or read.annotator == "ada"


@given(st.text(), st.text(), st.text(), st.booleans())
def test_a_record_comes_back_as_it_was(annotator: str, id_: str, theme: str, blind: bool) -> None:
    place = Position(Stream.TRIAGE, q(id_), None, blind=blind, theme=theme)
    record = replace(SessionRecord(annotator, "2026-01-01T00:00:00+00:00", 4, place), ending=SessionEnd.DISCONNECTED)
    assert SessionRecord.from_line(record.to_line() + b"what a longer one left", annotator) == record


# -- names and folders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", ".", "a\0b", "*", "ada?", "名前" * 30, "\ud800"])
def test_any_name_has_a_file_of_its_own_inside_the_folder(folder: Path, name: str) -> None:
    sitting = DeskSession(folder, name, 0)
    sitting.move(PLACE)
    end(sitting)
    (path,) = files(folder)
    assert path.parent == folder
    assert DeskSession(folder, name, 0).place == PLACE
    assert DeskSession(folder, "ada", 0).place == Position()


def test_names_that_look_alike_are_told_apart(folder: Path) -> None:
    for name in ("ada", "ADA", "a-d-a", "ada "):
        assert DeskSession(folder, name, 0).alone


def test_the_group_shares_the_folder_and_nobody_else_reads_it(folder: Path) -> None:
    before = os.umask(0o007)
    try:
        DeskSession(folder, "ada", 0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) & 0o777 == 0o770
    assert stat.S_IMODE(files(folder)[0].stat().st_mode) == 0o660


def test_where_nothing_can_be_written_the_sitting_goes_on(folder: Path) -> None:
    folder.write_text("no folder")
    sitting = DeskSession(folder, "ada", 0)
    sitting.move(PLACE)
    end(sitting)
    assert sitting.place == PLACE


def test_on_a_full_disk_the_last_place_is_kept_for_later(record: Path) -> None:
    with full_disk(0):
        sitting = DeskSession(record.parent, "ada", 0)
        assert sitting.place == PLACE
        end(sitting)
    assert files(record.parent) == [record]
    assert DeskSession(record.parent, "ada", 0).place == PLACE
