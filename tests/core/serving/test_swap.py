"""Another index, matcher or encoder takes effect while requests are answered, and none of them fails."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from labelled_home import DEMO, IMPORTED, OTHERS
from samples import match, until
from starlette.testclient import TestClient

from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.matching.query_scorer import QueryScorer
from core.retrieval.encoder_files import EncoderModel
from core.serving.loaded_index import CurrentIndex, IndexLoader, LoadedIndex
from core.workspace import Workspace
from labels.model import ActionDetails, ProductRef, Verb
from labels.store import LabelStore
from tests.core.serving.conftest import MakeApp, client_of, update_index

QUERY = IMPORTED[60]


def index_of(app: FastAPI) -> CurrentIndex:
    index: CurrentIndex = app.state.service.index
    return index


def answered(client: TestClient, **wanted: Any) -> dict[str, Any]:
    answer = client.post("/match", json=wanted or {"ids": [QUERY.id]})
    assert answer.status_code == 200, answer.text
    value: dict[str, Any] = answer.json()
    return value


def ids(answer: dict[str, Any]) -> list[str]:
    return [candidate["id"] for candidate in answer["results"][0]["candidates"]]


def assert_same_probabilities(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Of the candidates of each query, in their order."""
    before, after = (
        [candidate["probability"] for result in answer["results"] for candidate in result["candidates"]]
        for answer in (one, other)
    )
    assert after == pytest.approx(before, abs=1e-5)


def import_others(home: Workspace) -> None:
    with CatalogStore(home.catalog) as catalog:
        catalog.replace("walmart", "query", OTHERS)


def change_product(home: Workspace, id_: str) -> None:
    """Give a candidate the title of the query."""
    product = next(each for each in DEMO.products if each.id == id_)
    with CatalogStore(home.catalog) as catalog:
        catalog.replace("amazon", "catalog", [replace(product, title=QUERY.title, brand="Changed")])


def label_more(home: Workspace) -> None:
    with LabelStore(home.labels) as store:
        query, product = sorted(DEMO.gold)[45]
        store.record("ada", Verb.ACCEPT, ProductRef("walmart", query), match(product), ActionDetails(closes=True))


def test_an_index_run_is_taken_over(make_app: MakeApp, home: Workspace) -> None:
    app = make_app()
    with client_of(app) as client:
        before = answered(client)
        last = before["results"][0]["candidates"][-1]["id"]
        change_product(home, last)
        assert not index_of(app).refresh()
        assert answered(client) == before
        update_index(home)
        assert index_of(app).refresh()
        after = answered(client)
        assert after["model"]["index"] != before["model"]["index"]
        changed = next(each for each in after["results"][0]["candidates"] if each["id"] == last)
        assert changed["title"] == QUERY.title
        assert not index_of(app).refresh()
        assert "samesku_index_swaps_total 1" in client.get("/metrics").text


def test_until_then_the_previous_index_answers_from_memory(make_app: MakeApp, home: Workspace) -> None:
    app = make_app()
    asked = [query.id for query in IMPORTED[:20]]
    with client_of(app) as client:
        before = answered(client, ids=asked)
        index_of(app).loaded.cache.__init__(10)  # type: ignore[misc]  # nothing is cached
        import_others(home)
        update_index(home)
        after = answered(client, ids=asked)
        assert after["model"] == before["model"]
        for one, other in zip(before["results"], after["results"], strict=True):
            assert {each["id"] for each in one["candidates"]} == {each["id"] for each in other["candidates"]}
        assert_same_probabilities(before, after)
        # A request has found the files changed: the watcher looks at them without waiting for its turn.
        until(lambda: index_of(app).loaded.version.candidates != before["model"]["index"])
        assert answered(client, ids=asked)["model"] != before["model"]


