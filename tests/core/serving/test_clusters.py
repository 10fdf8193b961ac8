"""Products of `samesku cluster` over HTTP."""

from starlette.testclient import TestClient

from core.catalog.store import CatalogStore
from core.clustering.product_ids import IdChange, ProductIds, save_ids
from core.workspace import Workspace
from labels.model import ProductRef
from tests.core.serving.conftest import problem


def record(home: Workspace, run: int = 1, **products: list[ProductRef]) -> None:
    """Record product ids, as `samesku cluster --out` does."""
    merges = (IdChange(1, ("Pone", "Pgone"), ("Pone",)), IdChange(1, ("Pother",), ("Pother", "Pnew")))
    save_ids(home.product_ids, ProductIds(run, {ref: id_ for id_, refs in products.items() for ref in refs}, merges))


def some_refs(home: Workspace) -> list[ProductRef]:
    with CatalogStore(home.catalog) as catalog:
        return [next(catalog.iter(source=source)).ref for source in ("amazon", "walmart")]


def test_a_product_has_listings_and_a_record(client: TestClient, home: Workspace) -> None:
    one, other = some_refs(home)
    unrecorded = client.get("/clusters/Pone")
    assert "no product ids yet" in problem(unrecorded, 404)
    assert "samesku cluster --out" in unrecorded.json()["hint"]
    assert client.get("/products/" + "/".join(one)).json()["cluster"] is None

    record(home, Pone=[one, other], Pother=[ProductRef("walmart", "left the catalogue")])
    with CatalogStore(home.catalog) as catalog:
        listings = [catalog.get(one), catalog.get(other)]
    found = client.get("/clusters/Pone", params={"trust": ["walmart", "amazon"]})
    assert found.status_code == 200, found.text
    value = found.json()
    assert value["id"] == "Pone"
    assert value["listings"] == [
        {"source": each.source, "id": each.id, "title": each.title} for each in listings if each
    ]
    assert value["title"] in {each.title for each in listings if each}
    origin = value["provenance"]["title"]
    assert (origin["source"], origin["id"]) in {one, other}
    assert origin["rule"] in {"longest", "trusted"}
    assert value["provenance"]["attributes"].keys() == value["attributes"].keys()

    cluster = client.get("/products/" + "/".join(one)).json()["cluster"]
    assert cluster == {"id": "Pone", "listings": value["listings"]}


def test_an_unknown_product_or_source_is_said(client: TestClient, home: Workspace) -> None:
    record(home, Pone=some_refs(home), Pother=[ProductRef("walmart", "left the catalogue")])
    unknown = client.get("/clusters/Pnone")
    assert problem(unknown, 404) == "There is no product id Pnone in the workspace."
    assert "samesku cluster --out" in unknown.json()["hint"]
    problem(client.get("/clusters/Pother"), 404)
    assert client.get("/clusters/Pgone").json()["hint"] == "It was merged into Pone."
    assert "There is no source ebay" in problem(client.get("/clusters/Pone?trust=ebay"), 422)


def test_ids_of_another_run_are_read_and_damaged_ones_told(client: TestClient, home: Workspace) -> None:
    refs = some_refs(home)
    record(home, Pone=refs)
    assert client.get("/clusters/Pone").status_code == 200
    record(home, run=2, Ptwo=refs)
    assert client.get("/clusters/Ptwo").status_code == 200
    problem(client.get("/clusters/Pone"), 404)
    home.product_ids.write_text(home.product_ids.read_text().replace("Ptwo", "Ptwx"))
    assert "is damaged" in problem(client.get("/clusters/Ptwo"), 503)
    assert "is damaged" in problem(client.get("/products/" + "/".join(refs[0])), 503)
