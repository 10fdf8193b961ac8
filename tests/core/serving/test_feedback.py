"""`POST /feedback`: decisions of programs in the ledger, by the rules of the desk, and on disk before the answer."""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from typing import Any

import httpx
import pytest
from labelled_home import DEMO, IMPORTED
from samples import until
from service_process import running_service
from starlette.testclient import TestClient

from core.catalog.product import Product
from core.retrieval.candidates import CandidateStore
from core.serving.api_keys import add_key
from core.workspace import Workspace
from labels.leases import Leases
from labels.model import CurrentDecision, Side
from labels.store import LabelStore
from labels.verify import verify
from tests.core.serving.conftest import problem

#: A query that nobody has decided on.
QUERY = IMPORTED[60]
ANSWER = dict(DEMO.gold).get(QUERY.id, DEMO.products[0].id)


def listed(home: Workspace) -> list[str]:
    with closing(CandidateStore(home.derived)) as store:
        return [each.ref.id for each in store.for_query(QUERY.ref)]


def told(client: TestClient, decision: str, candidate: str = ANSWER, **headers: str) -> Any:
    body = {"query": f"walmart/{QUERY.id}", "candidate": f"amazon/{candidate}", "decision": decision}
    return client.post("/feedback", json=body, headers={name.replace("_", "-"): text for name, text in headers.items()})


def decisions(home: Workspace) -> list[CurrentDecision]:
    with LabelStore(home.labels) as store:
        return [each for each in store.decisions(QUERY.ref) if each.annotator != "ada"]


def is_closed(home: Workspace) -> bool:
    with LabelStore(home.labels) as store:
        return store.is_closed(QUERY.ref)


def test_a_decision_is_an_event_of_the_program(client: TestClient, home: Workspace) -> None:
    key = add_key(home, "shop")
    answer = told(client, "match", listed(home)[1], x_api_key=key)
    assert answer.status_code == 201
    (found,) = decisions(home)
    assert answer.json() == {
        "query": f"walmart/{QUERY.id}",
        "candidate": f"amazon/{listed(home)[1]}",
        "decision": "match",
        "annotator": "api:shop",
        "action": found.action,
        "repeated": False,
    }
    assert (found.annotator, found.decision, found.strength, found.stream) == (
        "api:shop",
        "match",
        "explicit",
        "triage",
    )
    assert is_closed(home)
    with LabelStore(home.labels) as store:
        row = store.rows(
            "SELECT rank, similarity, probability, model, look_ms FROM events WHERE action = ?", [found.action]
        )
    ((rank, similarity, probability, model, look_ms),) = row
    assert (rank, model, look_ms) == (2, "hash", None)
    assert -1 <= similarity <= 1
    assert 0 <= probability <= 1
    assert not verify(home.labels).problems


def test_without_a_key_it_is_by_local(client: TestClient) -> None:
    assert told(client, "unsure").json()["annotator"] == "api:local"


def test_a_product_that_is_no_candidate_has_no_scores(client: TestClient, home: Workspace) -> None:
    other = next(product.id for product in DEMO.products if product.id not in listed(home))
    told(client, "match", other)
    with LabelStore(home.labels) as store:
        assert store.rows("SELECT rank, model FROM events WHERE annotator = 'api:local'") == [(None, None)]


def test_rejecting_closes_a_query_with_its_last_candidate(client: TestClient, home: Workspace) -> None:
    candidates = listed(home)
    for candidate in candidates[:-1]:
        told(client, "no_match", candidate)
        assert not is_closed(home)
    told(client, "no_match", candidates[-1])
    assert is_closed(home)


def test_an_idempotency_key_records_once(client: TestClient, home: Workspace) -> None:
    first = told(client, "match", idempotency_key="order-7").json()
    again = told(client, "match", idempotency_key="order-7").json()
    assert (again["action"], again["repeated"]) == (first["action"], True)
    assert problem(told(client, "no_match", idempotency_key="order-7"), 422).startswith("The idempotency key was used")
    # The keys of two programs have nothing to do with each other.
    other = told(client, "match", idempotency_key="order-7", x_api_key=add_key(home, "shop")).json()
    assert other["repeated"] is False
    assert len(decisions(home)) == 2
    with LabelStore(home.labels) as store:
        assert store.value("SELECT count(*) FROM events WHERE annotator LIKE 'api:%'") == 2


def test_what_somebody_has_on_the_screen_is_left_alone(client: TestClient, home: Workspace) -> None:
    with closing(Leases(home.labels)) as leases:
        assert leases.take(QUERY.ref, "ada")
        assert problem(told(client, "match"), 409).startswith("ada has this query on the screen")
        assert decisions(home) == []
        leases.release(QUERY.ref, "ada")
        assert told(client, "match").status_code == 201
        assert leases.take(QUERY.ref, "ada")


