"""The history of a query, the trail of an annotator, and decisions since an event."""

from samples import c, implied, match, no_match, q

from labels.history import ActionStatus, decided_since, history, trail
from labels.model import MACHINE, ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from labels.store import LabelStore


def test_the_history_lists_all_actions_in_order_with_undone_ones(ledger: LabelStore) -> None:
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


def test_an_action_has_the_scores_and_the_duration_of_the_look(ledger: LabelStore) -> None:
    judged = Judgement(c("a"), Decision.MATCH, shown=ShownScores(2, 0.81, 0.97, "encoder"))
    ledger.record("ada", Verb.ACCEPT, q("1"), [judged], ActionDetails(blind=True, look_ms=1500))
    (past,) = history(ledger, q("1"))
    assert (past.judgements, past.blind, past.look_ms, past.query) == ((judged,), True, 1500, q("1"))
    assert [(past.seq, past.at)] == ledger.rows("SELECT seq, at FROM events")


def statuses(ledger: LabelStore) -> list[tuple[str, ActionStatus]]:
    return [(step.action.query.id, step.status) for step in trail(ledger, "ada", before=2**62, limit=9)]


def test_the_trail_shows_what_undo_and_redo_reach(ledger: LabelStore) -> None:
    for query in ("1", "2", "3"):
        ledger.record("ada", Verb.SKIP, q(query))
    ledger.record("bob", Verb.SKIP, q("9"))
    ledger.record_all("ada", [(q("8"), no_match("a"), True)])
    stands, redoable, final = ActionStatus.STANDS, ActionStatus.REDOABLE, ActionStatus.FINAL
    assert statuses(ledger) == [("3", stands), ("2", stands), ("1", stands)]
    ledger.undo("ada")
    ledger.undo("ada")
    assert statuses(ledger) == [("3", redoable), ("2", redoable), ("1", stands)]
    ledger.redo("ada")
    assert statuses(ledger) == [("3", redoable), ("2", stands), ("1", stands)]
    ledger.record("ada", Verb.SKIP, q("4"))
    assert statuses(ledger) == [("4", stands), ("3", final), ("2", stands), ("1", stands)]
    assert [step.action.query.id for step in trail(ledger, "ada", before=3, limit=1)] == ["2"]


def test_redo_does_not_restore_a_revoked_batch(ledger: LabelStore) -> None:
    ledger.record_all("ada", [(q("8"), no_match("a"), True)], batch="file")
    ledger.revoke("file", "ada")
    assert ledger.redo("ada") is None


def test_standing_decisions_since_an_event_are_counted(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("0"), match("a"), ActionDetails(closes=True))
    ledger.record_all(MACHINE, [(q("m"), match("a"), True)])
    began = ledger.last_event()
    assert began == 2
    assert decided_since(ledger, "ada", began) is None
    for number in "123":
        ledger.record("ada", Verb.ACCEPT, q(number), match("a", "b"), ActionDetails(closes=True))
    ledger.record("ada", Verb.FLAG, q("4"))
    ledger.record("bob", Verb.NONE, q("5"), details=ActionDetails(closes=True))
    latest = decided_since(ledger, "ada", began)
    assert latest is not None
    assert (latest.count, latest.verb, latest.query) == (3, Verb.ACCEPT, q("3"))
    assert latest.at.startswith("20")


def test_undone_decisions_since_an_event_are_left_out(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.NONE, q("1"), details=ActionDetails(closes=True))
    ledger.record("ada", Verb.UNSURE, q("2"), match("a"), ActionDetails(closes=True))
    ledger.undo("ada")
    latest = decided_since(ledger, "ada", 0)
    assert latest is not None
    assert (latest.count, latest.query) == (1, q("1"))
    ledger.undo("ada")
    assert decided_since(ledger, "ada", 0) is None


def test_there_are_no_decisions_since_an_event_that_a_restore_dropped(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.NONE, q("1"), details=ActionDetails(closes=True))
    assert decided_since(ledger, "ada", 2**63 - 1) is None
