"""`POST /match` and `GET /products`: candidates as the command line writes them, for one product or many."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from labelled_home import IMPORTED, OTHERS
from samples import HashEncoder, until
from starlette.testclient import TestClient

from core.catalog.product import Product
from core.matching.pair_rows import explain_rows, matched_pairs
from core.matching.query_scorer import QueryScorer, ScoredQuery
from core.serving.schemas import MAX_PRODUCTS
from core.settings import load_settings
from core.workspace import Workspace
from tests.core.serving.conftest import MakeApp, client_of, problem, update_index


def as_json(product: Product) -> dict[str, Any]:
    """A product as a request has it."""
    fields = ("title", "source", "id", "brand", "category", "model", "price", "currency", "upc")
    return {name: getattr(product, name) for name in fields} | {"attributes": product.extra}


def matched(client: TestClient, **wanted: Any) -> list[list[dict[str, Any]]]:
    answer = client.post("/match", json=wanted)
    assert answer.status_code == 200, answer.text
    return [each["candidates"] for each in answer.json()["results"]]


def ids(candidates: list[dict[str, Any]]) -> list[str]:
    return [candidate["id"] for candidate in candidates]


# -- the same as on the command line -------------------------------------------------------------------------


def test_ids_and_the_same_products_inline_get_what_match_writes(client: TestClient, home: Workspace) -> None:
    some = [*IMPORTED[:3], *IMPORTED[60:63]]
    rows = {
        query.ref: [
            row for pair, row in matched_pairs(home, load_settings(home.settings), 10) if pair.query == query.ref
        ]
        for query in some
    }
    by_id = matched(client, ids=[f"walmart/{query.id}" for query in some])
    inline = matched(client, products=list(map(as_json, some)))
    for query, one, other in zip(some, by_id, inline, strict=True):
        assert one == other
        wanted = rows[query.ref]
        assert [(each["rank"], each["id"], each["band"]) for each in one] == [
            (row.rank, row.candidate_id, row.band) for row in wanted
        ]
        assert [each["probability"] for each in one] == pytest.approx([row.probability for row in wanted], abs=1e-6)
        assert [each["similarity"] for each in one] == pytest.approx([row.similarity for row in wanted], abs=1e-6)


def test_a_product_that_is_not_imported_needs_a_title_alone(client: TestClient) -> None:
    (found,) = matched(client, products=[{"title": OTHERS[0].title}], k=3)
    assert [each["rank"] for each in found] == [1, 2, 3]
    assert all(0 <= each["probability"] <= 1 for each in found)


def test_fields_are_read_as_by_an_import(client: TestClient) -> None:
    product = as_json(OTHERS[0])
    messy = product | {"title": f"  {product['title']} \u200b", "brand": "N/A", "price": 0}
    assert matched(client, products=[messy]) == matched(client, products=[product | {"brand": "", "price": None}])


def test_an_index_with_fewer_candidates_gives_what_it_has(make_app: MakeApp, home: Workspace) -> None:
    home.settings.write_text("[search]\nk = 4\n")
    update_index(home)
    with client_of(make_app()) as client:
        assert len(matched(client, ids=[IMPORTED[0].id])[0]) == 4
        assert "keeps 4 candidates" in problem(client.post("/match", json={"ids": [IMPORTED[0].id], "k": 5}), 422)


def test_the_models_are_named(client: TestClient) -> None:
    model = client.post("/match", json={"ids": [IMPORTED[0].id]}).json()["model"]
    assert (model["encoder"], model["calibrated"]) == ("hash", True)
    assert client.get("/readyz").json() == {"status": "ready", "model": model}
    assert client.get("/healthz").json() == {"status": "ok"}


def test_reasons_are_those_of_match(client: TestClient, home: Workspace) -> None:
    query = IMPORTED[60]
    pairs = matched_pairs(home, load_settings(home.settings), 10)
    rows = list(explain_rows(home, (each for each in pairs if each[0].query == query.ref)))
    (found,) = matched(client, ids=[query.id], reasons=True)
    for row, each in zip(rows, found, strict=True):
        for name, other in (("for", "pros"), ("against", "cons")):
            wanted = [(reason["group"], reason["text"]) for reason in row["reasons"][name]]
            assert [(reason["group"], reason["text"]) for reason in each["reasons"][other]] == wanted
    assert matched(client, ids=[query.id])[0][0]["reasons"] is None


# -- filters -------------------------------------------------------------------------------------------------


def test_a_filter_acts_inside_the_search(client: TestClient) -> None:
    query = OTHERS[0]
    brands = {query.brand}
    (found,) = matched(client, products=[as_json(query)], filters={"brands": list(brands)})
    (cheap,) = matched(client, products=[as_json(query)], filters={"max_price": 10.0})
    (everything,) = matched(client, products=[as_json(query)])
    assert len(cheap) == len(everything) == 10
    assert cheap != everything
    for candidates, holds in (
        (found, lambda product: product["brand"].casefold() == query.brand.casefold()),
        (cheap, lambda product: product["price"] <= 10),
    ):
        assert candidates
        products = [client.get(f"/products/amazon/{each['id']}").json() for each in candidates]
        assert all(map(holds, products))


def test_a_filter_that_nothing_meets_gives_no_candidates(client: TestClient) -> None:
    filters = {"brands": ["no such brand"]}
    assert matched(client, products=[as_json(OTHERS[0])], filters=filters) == [[]]
    assert matched(client, ids=[IMPORTED[0].id], filters=filters, reasons=True) == [[]]


def test_a_filter_that_everything_meets_changes_nothing(client: TestClient) -> None:
    query = as_json(OTHERS[3])
    assert matched(client, products=[query], filters={"sources": ["amazon"]}) == matched(client, products=[query])


# -- batches and the cache -----------------------------------------------------------------------------------


def test_requests_of_one_moment_are_scored_in_one_batch(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    first, waiting = threading.Event(), threading.Event()
    scored = QueryScorer.scored

    def counted(self: QueryScorer, queries: list[Product], *rest: Any, **options: Any) -> list[ScoredQuery]:
        batches.append(len(queries))
        if len(batches) == 1:
            first.set()
            assert waiting.wait(60)
        return scored(self, queries, *rest, **options)

    app = make_app()
    with client_of(app) as client, ThreadPoolExecutor(10) as pool:
        monkeypatch.setattr(QueryScorer, "scored", counted)
        ask = lambda query: matched(client, products=[as_json(query)])  # noqa: E731
        one = pool.submit(ask, OTHERS[0])
        assert first.wait(60)
        others = [pool.submit(ask, query) for query in [*OTHERS[1:8], OTHERS[1]]]
        until(lambda: "samesku_waiting_queries 8" in client.get("/metrics").text)
        waiting.set()
        found = [each.result()[0] for each in (one, *others)]
        assert batches == [1, 7]
        monkeypatch.undo()
        assert found == [ask(query)[0] for query in [*OTHERS[:8], OTHERS[1]]]


def test_what_was_asked_before_is_not_computed_again(client: TestClient, hash_encoder: HashEncoder) -> None:
    wanted = {"products": [as_json(OTHERS[0]), as_json(OTHERS[1])]}
    first = matched(client, **wanted)
    hash_encoder.asked.clear()
    assert matched(client, **wanted) == first
    assert matched(client, **wanted, k=2) == [each[:2] for each in first]
    assert hash_encoder.asked == []
    assert "samesku_cache_hits_total 4" in client.get("/metrics").text
    matched(client, products=[as_json(OTHERS[0]) | {"brand": "Other"}])
    assert len(hash_encoder.asked) == 1


def test_a_full_queue_says_when_to_try_again(make_app: MakeApp) -> None:
    with client_of(make_app(max_waiting=5)) as client:
        answer = client.post("/match", json={"products": [as_json(query) for query in OTHERS[:6]]})
        assert problem(answer, 429) == "Too many products wait to be matched."
        assert int(answer.headers["retry-after"]) >= 1
        assert len(matched(client, products=[as_json(query) for query in OTHERS[:5]])) == 5


# -- products ------------------------------------------------------------------------------------------------


def test_a_product_of_the_workspace(client: TestClient) -> None:
    query = IMPORTED[0]
    answer = client.get(f"/products/walmart/{query.id}").json()
    assert answer == as_json(query) | {"role": "query", "cluster": None}
    assert "no product walmart/nothing" in problem(client.get("/products/walmart/nothing"), 404)
    assert "no product a/b/c" in problem(client.get("/products/a/b/c"), 404)


# -- what cannot be matched ----------------------------------------------------------------------------------

TITLE = {"title": "Mouse"}


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"products": [{"titel": "x"}]}, 422, "There is no field 'titel' in products[0]; did you mean 'title'?"),
        ({"product": [TITLE]}, 422, "There is no field 'product'; did you mean 'products'?"),
        ({"products": [TITLE], "zzz": 1}, 422, "There is no field 'zzz'; the fields are products, ids, k"),
        ({"products": [TITLE], "filters": {"brand": []}}, 422, "did you mean 'brands'?"),
        ({"products": [{}]}, 422, "products[0].title is missing."),
        ({"products": [TITLE, {"title": 7}]}, 422, "products[1].title is not valid: it must be a text."),
        ({"products": [TITLE | {"price": "seven"}]}, 422, "products[0].price is not one price: 'seven'."),
        ({"products": [TITLE | {"price": "N/A"}]}, 422, "products[0].price is not one price: 'N/A'."),
        ({"products": [TITLE, TITLE | {"price": "$"}]}, 422, "products[1].price is not one price: '$'."),
        ({"products": [TITLE | {"price": "{}"}]}, 422, "products[0].price is not one price: '{}'."),
        ({"products": [TITLE | {"price": [7]}]}, 422, "products[0].price is not valid: it must be a number from 0"),
        ({"products": [TITLE | {"price": True}]}, 422, "or a text such as $1,299.00."),
        ({"products": [TITLE | {"id": "1\0"}]}, 422, "products[0].id has a control character."),
        (
            {"products": [TITLE], "filters": {"sources": ["ebay"]}},
            422,
            "no source of candidates 'ebay'; there are amazon.",
        ),
        ({"products": [TITLE], "filters": {"min_price": 2, "max_price": 1}}, 422, "filters.min_price is higher than"),
        ({"products": [TITLE], "filters": [1]}, 422, "filters is not valid: it must be an object."),
        ({"products": TITLE}, 422, "products is not valid: it must be a list."),
        ({"products": [TITLE | {"price": -1}]}, 422, "products[0].price is not valid"),
        ({"products": [TITLE], "k": "3"}, 422, "k is not valid: it must be a whole number."),
        ({"products": [TITLE], "k": 0}, 422, "k is not valid: it must be 1 or more."),
        ({"products": [TITLE], "k": 11}, 422, "the index keeps 10 candidates of each product, fewer than 11"),
        ({"products": [TITLE], "reasons": 1}, 422, "reasons is not valid: it must be true or false."),
        ({"products": [], "k": 1}, 422, "products is not valid: it must have 1 or more entries."),
        ({"products": [TITLE], "ids": ["1"]}, 422, "Give either products or ids."),
        ({}, 422, "Give either products or ids."),
        ([], 422, "The body is not valid"),
        (None, 422, "The body is missing."),
        ({"products": [{"title": "\u200b "}]}, 422, "products[0].title says nothing."),
        ({"products": [TITLE | {"source": " x"}]}, 422, "' x' is not a valid source name."),
        ({"products": [TITLE | {"title": "x" * 20_001}]}, 422, "products[0].title is not valid"),
        ({"ids": ["17", "nothing", "walmart/none"]}, 404, "There is no query 17, nothing, walmart/none"),
        ({"ids": [str(number) for number in range(900)]}, 404, "and 895 more in the workspace."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_one_sentence(client: TestClient, body: Any, status: int, sentence: str) -> None:
    assert sentence in problem(client.post("/match", json=body), status)


def test_prices_are_read_as_by_an_import(client: TestClient) -> None:
    query = as_json(IMPORTED[0]) | {"id": "", "currency": ""}
    prices = (1299.0, "1,299.00", '{"amount": 1299}', None, "", " ", "0.00")
    found = matched(client, products=[query | {"price": price} for price in prices])
    assert found[0] == found[1] == found[2] != found[3]
    assert found[3] == found[4] == found[5] == found[6]


def test_a_candidate_is_not_a_query(client: TestClient, home: Workspace) -> None:
    candidate = matched(client, ids=[IMPORTED[0].id])[0][0]
    assert "There is no query amazon/" in problem(
        client.post("/match", json={"ids": [f"amazon/{candidate['id']}"]}), 404
    )


def test_too_many_products_are_refused(client: TestClient) -> None:
    body = {"products": [TITLE] * (MAX_PRODUCTS + 1)}
    assert "products is not valid" in problem(client.post("/match", json=body), 422)
    many = {"products": [TITLE | {"brand": "x" * 80}] * 100_000}
    assert "The body is larger than 8 MiB." in problem(client.post("/match", json=many), 413)
