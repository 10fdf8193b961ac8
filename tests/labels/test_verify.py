"""`labels verify` finds problems, and changes nothing."""

from pathlib import Path

import pytest
from samples import implied, match, no_match, q
from tampering import change, change_unseen

from labels.errors import LabelsError
from labels.model import ActionDetails, Side, Verb
from labels.store import LabelStore
from labels.verify import verify


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A closed ledger with every kind of event that projections depend on."""
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.draw_validation([q("v")], seed=1)
        store.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], ActionDetails(closes=True))
        store.record("bob", Verb.REJECT, q("1"), no_match("a"))
        store.record("ada", Verb.SKIP, q("2"))
        store.undo("ada")
        store.redo("ada")
        store.undo("ada")
        store.record("ada", Verb.ACCEPT, q("v"), match("d"))
    return path


def test_a_sound_ledger_has_no_problems(sound: Path) -> None:
    result = verify(sound)
    assert (result.ok, result.problems, result.events) == (True, (), 8)


def without_event(path: Path, seq: int) -> None:
    change_unseen(path, f"DELETE FROM events WHERE seq = {seq}")  # noqa: S608 - a constant


@pytest.mark.parametrize("seq", [1, 3, 8])
def test_a_missing_event_is_found(sound: Path, seq: int) -> None:
    without_event(sound, seq)
    assert not verify(sound).ok


def test_a_gap_is_named(sound: Path) -> None:
    without_event(sound, 3)
    assert "events are missing: 7 rows for the numbers 1 to 8" in verify(sound).problems


def test_an_undo_without_a_target_is_found(sound: Path) -> None:
    without_event(sound, 4)
    assert "3 undo or redo events have no target action" in verify(sound).problems


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM current WHERE annotator = 'bob'", "the projection 'current' differs from its events"),
        ("UPDATE actions SET closes = 0", "the projection 'actions' differs from its events"),
        ("UPDATE actions SET undone_at = NULL", "the projection 'actions' differs from its events"),
        ("DROP TRIGGER events_no_update", "the trigger events_no_update is missing"),
        ("DROP TRIGGER validation_no_delete", "the trigger validation_no_delete is missing"),
    ],
)
def test_tampering_is_found(sound: Path, statement: str, problem: str) -> None:
    change(sound, statement)
    assert verify(sound).problems == (problem,)


def test_a_training_decision_on_a_validation_query_is_found(sound: Path) -> None:
    with LabelStore(sound) as store:
        store.record("bob", Verb.ACCEPT, q("v"), match("d"), ActionDetails(side=Side.TRAIN))
    assert verify(sound).problems == ("1 decision on a validation query stands on the training side",)


def test_events_are_counted_where_the_schema_is_unknown(sound: Path) -> None:
    change(sound, "ALTER TABLE queries RENAME TO questions", "ALTER TABLE events RENAME COLUMN stream TO brook")
    found = verify(sound)
    assert not found.ok
    assert found.events == 8


def test_verify_changes_nothing(sound: Path) -> None:
    change(sound, "UPDATE actions SET closes = 0", "DROP TRIGGER events_no_update")
    before = {p.name: p.read_bytes() for p in sound.parent.glob("labels.db*")}
    verify(sound)
    assert {p.name: p.read_bytes() for p in sound.parent.glob("labels.db*")} == before


def test_damaged_pages_are_found(sound: Path) -> None:
    content = bytearray(sound.read_bytes())
    content[4096:8192] = b"\x5a" * 4096
    sound.write_bytes(content)
    try:
        problems = verify(sound).problems
    except LabelsError as error:
        problems = (error.message,)
    assert problems


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="no labels file"):
        verify(tmp_path / "labels.db")
    assert list(tmp_path.iterdir()) == []
