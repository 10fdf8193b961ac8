"""Queries with replaced products are asked again first; removed products are not shown."""

from collections.abc import Callable

from samples import PRODUCTS, QUERIES, match, no_match, q

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.queue.session import ReviewSession
from core.queue.streams import stream_states
from core.workspace import Workspace
from labels.model import ActionDetails, Decision, Stratum, Stream, Verb
from labels.store import LabelStore

Sit = Callable[..., ReviewSession]
LONG_AGO = "2026-01-01T00:00:00.000+00:00"


def answered(workspace: Workspace, query: str, stream: Stream = Stream.TRIAGE) -> None:
    with LabelStore(workspace.labels, now=lambda: LONG_AGO) as store:
        store.record("ada", Verb.ACCEPT, q(query), match(f"{query}-c1"), ActionDetails(closes=True, stream=stream))


def replace_candidate(workspace: Workspace, id_: str) -> None:
    products = [Product("amazon", p.id, "Garden hose, green") if p.id == id_ else p for p in PRODUCTS]
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("amazon", "catalog", products)


def test_a_query_comes_first_again_with_the_reason_and_without_the_old_answer(workspace: Workspace, sit: Sit) -> None:
    answered(workspace, "q3")
    replace_candidate(workspace, "q3-c1")
    session = sit()
    item = session.item
    assert item is not None
    assert item.query.id == "q3"
    assert "another product since this was answered" in item.reason
    assert not item.answered
    assert [option.decision for option in item.options] == [None] * 3
    assert session.progress().done == 0
    session.reject(item.options[0])
    session.show(q("q3"))
    assert session.item is not None
    assert session.item.options[0].decision is Decision.NO_MATCH
    session.none_match(session.item.options)
    assert session.item is not None
    assert (session.item.query.id == "q3", session.progress().done) == (False, 1)
    session.undo()
    assert session.progress().done == 0


def test_a_validation_query_is_asked_about_again_in_its_own_stream(workspace: Workspace, sit: Sit) -> None:
    answered(workspace, "qv", Stream.VALIDATION)
    replace_candidate(workspace, "qv-c1")
    item = sit(stream=Stream.VALIDATION).item
    assert item is not None
    assert (item.query.id, item.blind) == ("qv", True)
    assert "match" not in item.reason


def test_queries_and_candidates_that_left_the_catalogue_are_not_shown(workspace: Workspace, sit: Sit) -> None:
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", [query for query in QUERIES if query.id != "q1"], prune=True)
        catalog.replace("amazon", "catalog", [p for p in PRODUCTS if p.id != "q2-c1"], prune=True)
    session = sit()
    seen = []
    while session.item is not None:
        seen.append(session.item.query.id)
        assert "q2-c1" not in {option.product.id for option in session.item.options}
        session.none_match(session.item.options)
    assert sorted(seen) == ["q2", "q3", "q4"]
    assert session.progress().total == 3


def test_an_import_beside_the_desk_opens_queries_again(workspace: Workspace, sit: Sit) -> None:
    answered(workspace, "q3")
    session = sit()
    assert session.item is not None
    assert session.item.query.id != "q3"
    replace_candidate(workspace, "q3-c1")
    session.source.reload()
    session.advance()
    assert session.item is not None
    assert session.item.query.id == "q3"


def test_every_query_of_an_audit_is_asked_about_though_triage_answered_it(workspace: Workspace, sit: Sit) -> None:
    with LabelStore(workspace.labels) as store:
        store.draw_audit({q("q1"): Stratum(), q("q2"): Stratum()}, seed=1)
        store.record("ada", Verb.NONE, q("q1"), no_match("q1-c1"), ActionDetails(closes=True))
    session = sit(stream=Stream.AUDIT)
    with LabelStore(workspace.labels) as store:
        done = {each.stream: each.progress for each in stream_states(session.source, store, "ada")}
    assert (done[Stream.AUDIT].done, done[Stream.AUDIT].total) == (0, 2)
    assert session.item is not None
    session.none_match(session.item.options)
    assert (session.progress().done, session.progress().total) == (1, 2)
    session.undo()
    assert session.progress().done == 0
