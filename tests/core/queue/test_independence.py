"""Independent labelling: other decisions, and scores fitted to them, are hidden."""

from collections.abc import Callable

import pytest
from samples import match, no_match, q

from core.matching.bands import percent
from core.queue.item import ReviewItem
from core.queue.refit_result import RefitResult
from core.queue.session import ReviewSession
from core.retrieval.candidates import MatcherSummary
from core.settings import Settings
from labels.model import ProductRef, Stratum, Stream, Verb

Sit = Callable[..., ReviewSession]
TWICE = Settings.model_validate({"labels": {"overlap": 1.0}})


def item_of(session: ReviewSession) -> ReviewItem:
    assert session.item is not None
    return session.item


def learnt(session: ReviewSession, query: str) -> RefitResult:
    """A refit to an answer: the query's last candidate is now the best by far."""
    candidates = [option.product.ref for option in session.source.item(session.store, q(query), Stream.TRIAGE, "x",
                                                                        blind=False).options]  # fmt: skip
    told = {ref: 0.01 + 0.9 * (place == len(candidates) - 1) for place, ref in enumerate(candidates)}
    return RefitResult(MatcherSummary(0.5, 0.9, 0.1, 3), (q(query),), {q(query): "It has 91%."}, {q(query): told})


def is_independent(item: ReviewItem) -> bool:
    """Whether other decisions and all scores are hidden."""
    digits = any(character.isdigit() for character in item.reason)
    said = any(option.others or option.opinions for option in item.options)
    return item.blind and item.always_blind and item.alone and not digits and not said


def second(sit: Sit) -> ReviewSession:
    """Bob, with the query on the screen that ada has answered."""
    ada = sit("ada", settings=TWICE)
    assert item_of(ada).query.id == "q1"
    ada.accept(item_of(ada).options[0], item_of(ada).options)
    bob = sit("bob", settings=TWICE)
    bob.source.apply_refit(learnt(bob, "q1"))
    bob.show(q("q1"))
    return bob


def test_the_second_of_two_sees_no_score_no_order_and_no_mark(sit: Sit) -> None:
    before = [o.product.ref for o in sit("zoe", Stream.AUDIT, TWICE).show(q("q1")).options]
    item = item_of(second(sit))
    assert is_independent(item)
    assert not item.answered
    assert [option.product.ref for option in item.options] == before


def test_the_first_of_two_sees_scores_until_somebody_else_has_answered(sit: Sit) -> None:
    ada = sit("ada", settings=TWICE)
    assert (item_of(ada).blind, item_of(ada).alone) == (False, True)
    ada.store.record("bob", Verb.REJECT, q("q1"), no_match("q1-c2"))
    assert is_independent(ada.show(q("q1")))


@pytest.mark.parametrize("way", ["undo", "redo", "look up", "stay", "choice"])
def test_it_stays_independent_whatever_the_second_does(sit: Sit, way: str) -> None:
    bob = second(sit)
    item = item_of(bob)
    if way == "choice":
        bob.toggle_blind()
        assert is_independent(item_of(bob))
        bob.toggle_blind()
    elif way == "stay":
        bob.accept(item.options[1], item.options, stay=True)
    else:
        bob.accept(item.options[1], item.options)
        if way == "look up":
            bob.look_up(q("q1"))
        else:
            assert bob.undo() is not None
            assert is_independent(item_of(bob))
            if way == "redo":
                assert bob.redo() is not None
    assert item_of(bob).query.id == "q1"
    assert is_independent(item_of(bob))
    assert item_of(bob).answered == (way in {"look up", "redo", "stay"})


def test_ones_own_marks_are_shown(sit: Sit) -> None:
    bob = second(sit)
    bob.reject(item_of(bob).options[0])
    assert item_of(bob).options[0].decision == "no_match"


@pytest.mark.parametrize("drawn", [False, True])
def test_the_audit_is_blind_and_does_not_say_what_the_machine_closed(sit: Sit, drawn: bool) -> None:
    session = sit("eve")
    if drawn:
        session.store.draw_audit({q("q2"): Stratum("high", 2.0)}, seed=1)
    session.store.record_all("machine", [(q("q2"), match("q2-c1"), True)], batch="auto-1")
    session.switch(Stream.AUDIT)
    item = session.show(q("q2"))
    assert is_independent(item)
    assert item.reason.startswith("Random audit") == drawn
    assert ("samesku labels audit --draw" in item.reason) != drawn
    assert (item.stream, item.answered) == (Stream.AUDIT, False)
    session.accept(item.options[0], item.options)
    with_label = session.store.connection.execute(
        "SELECT DISTINCT blind FROM events WHERE annotator = 'eve'"
    ).fetchall()
    assert with_label == [(1,)]


def test_what_is_drawn_for_audit_is_blind_wherever_it_is_shown(sit: Sit) -> None:
    session = sit("eve")
    session.store.draw_audit({q("q1"): Stratum("high", 2.0)}, seed=1)
    assert is_independent(session.show(q("q1")))
    assert not item_of(sit("bob")).blind or item_of(sit("bob")).query.ref == ProductRef("walmart", "q1")


@pytest.mark.parametrize("best", [0.004, 0.3, 0.995])
def test_the_reason_and_the_rows_show_one_number(sit: Sit, best: float) -> None:
    session = sit("eve")
    options = item_of(session).options
    told = {option.product.ref: best if place == 1 else 0.001 for place, option in enumerate(options)}
    reason = f"Matcher expects no match: best probability {percent(best)}."
    session.source.apply_refit(
        RefitResult(MatcherSummary(0.5, 0.9, 0.1, 3), (q("q1"),), {q("q1"): reason}, {q("q1"): told})
    )
    # The rows on the screen are still of before: so is the reason, also once scores were hidden and shown again.
    session.toggle_blind()
    session.toggle_blind()
    assert "0.81" in item_of(session).reason
    assert [option.probability for option in item_of(session).options] == [None] * 3
    item = session.show(q("q1"), reload=True)
    assert item.reason == reason
    assert percent(max(option.probability or 0 for option in item.options)) in reason


def test_a_ruling_sees_both_opinions(sit: Sit) -> None:
    bob = second(sit)
    bob.none_match(item_of(bob).options)
    eve = sit("eve", Stream.ADJUDICATION, TWICE)
    assert {opinion.annotator for option in item_of(eve).options for opinion in option.opinions} == {"ada", "bob"}
    assert not item_of(eve).blind