def test_another_fit_of_the_matcher_is_taken_over_without_reading_the_index(
    make_app: MakeApp, home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with client_of(app) as client:
        before = answered(client)
        label_more(home)
        update_index(home)
        monkeypatch.setattr(IndexLoader, "load", None)
        assert index_of(app).refresh()
        after = answered(client)
        assert after["model"]["labels"] > before["model"]["labels"]
        assert after["model"]["index"] == before["model"]["index"]
        assert ids(answered(client, products=[{"title": OTHERS[0].title}]))


def test_stored_probabilities_of_another_matcher_are_not_used(make_app: MakeApp, home: Workspace) -> None:
    app = make_app()
    asked = [query.id for query in IMPORTED[:20]]
    with client_of(app) as client:
        before = answered(client, ids=asked)
        index_of(app).loaded.cache.__init__(10)  # type: ignore[misc]  # nothing is cached
        label_more(home)
        update_index(home)
        after = answered(client, ids=asked)
        assert after["model"] == before["model"]
        assert_same_probabilities(before, after)
        assert index_of(app).refresh()
        new = answered(client, ids=asked)
        assert new["model"] != before["model"]
        assert new["results"] != before["results"]


def test_an_index_run_under_way_is_not_used(
    make_app: MakeApp, home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its candidates and its matcher."""
    app = make_app()
    with client_of(app) as client:
        before = answered(client)
        with monkeypatch.context() as killed:
            killed.setattr("core.matching.run._update_features", lambda *_, **__: 1 / 0)
            import_others(home)
            with pytest.raises(ZeroDivisionError):
                update_index(home, rebuild=True)
        assert not index_of(app).refresh()
        assert answered(client) == before
        update_index(home)
        assert index_of(app).refresh()
        assert answered(client)["model"]["index"] != before["model"]["index"]


def test_an_index_that_cannot_be_read_changes_nothing(
    make_app: MakeApp, home: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    with client_of(app) as client:
        before = answered(client)
        import_others(home)
        update_index(home)
        loads: list[int] = []

        def fails(*_: object) -> LoadedIndex:
            loads.append(1)
            raise DamagedError("The index is damaged.", "Run `samesku index`.")

        with monkeypatch.context() as damaged:
            damaged.setattr(IndexLoader, "load", fails)
            assert not index_of(app).refresh()
            assert not index_of(app).refresh()
        assert len(loads) == 1
        assert caplog.text.count("The new index is not used: The index is damaged.") == 1
        assert answered(client)["model"] == before["model"]
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr("core.serving.loaded_index._RETRY_S", 0.0)
        index_of(app)._retry_at = 0.0
        assert index_of(app).refresh()


def test_candidates_that_are_damaged_do_not_stop_the_service(make_app: MakeApp, home: Workspace) -> None:
    app = make_app()
    with client_of(app) as client:
        home.derived.write_bytes(b"damaged" * 1000)
        damaged = answered(client)
        update_index(home)
        assert index_of(app).refresh() or index_of(app).loaded
        repaired = answered(client)
        assert ids(damaged) == ids(repaired)


def test_another_encoder_is_taken_over(
    make_app: MakeApp, home: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = make_app()
    with client_of(app) as client:
        monkeypatch.setattr("core.retrieval.encoder_registry.find_base", lambda _: EncoderModel("other", tmp_path))
        assert answered(client)["model"]["encoder"] == "hash"
        update_index(home)
        assert index_of(app).refresh()
        assert answered(client)["model"]["encoder"] == "other"


def test_no_request_fails_while_the_index_is_replaced_again_and_again(make_app: MakeApp, home: Workspace) -> None:
    app = make_app(poll_s=0.05)
    ended = threading.Event()
    versions: set[str] = set()

    def asks(number: int) -> int:
        count = 0
        while not ended.is_set():
            wanted = [{"ids": [IMPORTED[count % 60].id, QUERY.id]}, {"products": [{"title": f"{QUERY.title} {count}"}]}]
            answer = answered(client, **wanted[(number + count) % 2])
            assert all(len(result["candidates"]) == 10 for result in answer["results"])
            versions.add(answer["model"]["index"])
            count += 1
        return count

    with client_of(app) as client, ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(asks, number) for number in range(3)]
        try:
            for changed in DEMO.products[:3]:
                before = index_of(app).loaded
                change_product(home, changed.id)
                update_index(home)
                until(lambda before=before: index_of(app).loaded is not before)  # type: ignore[misc]
        finally:
            ended.set()
        assert all(each.result() for each in asking)
        answered(client)
    assert len(versions) >= 3


def test_the_files_of_an_index_are_closed_with_it(make_app: MakeApp, home: Workspace) -> None:
    app = make_app()

    def used() -> QueryScorer:
        answered(client)
        return index_of(app).loaded.scorer

    def is_open(scorer: QueryScorer) -> bool:
        return scorer._stored._cache._connection is not None

    with client_of(app) as client:
        first = used()
        label_more(home)
        update_index(home)
        assert index_of(app).refresh()
        with_other_matcher = used()
        assert with_other_matcher is not first
        assert is_open(with_other_matcher)
        import_others(home)
        update_index(home)
        assert index_of(app).refresh()
        last = used()
        assert not is_open(with_other_matcher)
        assert is_open(last)
    assert not is_open(last)
