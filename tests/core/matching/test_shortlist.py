"""The candidates that are kept out of a larger pool."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.catalog.product import Product
from core.jobs.progress import Silent
from core.matching import shortlist as shortlist_module
from core.matching.features.builder import DIFFERENCE_COLUMNS, CorpusFeatures
from core.matching.shortlist import Shortlist
from core.retrieval.corpus import Corpus
from core.retrieval.search_results import Ranked
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import ProductRef

COLOURS = ("Black", "White", "Navy", "Crimson", "Sage Green")
QUERY = Product("walmart", "q", "Linnaea Classic Sheet Set Queen Crimson", brand="Linnaea")
SHEETS = [
    Product("amazon", f"{size}-{colour}", f"Linnaea Classic Bed Sheets Set, Deep Pocket, {size}, {colour}", "Linnaea")
    for size in ("Twin", "Full", "Queen", "King")
    for colour in COLOURS
]


def shortlist(home: Path, products: list[Product], k: int = 10) -> Shortlist:
    return Shortlist(CorpusFeatures(Workspace(home), Settings(), Corpus([QUERY], products)), k)


def kept(home: Path, products: list[Product], k: int = 10) -> list[ProductRef]:
    """What is kept of a pool of the products in this order, whose retrievers cannot tell them apart."""
    places = np.arange(len(products))
    same = np.full(len(products), 0.8, np.float32)
    pool = Ranked(np.zeros(len(products), np.int64), places, places + 1, same, places + 1, places + 1)
    selection = shortlist(home, products, k)
    found = selection.choose(pool, selection.score(pool.rows, places, same, Silent()))
    assert found.rank.tolist() == list(range(1, len(found.rank) + 1))
    return [products[place].ref for place in found.entries]


@pytest.mark.parametrize("place", [7, 12, 19])
def test_the_variant_that_is_meant_is_kept_wherever_the_retrievers_put_it(tmp_path: Path, place: int) -> None:
    wanted = ProductRef("amazon", "Queen-Crimson")
    products = sorted(SHEETS, key=lambda product: product.ref == wanted)
    products.insert(place, products.pop())
    assert wanted in kept(tmp_path, products)


def test_the_best_six_in_ten_as_retrieved_stay_and_ranks_count_from_one(tmp_path: Path) -> None:
    found = kept(tmp_path, SHEETS)
    assert found[:6] == [product.ref for product in SHEETS[:6]]
    places = [[product.ref for product in SHEETS].index(ref) for ref in found]
    assert places == sorted(places)


@pytest.mark.parametrize("count", [1, 5, 10])
def test_a_pool_that_fits_is_kept_whole(tmp_path: Path, count: int) -> None:
    assert kept(tmp_path, SHEETS[:count]) == [product.ref for product in SHEETS[:count]]


@pytest.mark.parametrize("k", [1, 2, 3, 10])
def test_as_many_are_kept_as_a_query_has_places(tmp_path: Path, k: int) -> None:
    assert len(kept(tmp_path, SHEETS, k)) == k


def test_another_vocabulary_is_another_choice(tmp_path: Path) -> None:
    before = shortlist(tmp_path, SHEETS).fingerprint
    assert shortlist(tmp_path, SHEETS).fingerprint == before
    Workspace(tmp_path).vocabulary.write_text('[[store_brands]]\nname = "Linnaea"\n')
    assert shortlist(tmp_path, SHEETS).fingerprint != before


def test_the_vocabulary_is_read_once_for_all_further_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = shortlist(tmp_path, SHEETS)
    selection.score(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.float32), Silent())
    monkeypatch.setattr(Vocabulary, "load", lambda _: pytest.fail("read again"))
    for _ in range(2):
        other = selection.with_queries([QUERY])
        other.score(np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.float32), Silent())


def test_the_features_of_candidates_are_those_computed_at_once(tmp_path: Path) -> None:
    other = shortlist(tmp_path, SHEETS).with_queries([QUERY])
    rows, places, cosines = np.zeros(20, np.int64), np.arange(20), np.linspace(0, 1, 20, dtype=np.float32)
    other.score(rows, places, cosines, Silent())
    some = [3, 17, 4]
    assert other.scored is not None
    found = other.scored.compute(rows[some], places[some], cosines[some])
    assert_array_equal(found, other.features.compute(rows[some], places[some], cosines[some]))
    assert np.isfinite(found[:, DIFFERENCE_COLUMNS]).any()


def test_features_are_kept_from_block_to_block_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = shortlist(tmp_path, SHEETS).with_queries([QUERY])
    rows, cosines = np.zeros(2, np.int64), np.ones(2, np.float32)
    first, second, third = (np.array(pair) for pair in ((0, 1), (2, 3), (4, 5)))

    def known() -> list[bool]:
        assert selection.scored is not None
        return selection.scored.has(np.zeros(6, np.int64), np.arange(6)).tolist()

    for places in (first, second):
        selection.score(rows, places, cosines, Silent())
    assert known() == [True] * 4 + [False] * 2
    assert selection.scored is not None
    found = selection.scored.compute(rows, second, cosines)
    assert np.array_equal(found, selection.features.compute(rows, second, cosines), equal_nan=True)
    monkeypatch.setattr(shortlist_module, "_MAX_KEPT", 5)
    selection.score(rows, third, cosines, Silent())
    assert known() == [False] * 4 + [True] * 2
