"""Labels from the decisions of several annotators."""

import pytest
from samples import c, implied, match, no_match, q, unsure

from labels.consensus import LabelState, Rule
from labels.model import ActionDetails, Judgement, Pair, Side, Stream, Strength, Verb
from labels.statistics import label_stats
from labels.store import LabelStore

PAIR = Pair(q("1"), c("a"))
TRIAGE, ADJUDICATION = Stream.TRIAGE, Stream.ADJUDICATION


@pytest.mark.parametrize(
    ("opinions", "verdict", "state", "strength"),
    [
        ([match("a")], True, LabelState.AGREED, Strength.EXPLICIT),
        ([match("a"), match("a")], True, LabelState.AGREED, Strength.EXPLICIT),
        ([match("a"), no_match("a")], None, LabelState.CONFLICTING, Strength.EXPLICIT),
        ([match("a"), unsure("a")], True, LabelState.AGREED, Strength.EXPLICIT),
        ([match("a"), implied("a")], True, LabelState.AGREED, Strength.EXPLICIT),
        ([implied("a"), implied("a")], False, LabelState.AGREED, Strength.IMPLIED),
    ],
    ids=["one", "two alike", "two apart", "an abstention", "explicit outweighs implied", "implied alone"],
)
def test_labels_from_votes(
    ledger: LabelStore, opinions: list[list[Judgement]], verdict: bool | None, state: LabelState, strength: Strength
) -> None:
    for number, judgements in enumerate(opinions):
        ledger.record(f"person {number}", Verb.ACCEPT, q("1"), judgements)
    label = ledger.labels(PAIR.query)[0]
    assert (label.match, label.state, label.strength) == (verdict, state, strength)


def test_abstentions_alone_make_no_label(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.UNSURE, q("1"), unsure("a"))
    assert ledger.labels() == []


def test_an_adjudication_settles_a_conflict_and_the_last_one_holds(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    ledger.record("eve", Verb.ACCEPT, q("1"), match("a"), ActionDetails(stream=ADJUDICATION))
    assert ledger.labels(PAIR.query)[0].match is True
    ledger.record("ada", Verb.REJECT, q("1"), no_match("a"), ActionDetails(stream=ADJUDICATION))
    label = ledger.labels(PAIR.query)[0]
    assert (label.match, label.state) == (False, LabelState.ADJUDICATED)


@pytest.mark.parametrize(
    ("opinions", "verdict", "state"),
    [
        ([match("a"), no_match("a")], None, LabelState.CONFLICTING),
        ([match("a"), match("a"), no_match("a")], True, LabelState.MAJORITY),
        ([match("a"), no_match("a"), no_match("a")], False, LabelState.MAJORITY),
        ([match("a"), match("a")], True, LabelState.AGREED),
    ],
)
def test_a_majority_settles_a_conflict_only_under_its_rule(
    ledger: LabelStore, opinions: list[list[Judgement]], verdict: bool | None, state: LabelState
) -> None:
    for number, judgements in enumerate(opinions):
        ledger.record(f"person {number}", Verb.ACCEPT, q("1"), judgements)
    (label,) = ledger.labels(rule=Rule.MAJORITY)
    assert (label.match, label.state) == (verdict, state)
    assert len(ledger.conflicts(Rule.MAJORITY)) == (state is LabelState.CONFLICTING)
    (label,) = ledger.labels()
    assert label.state is (LabelState.AGREED if state is LabelState.AGREED else LabelState.CONFLICTING)


def test_one_validation_vote_puts_the_label_on_that_side(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"), ActionDetails(side=Side.VALIDATION))
    ledger.record("bob", Verb.ACCEPT, q("1"), match("a"), ActionDetails(side=Side.TRAIN))
    assert ledger.labels(PAIR.query)[0].side is Side.VALIDATION


def test_statistics_count_standing_decisions(ledger: LabelStore) -> None:
    ledger.draw_validation([q("v")], seed=1)
    ledger.record("ada", Verb.ACCEPT, q("1"), [*match("a"), *implied("b", "d")], ActionDetails(closes=True))
    ledger.record("ada", Verb.ACCEPT, q("v"), match("e"), ActionDetails(closes=True))
    ledger.record("ada", Verb.UNSURE, q("2"), unsure("f"), ActionDetails(closes=True))
    ledger.record("bob", Verb.REJECT, q("1"), no_match("a"))
    ledger.record("bob", Verb.SKIP, q("3"))
    ledger.undo("bob")
    assert label_stats(ledger).as_dict() == {
        "events": 8, "decisions": 6, "explicit": 4, "matches": 1, "non_matches": 2, "unsure": 1, "conflicts": 1,
        "training_pairs": 3, "validation_pairs": 1, "queries_answered": 3, "validation_queries": 1,
        "annotators": {"ada": 5, "bob": 1},
    }  # fmt: skip
