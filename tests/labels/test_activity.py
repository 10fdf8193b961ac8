"""Answers and labelling speed of an annotator, by stream."""

import pytest
from samples import match, no_match, q, unsure

from labels.activity import Pace, answers_on, paces
from labels.model import MACHINE, ActionDetails, Stream, Verb
from labels.store import LabelStore


def test_answers_are_counted_by_stream_and_the_pace_leaves_pauses_out(ledger: LabelStore) -> None:
    for number in range(4):
        ledger.record("ada", Verb.NONE, q(str(number)), no_match("a"), ActionDetails(closes=True, look_ms=10_000))
    assert paces(ledger, "ada")[Stream.TRIAGE] == Pace(4, None)
    ledger.record("ada", Verb.SKIP, q("9"), details=ActionDetails(look_ms=20_000))
    ledger.record("ada", Verb.ACCEPT, q("4"), match("a"), ActionDetails(closes=True, look_ms=9_999_999))
    ledger.record("ada", Verb.ACCEPT, q("5"), match("a"), ActionDetails(closes=True, stream=Stream.AUDIT, look_ms=1))
    ledger.record("bob", Verb.ACCEPT, q("6"), match("a"), ActionDetails(closes=True, look_ms=1))
    found = paces(ledger, "ada")
    assert found[Stream.TRIAGE].answered == 5
    assert found[Stream.TRIAGE].hourly == pytest.approx(5 / (40 + 20 + 120) * 3600)
    assert found[Stream.AUDIT] == Pace(1, None)
    ledger.undo("ada")
    assert paces(ledger, "ada")[Stream.AUDIT] == Pace(0, None)


def test_a_query_answered_twice_counts_once_and_a_file_has_no_pace(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"), ActionDetails(closes=True, look_ms=1000))
    ledger.record("ada", Verb.ACCEPT, q("1"), match("b"), ActionDetails(closes=True, look_ms=1000))
    ledger.record_all("ada", [(q(str(number)), no_match("a"), True) for number in range(2, 9)])
    assert paces(ledger, "ada")[Stream.TRIAGE] == Pace(8, None)


def test_only_decisions_of_people_count_as_answers_of_a_day(ledger: LabelStore) -> None:
    for verb in (Verb.SKIP, Verb.FLAG, Verb.COMMENT):
        ledger.record("ada", verb, q("1"), details=ActionDetails(text="why" if verb is Verb.COMMENT else ""))
    ledger.record("ada", Verb.ACCEPT, q("2"), match("a"))
    ledger.record("ada", Verb.NONE, q("3"), no_match("a"))
    ledger.record("bob", Verb.UNSURE, q("3"), unsure("a"))
    ledger.record("bob", Verb.REJECT, q("4"), no_match("a"))
    ledger.undo("bob")
    ledger.record(MACHINE, Verb.ACCEPT, q("5"), match("a"))
    ledger.record_all("ada", [(q("6"), match("a"), True)])
    day = str(ledger.rows("SELECT at FROM events LIMIT 1")[0][0])[:10]
    assert answers_on(ledger, day) == {q("2"): 1, q("3"): 2}
