"""The two retrievers against the plainest way to compute the same."""

from pathlib import Path

import faiss
import numpy as np
import pytest
from samples import PRODUCTS, QUERIES, vector

from core.retrieval import dense
from core.retrieval.dense import DenseIndex
from core.retrieval.lexical import LexicalIndex

TITLES = [product.title for product in PRODUCTS]
VECTORS = np.stack([vector(title) for title in TITLES])
QUERY_VECTORS = np.stack([vector(query.title) for query in QUERIES])


@pytest.mark.parametrize("depth", [1, 5, len(TITLES), 1000])
def test_the_dense_index_finds_what_brute_force_finds(depth: int) -> None:
    places, scores = DenseIndex(VECTORS).search(QUERY_VECTORS, depth)
    cosines = QUERY_VECTORS @ VECTORS.T
    expected = np.argsort(-cosines, axis=1)[:, : min(depth, len(TITLES))]
    assert places.tolist() == expected.tolist()
    assert np.allclose(scores, np.take_along_axis(cosines, expected, axis=1), atol=1e-6)


def test_many_queries_at_once_find_what_each_finds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_BLOCK", 30)
    random = np.random.default_rng(0)
    vectors, queries = (random.standard_normal((n, 400)).astype(np.float32) for n in (100, 10))
    vectors, queries = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (vectors, queries))
    index = DenseIndex(vectors)
    positions, cosines = index.search(queries, 7)
    alone = [index.search(query[None], 7) for query in queries]
    assert positions.tolist() == [found.tolist()[0] for found, _ in alone]
    assert cosines == pytest.approx(np.concatenate([scores for _, scores in alone]), abs=1e-6)


@pytest.mark.parametrize("depth", [1, 5, 1000])
@pytest.mark.parametrize("allowed", [[], [3], [0, 2, 5, 7, 11, 15], list(range(len(TITLES)))], ids=len)
def test_a_filtered_lexical_search_is_a_search_among_the_allowed(depth: int, allowed: list[int]) -> None:
    index = LexicalIndex.of(TITLES)
    queries = index.vectors([query.title for query in QUERIES])
    mask = np.isin(np.arange(len(TITLES)), allowed)
    places, scores = index.search(queries, depth, allowed=mask)
    every = index.scores(queries, np.arange(len(TITLES)))
    every[:, ~mask] = -1
    expected = np.argsort(-every, axis=1, kind="stable")[:, : min(depth, len(allowed))]
    assert places.shape == scores.shape == (len(QUERIES), min(depth, len(allowed)))
    assert np.allclose(scores, np.take_along_axis(every, expected, axis=1), atol=1e-6)
    assert np.isin(places, allowed).all()


def test_the_dense_cosine_of_given_pairs() -> None:
    rows, places = np.array([0, 0, 1, 2, 2, 4]), np.array([3, 0, 1, 15, 2, 9])
    cosines = DenseIndex(VECTORS).pairs(QUERY_VECTORS, rows, places)
    assert np.allclose(cosines, (QUERY_VECTORS @ VECTORS.T)[rows, places], atol=1e-6)


def test_a_saved_index_is_read_by_faiss_and_leaves_no_part(tmp_path: Path) -> None:
    DenseIndex(VECTORS).save(tmp_path / "m" / "products.faiss")
    index = faiss.read_index(str(tmp_path / "m" / "products.faiss"))
    assert (index.ntotal, index.d) == VECTORS.shape
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["products.faiss"]


@pytest.fixture(scope="module")
def lexical() -> LexicalIndex:
    return LexicalIndex.of(TITLES)


def test_the_lexical_index_finds_the_same_words_first(lexical: LexicalIndex) -> None:
    places, scores = lexical.search(lexical.vectors(TITLES), 3)
    assert places[:, 0].tolist() == list(range(len(TITLES)))
    assert np.allclose(scores[:, 0], 1, atol=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_pairs_score_what_search_scores(lexical: LexicalIndex) -> None:
    queries = lexical.vectors([query.title for query in QUERIES])
    places, scores = lexical.search(queries, len(TITLES))
    rows = np.repeat(np.arange(len(QUERIES)), len(TITLES))
    assert np.allclose(lexical.pairs(queries, rows, places.ravel()), scores.ravel(), atol=1e-6)


def test_character_sequences_survive_another_spelling(lexical: LexicalIndex) -> None:
    places, scores = lexical.search(lexical.vectors(["cameras", "zzz qqq"]), 1)
    assert "Camera" in TITLES[places[0, 0]]
    assert scores[0, 0] > 0
    assert scores[1, 0] == 0


def test_ties_go_to_what_was_imported_first() -> None:
    lexical = LexicalIndex.of(["same words", "other things", "same words"])
    places, _ = lexical.search(lexical.vectors(["same words", "zzz"]), 3)
    assert places.tolist() == [[0, 2, 1], [0, 1, 2]]
