"""Looking up a past query: the current query waits, and leases of others are respected."""

from collections.abc import Callable

import pytest
from samples import match, no_match, q, standing

from core.errors import CoreError
from core.queue.item import ReviewItem
from core.queue.session import ReviewSession
from core.settings import Settings
from labels.errors import LabelsError
from labels.model import ActionDetails, Stream, Verb

Sit = Callable[..., ReviewSession]


def item_of(session: ReviewSession) -> ReviewItem:
    assert session.item is not None
    return session.item


def shown(session: ReviewSession) -> str | None:
    return session.item and session.item.query.id


def held_by(session: ReviewSession) -> set[str]:
    """The leases of a session, as others see them."""
    return {query.id for query in session.leases.held_by_others("")}


def test_deciding_anew_leads_back_to_the_query_that_was_left_as_it_was(sit: Sit) -> None:
    session = sit()
    session.none_match(item_of(session).options)
    left = item_of(session)
    session.look_up(q("q1"))
    assert (shown(session), session.is_looking_up, item_of(session).answered) == ("q1", True, True)
    assert held_by(session) == {"q1", "q2"}
    session.accept(item_of(session).options[0], item_of(session).options)
    assert (shown(session), session.is_looking_up) == ("q2", False)
    assert [o.product for o in item_of(session).options] == [o.product for o in left.options]
    assert held_by(session) == {"q2"}
    assert [d.decision.value for d in session.store.decisions(q("q1"))].count("match") == 1


def test_another_candidate_instead_takes_two_keys(sit: Sit) -> None:
    session = sit()
    session.accept(item_of(session).options[0], item_of(session).options)
    session.look_up(q("q1"))
    session.reject(item_of(session).options[0])
    assert shown(session) == "q1"
    session.accept(item_of(session).options[1], item_of(session).options)
    assert shown(session) == "q2"
    assert standing(session.store.decisions(q("q1"))) == {"q1-c1": "no_match", "q1-c2": "match", "q1-c3": "no_match"}


def test_none_of_these_rejects_what_was_accepted_then_but_not_what_is_now(sit: Sit) -> None:
    session = sit()
    session.accept(item_of(session).options[0], item_of(session).options)
    session.look_up(q("q1"))
    session.accept(item_of(session).options[1], item_of(session).options, stay=True)
    session.none_match(item_of(session).options)
    assert standing(session.store.decisions(q("q1"))) == {"q1-c1": "no_match", "q1-c2": "match", "q1-c3": "no_match"}


def test_from_one_past_query_to_the_next_and_back(sit: Sit) -> None:
    session = sit()
    for _ in range(3):
        session.none_match(item_of(session).options)
    assert shown(session) == "q4"
    session.look_up(q("q1"))
    session.look_up(q("q2"))
    assert held_by(session) == {"q2", "q4"}
    session.look_up(q("q4"))
    assert (shown(session), session.is_looking_up) == ("q4", False)
    assert held_by(session) == {"q4"}
    session.look_up(q("q4"))
    assert not session.is_looking_up
    session.look_up(q("q3"))
    assert session.advance() is not None
    assert (shown(session), held_by(session)) == ("q4", {"q4"})


def test_undo_from_a_past_query_still_leads_back(sit: Sit) -> None:
    session = sit()
    for _ in range(2):
        session.none_match(item_of(session).options)
    session.look_up(q("q1"))
    session.undo()
    assert (shown(session), held_by(session)) == ("q2", {"q2", "q3"})
    session.none_match(item_of(session).options)
    assert (shown(session), session.is_looking_up) == ("q3", False)


def test_what_somebody_else_has_is_refused_and_nothing_changes(sit: Sit) -> None:
    ada, bob = sit("ada"), sit("bob")
    assert (shown(ada), shown(bob)) == ("q1", "q2")
    with pytest.raises(LabelsError, match=r"bob has this query on the screen, until \d\d:\d\d"):
        ada.look_up(q("q2"))
    assert (shown(ada), ada.is_looking_up) == ("q1", False)
    assert ada.leases.held_by_others("") == {q("q1"): "ada", q("q2"): "bob"}


def test_taking_back_what_is_on_another_screen_leaves_both_where_they_are(sit: Sit) -> None:
    ada = sit("ada")
    ada.none_match(item_of(ada).options)
    bob = sit("bob")
    bob.look_up(q("q1"))
    assert ada.undo() is not None
    assert (shown(ada), shown(bob)) == ("q2", "q1")
    assert ada.store.decisions(q("q1")) == []


