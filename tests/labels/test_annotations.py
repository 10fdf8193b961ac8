"""Standing decisions of people with their context."""

from samples import c, implied, match, q, unsure

from labels.annotations import human_annotations
from labels.model import MACHINE, ActionDetails, Decision, Judgement, ShownScores, Stream, Verb
from labels.store import LabelStore


def test_an_annotation_has_scores_and_duration_of_the_look(ledger: LabelStore) -> None:
    shown = Judgement(c("a"), Decision.MATCH, shown=ShownScores(rank=1, similarity=0.8, probability=0.7, model="m"))
    action = ledger.record(
        "ada", Verb.ACCEPT, q("1"), [shown, *implied("b")], ActionDetails(look_ms=900, stream=Stream.AUDIT)
    )
    first, second = human_annotations(ledger)
    assert (first.match, first.explicit, first.probability, first.look_ms) == (True, True, 0.7, 900)
    assert (first.stream, first.action, first.imported) == (Stream.AUDIT, action, False)
    assert (second.match, second.explicit, second.probability) == (False, False, None)
    assert first.at == second.at == ledger.last_seen("ada")


def test_machine_decisions_are_left_out_and_abstentions_have_no_match(ledger: LabelStore) -> None:
    ledger.record_all(MACHINE, [(q("1"), match("a"), True)])
    ledger.record_all("eve", [(q("1"), match("a"), True)])
    ledger.record("ada", Verb.UNSURE, q("1"), unsure("a"))
    assert [(each.annotator, each.match, each.imported) for each in human_annotations(ledger)] == [
        ("eve", True, True),
        ("ada", None, False),
    ]
