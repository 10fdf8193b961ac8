"""What is refused before a route: keys, rates, bodies, time-outs; and what goes wrong inside."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from labelled_home import IMPORTED
from starlette.testclient import TestClient

from core.matching.query_scorer import QueryScorer
from core.serving.api_keys import add_key, revoke_key
from core.serving.guard import Limits
from core.serving.products import ProductSource
from core.serving.rate_limit import RateLimit
from core.workspace import Workspace
from tests.core.serving.conftest import LOCAL, MakeApp, client_of, problem

MATCH = {"products": [{"title": "Mouse"}]}
IS_JSON = {"Content-Type": "application/json"}


# -- keys ----------------------------------------------------------------------------------------------------


def test_another_address_needs_a_key(home: Workspace, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMESKU_API_KEYS", "erp:0123456789abcdef")
    key = add_key(home, "shop")
    with client_of(make_app(local=False)) as client:
        answer = client.post("/match", json=MATCH)
        assert problem(answer, 401) == "A key is needed."
        assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/openapi.json", "/metrics", "/products/walmart/1"):
            assert problem(client.get(path), 401)
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        wrong = client.post("/match", json=MATCH, headers={"Authorization": "Bearer " + key[:-1]})
        assert problem(wrong, 401) == "The key is not known, or was revoked."
        for headers in (
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"bearer {key}", "Host": "match.example.com", "Origin": "https://example.com"},
            {"X-API-Key": key},
            {"X-API-Key": "0123456789abcdef"},
        ):
            assert client.post("/match", json=MATCH, headers=headers).status_code == 200
        revoke_key(home, "shop")
        assert problem(client.post("/match", json=MATCH, headers={"X-API-Key": key}), 401)


def test_a_body_is_not_read_without_a_key(make_app: MakeApp) -> None:
    with client_of(make_app(local=False)) as client:
        assert problem(client.post("/match", content=b"\xff"), 401)


def test_on_its_machine_a_wrong_key_is_refused_too(client: TestClient) -> None:
    assert problem(client.post("/match", json=MATCH, headers={"X-API-Key": "nonsense"}), 401)


@pytest.mark.parametrize(
    "headers", [{"Host": "samesku.example.com"}, {"Origin": "https://example.com"}, {"Origin": "null"}]
)
def test_pages_of_other_sites_need_a_key(client: TestClient, headers: dict[str, str]) -> None:
    assert problem(client.post("/match", json=MATCH, headers=headers), 403)


# -- rates ---------------------------------------------------------------------------------------------------


def test_a_key_that_asks_too_often_waits(home: Workspace, make_app: MakeApp) -> None:
    key = add_key(home, "shop")
    with client_of(make_app(rate=0.001)) as client:
        headers = {"X-API-Key": key}
        assert client.get("/metrics", headers=headers).status_code == 200
        answer = client.get("/metrics", headers=headers)
        assert problem(answer, 429) == "This key sends too many requests."
        assert int(answer.headers["retry-after"]) > 1
        assert client.get("/metrics", headers={"X-API-Key": add_key(home, "other")}).status_code == 200
        assert client.get("/metrics").status_code == 200


def test_a_rate_is_that_of_each_name() -> None:
    now = 0.0
    limit = RateLimit(2, lambda: now)
    assert [limit.wait_s("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert limit.wait_s("b") == 0
    now += 0.5
    assert [limit.wait_s("a") for _ in range(2)] == [0, 1]
    now += 100
    assert [limit.wait_s("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert not any(RateLimit(0).wait_s("a") for _ in range(1000))


# -- bodies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "headers", "status", "sentence"),
    [
        (b'{"ids": ["\xe9"]}', IS_JSON, 400, "The body is not UTF-8: byte 0xe9 at position 10."),
        (b"\x1f\x8b", IS_JSON | {"Content-Encoding": "gzip"}, 415, "The body has the content encoding gzip"),
        (b'{"ids": ["1"]', IS_JSON, 400, "The body is not JSON, at character 13"),
        (b"[" * 200_000, IS_JSON, 400, "The body cannot be read as JSON."),
        (b'{"k": ' + b"9" * 10_000 + b"}", IS_JSON, 400, "The body cannot be read as JSON."),
        (b'{"products": [{"title": "\\ud800"}]}', IS_JSON, 422, "products[0].title is not valid"),
        (b'{"products": [{"title": "x", "price": NaN}]}', IS_JSON, 422, "products[0].price is not valid"),
        (
            b'{"products": [{"title": "x", "\\u001b[2J": 1}]}',
            IS_JSON,
            422,
            "There is no field '\\x1b[2J' in products[0]",
        ),
        (b"ids=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "The body is not declared as JSON."),
        (b"{}", {}, 415, "The body is not declared as JSON."),
        (b"", IS_JSON, 422, "The body is missing."),
        (b" " * (8 * 2**20 + 1), IS_JSON, 413, "The body is larger than 8 MiB."),
        (b"{}", IS_JSON | {"Content-Length": "9" * 5000}, 413, "The body is larger than 8 MiB."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_body_that_cannot_be_used(
    client: TestClient, content: bytes, headers: dict[str, str], status: int, sentence: str
) -> None:
    assert sentence in problem(client.post("/match", content=content, headers=headers), status)


def asked(app: Any, path: str, **request: Any) -> httpx.Response:
    """The response to one request, in an event loop of its own; the lifespan of the application is not run."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=LOCAL) as client:
            return await client.post(path, headers=IS_JSON, **request)

    return asyncio.run(ask())


