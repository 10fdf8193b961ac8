"""Migration of ledgers of earlier schema versions."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from samples import c, match, no_match, q
from tampering import change_unseen

from labels import chain
from labels.database import SCHEMA_VERSION
from labels.errors import LabelsError
from labels.model import ActionDetails, Decision, Pair, Side, Verb
from labels.statistics import label_stats
from labels.store import LabelStore
from labels.verify import verify

#: Files as earlier programs left them, with every kind of event in them.
EARLIER = {int(path.stem.rpartition("v")[2]): path for path in Path(__file__).parent.glob("labels_v*.sql")}


@pytest.fixture(params=sorted(EARLIER))
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "labels.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(EARLIER[request.param].read_text(encoding="utf-8"))
    return path


def test_there_is_a_fixture_of_every_earlier_version() -> None:
    assert set(EARLIER) == set(range(1, SCHEMA_VERSION))


def test_all_events_are_unchanged_and_hashed(earlier: Path) -> None:
    with closing(sqlite3.connect(earlier)) as connection:
        before = connection.execute(chain.SELECT_EVENTS).fetchall()
    with LabelStore(earlier) as store:
        after = store.connection.execute(chain.SELECT_EVENTS).fetchall()
        assert after == before
        assert all(carried == wanted for _, carried, wanted in chain.verify_links(store.connection))
    assert verify(earlier).problems == ()


def test_decisions_still_stand_and_labelling_continues(earlier: Path) -> None:
    with LabelStore(earlier) as store:
        said = {(d.annotator, d.pair): d.decision for d in store.decisions()}
        assert said["ada", Pair(q("1"), c("a"))] is Decision.MATCH
        assert not any(annotator == "machine" for annotator, _ in said)
        assert store.labels(q("1"))[0].match is True
        assert store.validation_queries() == {q("v1"), q("v2")}
        assert store.validation_version() == 1
        assert store.labels(q("v1"))[0].side is Side.VALIDATION
        assert label_stats(store).events == 20
        assert store.redo("bob") is not None  # the comment
        assert [comment.text for comment in store.comments(q("1"))] == ['the “big” one — 55"']
        store.record("ada", Verb.ACCEPT, q("5"), match("a"), ActionDetails(closes=True))
        assert q("5") in store.closed_queries()
    assert verify(earlier).problems == ()


def test_a_locked_file_is_not_migrated(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labels.database.BUSY_TIMEOUT_MS", 10)
    before = earlier.read_bytes()
    with closing(sqlite3.connect(earlier, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LabelsError, match="locked"):
            LabelStore(earlier)
        holder.execute("ROLLBACK")
    assert earlier.read_bytes() == before


def test_a_changed_event_breaks_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        for number in range(5):
            store.record("ada", Verb.REJECT, q(str(number)), no_match("a"))
    change_unseen(path, "UPDATE events SET annotator = 'eve' WHERE seq = 3")
    problems = verify(path).problems
    assert any("the hash chain is broken at event 3:" in problem for problem in problems)


def test_an_event_without_a_hash_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        store.record("ada", Verb.REJECT, q("1"), no_match("a"))
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="is a chain"):
        connection.execute(
            "INSERT INTO events (action, at, annotator, verb, query_source, query_id, stream, side, blind, closes)"
            " VALUES ('x', 'now', 'eve', 'skip', 'walmart', '1', 'triage', 'train', 0, 0)"
        )


def test_the_hash_is_that_of_the_canonical_text(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "labels.db", now=lambda: "2026-01-01T00:00:00.000+00:00") as store:
        store.record("ada", Verb.SKIP, q("1"), action="a1")
        _, carried, wanted = next(chain.verify_links(store.connection))
    values: list[object] = [1, "a1", "2026-01-01T00:00:00.000+00:00", "ada", "skip", "walmart", "1", None, None, None,
                            None, "triage", "train", 0, 0, None, None, None, None, None, None, ""]  # fmt: skip
    expected = hashlib.sha256(("0" * 64 + json.dumps(values)).encode()).hexdigest()
    assert carried == wanted == expected
