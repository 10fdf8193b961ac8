"""The review of one catalogue against itself: each pair is asked once, and counts whichever listing it is seen from."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from duplicates import LISTINGS, shop, write_shop
from samples import MODEL

from core.catalog.store import CatalogStore
from core.queue.item import search_option
from core.queue.session import ReviewSession
from core.retrieval.candidates import Candidate, CandidateStore
from core.workspace import Workspace
from labels.model import Decision, Judgement, Verb

Sit = Callable[..., ReviewSession]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Every listing with those after it as candidates."""
    workspace = write_shop(tmp_path / "home")
    with closing(CandidateStore(workspace.derived)) as candidates:
        rows = [
            (query.ref, [
                Candidate(each.ref, rank, 0.9 - rank / 20, 0.9 - rank / 20, rank, rank)
                for rank, each in enumerate(LISTINGS[place:], 1)
            ])
            for place, query in enumerate(LISTINGS, 1)
        ]  # fmt: skip
        candidates.replace(rows, model=MODEL, fingerprint="by hand")
    return workspace


def standing(session: ReviewSession) -> dict[tuple[str, str], str]:
    return {(d.pair.query.id, d.pair.candidate.id): f"{d.decision} {d.strength}" for d in session.store.decisions()}


def options(session: ReviewSession) -> dict[str, Decision | None]:
    assert session.item is not None
    return {option.product.id: option.decision for option in session.item.options}


def accept(session: ReviewSession, id_: str, *, stay: bool = False) -> None:
    assert session.item is not None
    listed = {option.product.id: option for option in session.item.options}
    option = listed.get(id_) or search_option(next(each for each in LISTINGS if each.id == id_))
    session.accept(option, session.item.options, stay=stay)


def test_each_pair_is_asked_once(sit: Sit) -> None:
    session, asked = sit(), []
    while session.item:
        asked += [frozenset({session.item.query.id, option.product.id}) for option in session.item.options]
        session.none_match(session.item.options)
    assert len(asked) == len(set(asked)) == 8 * 7 / 2
    assert session.progress().done == session.progress().total == 7, "the last one has no candidates of its own"


def test_accepting_a_duplicate_says_nothing_of_the_others(sit: Sit) -> None:
    session = sit()
    session.look_up(shop("s2"))
    accept(session, "s5")
    assert standing(session) == {("s2", "s5"): "match explicit"}
    assert shop("s2") in session.store.closed_queries()


def test_several_duplicates_then_none_of_the_rest(sit: Sit) -> None:
    session = sit()
    session.look_up(shop("s2"))
    accept(session, "s5", stay=True)
    accept(session, "s7", stay=True)
    assert session.item is not None
    session.none_match(session.item.options)
    assert standing(session) == {
        ("s2", "s5"): "match explicit", ("s2", "s7"): "match explicit",
        **{("s2", id_): "no_match explicit" for id_ in ("s3", "s4", "s6", "s8")},
    }  # fmt: skip


def test_other_sources_list_a_product_once_as_before(workspace: Workspace, sit: Sit) -> None:
    """Beside candidates of the same catalogue, those of another one are implied by one another."""
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("amazon", "catalog", [type(each)("amazon", each.id, each.title) for each in LISTINGS[:2]])
    with closing(CandidateStore(workspace.derived)) as candidates:
        found = [*candidates.for_query(shop("s2"))[:1]]
        amazon = [
            Candidate(type(shop(""))("amazon", id_), rank, 0.5, 0.5, rank, rank) for rank, id_ in ((2, "s1"), (3, "s2"))
        ]
        candidates.replace([(shop("s2"), [*found, *amazon])], model=MODEL, fingerprint="by hand")
    session = sit()
    assert session.item is not None
    session.accept(next(o for o in session.item.options if o.product.source == "amazon"), session.item.options)
    assert standing(session) == {("s2", "s1"): "match explicit", ("s2", "s2"): "no_match implied"}


def test_a_listing_found_by_search_counts_for_the_pair_in_its_order(sit: Sit) -> None:
    session = sit()
    session.look_up(shop("s5"))
    accept(session, "s2")
    assert standing(session) == {("s2", "s5"): "match explicit"}
    assert session.item is not None
    assert session.item.query.id == "s5", "its own pairs are still to be decided"
    assert options(session)["s2"] is Decision.MATCH
    assert shop("s2") not in session.store.closed_queries()
    session.look_up(shop("s2"))
    assert options(session)["s5"] is Decision.MATCH
    session.undo()
    assert standing(session) == {}
    assert session.item.query.id == "s2"


def test_a_match_of_an_earlier_listing_is_shown_and_can_be_rejected(sit: Sit) -> None:
    session = sit()
    session.store.record("ada", Verb.ACCEPT, shop("s2"), [Judgement(shop("s5"), Decision.MATCH)])
    session.look_up(shop("s5"))
    assert session.item is not None
    before = session.item.options[-1]
    assert (before.product.id, before.decision, before.rank) == ("s2", Decision.MATCH, None)
    session.reject(before)
    assert standing(session) == {("s2", "s5"): "no_match explicit"}
    assert "s2" not in options(session)


def test_others_decisions_on_an_earlier_pair_stay_hidden_where_one_decides_alone(sit: Sit) -> None:
    session = sit()
    session.store.record("bob", Verb.ACCEPT, shop("s2"), [Judgement(shop("s5"), Decision.MATCH)])
    session.look_up(shop("s5"))
    assert "s2" not in options(session)