def test_a_body_of_unknown_size_is_limited(make_app: MakeApp) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    app = make_app(limits=Limits(body_bytes=10_000))
    assert "The body is larger than" in problem(asked(app, "/match", content=endless()), 413)


def test_a_slow_client_is_not_waited_for(make_app: MakeApp) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = asked(make_app(limits=Limits(body_s=0.1)), "/match", content=stuck())
    assert "The body did not arrive within 0.1 s." in problem(answer, 408)
    assert answer.headers["connection"] == "close"


# -- inside --------------------------------------------------------------------------------------------------


def test_a_request_that_takes_too_long_ends(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    with client_of(make_app(limits=Limits(request_s=0.2))) as client:
        monkeypatch.setattr(QueryScorer, "scored", lambda *_, **__: ended.wait(60) and [])
        answer = client.post("/match", json=MATCH)
        ended.set()
        assert problem(answer, 504) == "There was no answer within 0.2 s."


def test_a_fault_of_the_program_is_one_sentence_and_logged(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(ProductSource, "named", fails)
    answer = client.post("/match", json={"ids": ["1"]})
    assert problem(answer, 500) == "The request failed; the log has the reason."
    assert "secret" not in answer.text
    assert "secret detail" in caplog.text
    monkeypatch.setattr(QueryScorer, "scored", fails)
    assert problem(client.post("/match", json=MATCH), 500)
    monkeypatch.undo()
    assert client.post("/match", json=MATCH).status_code == 200


def test_a_catalogue_that_cannot_be_read_is_said(client: TestClient, home: Workspace) -> None:
    home.catalog.unlink()
    home.catalog.write_bytes(b"damaged" * 1000)
    answer = client.post("/match", json={"ids": [IMPORTED[0].id]})
    assert problem(answer, 503)
    assert "Traceback" not in json.dumps(answer.json())


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert "There is no /nothing here" in problem(client.get("/nothing"), 404)
    answer = client.get("/match")
    assert problem(answer, 405) == "/match does not answer GET."
    assert answer.headers["allow"] == "POST"


def test_requests_are_counted_by_route(client: TestClient) -> None:
    client.post("/match", json=MATCH)
    client.post("/match", json={})
    client.get("/products/a/b")
    client.get("/products/a/c")
    client.get("/nothing")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'samesku_requests_total{method="POST",route="/match",status="200"} 1',
        'samesku_requests_total{method="POST",route="/match",status="422"} 1',
        'samesku_requests_total{method="GET",route="/products/{source}/{id:path}",status="404"} 2',
        'samesku_requests_total{method="GET",route="other",status="404"} 1',
        'samesku_request_seconds_count{route="/match"} 2',
        'samesku_batch_queries_bucket{le="1"} 1',
        "samesku_batch_queries_count 1",
        "samesku_cache_misses_total 1",
        "samesku_waiting_queries 0",
    ):
        assert line in answer.text.splitlines(), answer.text
