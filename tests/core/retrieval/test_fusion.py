"""Candidates: two retrievers and what the fields say, in one order."""

from dataclasses import replace

import numpy as np
import pytest
from samples import PRODUCTS, QUERIES, vector

from core.catalog.product import Product, default_gtins
from core.jobs.progress import Silent
from core.retrieval.dense import DenseIndex
from core.retrieval.field_boosts import (
    BRAND_WEIGHT,
    GTIN_CONFLICT_WEIGHT,
    GTIN_WEIGHT,
    MODEL_WEIGHT,
    PRICE_WEIGHT,
    PRICE_WIDTH,
    FieldBoosts,
)
from core.retrieval.fusion import Fusion
from core.retrieval.lexical import LexicalIndex
from core.text.model_numbers import alphanumeric

TEXTS = [query.title for query in QUERIES]
VECTORS = np.stack([vector(text) for text in TEXTS])


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    return Fusion(
        dense=DenseIndex(np.stack([vector(product.title) for product in PRODUCTS])),
        lexical=LexicalIndex.of([product.title for product in PRODUCTS]),
        field_boosts=FieldBoosts(PRODUCTS),
        refs=[product.ref for product in PRODUCTS],
        dense_weight=0.3,
        depth=100,
        k=4,
    )


def fused(fusion: Fusion) -> list[list]:
    found = list(fusion.candidates(QUERIES, TEXTS, VECTORS, Silent()))
    assert [query for query, _ in found] == [query.ref for query in QUERIES]
    return [candidates for _, candidates in found]


def test_k_candidates_by_falling_score_with_both_ranks(fusion: Fusion) -> None:
    for candidates in fused(fusion):
        assert [candidate.rank for candidate in candidates] == [1, 2, 3, 4]
        scores = [candidate.score for candidate in candidates]
        assert scores == sorted(scores, reverse=True)
        # As deep as the catalogue, so that both retrievers have seen everything.
        assert all(candidate.dense_rank for candidate in candidates)
        assert candidates[0].lexical_rank == 1, "what shares nothing with the query has no rank"


def test_the_score_is_the_weighted_mean_of_both_cosines_and_the_fields(fusion: Fusion) -> None:
    top = fused(fusion)[0][0]
    row, place = np.array([0]), np.array([fusion.refs.index(top.ref)])
    cosine = fusion.dense.pairs(VECTORS[:1], row, place)[0]
    lexical = fusion.lexical.pairs(fusion.lexical.vectors(TEXTS[:1]), row, place)[0]
    fields = fusion.field_boosts.scores(QUERIES[0], place)[0]
    assert top.similarity == pytest.approx(cosine)
    assert top.score == pytest.approx(0.3 * cosine + 0.7 * lexical + fields, abs=1e-6)


def test_the_same_listing_comes_first(fusion: Fusion) -> None:
    assert [candidates[0].ref.id for candidates in fused(fusion)] == ["q1-c1", "q2-c1", "q3-c1", "q4-c1", "qv-c1"]


def test_beyond_the_depth_a_rank_is_unknown(fusion: Fusion) -> None:
    candidates = [c for row in fused(replace(fusion, depth=2)) for c in row]
    assert {c.dense_rank for c in candidates} <= {1, 2, None}
    assert all(c.dense_rank or c.lexical_rank for c in candidates)
    assert any(c.dense_rank is None for c in candidates)


UPC, EAN = "036000291452", "0036000291452"


def coded(queries: dict[str, str], products: dict[str, str], **options: int) -> list[list]:
    """The candidates where some listings carry codes."""
    asked = [replace(query, upc=queries.get(query.id, "")) for query in QUERIES]
    listed = [replace(product, upc=products.get(product.id, "")) for product in PRODUCTS]
    fusion = Fusion(
        dense=DenseIndex(np.stack([vector(product.title) for product in listed])),
        lexical=LexicalIndex.of([product.title for product in listed]),
        field_boosts=FieldBoosts(listed, default_gtins([*asked, *listed])),
        refs=[product.ref for product in listed],
        dense_weight=0.3,
        **{"depth": 100, "k": 4, **options},
    )
    return [found for _, found in fusion.candidates(asked, TEXTS, VECTORS, Silent())]


def test_an_equal_gtin_comes_first_however_far_the_texts_are_apart() -> None:
    found = coded({"q1": UPC}, {"x1": EAN, "q4-c2": UPC}, depth=1, k=3)[0]
    assert {candidate.ref.id for candidate in found[:2]} == {"x1", "q4-c2"}
    assert found[2].ref.id == "q1-c1"
    assert found[0].score > found[1].score, "of several the likest comes first"
    assert found[0].dense_rank is found[0].lexical_rank is None


