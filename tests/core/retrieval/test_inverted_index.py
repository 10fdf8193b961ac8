"""The inverted index against plain sorting: the same results, and of many rows almost the same."""

import tracemalloc
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from core.retrieval import inverted_index
from core.retrieval.array_file import load_arrays, save_arrays
from core.retrieval.inverted_index import InvertedIndex, highest
from core.retrieval.lexical import LexicalIndex

MAKERS = ("Canon", "Nikon", "Sony", "Kodak", "Epson", "Brother")
THINGS = ("ink cartridge", "camera case", "lens cap", "laptop sleeve", "toner", "photo paper", "battery charger")
DETAILS = ("black", "cyan", "magenta", "for projectors", "2-pack", "compatible", "glossy", "with stand", "refurbished")


def listings(count: int, seed: int) -> list[str]:
    """Titles with common words and rare model numbers, some of them near-duplicates."""
    pick, found = Random(seed), []
    for _ in range(count):
        if found and pick.random() < 0.3:
            found.append(f"{pick.choice(found)} {pick.choice(DETAILS)}")
        else:
            words = pick.choice(MAKERS), pick.choice(THINGS), f"{pick.choice('abcdef')}{pick.randrange(3000)}"
            found.append(" ".join([*words, *pick.sample(DETAILS, 3)]))
    return found


def expected(scores: np.ndarray, depth: int) -> np.ndarray:
    return np.lexsort((np.arange(len(scores)), -scores))[:depth]


@given(st.lists(st.sampled_from([0.0, 0.0, 0.25, 0.5, 0.75, 1.0]), max_size=300), st.integers(0, 300))
def test_the_highest_scores_are_those_of_a_plain_sort_ties_by_index(values: list[float], depth: int) -> None:
    scores = np.array(values, np.float32)
    depth = min(depth, len(scores))
    places, found = highest(scores, depth)
    assert_array_equal(places, expected(scores, depth))
    assert_array_equal(found, scores[places])


@pytest.mark.parametrize("depth", [1, 10, 125, 1000])
def test_the_highest_of_many_scores(depth: int) -> None:
    scores = np.random.default_rng(depth).random(20_003).astype(np.float32).round(4)
    scores[scores < 0.5] = 0
    assert_array_equal(highest(scores, depth)[0], expected(scores, depth))


@pytest.mark.parametrize("depth", [1, 100, 700])
def test_a_search_equals_the_product_of_the_matrices_to_the_last_bit(depth: int) -> None:
    index = LexicalIndex.of(listings(700, seed=1))
    vectors = index.vectors([*listings(20, seed=2), "zzz qqq", ""])
    table = (vectors @ index._index.rows.T.tocsr()).toarray()
    places, scores = index.search(vectors, depth)
    for i, row in enumerate(table):
        assert_array_equal(places[i], expected(row, depth))
        assert_array_equal(scores[i], row[places[i]])
        assert_array_equal(index.every_score(vectors, i), row)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_postings_are_added_up_in_place_to_the_last_bit(monkeypatch: pytest.MonkeyPatch, dtype: type) -> None:
    lexical = LexicalIndex.of(listings(700, seed=6))
    index, texts = InvertedIndex(lexical._index.rows), lexical.vectors([*listings(20, seed=7), "zzz qqq", ""])
    for name in ("indices", "indptr"):
        setattr(index.columns, name, getattr(index.columns, name).astype(dtype))
    monkeypatch.setattr(inverted_index, "_MIN_IN_PLACE", 2**20)
    copied = [index.scores(*inverted_index.terms_of(texts, row)) for row in range(22)]
    monkeypatch.setattr(inverted_index, "_MIN_IN_PLACE", 0)
    for block in (64, 350, 700):
        monkeypatch.setattr(inverted_index, "_BLOCK", block)
        for row, scores in enumerate(copied):
            assert_array_equal(index.scores(*inverted_index.terms_of(texts, row)), scores)


