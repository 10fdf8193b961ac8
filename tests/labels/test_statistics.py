"""Counts over standing decisions by kind, and actions by annotator."""

from pathlib import Path

import pytest
from samples import implied, match, no_match, q, unsure

from labels.activity import ActivityCount, actions_by_annotator
from labels.model import MACHINE, ActionDetails, Stream, Verb
from labels.statistics import breakdown, label_stats
from labels.store import LabelStore


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabelStore:
    """Two days of work, a file, the machine, and a ruling."""
    at = iter(f"2025-11-{10 + n // 4:02}T1{n % 4}:00:00.000+00:00" for n in range(99))
    store = LabelStore(tmp_path / "labels.db", now=lambda: next(at))
    store.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], ActionDetails(closes=True))
    store.record("ada", Verb.ACCEPT, q("2"), match("c"), ActionDetails(closes=True))
    store.undo("ada")
    store.record("ada", Verb.UNSURE, q("3"), unsure("d"), ActionDetails(closes=True, stream=Stream.VALIDATION))
    store.record("bob", Verb.NONE, q("1"), no_match("a"), ActionDetails(closes=True))
    store.record("bob", Verb.SKIP, q("4"))
    store.record("bob", Verb.SKIP, q("1"))
    store.record("bob", Verb.FLAG, q("4"))
    store.record("lea", Verb.ACCEPT, q("1"), match("a"), ActionDetails(closes=True, stream=Stream.ADJUDICATION))
    store.record_all("file", [(q("5"), match("e"), True)])
    store.record_all(MACHINE, [(q("6"), match("f"), True)])
    return store


def test_decisions_by_kind_stream_side_and_day(ledger: LabelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    found = breakdown(ledger)
    assert found.by_decision == {
        "match": {"explicit": 4, "implied": 0}, "no_match": {"explicit": 1, "implied": 1},
        "unsure": {"explicit": 1, "implied": 0},
    }  # fmt: skip
    assert found.by_stream == {
        "triage": 3, "validation": 1, "audit": 0, "adjudication": 1, "files": 1, "machine": 1,
    }  # fmt: skip
    assert found.by_side == {"train": 6, "validation": 1}
    assert (found.adjudicated, found.skipped, found.flagged) == (1, 1, 1)
    assert sum(found.by_day.values()) == 4
    assert list(found.by_day) == sorted(found.by_day)
    assert found.as_dict()["by_day"] == found.by_day
    ledger.close()


def test_an_empty_ledger_counts_nothing(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "empty.db") as store:
        found, stats = breakdown(store), label_stats(store).as_dict()
    assert {count for counts in found.by_decision.values() for count in counts.values()} == {0}
    assert set(found.by_stream.values()) | set(found.by_side.values()) == {0}
    assert (found.adjudicated, found.skipped, found.flagged, found.by_day) == (0, 0, 0, {})
    assert stats.pop("annotators") == {}
    assert set(stats.values()) == {0}


def test_actions_leave_imports_out(ledger: LabelStore) -> None:
    assert actions_by_annotator(ledger) == {
        "ada": ActivityCount(3, 1),
        "bob": ActivityCount(4, 0),
        "lea": ActivityCount(1, 0),
    }
    ledger.close()
