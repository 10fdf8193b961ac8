"""How people work: sittings, pace, and how often they are borne out."""

import json

import pytest
from opinions import said
from samples import c, match, no_match, q

from core.evaluation.annotators import SESSION_GAP_S, annotator_stats, work_sessions
from core.splits.annotator_accuracy import accuracy_by_adjudication, adjudications
from labels.annotations import human_annotations
from labels.model import ActionDetails, Verb
from labels.store import LabelStore

HOUR = 3600


def test_a_long_pause_ends_a_sitting() -> None:
    times = [0, 100, 100 + SESSION_GAP_S, 101 + 2 * SESSION_GAP_S + 1, 200 + 2 * SESSION_GAP_S]
    found = work_sessions([said("ada", f"q{n}/a", True, at=at) for n, at in enumerate(times)])
    assert [(each.begin, each.end) for each in found] == [
        (0, 100 + SESSION_GAP_S),
        (102 + 2 * SESSION_GAP_S, 200 + 2 * SESSION_GAP_S),
    ]


def test_a_sitting_begins_with_its_first_look_unless_the_desk_stood_open() -> None:
    assert work_sessions([said("ada", "q1/a", True, at=1000, look_ms=8000)])[0].seconds == 8
    assert work_sessions([said("ada", "q1/a", True, at=1000, look_ms=9_000_000)])[0].seconds == SESSION_GAP_S


def test_one_keystroke_is_one_look_however_many_pairs_it_decides() -> None:
    given = [said("ada", f"q1/{name}", False, action="none of these", look_ms=9000, at=9) for name in "abcde"]
    given += [said("ada", "q2/a", True, look_ms=1000, at=69), said("ada", "q3/a", True, look_ms=2000, at=71)]
    (ada,) = annotator_stats(given)
    assert ada.look_ms == 2000
    assert ada.active_hours == pytest.approx(71 / HOUR)
    assert ada.per_hour == pytest.approx(7 * HOUR / 71)


def test_what_came_from_a_file_is_no_work() -> None:
    (eve,) = annotator_stats([said("eve", f"q{n}/a", True, imported=True, at=n) for n in range(100)])
    assert (eve.decisions, eve.imported, eve.sessions) == (100, 100, 0)
    assert (eve.look_ms, eve.per_hour, eve.by_hour) == (None, None, {})


def test_shares_are_of_what_they_are_said_to_be() -> None:
    (ada,) = annotator_stats([
        said("ada", "q1/a", True), said("ada", "q1/b", False, explicit=False),
        said("ada", "q2/a", None), said("ada", "q3/a", None),
    ])  # fmt: skip
    answer = ada.as_dict()
    assert answer["explicit"] == {"decisions": 3, "share": 0.75}
    assert answer["unsure"] == {"decisions": 2, "share": pytest.approx(2 / 3)}
    assert answer["decisions_per_hour"] is None
    json.dumps(answer, allow_nan=False)


def test_rows_are_by_name_not_by_merit() -> None:
    given = [said("zoe", "q1/a", True), said("ada", "q1/a", False), said("bob", "q1/a", True, ruling=True)]
    assert [each.name for each in annotator_stats(given)] == ["ada", "bob", "zoe"]


# -- truth ---------------------------------------------------------------------------------------------------


def test_the_last_adjudication_is_the_truth_and_no_test_of_who_ruled() -> None:
    given = [
        said("ada", "q1/a", True), said("bob", "q1/a", False), said("bob", "q1/b", False, explicit=False),
        said("eve", "q1/a", False, ruling=True), said("ian", "q1/a", True, ruling=True),
        said("eve", "q1/b", True, ruling=True), said("ian", "q2/a", None, ruling=True), said("ada", "q2/a", True),
    ]  # fmt: skip
    assert list(adjudications(given).values()) == [True, True]
    found = {name: (each.right, each.labels) for name, each in accuracy_by_adjudication(given).items()}
    # The implied decision of bob is not held against him, and an abstention rules nothing.
    assert found == {"ada": (1, 1), "bob": (0, 1)}


def test_agreement_by_hour_is_with_the_adjudication_else_with_most_of_the_others() -> None:
    given = []
    for n in range(90):  # an hour and a half, a decision a minute; from the second hour on, ada is tired
        given.append(said("ada", f"q{n}/a", n < 60, at=60 * n, look_ms=0))
        given += [said(who, f"q{n}/a", True, imported=True) for who in ("bob", "eve")]
    given.append(said("ian", "q0/a", False, ruling=True))
    ada = annotator_stats(given)[0]
    assert {hour: (each.right, each.labels) for hour, each in ada.by_hour.items()} == {1: (59, 60), 2: (0, 30)}


def test_two_others_who_differ_prove_nothing() -> None:
    given = [said(who, "q1/a", vote) for who, vote in (("ada", True), ("bob", True), ("eve", False))]
    found = {
        each.name: {hour: (p.right, p.labels) for hour, p in each.by_hour.items()} for each in annotator_stats(given)
    }
    assert found == {"ada": {}, "bob": {}, "eve": {1: (0, 1)}}


# -- from the ledger -----------------------------------------------------------------------------------------


def test_what_was_undone_or_decided_anew_does_not_count(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.REJECT, q("1"), no_match("a"))
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"), ActionDetails(look_ms=700))
    ledger.record("ada", Verb.ACCEPT, q("2"), match("a"))
    ledger.undo("ada")
    (found,) = human_annotations(ledger)
    assert (found.pair.query, found.pair.candidate, found.match, found.look_ms) == (q("1"), c("a"), True, 700)
    ledger.redo("ada")
    assert len(human_annotations(ledger)) == 2
