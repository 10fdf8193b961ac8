"""The demo with a third retailer."""

from pathlib import Path

import pytest
from samples import HashEncoder

import core.demo
from core.catalog.demo import DEPARTMENTS, DemoCatalogue, DemoSources, generated_catalogue, generated_sources
from core.catalog.demo.target import HOUSE_BRAND
from core.catalog.store import CatalogStore
from core.clustering.gold import read_known_products
from core.demo import ANSWERER, build_demo, is_gold, known_products
from core.errors import CoreError
from core.jobs.progress import Silent
from core.workspace import Workspace
from labels.store import LabelStore


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, hash_encoder: HashEncoder) -> tuple[DemoCatalogue, DemoSources]:
    """A small part of the catalogue, with an encoder that knows nothing."""
    assert hash_encoder.asked == []
    two, three = generated_catalogue("", DEPARTMENTS[:2]), generated_sources("", DEPARTMENTS[:2])
    monkeypatch.setattr(core.demo, "demo_catalogue", lambda: two)
    monkeypatch.setattr(core.demo, "demo_sources", lambda: three)
    return two, three


def sources_of(workspace: Workspace) -> dict[str, tuple[str, int]]:
    with CatalogStore(workspace.catalog) as catalog:
        return {each.name: (each.role, each.products) for each in catalog.sources()}


def test_the_third_retailer_leaves_the_other_two_as_they_are() -> None:
    two, three = generated_catalogue("", DEPARTMENTS[:2]), generated_sources("", DEPARTMENTS[:2])
    by_id = {source: sorted(products, key=lambda each: each.id) for source, products in three.products.items()}
    assert tuple(by_id["walmart"]) == two.queries
    assert tuple(by_id["amazon"]) == two.products
    items = {each.ref: three.item[each.ref] for each in (*two.queries, *two.products)}
    gold = {(q.id, p.id) for q in two.queries for p in two.products if items[q.ref] == items[p.ref]}
    assert gold == two.gold
    assert any(HOUSE_BRAND in each.title for each in by_id["target"])


def test_three_sources_are_labelled_and_stay(demo: tuple[DemoCatalogue, DemoSources], tmp_path: Path) -> None:
    _, three = demo
    workspace = Workspace(tmp_path / "home")
    build_demo(workspace, Silent())
    assert sources_of(workspace).keys() == {"amazon", "walmart"}
    assert not known_products(workspace).exists()
    build_demo(workspace, Silent(), sources=3)
    added = sources_of(workspace)
    assert added["target"] == ("both", len(three.products["target"]))
    assert read_known_products(known_products(workspace), three.item.keys()) == three.item
    build_demo(workspace, Silent())
    assert sources_of(workspace) == added
    with LabelStore(workspace.labels) as store:
        decisions = [each for each in store.decisions() if each.annotator == ANSWERER]
    assert {each.pair.query.source for each in decisions} == {"target", "walmart"}
    assert all((each.decision.value == "match") == is_gold(each.pair) for each in decisions)


@pytest.mark.usefixtures("demo")
def test_a_workspace_of_somebody_is_left_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home").create()
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("target", "query", [])
        catalog.replace("shop", "query", [])
    with pytest.raises(CoreError, match="not the demo's"):
        build_demo(workspace, Silent(), sources=3)