def test_an_undone_query_frees_the_one_that_was_shown(sit: Sit) -> None:
    ada = sit("ada")
    ada.none_match(item_of(ada).options)
    ada.undo()
    assert held_by(ada) == {"q1"}


def test_going_on_from_an_answered_query_frees_it(sit: Sit) -> None:
    ada = sit("ada")
    ada.accept(item_of(ada).options[0], item_of(ada).options, stay=True)
    ada.advance()
    assert held_by(ada) == {"q2"}


def test_switching_the_stream_forgets_what_was_left(sit: Sit) -> None:
    ada = sit("ada")
    ada.none_match(item_of(ada).options)
    ada.look_up(q("q1"))
    ada.switch(Stream.VALIDATION)
    assert (shown(ada), held_by(ada), ada.is_looking_up) == ("qv", {"qv"}, False)


def test_a_query_that_was_left_too_long_is_somebody_elses(sit: Sit) -> None:
    ada = sit("ada")
    ada.none_match(item_of(ada).options)
    ada.look_up(q("q1"))
    ada.leases.release(q("q2"), "ada")  # as when the lease has run out
    assert shown(sit("bob")) == "q2"
    assert ada.renew_lease()
    assert ada.advance() is not None
    assert shown(ada) == "q3"


def test_both_leases_are_kept_while_one_looks_up(sit: Sit) -> None:
    ada = sit("ada")
    ada.none_match(item_of(ada).options)
    ada.look_up(q("q1"))
    ada.leases.release_all("ada")
    assert ada.renew_lease()
    assert held_by(ada) == {"q1", "q2"}


def test_each_decision_is_edited_as_what_it_was(sit: Sit) -> None:
    ada = sit("ada", Stream.VALIDATION)
    ada.none_match(item_of(ada).options)
    ada.switch(Stream.TRIAGE)
    ada.look_up(q("qv"))
    assert (item_of(ada).stream, item_of(ada).blind) == (Stream.VALIDATION, True)
    ada.advance()
    ada.store.record("bob", Verb.ACCEPT, q("q4"), match("q4-c1"), ActionDetails(closes=True))
    ada.store.record("eve", Verb.REJECT, q("q4"), no_match("q4-c1"))
    ada.switch(Stream.ADJUDICATION)
    ada.accept(item_of(ada).options[0], [])
    ada.switch(Stream.TRIAGE)
    ada.look_up(q("q4"))
    assert item_of(ada).stream is Stream.ADJUDICATION
    ada.none_match(item_of(ada).options[:1])
    (label,) = [label for label in ada.store.labels(q("q4")) if label.pair.candidate.id == "q4-c1"]
    assert (label.match, label.state.value) == (False, "adjudicated")


def test_a_party_edits_an_opinion_and_does_not_rule(sit: Sit) -> None:
    ada = sit("ada")
    ada.accept(item_of(ada).options[0], [])
    ada.store.record("bob", Verb.REJECT, q("q1"), no_match("q1-c1"))
    ada.switch(Stream.ADJUDICATION)
    assert shown(ada) is None
    ada.look_up(q("q1"))
    assert item_of(ada).stream is Stream.TRIAGE
    ada.none_match(item_of(ada).options)
    assert shown(ada) is None
    assert ada.progress().total == 0


def test_a_stream_that_is_closed_to_somebody_is_not_looked_up_either(sit: Sit) -> None:
    settings = Settings.model_validate({"people": {"leads": ["lea"]}})
    ada = sit("ada", settings=settings)
    ada.store.record(
        "ada", Verb.ACCEPT, q("q4"), match("q4-c1"), ActionDetails(stream=Stream.ADJUDICATION, closes=True)
    )
    with pytest.raises(CoreError, match="settled by the leads"):
        ada.look_up(q("q4"))
    assert shown(ada) == "q1"


def test_one_is_told_who_has_what_is_left(sit: Sit) -> None:
    bob, eve = sit("bob"), sit("eve")
    ada = sit("ada")
    assert shown(ada) == "q3"
    eve.look_up(q("q4"))
    ada.none_match(item_of(ada).options)
    assert ada.item is None
    assert ada.held_by_others() == {"eve": 2, "bob": 1}
    bob.close()
    eve.advance()
    assert ada.advance() is not None
