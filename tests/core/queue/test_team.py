"""Several annotators on one queue: second answers, adjudication, and permissions."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import c, match, no_match, q

from core.catalog.store import CatalogStore
from core.errors import CoreError
from core.queue.item import Progress, ReviewItem
from core.queue.session import ReviewSession
from core.queue.streams import stream_states
from core.settings import Settings
from core.workspace import Workspace
from labels.model import MACHINE, ActionDetails, Decision, Judgement, Stratum, Stream, Verb

Sit = Callable[..., ReviewSession]
TWICE = Settings.model_validate({"labels": {"overlap": 1.0}})


def item_of(session: ReviewSession) -> ReviewItem:
    assert session.item is not None
    return session.item


def shown(session: ReviewSession) -> str | None:
    return session.item and session.item.query.id


# -- second opinions -------------------------------------------------------------------------------------------


def test_a_query_for_two_goes_to_somebody_else_who_does_not_see_the_first_answer(sit: Sit) -> None:
    ada, bob = sit("ada", settings=TWICE), sit("bob", settings=TWICE)
    assert (shown(ada), shown(bob)) == ("q1", "q2")
    ada.accept(item_of(ada).options[0], item_of(ada).options)
    bob.none_match(item_of(bob).options)
    assert shown(bob) == "q1"
    assert all(option.others == () for option in item_of(bob).options)
    assert not item_of(bob).answered
    bob.accept(item_of(bob).options[0], item_of(bob).options)
    # Two have answered it; a third is not asked.
    eve = sit("eve", settings=TWICE)
    assert shown(eve) != "q1"
    assert {d.annotator for d in bob.store.decisions(q("q1"))} == {"ada", "bob"}


def test_nobody_gives_both_opinions(sit: Sit) -> None:
    ada = sit("ada", settings=TWICE)
    seen = []
    while ada.item:
        seen.append(ada.item.query.id)
        ada.none_match(ada.item.options)
    assert sorted(seen) == ["q1", "q2", "q3", "q4"]


def test_a_second_opinion_that_was_taken_back_is_wanted_again(sit: Sit) -> None:
    ada, bob = sit("ada", settings=TWICE), sit("bob", settings=TWICE)
    ada.none_match(item_of(ada).options)
    bob.skip()
    assert shown(bob) == "q1"
    bob.none_match(item_of(bob).options)
    bob.undo()
    bob.leases.release_all("bob")
    assert shown(sit("eve", settings=TWICE)) == "q1"


# -- adjudication ----------------------------------------------------------------------------------------------


def test_nobody_rules_on_a_disagreement_of_their_own(sit: Sit) -> None:
    eve = sit("eve")
    eve.store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
    eve.store.record("bob", Verb.REJECT, q("q1"), no_match("q1-c1"))
    assert shown(sit("ada", Stream.ADJUDICATION)) is None
    assert shown(sit("bob", Stream.ADJUDICATION)) is None
    eve.switch(Stream.ADJUDICATION)
    assert (shown(eve), item_of(eve).reason) == ("q1", "Annotators disagree on this query.")


def test_a_majority_leaves_ties_alone_to_be_ruled_on(sit: Sit) -> None:
    majority = Settings.model_validate({"labels": {"rule": "majority"}})
    eve = sit("eve", settings=majority)
    for name in ("ada", "bob"):
        eve.store.record(name, Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
        eve.store.record(name, Verb.ACCEPT, q("q2"), match("q2-c1"), ActionDetails(closes=True))
    for name in ("cyd", "dan"):
        eve.store.record(name, Verb.REJECT, q("q2"), no_match("q2-c1"))
    eve.store.record("cyd", Verb.REJECT, q("q1"), no_match("q1-c1"))
    eve.switch(Stream.ADJUDICATION)
    assert (shown(eve), eve.progress().total) == ("q2", 1)


def test_labels_that_cannot_all_be_true_are_put_up_until_somebody_rules(sit: Sit) -> None:
    eve = sit("eve")
    eve.store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c1"), ActionDetails(closes=True))
    eve.store.record("ada", Verb.ACCEPT, q("q2"), match("q1-c1", "q2-c1"), ActionDetails(closes=True))
    eve.store.record("ada", Verb.REJECT, q("q1"), no_match("q2-c1"))
    eve.switch(Stream.ADJUDICATION)
    assert shown(eve) == "q1"
    assert item_of(eve).reason.endswith("yet walmart q1 ≠ amazon q2-c1.")
    eve.store.record("eve", Verb.REJECT, q("q1"), no_match("q2-c1"), ActionDetails(stream=Stream.ADJUDICATION))
    assert eve.advance() is None


@pytest.mark.parametrize("form", ["036000291452", "0036000291452", "00036000291452", "36000291452", "3.6000291452E+10"])
def test_products_with_one_gtin_that_were_told_apart_are_put_up(sit: Sit, workspace: Workspace, form: str) -> None:
    give_codes(workspace, "036000291452", form)
    eve = sit("eve")
    eve.store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c2", "q1-c3"))
    eve.switch(Stream.ADJUDICATION)
    assert shown(eve) == "q1"
    assert "carry one GTIN, 00036000291452" in item_of(eve).reason


@pytest.mark.parametrize("code", ["999999999999", "012345678905", "036000291453", "212345678992", "B000000001"])
def test_a_placeholder_contradicts_nobody(sit: Sit, workspace: Workspace, code: str) -> None:
    give_codes(workspace, code, code)
    eve = sit("eve")
    eve.store.record("ada", Verb.REJECT, q("q1"), no_match("q1-c2", "q1-c3"))
    eve.switch(Stream.ADJUDICATION)
    assert eve.progress().total == 0


def give_codes(workspace: Workspace, query: str, candidate: str) -> None:
    """Put a code on the query q1, and one on its candidate q1-c2."""
    with CatalogStore(workspace.catalog) as catalog:
        products = {role: list(catalog.iter(role=role)) for role in ("query", "catalog")}
        for role, source in (("query", "walmart"), ("catalog", "amazon")):
            marked = [
                replace(p, upc=query if p.id == "q1" else candidate) if p.id in {"q1", "q1-c2"} else p
                for p in products[role]
            ]
            catalog.replace(source, role, marked)


# -- permissions -----------------------------------------------------------------------------------------------


def test_leads_alone_rule_where_some_are_named(sit: Sit) -> None:
    led = Settings.model_validate({"people": {"leads": ["lea"]}})
    sit("lea", Stream.ADJUDICATION, led)
    with pytest.raises(CoreError, match="settled by the leads") as caught:
        sit("ada", Stream.ADJUDICATION, led)
    assert "lea" in caught.value.hint


def test_a_stream_that_is_for_others_is_refused_and_the_sitting_goes_on(sit: Sit) -> None:
    settings = Settings.model_validate({"people": {"streams": {"ada": ["triage", "validation"]}}})
    ada = sit("ada", settings=settings)
    with pytest.raises(CoreError, match="audit stream is not open to ada") as caught:
        ada.switch(Stream.AUDIT)
    assert "triage, validation" in caught.value.hint
    assert shown(ada) == "q1"
    assert ada.stream is Stream.TRIAGE
    sit("bob", Stream.AUDIT, settings)


def test_what_the_machine_closed_is_still_audited(sit: Sit) -> None:
    eve = sit("eve", Stream.AUDIT)
    before = eve.progress()
    eve.store.record_all(MACHINE, [(q("q4"), [Judgement(c("q4-c1"), Decision.MATCH)], True)], batch="auto-1")
    assert eve.progress() == before
    triage = sit("bob")
    assert triage.progress().done == 1


def test_what_is_put_off_goes_round(sit: Sit) -> None:
    ada = sit()
    seen = []
    for _ in range(10):
        seen.append(shown(ada))
        ada.skip()
    assert seen == ["q1", "q2", "q3", "q4", "q1", "q2", "q3", "q4", "q1", "q2"]


def test_an_audit_waits_for_nobody_until_a_sample_is_drawn(sit: Sit) -> None:
    eve = sit("eve")
    assert Stream.AUDIT not in eve.other_streams()
    states = {each.stream: each.drawn for each in stream_states(eve.source, eve.store, "eve")}
    assert states == {stream: stream is not Stream.AUDIT for stream in Stream}
    eve.store.draw_audit({q("q1"): Stratum("high", 2.0)}, seed=1)
    assert eve.other_streams()[Stream.AUDIT] == 1
    assert all(each.drawn for each in stream_states(eve.source, eve.store, "eve"))


def test_an_earlier_audit_draw_is_still_to_be_answered(sit: Sit) -> None:
    eve = sit("eve")
    eve.store.draw_audit({q("q1"): Stratum("high", 2.0)}, seed=1)
    eve.store.draw_audit({q("q3"): Stratum("low", 2.0)}, seed=2)
    eve.switch(Stream.AUDIT)
    assert eve.progress().total == 2


def test_what_is_to_be_ruled_on_stands_first_and_is_counted(sit: Sit) -> None:
    eve = sit("eve")
    eve.store.record("ada", Verb.ACCEPT, q("q1"), match("q1-c3"), ActionDetails(closes=True))
    eve.store.record("bob", Verb.REJECT, q("q1"), no_match("q1-c3"))
    eve.switch(Stream.ADJUDICATION)
    assert [option.product.id for option in item_of(eve).options] == ["q1-c3", "q1-c1", "q1-c2"]
    assert not item_of(eve).answered
    assert eve.progress() == Progress(0, 1, 0)
    eve.accept(item_of(eve).options[0], [])
    assert eve.progress() == Progress(1, 1, 1)
