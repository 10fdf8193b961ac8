"""The review session: what each action writes to the ledger, and what is shown next."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import MODEL, PRODUCTS, c, match, no_match, q

from core.queue.item import Option, Progress, ReviewItem
from core.queue.refit_result import ExpectedGain, RefitResult
from core.queue.session import ReviewSession
from core.retrieval.candidates import MatcherSummary
from labels.annotations import standing_decisions
from labels.model import ActionDetails, Stream, Verb

Sit = Callable[..., ReviewSession]


def item_of(session: ReviewSession) -> ReviewItem:
    assert session.item is not None
    return session.item


def shown(session: ReviewSession) -> str | None:
    return session.item and session.item.query.id


def option(session: ReviewSession, id_: str) -> Option:
    return next(o for o in item_of(session).options if o.product.id == id_)


def decided(session: ReviewSession, query: str) -> dict[str, str]:
    """Candidate id to `decision strength` for this annotator."""
    return {
        d.pair.candidate.id: f"{d.decision} {d.strength}"
        for d in session.store.decisions(q(query))
        if d.annotator == session.annotator
    }


def walk(session: ReviewSession) -> list[str]:
    """The queries of a session that rejects all candidates."""
    seen = []
    while session.item:
        seen.append(session.item.query.id)
        session.none_match(session.item.options)
    return seen


# -- what is shown -------------------------------------------------------------------------------------------


def test_the_uncertain_come_first_and_validation_never(sit: Sit) -> None:
    # The middle of the medium band is 0.80; q1 has 0.81, q2 0.86, q3 0.70, q4 0.95.
    assert walk(sit()) == ["q1", "q2", "q3", "q4"]


def test_an_item_shows_ranks_bands_and_why(sit: Sit) -> None:
    item = item_of(sit())
    assert [(o.product.id, o.rank, o.band.value) for o in item.options] == [
        ("q1-c1", 1, "medium"),
        ("q1-c2", 2, "low"),
        ("q1-c3", 3, "low"),
    ]
    assert (item.stream, item.blind, item.answered) == (Stream.TRIAGE, False, False)
    assert "0.81" in item.reason


def test_validation_is_blind_shuffled_and_says_no_score(sit: Sit) -> None:
    session = sit(stream=Stream.VALIDATION)
    item = item_of(session)
    assert (item.query.id, item.stream, item.blind) == ("qv", Stream.VALIDATION, True)
    order = [o.rank for o in item.options]
    assert sorted(order) == [1, 2, 3]
    assert order != [1, 2, 3]
    assert not any(character.isdigit() for character in item.reason)
    assert walk(session) == ["qv"]


def test_the_shuffle_is_the_same_for_everybody(sit: Sit) -> None:
    first = item_of(sit("ada", Stream.VALIDATION))
    session = sit("bob", Stream.TRIAGE)
    again = session.show(q("qv"))
    assert [o.product.id for o in again.options] == [o.product.id for o in first.options]


@pytest.mark.parametrize("stream", list(Stream))
def test_a_validation_query_is_blind_on_every_way_to_it(sit: Sit, stream: Stream) -> None:
    item = sit(stream=stream).show(q("qv"))
    assert (item.stream, item.blind) == (Stream.VALIDATION, True)


def test_others_opinions_are_shown_unless_blind(sit: Sit) -> None:
    bob = sit("bob")
    bob.store.record("bob", Verb.REJECT, q("q1"), no_match("q1-c1"))
    bob.store.record("bob", Verb.REJECT, q("qv"), no_match("qv-c1"))
    session = sit("ada")
    assert [o.others for o in session.show(q("q1")).options if o.others] == [(("bob", "no_match"),)]
    assert [o.others for o in session.show(q("qv")).options if o.others] == []


def test_one_may_go_blind_and_see_again(sit: Sit) -> None:
    session = sit()
    blind = session.toggle_blind()
    assert blind is not None
    assert (blind.blind, blind.reason) == (True, "Scores are hidden.")
    assert sorted(o.rank or 0 for o in blind.options) == [1, 2, 3]
    seeing = session.toggle_blind()
    assert seeing is not None
    assert [o.rank for o in seeing.options] == [1, 2, 3]


def test_what_others_have_on_the_screen_is_skipped(sit: Sit) -> None:
    ada, bob = sit("ada"), sit("bob")
    assert (shown(ada), shown(bob)) == ("q1", "q2")
    ada.close()
    bob.skip()
    assert shown(bob) == "q1"


def test_switching_goes_to_another_stream_and_gives_the_query_back(sit: Sit) -> None:
    session = sit()
    assert session.switch(Stream.VALIDATION) is not None
    assert shown(session) == "qv"
    assert shown(sit("bob")) == "q1"


def test_the_audit_stream_shows_what_the_machine_is_sure_of_either_way(sit: Sit) -> None:
    assert set(walk(sit(stream=Stream.AUDIT))) == {"q2", "q3", "q4"}


# -- deciding ------------------------------------------------------------------------------------------------


def test_accepting_rejects_only_what_else_was_on_the_screen(sit: Sit) -> None:
    session = sit()
    session.accept(option(session, "q1-c2"), item_of(session).options[:2])
    assert decided(session, "q1") == {"q1-c2": "match explicit", "q1-c1": "no_match implied"}
    assert shown(session) == "q2"


def test_accepting_and_staying_then_another_keeps_both(sit: Sit) -> None:
    session = sit()
    session.accept(option(session, "q1-c1"), item_of(session).options, stay=True)
    assert shown(session) == "q1"
    assert item_of(session).answered
    session.accept(option(session, "q1-c3"), item_of(session).options)
    assert decided(session, "q1") == {
        "q1-c1": "match explicit",
        "q1-c2": "no_match implied",
        "q1-c3": "match explicit",
    }
    assert shown(session) == "q2"


def test_accepting_keeps_an_earlier_rejection_explicit(sit: Sit) -> None:
    session = sit()
    session.reject(option(session, "q1-c2"))
    session.accept(option(session, "q1-c1"), item_of(session).options)
    assert decided(session, "q1")["q1-c2"] == "no_match explicit"
    said = session.store.connection.execute("SELECT candidate_id, strength FROM events WHERE verb = 'accept'")
    assert dict(said) == {"q1-c1": "explicit", "q1-c3": "implied"}


def test_rejecting_stays_until_the_last_one_which_closes(sit: Sit) -> None:
    session = sit()
    assert [session.reject(option(session, f"q1-c{n}")) for n in (1, 2)] == [False, False]
    assert shown(session) == "q1"
    assert session.store.closed_queries() == set()
    assert session.reject(option(session, "q1-c3")) is True
    assert session.store.closed_queries() == {q("q1")}
    assert shown(session) == "q2"


def test_none_of_these_rejects_what_is_on_the_screen_and_keeps_what_was_accepted(sit: Sit) -> None:
    session = sit()
    session.accept(option(session, "q1-c1"), item_of(session).options[:2], stay=True)
    session.none_match(item_of(session).options)
    assert decided(session, "q1") == {
        "q1-c1": "match explicit",
        "q1-c2": "no_match explicit",
        "q1-c3": "no_match explicit",
    }


def test_unsure_abstains_on_one_candidate_and_goes_on(sit: Sit) -> None:
    session = sit()
    session.unsure(option(session, "q1-c2"))
    assert decided(session, "q1") == {"q1-c2": "unsure explicit"}
    assert session.store.closed_queries() == {q("q1")}
    assert shown(session) == "q2"


def test_skipping_decides_nothing_and_the_query_comes_back_last(sit: Sit) -> None:
    session = sit()
    session.skip()
    assert decided(session, "q1") == {}
    assert [shown(session), *walk(session)][1:] == ["q2", "q3", "q4", "q1"]


def test_flags_and_comments_stay_on_the_query(sit: Sit) -> None:
    session = sit()
    session.flag()
    assert item_of(session).flagged
    session.comment("which lens?")
    assert (shown(session), item_of(session).comments) == ("q1", (("ada", "which lens?"),))
    session.flag()
    assert not item_of(session).flagged


def test_why_a_query_is_shown_keeps_to_the_figures_that_stand_there(sit: Sit) -> None:
    session = sit()
    before = item_of(session)
    refit = RefitResult(
        MatcherSummary(0.4, 0.9, 0.02, 12), (q("q1"),), {q("q1"): "Another reason."}, {q("q1"): {c("q1-c1"): 0.5}}
    )
    session.source.apply_refit(refit)
    session.comment("which lens?")
    after = item_of(session)
    assert (after.reason, [o.probability for o in after.options]) == (
        before.reason,
        [o.probability for o in before.options],
    )
    session.none_match(after.options)
    session.undo()
    assert (shown(session), item_of(session).reason) == ("q1", "Another reason.")
    session.source.apply_refit(replace(refit, reasons={}))
    session.advance()
    session.show(q("q1"), reload=True)
    assert item_of(session).reason == "Best probability 50%; matcher's threshold 40%."


def test_without_labels_the_prior_orders_candidates_and_no_probability_is_shown_or_kept(sit: Sit) -> None:
    session = sit()
    chances = {c("q2-c1"): 0.2, c("q2-c2"): 0.96, c("q2-c3"): 0.01}
    refit = RefitResult(
        MatcherSummary(0.5, 0.95, 0.05, 0, 0),
        (q("q2"),),
        {},
        {q("q2"): chances},
        expected_gain=ExpectedGain(4, 1.0, 1.0),
    )
    session.source.apply_refit(refit)
    session.advance()
    item = session.show(q("q2"), reload=True)
    assert [(o.product.id, o.probability, o.band.value) for o in item.options] == [
        ("q2-c2", None, "high"),
        ("q2-c1", None, "medium"),
        ("q2-c3", None, "low"),
    ]
    assert "calibrated" in item.reason
    assert "%" not in item.reason
    assert session.source.expected_gain is None
    session.none_match(item.options)
    assert {opinion.shown.probability for opinion in standing_decisions(session.store, q("q2"))} == {None}


def test_a_product_found_by_search_is_accepted_like_the_others(sit: Sit) -> None:
    session = sit()
    found = session.search_option(PRODUCTS[-1])
    session.accept(found, item_of(session).options, stay=True)
    assert decided(session, "q1")["x1"] == "match explicit"
    last = item_of(session).options[-1]
    assert (last.product.id, last.rank, last.similarity) == ("x1", None, None)
    # It is an option only for the annotator who found it.
    assert [o.product.id for o in sit("bob").show(q("q1")).options] == ["q1-c1", "q1-c2", "q1-c3"]


def test_an_event_tells_how_long_one_looked_and_at_what(sit: Sit, clock: list[float]) -> None:
    session = sit()
    clock[0] += 2.5
    session.accept(option(session, "q1-c1"), [])
    row = session.store.connection.execute(
        "SELECT look_ms, rank, similarity, model, stream, blind FROM events"
    ).fetchone()
    assert row == (2500, 1, 0.81, MODEL, "triage", 0)


def test_a_validation_answer_is_blind_and_on_its_side(sit: Sit) -> None:
    session = sit(stream=Stream.VALIDATION)
    session.accept(option(session, "qv-c1"), item_of(session).options)
    rows = set(session.store.connection.execute("SELECT stream, side, blind FROM events"))
    assert rows == {("validation", "validation", 1)}


def test_deciding_with_nothing_on_the_screen_is_a_mistake_of_the_front_end(sit: Sit) -> None:
    session = sit()
    walk(session)
    with pytest.raises(RuntimeError, match="no query is on the screen"):
        session.skip()


# -- undo ----------------------------------------------------------------------------------------------------


def test_undo_shows_the_query_again_as_it_was_before(sit: Sit) -> None:
    session = sit()
    session.accept(option(session, "q1-c1"), item_of(session).options)
    action = session.undo()
    assert action is not None
    assert (action.verb, shown(session)) == (Verb.ACCEPT, "q1")
    assert [o.decision for o in item_of(session).options] == [None, None, None]
    assert not item_of(session).answered
    session.redo()
    assert [o.decision for o in item_of(session).options] == ["match", "no_match", "no_match"]


def test_undo_with_nothing_to_undo_leaves_the_screen(sit: Sit) -> None:
    session = sit()
    assert session.undo() is None
    assert session.redo() is None
    assert shown(session) == "q1"


def test_undo_reaches_an_earlier_sitting_on_another_stream(sit: Sit) -> None:
    first = sit(stream=Stream.VALIDATION)
    first.none_match(item_of(first).options)
    session = sit(stream=Stream.TRIAGE)
    session.undo()
    assert (shown(session), item_of(session).blind) == ("qv", True)


# -- counting ------------------------------------------------------------------------------------------------


def test_progress_counts_the_stream_and_this_sittings_share(sit: Sit) -> None:
    bob = sit("bob")
    bob.none_match(item_of(bob).options)
    session = sit("ada")
    assert session.progress() == Progress(done=1, total=4, own=0)
    session.skip()
    session.none_match(item_of(session).options)
    assert session.progress() == Progress(done=2, total=4, own=1)
    session.undo()
    assert session.progress() == Progress(done=1, total=4, own=0)
    session.redo()
    assert session.progress() == Progress(done=2, total=4, own=1)


def test_a_second_answer_to_a_query_counts_once_also_when_taken_back(sit: Sit) -> None:
    session = sit()
    session.accept(option(session, "q1-c1"), item_of(session).options, stay=True)
    session.accept(option(session, "q1-c2"), item_of(session).options)
    assert session.progress().own == 1
    session.undo()
    assert session.progress().own == 1
    session.undo()
    assert session.progress().own == 0


def test_what_an_earlier_sitting_answered_is_not_taken_from_this_ones_count(sit: Sit) -> None:
    first = sit()
    first.none_match(item_of(first).options)
    session = sit()
    session.undo()
    assert session.progress().own == 0


# -- adjudication --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "side"), [("q1", "train"), ("qv", "validation")])
def test_a_conflict_is_settled_by_somebody_who_sees_both_opinions(sit: Sit, query: str, side: str) -> None:
    session = sit("eve")
    session.store.record("ada", Verb.ACCEPT, q(query), match(f"{query}-c1"), ActionDetails(closes=True))
    session.store.record("bob", Verb.REJECT, q(query), no_match(f"{query}-c1"))
    session.switch(Stream.ADJUDICATION)
    assert (shown(session), item_of(session).blind) == (query, False)
    assert session.progress() == Progress(0, 1, 0)
    disputed = option(session, f"{query}-c1")
    assert disputed.others == (("ada", "match"), ("bob", "no_match"))
    session.accept(disputed, [])
    assert shown(session) is None
    row = session.store.connection.execute("SELECT stream, side FROM events WHERE annotator = 'eve'").fetchall()
    assert row == [("adjudication", side)]


def test_a_query_whose_products_left_the_catalogue_can_still_be_shown(sit: Sit) -> None:
    session = sit()
    item = session.show(q("gone"))
    assert (item.query.title, item.options) == ("(no longer in the catalogue)", ())
    assert c("x1") not in {o.product.ref for o in item.options}


def test_a_skipped_query_is_free_for_others_at_once(sit: Sit) -> None:
    ada, bob = sit("ada"), sit("bob")
    query = item_of(ada).query.ref
    assert query in bob.leases.held_by_others("bob")
    ada.skip()
    assert query not in bob.leases.held_by_others("bob")


def test_the_pace_is_that_of_the_sitting_without_its_pauses(sit: Sit, clock: list[float]) -> None:
    session = sit()
    for looked_s in (10.0, 20.0, 3600.0, 30.0):
        assert session.progress().hourly is None
        clock[0] += looked_s
        session.none_match(item_of(session).options)
    session.stats[Stream.TRIAGE].answered = 5  # the tiny workspace has no fifth query
    progress = session.progress()
    # 10 + 20 + 120 (the maximum for a break) + 30 seconds.
    assert progress.hourly == pytest.approx(5 / 180 * 3600)
    assert progress.left_s == 0


def test_an_answer_on_a_removed_query_is_kept_and_said(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    session = sit()
    session.skip()
    assert session.take_notice() == ""
    query = item_of(session).query
    monkeypatch.setattr(type(session.source.catalog), "get", lambda *_: None)
    session.accept(item_of(session).options[0], item_of(session).options)
    assert session.take_notice().startswith(f"The query {query.id} has left the catalogue. The answer is kept")
    assert session.take_notice() == ""
    assert decided(session, query.id)