def test_disagreement_is_a_conflict(client: TestClient, home: Workspace) -> None:
    told(client, "match", x_api_key=add_key(home, "one"))
    told(client, "no_match", x_api_key=add_key(home, "two"))
    with LabelStore(home.labels) as store:
        assert [label.pair.query for label in store.conflicts()] == [QUERY.ref]


def test_the_latest_decision_is_undone(client: TestClient, home: Workspace) -> None:
    key = {"x_api_key": add_key(home, "shop")}
    told(client, "no_match", listed(home)[0], **key)
    last = told(client, "match", listed(home)[1], **key).json()
    told(client, "match", listed(home)[2])
    undone = client.post("/feedback/undo", headers={"X-API-Key": key["x_api_key"]})
    assert undone.json() == {"action": last["action"], "query": f"walmart/{QUERY.id}"}
    assert [each.pair.candidate.id for each in decisions(home)] == [listed(home)[0], listed(home)[2]]
    client.post("/feedback/undo", headers={"X-API-Key": key["x_api_key"]})
    answer = client.post("/feedback/undo", headers={"X-API-Key": key["x_api_key"]})
    assert problem(answer, 404) == "There is no decision of api:shop to undo."


def test_validation_queries_train_nothing(client: TestClient, home: Workspace) -> None:
    with LabelStore(home.labels) as store:
        store.draw_validation([QUERY.ref], seed=1)
        assert store.is_validation(QUERY.ref)
    told(client, "match")
    assert [each.side for each in decisions(home)] == [Side.VALIDATION]


def test_streams_hold_for_programs(client: TestClient, home: Workspace) -> None:
    home.settings.write_text('[people.streams]\n"api:local" = ["audit"]\n')
    assert "The triage stream is not open to api:local." in problem(told(client, "match"), 403)
    assert told(client, "match", x_api_key=add_key(home, "shop")).status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"query": "walmart/none"}, 404, "There is no query walmart/none"),
        ({"candidate": f"walmart/{QUERY.id}"}, 404, "There is no candidate walmart/"),
        ({"decision": "maybe"}, 422, "decision is not valid: it must be 'match', 'no_match' or 'unsure'."),
        ({"desicion": "match"}, 422, "did you mean 'decision'?"),
        ({"query": 7}, 422, "query is not valid"),
    ],
    ids=str,
)
def test_what_is_no_decision(client: TestClient, home: Workspace, change: Any, status: int, sentence: str) -> None:
    body = {"query": QUERY.id, "candidate": ANSWER, "decision": "match"} | change
    assert sentence in problem(client.post("/feedback", json=body), status)
    assert decisions(home) == []


def test_a_ledger_that_cannot_be_written_acknowledges_nothing(client: TestClient, home: Workspace) -> None:
    home.labels.rename(home.home / "elsewhere.db")
    assert problem(told(client, "match"), 503)
    (home.home / "elsewhere.db").rename(home.labels)
    assert told(client, "match").status_code == 201
    assert len(decisions(home)) == 1


def test_a_kill_during_feedback_loses_no_acknowledged_decision(home: Workspace) -> None:
    acknowledged: list[str] = []

    def send(query: Product) -> None:
        """Decide on one product after another until the service is gone."""
        with httpx.Client(base_url=address, timeout=60) as client:
            for product in cycle(DEMO.products):
                body = {"query": query.id, "candidate": product.id, "decision": "no_match"}
                try:
                    answer = client.post("/feedback", json=body)
                except httpx.TransportError:
                    return
                assert answer.status_code == 201, answer.text
                acknowledged.append(answer.json()["action"])

    with running_service(home.home, "--rate", "0") as (process, address), ThreadPoolExecutor(3) as pool:
        senders = [pool.submit(send, query) for query in IMPORTED[45:48]]
        until(lambda: len(acknowledged) >= 15 or any(sender.done() for sender in senders))
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        for sender in senders:
            sender.result()
    assert len(acknowledged) >= 15
    with running_service(home.home) as (_, address), httpx.Client(base_url=address, timeout=60) as client:
        assert client.get("/readyz").status_code == 200
        again = {"query": IMPORTED[45].id, "candidate": DEMO.products[0].id, "decision": "unsure"}
        assert client.post("/feedback", json=again).status_code == 201
    with LabelStore(home.labels) as store:
        written = {row[0] for row in store.rows("SELECT action FROM events")}
    assert written.issuperset(acknowledged)
    assert not verify(home.labels).problems