def test_the_score_says_how_alike_the_texts_are_with_and_without_gtins(fusion: Fusion) -> None:
    plain = {candidate.ref: candidate.score for candidate in fused(replace(fusion, k=16))[0]}
    for candidate in coded({"q1": UPC}, {"q1-c2": EAN}, k=16)[0]:
        assert candidate.score == pytest.approx(plain[candidate.ref])


def test_another_gtin_speaks_against_a_candidate_and_an_unknown_one_says_nothing() -> None:
    products = [Product("amazon", str(n), "", upc=upc) for n, upc in enumerate((EAN, "4006381333931", "", "0"))]
    query = Product("walmart", "1", "", upc=UPC)
    places = np.arange(4)
    found = FieldBoosts(products).gtin_scores(query, places)
    assert found.tolist() == pytest.approx([GTIN_WEIGHT, -GTIN_CONFLICT_WEIGHT, 0, 0])
    assert not FieldBoosts(products).gtin_scores(replace(query, upc=""), places).any()


@pytest.mark.parametrize("code", ["999999999999", "036000291453", "212345678992", "B00X4WHP5E"])
def test_what_is_no_gtin_moves_nothing(fusion: Fusion, code: str) -> None:
    assert coded({"q1": code}, {"x1": code, "q1-c1": UPC}) == fused(fusion)


def test_a_gtin_on_too_many_queries_brings_nothing_in(fusion: Fusion) -> None:
    # All five carry it, which is as many as may.
    assert [row[0].ref.id for row in coded({query.id: UPC for query in QUERIES}, {"x1": UPC})] == ["x1"] * 5
    defaults = default_gtins([Product("walmart", str(n), "", upc=UPC) for n in range(6)])
    agreement = FieldBoosts([Product("amazon", "a", "", upc=UPC)], defaults)
    assert agreement.same_gtin(Product("walmart", "3", "", upc=UPC)) == []
    assert agreement.same_gtin(Product("walmart", "another", "", upc=UPC)) == []
    assert agreement.same_gtin(Product("target", "3", "", upc=UPC)) == [0]


# -- what the fields say -------------------------------------------------------------------------------------


def agreement(query: dict, product: dict) -> float:
    scores = FieldBoosts([Product("amazon", "a", "", **product)]).scores(
        Product("walmart", "1", "", **query), np.array([0])
    )
    return float(scores[0])


@pytest.mark.parametrize(
    ("query", "product", "expected"),
    [
        ({}, {}, 0),
        ({"brand": "Sony"}, {}, 0),
        ({"brand": "Sony"}, {"brand": "SONY "}, BRAND_WEIGHT / 2),
        ({"brand": "Sony"}, {"brand": "Canon"}, -BRAND_WEIGHT / 2),
        ({"model": "EN-EL14"}, {"model": "en el14"}, MODEL_WEIGHT),
        ({"model": "TN450"}, {"model": "TN460"}, -MODEL_WEIGHT),
        ({"model": "TN450"}, {"model": "TN450-BLK"}, 0),
        ({"model": "T6"}, {"model": "T6I"}, -MODEL_WEIGHT),
        ({"model": "TN450"}, {}, 0),
        ({"price": 10.0}, {"price": 10.0}, PRICE_WEIGHT / 2),
        ({"price": 10.0}, {"price": 10.0 * np.e**PRICE_WIDTH}, PRICE_WEIGHT * (np.exp(-1) - 0.5)),
        ({"price": 10.0}, {"price": 10_000.0}, -PRICE_WEIGHT / 2),
        ({"price": 10.0}, {}, 0),
        ({"price": 0.0}, {"price": 10.0}, 0),
    ],
)
def test_agreement_nudges_the_score(query: dict, product: dict, expected: float) -> None:
    assert agreement(query, product) == pytest.approx(expected, abs=1e-3 * PRICE_WEIGHT)
    assert agreement(product, query) == pytest.approx(expected, abs=1e-3 * PRICE_WEIGHT)


@pytest.mark.parametrize(("text", "expected"), [("EN-EL14", "enel14"), ("a_b c/d", "abcd"), ("ÉÜ 1", "éü1"), ("-", "")])
def test_spelling_makes_no_model_number(text: str, expected: str) -> None:
    assert alphanumeric(text) == expected
