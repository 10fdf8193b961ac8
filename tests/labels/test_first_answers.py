"""Each annotator's first answer to a query, before they could see other decisions."""

from samples import c, implied, match, no_match, q, unsure

from labels.annotations import human_annotations
from labels.first_answers import audit_outcomes_by_query, first_answers
from labels.history import trail
from labels.model import LOOK_COMMENT, MACHINE, ActionDetails, Decision, Judgement, ShownScores, Stream, Strength, Verb
from labels.store import LabelStore


def answers(ledger: LabelStore, annotator: str = "bob") -> dict[str, bool | None]:
    return {each.pair.candidate.id: each.match for each in first_answers(ledger) if each.annotator == annotator}


def accept(ledger: LabelStore, name: str, *others: str, annotator: str = "bob", query: str = "1") -> None:
    said = [*match(name), *implied(*others)]
    ledger.record(annotator, Verb.ACCEPT, q(query), said, ActionDetails(closes=True))


def test_an_unchanged_answer_is_the_first_answer(ledger: LabelStore) -> None:
    accept(ledger, "a", "b")
    ledger.record("ada", Verb.UNSURE, q("1"), unsure("a"), ActionDetails(closes=True, look_ms=900, stream=Stream.AUDIT))
    ledger.record_all("eve", [(q("2"), no_match("a"), True)])
    ledger.record_all(MACHINE, [(q("1"), match("a"), True)])
    assert first_answers(ledger) == human_annotations(ledger)


def test_an_answer_undone_and_repeated_counts_as_first_given(ledger: LabelStore) -> None:
    accept(ledger, "a", "b")
    ledger.undo("bob")
    accept(ledger, "b", "a")
    assert answers(ledger) == {"a": True, "b": False}


def test_an_answer_changed_later_counts_as_first_given(ledger: LabelStore) -> None:
    accept(ledger, "a", "b")
    accept(ledger, "x", query="2")
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    accept(ledger, "b")
    assert {each.pair.query.id: each.match for each in first_answers(ledger) if each.explicit} == {"1": True, "2": True}


def test_a_query_with_several_matches_is_one_answer(ledger: LabelStore) -> None:
    accept(ledger, "a", "b", "c")
    accept(ledger, "c", "b")
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    assert answers(ledger) == {"a": True, "b": False, "c": True}


def test_an_action_undone_before_the_answer_does_not_count(ledger: LabelStore) -> None:
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    ledger.undo("bob")
    accept(ledger, "a", "b")
    assert answers(ledger) == {"a": True, "b": False}


def test_an_undone_decision_on_a_query_that_is_not_answered_yet_does_not_count(ledger: LabelStore) -> None:
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    ledger.record("bob", Verb.REJECT, q("1"), no_match("b"))
    ledger.undo("bob")
    assert answers(ledger) == {"a": False}


def test_an_answer_with_nothing_standing_does_not_count(ledger: LabelStore) -> None:
    accept(ledger, "a")
    ledger.undo("bob")
    assert first_answers(ledger) == []
    ledger.record_all("eve", [(q("1"), match("a"), True)], batch="b1")
    ledger.revoke("b1", "eve")
    ledger.record_all("eve", [(q("1"), no_match("a"), True)], batch="b2")
    assert answers(ledger, "eve") == {"a": False}


def test_adjudications_and_decisions_after_a_look_do_not_count(ledger: LabelStore) -> None:
    accept(ledger, "a", annotator="ada")
    ledger.record_look("bob", q("1"), Stream.TRIAGE)
    accept(ledger, "a")
    ledger.record("eve", Verb.REJECT, q("1"), no_match("a"), ActionDetails(stream=Stream.ADJUDICATION, closes=True))
    accept(ledger, "a", annotator="eve")
    assert [each.annotator for each in first_answers(ledger)] == ["ada"]


def test_a_look_is_recorded_and_cannot_be_undone(ledger: LabelStore) -> None:
    accept(ledger, "a")
    ledger.undo("bob")
    ledger.record_look("bob", q("1"), Stream.VALIDATION)
    assert [(each.annotator, each.text) for each in ledger.comments(q("1"))] == [("bob", LOOK_COMMENT)]
    assert [step.action.verb for step in trail(ledger, "bob", before=2**62, limit=9)] == [Verb.ACCEPT]
    redone = ledger.redo("bob")
    assert redone is not None
    assert redone.verb is Verb.ACCEPT
    ledger.undo("bob")
    assert ledger.undo("bob") is None
    assert len(ledger.comments(q("1"))) == 1


def test_an_audit_uses_first_answers_and_the_probability_at_the_time(ledger: LabelStore) -> None:
    first = Judgement(c("a"), Decision.MATCH, shown=ShownScores(1, 0.8, 0.7, "m"))
    changed = Judgement(c("a"), Decision.NO_MATCH, shown=ShownScores(1, 0.8, 0.99, "m"))
    said = [first, *implied("b")]
    ledger.record("bob", Verb.ACCEPT, q("1"), said, ActionDetails(stream=Stream.AUDIT, closes=True))
    accept(ledger, "x", query="2")
    ledger.record("bob", Verb.REJECT, q("1"), [changed], ActionDetails(stream=Stream.AUDIT))
    assert audit_outcomes_by_query(ledger) == {
        q("1"): [(0.7, Decision.MATCH, Strength.EXPLICIT), (None, Decision.NO_MATCH, Strength.IMPLIED)]
    }
