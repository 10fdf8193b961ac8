"""What an import leaves out of date until the next index run."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES, HashEncoder, c, q, write_catalogue, write_workspace

from core.catalog.product import Product
from core.catalog.store import CatalogStore, ImportRules
from core.jobs.progress import Silent
from core.matching.pair_rows import matched_pairs, read_index_state
from core.matching.run import bring_up_to_date
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.indexed_products import IndexedProducts, IndexState
from core.settings import Settings
from core.workspace import Workspace


@pytest.fixture
def indexed(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    workspace = write_catalogue(tmp_path / "home")
    index(workspace)
    return workspace


def index(workspace: Workspace) -> None:
    bring_up_to_date(workspace, Settings(), EncoderModel("hash", workspace.home), Silent())


def bring_in(workspace: Workspace, queries: list[Product], products: list[Product]) -> None:
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("walmart", "query", queries, prune=True)
        catalog.replace("amazon", "catalog", products, prune=True)


def test_after_an_index_run_nothing_is_out_of_date(indexed: Workspace) -> None:
    assert read_index_state(indexed) == IndexState()
    assert read_index_state(indexed).sentences() == []


def test_what_an_import_changes_is_named_until_the_next_run(indexed: Workspace) -> None:
    new = Product("walmart", "new", "Anything else")
    bring_in(
        indexed,
        [replace(QUERIES[0], title="Retitled"), *QUERIES[2:], new],
        [*PRODUCTS[1:], replace(new, source="amazon")],
    )
    state = read_index_state(indexed)
    assert state.new_queries == (q("new"),)
    assert state.new_products == (c("new"),)
    assert state.changed == {q("q1")}
    assert state.removed == {q("q2"), c("q1-c1")}
    words = " ".join(state.sentences())
    assert "1 product changed since the last index run" in words
    assert "q1" in words
    assert "1 new query is not indexed yet, without candidates: new." in words
    assert words.endswith("Run `samesku index`.")
    index(indexed)
    assert read_index_state(indexed).is_current


def test_what_left_the_catalogue_is_in_no_result(indexed: Workspace) -> None:
    bring_in(indexed, QUERIES[1:], PRODUCTS[1:])
    found = list(matched_pairs(indexed, Settings(), 10))
    assert found
    assert {q("q1"), c("q1-c1")}.isdisjoint(ref for pair, _ in found for ref in pair)
    ranks = [row.rank for pair, row in found if pair.query == q("q2")]
    assert ranks == list(range(1, len(ranks) + 1))


def test_a_source_that_changed_its_role_has_left_its_side(indexed: Workspace) -> None:
    with CatalogStore(indexed.catalog) as catalog:
        catalog.replace("walmart", "catalog", QUERIES, rules=ImportRules(change_role=True))
    state = read_index_state(indexed)
    assert state.removed == {query.ref for query in QUERIES}
    assert set(state.new_products) == {query.ref for query in QUERIES}
    assert list(matched_pairs(indexed, Settings(), 10)) == []


def test_the_same_content_again_is_up_to_date(indexed: Workspace) -> None:
    bring_in(indexed, [replace(QUERIES[0], title="Retitled"), *QUERIES[1:]], PRODUCTS)
    bring_in(indexed, QUERIES, PRODUCTS)
    assert read_index_state(indexed).is_current


def test_of_a_run_of_an_earlier_version_only_what_is_gone_is_known(tmp_path: Path) -> None:
    workspace = write_workspace(tmp_path / "home")
    with closing(IndexedProducts(workspace.derived)) as before:
        assert before.mark is None
    assert read_index_state(workspace).is_current
    bring_in(workspace, [replace(QUERIES[0], title="Retitled"), *QUERIES[2:]], PRODUCTS)
    assert read_index_state(workspace) == IndexState(removed=frozenset({q("q2")}))
