"""Products and pairs that requests name, also of a source in both roles."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.serving.problems import ProblemError
from core.serving.products import ProductSource
from core.workspace import Workspace


@pytest.fixture
def products(tmp_path: Path) -> Iterator[ProductSource]:
    """A source that is compared with itself, beside a catalogue."""
    workspace = Workspace(tmp_path).create()
    with closing(CatalogStore(workspace.catalog)) as catalog:
        catalog.replace("shop", "both", [Product("shop", id_, f"Camera {id_}") for id_ in ("1", "2", "10")])
        catalog.replace("amazon", "catalog", [Product("amazon", "1", "Camera one")])
        yield ProductSource(workspace, catalog)


def test_a_pair_within_a_source_has_one_order(products: ProductSource) -> None:
    ids = [[product.id for product in products.pair(*names)] for names in (("shop/1", "shop/2"), ("shop/2", "shop/1"))]
    assert ids == [["1", "2"], ["1", "2"]]
    query, candidate = products.pair("2", "amazon/1")
    assert (query.ref, candidate.ref) == (("shop", "2"), ("amazon", "1"))


def test_a_listing_is_no_pair_with_itself(products: ProductSource) -> None:
    with pytest.raises(ProblemError, match="one listing"):
        products.pair("shop/1", "shop/1")


def test_a_candidate_of_several_sources_must_be_named_with_its_source(products: ProductSource) -> None:
    assert products.named(["1"], "query")[0].source == "shop"
    with pytest.raises(ProblemError, match="several sources"):
        products.named(["1"], "catalog")
    with pytest.raises(ProblemError, match="no query amazon/1"):
        products.named(["amazon/1"], "query")
