"""The append-only ledger: recording, undo and redo, sides, and the queries on its state."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from samples import c, implied, match, no_match, q, standing, unsure

from labels.errors import LabelsError
from labels.model import Action, ActionDetails, Decision, Judgement, ShownScores, Side, Stream, Strength, Verb
from labels.store import LabelStore


def events(store: LabelStore) -> list[str]:
    return [row[0] for row in store.connection.execute("SELECT verb FROM events ORDER BY seq")]


# -- append-only ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["events", "validation"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET query_id = 'x'", "DELETE FROM {}"])
def test_a_plain_connection_cannot_update_or_delete(ledger: LabelStore, table: str, statement: str) -> None:
    ledger.draw_validation([q("v")], seed=1)
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    with (
        closing(sqlite3.connect(ledger.path)) as plain,
        pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"),
    ):
        plain.execute(statement.format(table))
    assert standing(ledger.decisions()) == {"a": "match"}
    assert ledger.validation_queries() == {q("v")}


@pytest.mark.parametrize(
    ("read", "replace"),
    [
        ("SELECT * FROM events", "INSERT OR REPLACE INTO events SELECT * FROM events"),
        (
            "SELECT * FROM validation",
            "INSERT OR REPLACE INTO validation SELECT query_source, query_id, 9, '', 1, '', 1 FROM validation",
        ),
    ],
)
@pytest.mark.parametrize("recursive", [True, False])
def test_replace_is_refused_on_any_connection(ledger: LabelStore, read: str, replace: str, *, recursive: bool) -> None:
    ledger.draw_validation([q("v")], seed=1)
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    before = ledger.connection.execute(read).fetchall()
    with closing(sqlite3.connect(ledger.path)) as plain:
        plain.execute(f"PRAGMA recursive_triggers={recursive}")
        with suppress(sqlite3.IntegrityError):
            plain.execute(replace)
        plain.commit()
    assert ledger.connection.execute(read).fetchall() == before


def test_the_same_action_twice_is_one_action(ledger: LabelStore) -> None:
    for _ in range(2):
        assert ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], action="k1") == "k1"
    assert events(ledger) == ["accept", "accept"]
    assert standing(ledger.decisions()) == {"a": "match", "b": "no_match"}


def test_an_action_is_atomic(ledger: LabelStore) -> None:
    with pytest.raises(LabelsError, match="candidate with an id"):
        ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), Judgement(c(""), Decision.NO_MATCH)])
    assert events(ledger) == []
    assert ledger.decisions() == []


def test_an_event_has_the_scores_shown(ledger: LabelStore) -> None:
    shown = ShownScores(rank=3, similarity=0.81, probability=0.6, model="m1")
    ledger.record(
        "ada", Verb.ACCEPT, q("1"), [Judgement(c("a"), Decision.MATCH, shown=shown)],
        ActionDetails(stream=Stream.AUDIT, blind=True, closes=True, look_ms=1234),
    )  # fmt: skip
    row = ledger.connection.execute(
        "SELECT annotator, stream, side, blind, closes, look_ms, rank, similarity, probability, model FROM events"
    ).fetchone()
    assert row == ("ada", "audit", "train", 1, 1, 1234, 3, 0.81, 0.6, "m1")


# -- what stands ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("explicit_first", [True, False])
def test_explicit_takes_precedence_over_implied_in_any_order(ledger: LabelStore, explicit_first: bool) -> None:
    acts = [(Verb.ACCEPT, match("a")), (Verb.ACCEPT, [*match("b"), *implied("a")])]
    for verb, judgements in acts if explicit_first else reversed(acts):
        ledger.record("ada", verb, q("1"), judgements)
    assert standing(ledger.decisions()) == {"a": "match", "b": "match"}
    assert {d.strength for d in ledger.decisions()} == {Strength.EXPLICIT}


def test_an_edit_replaces_the_earlier_decision_and_keeps_its_event(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record("ada", Verb.REJECT, q("1"), no_match("a"))
    assert standing(ledger.decisions()) == {"a": "no_match"}
    assert events(ledger) == ["accept", "reject"]


def test_each_annotator_has_a_decision(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    assert {(d.annotator, d.decision.value) for d in ledger.decisions()} == {("ada", "match"), ("bob", "no_match")}


def test_a_decision_names_the_action_and_the_event_that_it_comes_from(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.SKIP, q("2"))
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], action="k1")
    assert [(each.action, each.seq) for each in ledger.decisions()] == [("k1", 2), ("k1", 3)]


def test_decisions_of_one_query_or_side_alone(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record("ada", Verb.ACCEPT, q("2"), match("b"), ActionDetails(stream=Stream.VALIDATION))
    assert standing(ledger.decisions(q("1"))) == {"a": "match"}
    assert standing(ledger.decisions(side=Side.VALIDATION)) == {"b": "match"}
    assert ledger.decisions(q("1"), Side.VALIDATION) == []


# -- undo and redo -------------------------------------------------------------------------------------------


def test_undo_and_redo_reach_all_actions_of_an_annotator(ledger: LabelStore) -> None:
    for id_ in "abcde":
        ledger.record("ada", Verb.ACCEPT, q(id_), match(id_))
    undone = [ledger.undo("ada") for _ in range(6)]
    assert [action and action.query.id for action in undone] == ["e", "d", "c", "b", "a", None]
    assert ledger.decisions() == []
    redone = [ledger.redo("ada") for _ in range(6)]
    assert [action and action.query.id for action in redone] == ["a", "b", "c", "d", "e", None]
    assert standing(ledger.decisions()) == dict.fromkeys("abcde", "match")


def test_undo_and_redo_reach_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    for id_ in "ab":
        with LabelStore(path) as store:
            store.record("ada", Verb.ACCEPT, q("1"), match(id_))
    with LabelStore(path) as store:
        store.undo("ada")
    with LabelStore(path) as store:
        store.undo("ada")
        assert store.decisions() == []
    with LabelStore(path) as store:
        action = store.redo("ada")
        assert action is not None
        assert standing(store.decisions()) == {"a": "match"}


def test_undo_restores_the_decision_before_an_edit(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record("ada", Verb.UNSURE, q("1"), unsure("a"))
    ledger.undo("ada")
    assert standing(ledger.decisions()) == {"a": "match"}


def test_a_new_action_ends_redo(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.undo("ada")
    ledger.record("ada", Verb.SKIP, q("1"))
    assert ledger.redo("ada") is None
    assert ledger.decisions() == []


def test_undo_and_redo_return_the_whole_action(ledger: LabelStore) -> None:
    actions = [
        Action("k1", "ada", Verb.ACCEPT, q("1"), closes=True),
        Action("k2", "ada", Verb.COMMENT, q("2"), closes=False, text="which size?"),
    ]
    for each in actions:
        details = ActionDetails(closes=each.closes, text=each.text)
        ledger.record(each.annotator, each.verb, each.query, details=details, action=each.id)
    assert [ledger.undo("ada"), ledger.undo("ada")] == actions[::-1]
    assert [ledger.redo("ada"), ledger.redo("ada")] == actions


def test_undo_affects_only_ones_own_actions(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    assert ledger.undo("bob") is None
    assert standing(ledger.decisions()) == {"a": "match"}


def test_an_action_of_another_annotator_does_not_end_redo(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.undo("ada")
    ledger.record("bob", Verb.SKIP, q("2"))
    assert ledger.redo("ada") is not None


def test_imports_are_not_undone(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record_all("ada", [(q("2"), match("b"), True)])
    action = ledger.undo("ada")
    assert action is not None
    assert action.query == q("1")
    assert ledger.undo("ada") is None
    assert standing(ledger.decisions()) == {"b": "match"}


def test_an_import_has_the_side_and_the_batch_given(ledger: LabelStore) -> None:
    assert ledger.record_all("ada", [(q("1"), match("a"), True)]) == 1
    assert ledger.record_all("ada", [(q("2"), match("a", "b"), True)], side=Side.VALIDATION, batch="b1") == 2
    rows = ledger.connection.execute("SELECT side, text FROM events ORDER BY seq").fetchall()
    assert rows == [("train", ""), ("validation", "b1"), ("validation", "b1")]


# -- sides ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", list(Stream))
def test_a_drawn_query_is_on_the_validation_side_whatever_the_stream(ledger: LabelStore, stream: Stream) -> None:
    ledger.draw_validation([q("v")], seed=1)
    ledger.record("ada", Verb.ACCEPT, q("v"), match("a"), ActionDetails(stream=stream))
    assert [d.side for d in ledger.decisions()] == [Side.VALIDATION]


@pytest.mark.parametrize(
    ("stream", "side"),
    [
        (Stream.TRIAGE, Side.TRAIN),
        (Stream.AUDIT, Side.TRAIN),
        (Stream.ADJUDICATION, Side.TRAIN),
        (Stream.VALIDATION, Side.VALIDATION),
    ],
)
def test_any_other_query_is_on_the_side_of_its_stream(ledger: LabelStore, stream: Stream, side: Side) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"), ActionDetails(stream=stream))
    assert [d.side for d in ledger.decisions()] == [side]


def test_queries_with_events_are_not_drawn(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.SKIP, q("seen"))
    assert ledger.draw_validation([q("seen"), q("new")], seed=1) == 1
    assert ledger.validation_queries() == {q("new")}
    assert (ledger.is_validation(q("new")), ledger.is_validation(q("seen"))) == (True, False)


def test_drawn_queries_are_not_drawn_again(ledger: LabelStore) -> None:
    assert ledger.draw_validation([q("1"), q("2")], seed=1) == 2
    assert ledger.draw_validation([q("2"), q("3")], seed=2) == 1
    seeds = dict(ledger.connection.execute("SELECT query_id, seed FROM validation"))
    assert seeds == {"1": 1, "2": 1, "3": 2}


# -- what the queue asks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "verb", "closes"),
    [
        (LabelStore.closed_queries, Verb.NONE, True),
        (lambda store: set(store.skipped_queries("ada")), Verb.SKIP, False),
        (lambda store: {q("1")} if store.is_flagged(q("1")) else set(), Verb.FLAG, False),
    ],
    ids=["closed", "skipped", "flagged"],
)
def test_flags_and_skips_are_undone_with_their_action(
    ledger: LabelStore, read: Callable[[LabelStore], set[object]], verb: Verb, closes: bool
) -> None:
    ledger.record("ada", verb, q("1"), details=ActionDetails(closes=closes))
    assert read(ledger) == {q("1")}
    ledger.undo("ada")
    assert read(ledger) == set()
    ledger.redo("ada")
    assert read(ledger) == {q("1")}


def test_a_skip_is_per_annotator(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.SKIP, q("1"))
    assert ledger.skipped_queries("bob") == []


def test_a_second_flag_removes_the_first(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.FLAG, q("1"))
    ledger.record("bob", Verb.FLAG, q("1"))
    assert not ledger.is_flagged(q("1"))


def test_comments_are_in_order_with_their_authors(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.COMMENT, q("1"), details=ActionDetails(text="which size?"))
    ledger.record("bob", Verb.COMMENT, q("1"), details=ActionDetails(text="the large one"))
    ledger.record("bob", Verb.COMMENT, q("2"), details=ActionDetails(text="elsewhere"))
    assert [(a.annotator, a.text) for a in ledger.comments(q("1"))] == [
        ("ada", "which size?"),
        ("bob", "the large one"),
    ]
