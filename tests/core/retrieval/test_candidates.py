"""derived.db: a whole run or none of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from samples import candidates_of, q

from core.errors import DamagedError
from core.retrieval import candidates
from core.retrieval.candidates import Candidate, CandidateStore, MatcherSummary
from labels.model import ProductRef


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CandidateStore]:
    opened = CandidateStore(tmp_path / "derived.db")
    yield opened
    opened.close()


def test_before_the_first_run_there_is_nothing(store: CandidateStore) -> None:
    assert (store.model, store.is_current("x"), store.for_query(q("q1")), list(store.all())) == (None, False, [], [])
    assert store.top_similarities() == {}


def test_a_run_is_read_as_it_was_written(store: CandidateStore) -> None:
    rows = [(q("q2"), candidates_of("q2")), (q("q1"), candidates_of("q1"))]
    store.replace(rows, model="m1", fingerprint="f1")
    assert store.for_query(q("q1")) == candidates_of("q1")
    assert list(store.all()) == [(q(id_), candidate) for id_ in ("q1", "q2") for candidate in candidates_of(id_)]
    assert store.top_similarities() == {q("q1"): 0.81, q("q2"): 0.86}
    assert (store.model, store.is_current("f1"), store.is_current("f2")) == ("m1", True, False)


def _with_cosines(**cosines: float) -> list[tuple[ProductRef, list[Candidate]]]:
    return [(q(name), [replace(candidates_of("q1")[0], similarity=value)]) for name, value in cosines.items()]


def test_the_least_certain_query_comes_first_and_ties_go_by_key(store: CandidateStore) -> None:
    store.replace(_with_cosines(sure=0.99, edge=0.80, below=0.60, tie_b=0.85, tie_a=0.75), model="m", fingerprint="f")
    order = [ref.id for ref in store.top_scores(0.80)[0]]
    assert (order[0], order[-1]) == ("edge", "below")
    store.replace(_with_cosines(b=0.75, a=0.75), model="m", fingerprint="f")
    assert list(store.top_scores(0.80)[0]) == [q("a"), q("b")]


def test_probabilities_order_the_queries_and_one_without_counts_as_a_non_match(store: CandidateStore) -> None:
    rows = _with_cosines(sure=0.8, edge=0.3, none=0.8, other=0.99)
    store.replace(rows, model="m", fingerprint="f")
    likely = {"sure": 0.95, "edge": 0.5, "other": 0.0}
    store.score(
        [(query, each.ref, likely[query.id]) for query, (each,) in rows if query.id in likely],
        MatcherSummary(0.4, 0.9, 0.1, 12, 3),
    )
    cosines, probabilities = store.top_scores()
    assert [ref.id for ref in cosines] == ["edge", "none", "other", "sure"]
    assert {ref.id: probability for ref, probability in probabilities.items()} == likely


def test_best_scores_follow_every_change_and_one_that_an_earlier_version_made(
    store: CandidateStore, tmp_path: Path
) -> None:
    store.replace([(q(f"q{n}"), candidates_of("q1")) for n in (1, 2, 3)], model="m", fingerprint="a")
    first, second = candidates_of("q1")[:2]
    asked = {"touched": frozenset[ProductRef](), "model": "m"}
    store.update([(q("q2"), [second])], gone=[q("q3")], before="a", fingerprint="b", **asked)
    store.score([(q("q1"), first.ref, 0.25), (q("q1"), second.ref, 0.75)], MatcherSummary(0.5, 0.9, 0.1, 12, 3))
    best = max(each.similarity for each in candidates_of("q1"))
    assert store.top_scores() == ({q("q1"): best, q("q2"): second.similarity}, {q("q1"): 0.75})
    with closing(sqlite3.connect(tmp_path / "derived.db")) as connection, connection:
        connection.execute("DELETE FROM candidates WHERE query_id = 'q2'")
        connection.execute("UPDATE checksums SET value = 'of an earlier version' WHERE name = 'candidates'")
    assert store.top_similarities() == {q("q1"): best}


def test_a_threshold_that_an_earlier_version_changed_reorders_the_queries(
    store: CandidateStore, tmp_path: Path
) -> None:
    rows = _with_cosines(a=0.8, b=0.8)
    store.replace(rows, model="m", fingerprint="f")
    likely = {"a": 0.2, "b": 0.8}
    store.score([(query, each.ref, likely[query.id]) for query, (each,) in rows], MatcherSummary(0.3, 0.9, 0.1, 12, 3))
    assert list(store.top_scores()[0]) == [q("a"), q("b")]
    with closing(sqlite3.connect(tmp_path / "derived.db")) as connection, connection:
        connection.execute("UPDATE standing SET threshold = 0.7")
    assert list(store.top_scores()[0]) == [q("b"), q("a")]


def test_queries_whose_probabilities_are_all_outdated_are_ordered_by_cosine(store: CandidateStore) -> None:
    rows = _with_cosines(a=0.99, b=0.8)
    store.replace(rows, model="m", fingerprint="f")
    store.score([], MatcherSummary(0.5, 0.9, 0.1, 12, 3))
    assert list(store.top_scores(0.8)[0]) == [q("b"), q("a")]


@pytest.mark.parametrize("damage", ["DELETE FROM best WHERE place = 1", "UPDATE best SET query_id = 'x'"])
def test_a_check_finds_an_order_that_contradicts_the_candidates(
    store: CandidateStore, tmp_path: Path, damage: str
) -> None:
    store.replace(_with_cosines(a=0.99, b=0.8), model="m", fingerprint="f")
    store.check()
    with closing(sqlite3.connect(tmp_path / "derived.db")) as connection, connection:
        connection.execute(damage)
    with pytest.raises(DamagedError, match="the order of the queue"):
        store.check()


def test_a_new_run_takes_the_place_of_the_old(store: CandidateStore) -> None:
    store.replace([(q("q1"), candidates_of("q1"))], model="m1", fingerprint="f1")
    store.replace([(q("q2"), candidates_of("q2"))], model="m2", fingerprint="f2")
    assert set(store.top_similarities()) == {q("q2")}
    assert (store.model, store.is_current("f1")) == ("m2", False)


def test_a_reader_sees_the_old_run_until_the_new_one_is_whole(store: CandidateStore, tmp_path: Path) -> None:
    store.replace([(q("q1"), candidates_of("q1"))], model="m1", fingerprint="f1")
    reader = CandidateStore(tmp_path / "derived.db")
    seen = []

    def rows() -> Iterator[tuple]:
        yield q("q2"), candidates_of("q2")
        seen.append((set(reader.top_similarities()), reader.model))
        yield q("q3"), candidates_of("q3")

    store.replace(rows(), model="m2", fingerprint="f2")
    seen.append((set(reader.top_similarities()), reader.model))
    reader.close()
    assert seen == [({q("q1")}, "m1"), ({q("q2"), q("q3")}, "m2")]


def test_a_run_that_fails_leaves_the_old_one(store: CandidateStore) -> None:
    store.replace([(q("q1"), candidates_of("q1"))], model="m1", fingerprint="f1")

    def rows() -> Iterator[tuple]:
        yield q("q2"), candidates_of("q2")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.replace(rows(), model="m2", fingerprint="f2")
    assert (set(store.top_similarities()), store.model, store.is_current("f1")) == ({q("q1")}, "m1", True)


def test_a_file_of_another_version_is_started_anew(store: CandidateStore, tmp_path: Path) -> None:
    store.replace([(q("q1"), candidates_of("q1"))], model="m1", fingerprint="f1")
    with closing(sqlite3.connect(tmp_path / "derived.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    again = CandidateStore(tmp_path / "derived.db")
    assert (again.model, again.top_similarities()) == (None, {})
    again.replace([(q("q1"), [])], model="m1", fingerprint="f1")
    assert again.top_similarities() == {}
    again.close()


def test_a_file_of_the_version_before_keeps_its_candidates_and_drops_what_no_labels_stood_behind(
    store: CandidateStore, tmp_path: Path
) -> None:
    path = tmp_path / "derived.db"
    for labels, kept in ((300, True), (0, False)):
        store.replace([(q("q1"), candidates_of("q1"))], model="m1", fingerprint="f1")
        store.score([], MatcherSummary(0.5, 0.9, 0.1, labels, 40))
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("ALTER TABLE standing DROP COLUMN matches; PRAGMA user_version = 2")
        again = CandidateStore(path)
        assert (again.model, len(again.for_query(q("q1")))) == ("m1", len(candidates_of("q1")))
        assert again.matcher_summary == (MatcherSummary(0.5, 0.9, 0.1, labels, None) if kept else None)
        again.score([], MatcherSummary(0.5, 0.9, 0.1, 12, 3))
        assert again.matcher_summary == MatcherSummary(0.5, 0.9, 0.1, 12, 3)
        again.close()


def test_an_update_writes_what_differs_and_carries_the_checksum_on(store: CandidateStore) -> None:
    store.replace([(q(f"q{n}"), candidates_of(f"q{n}")) for n in (1, 2, 3)], model="m", fingerprint="a")
    changed = candidates_of("q1")[:1]
    rows = [(q("q1"), changed), (q("q2"), candidates_of("q2"))]
    asked = {"gone": [q("q3")], "touched": frozenset[ProductRef](), "model": "m"}
    assert store.update(rows, before="a", fingerprint="b", **asked) == 1
    store.check()
    assert store.fingerprint == "b"
    assert {query for query, _ in store.all()} == {q("q1"), q("q2")}
    assert [store.for_query(q(name)) for name in ("q1", "q2", "q3")] == [changed, candidates_of("q2"), []]


def test_no_update_of_another_run_and_none_that_hides_damage(store: CandidateStore, tmp_path: Path) -> None:
    written = [(q("q1"), candidates_of("q1")), (q("q2"), candidates_of("q2"))]
    asked = {"gone": [], "touched": frozenset[ProductRef](), "model": "m"}
    store.replace(written, model="m", fingerprint="a")
    with pytest.raises(DamagedError, match="another run"):
        store.update(written[:1], before="other", fingerprint="b", **asked)
    assert store.model is None
    store.replace(written, model="m", fingerprint="a")
    with closing(sqlite3.connect(tmp_path / "derived.db", isolation_level=None)) as other:
        other.execute("UPDATE candidates SET similarity = 0.123 WHERE query_id = 'q2' AND rank = 1")
    store.update([(q("q1"), [])], before="a", fingerprint="b", **asked)
    with pytest.raises(DamagedError, match="checksum does not match"):
        store.check()


def test_few_of_many_probabilities_are_written_without_reading_the_rest(
    store: CandidateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_MAX_COMPARED", 0)
    store.replace([(q(f"q{n}"), candidates_of("q1")) for n in range(40)], model="m", fingerprint="a")
    summary = MatcherSummary(0.5, 0.9, 0.1, 12, 3)
    chosen = candidates_of("q1")[0]
    store.score([(q("q7"), chosen.ref, 0.25)], summary)
    assert {each.ref: each.probability for each in store.for_query(q("q7"))} == {
        each.ref: 0.25 if each.ref == chosen.ref else None for each in candidates_of("q1")
    }
    store.check()
    assert store.matcher_summary == summary
    with closing(sqlite3.connect(tmp_path / "derived.db")) as connection, connection:
        connection.execute("UPDATE candidates SET similarity = 0.5 WHERE query_id = 'q9'")
    store.score([(q("q7"), chosen.ref, 0.75)], summary)
    with pytest.raises(DamagedError, match="checksum"):
        store.check()  # no more and no less visible than before
