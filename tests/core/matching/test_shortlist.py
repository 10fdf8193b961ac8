"""The candidates that are kept out of a larger pool."""

from pathlib import Path

import pytest

from core.catalog.product import Product
from core.matching.features.builder import CorpusFeatures
from core.matching.shortlist import Shortlist
from core.retrieval.candidates import Candidate
from core.retrieval.index_run import Corpus
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ProductRef

COLOURS = ("Black", "White", "Navy", "Crimson", "Sage Green")
QUERY = Product("walmart", "q", "Linnaea Classic Sheet Set Queen Crimson", brand="Linnaea")
SHEETS = [
    Product("amazon", f"{size}-{colour}", f"Linnaea Classic Bed Sheets Set, Deep Pocket, {size}, {colour}", "Linnaea")
    for size in ("Twin", "Full", "Queen", "King")
    for colour in COLOURS
]


def pool_of(products: list[Product]) -> list[Candidate]:
    """The products as a pool, whose retrievers cannot tell them apart."""
    return [Candidate(p.ref, rank, 0.8, 0.8, rank, rank) for rank, p in enumerate(products, 1)]


def shortlist(home: Path, products: list[Product], k: int = 10) -> Shortlist:
    return Shortlist(CorpusFeatures(Workspace(home), Settings(), Corpus([QUERY], products)), k)


def kept(home: Path, products: list[Product], k: int = 10) -> list[Candidate]:
    ((query, found),) = shortlist(home, products, k).choose([(QUERY.ref, pool_of(products))])
    assert query == QUERY.ref
    return found


@pytest.mark.parametrize("place", [7, 12, 19])
def test_the_variant_that_is_meant_is_kept_wherever_the_retrievers_put_it(tmp_path: Path, place: int) -> None:
    wanted = ProductRef("amazon", "Queen-Crimson")
    products = sorted(SHEETS, key=lambda product: product.ref == wanted)
    products.insert(place, products.pop())
    assert wanted in [candidate.ref for candidate in kept(tmp_path, products)]


def test_the_best_six_in_ten_as_retrieved_stay_and_ranks_count_from_one(tmp_path: Path) -> None:
    found = kept(tmp_path, SHEETS)
    assert [candidate.ref for candidate in found[:6]] == [product.ref for product in SHEETS[:6]]
    assert [candidate.rank for candidate in found] == list(range(1, 11))
    places = [SHEETS.index(next(p for p in SHEETS if p.ref == candidate.ref)) for candidate in found]
    assert places == sorted(places)


@pytest.mark.parametrize("count", [1, 5, 10])
def test_a_pool_that_fits_is_kept_whole(tmp_path: Path, count: int) -> None:
    assert kept(tmp_path, SHEETS[:count]) == pool_of(SHEETS[:count])


@pytest.mark.parametrize("k", [1, 2, 3, 10])
def test_as_many_are_kept_as_a_query_has_places(tmp_path: Path, k: int) -> None:
    assert len(kept(tmp_path, SHEETS, k)) == k


def test_another_vocabulary_is_another_choice(tmp_path: Path) -> None:
    before = shortlist(tmp_path, SHEETS).fingerprint
    assert shortlist(tmp_path, SHEETS).fingerprint == before
    Workspace(tmp_path).vocabulary.write_text('[[store_brands]]\nname = "Linnaea"\n')
    assert shortlist(tmp_path, SHEETS).fingerprint != before
