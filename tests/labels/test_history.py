"""What happened to a query is told as it happened."""

from samples import c, implied, match, no_match, q

from labels.history import history
from labels.model import Decision, Stream, Strength, Verb
from labels.store import LabelStore


def test_every_act_is_there_in_its_order_and_what_was_taken_back_says_so(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b")], closes=True)
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"), stream=Stream.AUDIT)
    ledger.record("bob", Verb.COMMENT, q("1"), text="another size")
    ledger.record("bob", Verb.SKIP, q("2"))
    ledger.undo("bob")
    ledger.undo("bob")
    past = history(ledger, q("1"))
    assert [(each.annotator, each.verb, each.stream, each.undone) for each in past] == [
        ("ada", Verb.ACCEPT, Stream.TRIAGE, False),
        ("bob", Verb.REJECT, Stream.AUDIT, False),
        ("bob", Verb.COMMENT, Stream.TRIAGE, True),
    ]
    assert past[0].said == (
        (c("a"), Decision.MATCH, Strength.EXPLICIT),
        (c("b"), Decision.NO_MATCH, Strength.IMPLIED),
    )
    assert past[2].text == "another size"
    assert history(ledger, q("3")) == []