@pytest.mark.parametrize("block", [64, 2**17])
def test_searches_one_after_another_do_not_change_each_others_results(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(inverted_index, "_BLOCK", block)
    monkeypatch.setattr(inverted_index, "_MIN_IN_PLACE", 0)
    large, small = (LexicalIndex.of(listings(count, seed=6)) for count in (700, 150))
    texts = listings(20, seed=7)
    expected = [index.search(index.vectors([text]), 9) for text in texts for index in (small, large)]
    again = [index.search(index.vectors([text]), 9) for text in texts for index in (small, large)]
    for one, other, index in zip(expected, again, [small, large] * 20, strict=True):
        assert_array_equal(one, other)
        assert one[0].max() < len(index)
    for text, (places, scores) in zip(texts, again[1::2], strict=True):
        every = large.every_score(large.vectors([text]), 0)
        assert_array_equal(scores[0], every[places[0]])


@pytest.fixture
def few_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search a few rows as if they were many."""
    for name, value in {"MAX_EXACT": 100, "_POSTINGS_PER_ROW": 4, "_SHORTLIST": 600}.items():
        monkeypatch.setattr(inverted_index, name, value)


@pytest.mark.usefixtures("few_are_exact")
@pytest.mark.parametrize("seed", range(3))
def test_without_their_most_common_terms_queries_find_almost_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = LexicalIndex.of(listings(6000, seed))
    queries = index.vectors(listings(100, seed + 100))
    places, scores = index.search(queries, 10)
    rows = np.repeat(np.arange(queries.shape[0]), 10)
    assert scores.ravel() == pytest.approx(index.pairs(queries, rows, places.ravel()), abs=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert all(len(index._index._counted_terms(row.indices)) < row.nnz for row in queries)
    monkeypatch.setattr(inverted_index, "MAX_EXACT", 6000)
    _, exact = index.search(queries, 10)
    # By score, since equal ones have equal rights.
    assert np.mean(scores >= exact[:, -1:] - 1e-6) > 0.99


@pytest.mark.usefixtures("few_are_exact")
def test_a_query_with_few_postings_is_searched_exactly_among_any_number_of_rows() -> None:
    rows = csr_matrix(np.eye(200, 5, dtype=np.float32))
    places, scores = InvertedIndex(rows).search(csr_matrix(np.eye(5, dtype=np.float32)), 1)
    assert places.ravel().tolist() == [0, 1, 2, 3, 4]
    assert scores.ravel().tolist() == [1] * 5
    assert InvertedIndex(rows)._counted_terms(np.arange(5)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("few_are_exact")
def test_the_rarest_term_counts_however_common_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted_index, "_POSTINGS_PER_ROW", 0)
    rows = csr_matrix(np.random.default_rng(1).random((300, 3), dtype=np.float32))
    places, _ = InvertedIndex(rows).search(csr_matrix(np.ones((1, 3), np.float32)), 5)
    assert len(InvertedIndex(rows)._counted_terms(np.arange(3))) == 1
    assert len(set(places.ravel())) == 5


@pytest.mark.parametrize("limit", [100, 50_000])
def test_a_search_never_compares_several_queries_with_all_products_at_once(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inverted_index, "MAX_EXACT", limit)
    monkeypatch.setattr(csr_matrix, "toarray", None)
    index = LexicalIndex.of(listings(5000, seed=5))
    queries = index.vectors(listings(300, seed=6))
    index.search(queries[:1], 10)
    tracemalloc.start()
    index.search(queries, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < queries.shape[0] * 5000 * 4 / 4


@pytest.mark.usefixtures("few_are_exact")
def test_an_index_that_was_replaced_in_part_finds_what_a_new_one_finds() -> None:
    before, added = listings(3000, seed=7), listings(200, seed=8)
    index = LexicalIndex.of(before)
    origin = np.concatenate([np.arange(100, 3000), np.full(200, -1)])
    updated = index.replaced(origin, added)
    anew = index.replaced(np.full(3100, -1), [*before[100:], *added])
    queries = index.vectors(listings(50, 9))
    for one, other in zip(updated.search(queries, 20), anew.search(queries, 20), strict=True):
        assert_array_equal(one, other)


@pytest.mark.usefixtures("few_are_exact")
@pytest.mark.parametrize("count", [80, 400])
def test_a_saved_index_finds_the_same_and_a_large_one_has_its_columns(
    tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = LexicalIndex.of(listings(count, seed=3))
    save_arrays(tmp_path / "index.safetensors", index.to_arrays())
    arrays = load_arrays(tmp_path / "index.safetensors")
    assert ("lexical.columns.data" in arrays) == (count > 100)
    if count > 100:
        monkeypatch.setattr(csr_matrix, "tocsc", None)
    queries, read = index.vectors(listings(30, 4)), LexicalIndex.from_arrays(arrays)
    assert (read.vectors(listings(30, 4)) != queries).nnz == 0
    for one, other in zip(read.search(queries, 20), index.search(queries, 20), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("limit", [1.0, 0.2])
def test_a_search_of_some_rows_finds_the_best_of_these(limit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted_index, "MAX_EXACT", 0)
    monkeypatch.setattr(inverted_index, "_POSTINGS_PER_ROW", limit)
    random = np.random.default_rng(4)
    matrix = csr_matrix(np.where(random.random((300, 40)) < 0.2, random.random((300, 40)), 0).astype(np.float32))
    index, rows = InvertedIndex(matrix), np.arange(1, 300, 3)
    found, scores = index.search(matrix[:5], 10, rows=rows)
    exact = (matrix[:5] @ matrix[rows].T).toarray()
    assert np.isin(found, rows).all()
    assert scores == pytest.approx(-np.sort(-exact, axis=1)[:, :10], abs=1e-6)
