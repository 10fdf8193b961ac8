"""What was decided since a moment."""

from samples import match, q

from labels.history import decided_since
from labels.model import MACHINE, ActionDetails, Verb
from labels.store import LabelStore


def test_what_stands_of_one_annotator_since_then_is_counted(ledger: LabelStore) -> None:
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


def test_what_was_taken_back_is_not_told(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.NONE, q("1"), details=ActionDetails(closes=True))
    ledger.record("ada", Verb.UNSURE, q("2"), match("a"), ActionDetails(closes=True))
    ledger.undo("ada")
    latest = decided_since(ledger, "ada", 0)
    assert latest is not None
    assert (latest.count, latest.query) == (1, q("1"))
    ledger.undo("ada")
    assert decided_since(ledger, "ada", 0) is None


def test_a_ledger_that_was_restored_since_knows_of_nothing(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.NONE, q("1"), details=ActionDetails(closes=True))
    assert decided_since(ledger, "ada", 2**63 - 1) is None
