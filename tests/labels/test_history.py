"""What happened to a query is told as it happened."""

from samples import c, implied, match, no_match, q

from labels.history import ActionStatus, history, trail
from labels.model import ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from labels.store import LabelStore


def test_every_act_is_there_in_its_order_and_what_was_taken_back_says_so(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], ActionDetails(closes=True))
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"), ActionDetails(stream=Stream.AUDIT))
    ledger.record("bob", Verb.COMMENT, q("1"), details=ActionDetails(text="another size"))
    ledger.record("bob", Verb.SKIP, q("2"))
    ledger.undo("bob")
    ledger.undo("bob")
    past = history(ledger, q("1"))
    assert [(each.annotator, each.verb, each.stream, each.undone_at is not None) for each in past] == [
        ("ada", Verb.ACCEPT, Stream.TRIAGE, False),
        ("bob", Verb.REJECT, Stream.AUDIT, False),
        ("bob", Verb.COMMENT, Stream.TRIAGE, True),
    ]
    assert past[0].judgements == (*match("a"), *implied("b"))
    assert past[2].text == "another size"
    assert history(ledger, q("3")) == []


def test_an_act_tells_what_was_seen_and_for_how_long(ledger: LabelStore) -> None:
    judged = Judgement(c("a"), Decision.MATCH, shown=ShownScores(2, 0.81, 0.97, "encoder"))
    ledger.record("ada", Verb.ACCEPT, q("1"), [judged], ActionDetails(blind=True, look_ms=1500))
    (past,) = history(ledger, q("1"))
    assert (past.judgements, past.blind, past.look_ms, past.query) == ((judged,), True, 1500, q("1"))


def standings(ledger: LabelStore) -> list[tuple[str, ActionStatus]]:
    return [(step.past.query.id, step.status) for step in trail(ledger, "ada", before=2**62, most=9)]


def test_the_trail_says_where_undo_stands(ledger: LabelStore) -> None:
    for query in ("1", "2", "3"):
        ledger.record("ada", Verb.SKIP, q(query))
    ledger.record("bob", Verb.SKIP, q("9"))
    ledger.record_all("ada", [(q("8"), no_match("a"), True)])
    stands, back, gone = ActionStatus.STANDS, ActionStatus.REDOABLE, ActionStatus.FINAL
    assert standings(ledger) == [("3", stands), ("2", stands), ("1", stands)]
    ledger.undo("ada")
    ledger.undo("ada")
    assert standings(ledger) == [("3", back), ("2", back), ("1", stands)]
    ledger.redo("ada")
    assert standings(ledger) == [("3", back), ("2", stands), ("1", stands)]
    ledger.record("ada", Verb.SKIP, q("4"))
    assert standings(ledger) == [("4", stands), ("3", gone), ("2", stands), ("1", stands)]
    assert [step.past.query.id for step in trail(ledger, "ada", before=3, most=1)] == ["2"]


def test_a_batch_that_was_revoked_is_not_brought_back_by_redo(ledger: LabelStore) -> None:
    ledger.record_all("ada", [(q("8"), no_match("a"), True)], batch="file")
    ledger.revoke("file", "ada")
    assert ledger.redo("ada") is None
