"""Difference features: the words left of two titles, and variant words found in families of near-duplicates."""

import numpy as np
import pytest

from core.catalog.product import Product
from core.matching.features.differences import WORD_NUMBERS, DifferenceFeatures
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
COLOURS = ("krim", "velt", "onda")
FAMILIES = [f"acme {line} wireless mouse" for line in ("bolt", "nova", "pico", "quad")]
CATALOGUE = [f"{family} {colour}" for family in FAMILIES for colour in COLOURS]


def products(titles: list[str]) -> list[Product]:
    return [Product("s", str(i), title) for i, title in enumerate(titles)]


def features(one: str, other: str, catalogue: list[str] = CATALOGUE) -> dict[str, float]:
    weights = DifferenceFeatures(products(catalogue), products([]), VOCABULARY).weights
    group = DifferenceFeatures(products([one]), products([other]), VOCABULARY, weights)
    values = group.compute(np.zeros(1, np.int64), np.zeros(1, np.int64))
    return {feature.name: float(value[0]) for feature, value in zip(group.features, values, strict=True)}


def test_equal_titles_leave_nothing() -> None:
    found = features("acme bolt wireless mouse krim", "Acme Bolt wireless mouse, krim")
    assert found["query_left"] == found["candidate_left"] == found["both_variant"] == 0
    assert all(np.isnan(found[name]) for name in WORD_NUMBERS)


def test_words_that_fill_the_same_gap_are_variant_words_in_any_language() -> None:
    found = features("acme bolt wireless mouse krim", "acme bolt wireless mouse velt")
    assert found["both_variant"] == pytest.approx(np.log1p(len(FAMILIES)))
    omitted = features("acme bolt wireless mouse krim", "acme bolt wireless mouse")
    assert omitted["query_variant"] > 0
    assert omitted["both_variant"] == 0
    unknown = features("acme bolt wireless mouse fresh", "acme bolt wireless mouse neat")
    assert unknown["both_variant"] == 0
    assert unknown["both_left_rarest"] > 0


def test_codes_one_digit_apart_are_near_and_both_left() -> None:
    found = features("acme mouse X2463", "acme mouse X2468")
    assert found["left_codes_edits"] == 1
    assert found["left_codes_likeness"] == pytest.approx(0.8)
    assert found["left_codes_rarest"] > 0
    alone = features("acme mouse X2463", "acme mouse")
    assert np.isnan(alone["left_codes_edits"])
    assert alone["left_codes_rarest"] == 0
    assert alone["query_left_code"] > 0


def test_the_brand_and_model_fields_hold_words_of_the_title() -> None:
    group = DifferenceFeatures(
        products(["acme mouse X2463"]), [Product("s", "1", "mouse", "Acme", model="X2463")], VOCABULARY
    )
    values = dict(
        zip([f.name for f in group.features], group.compute(np.zeros(1, np.int64), np.zeros(1, np.int64)), strict=True)
    )
    assert values["query_left"][0] == 0


def test_other_pairs_and_the_order_of_listings_have_no_influence() -> None:
    weights = DifferenceFeatures(products(CATALOGUE), products([]), VOCABULARY).weights
    titles = [*CATALOGUE, "acme bolt keyboard Z99 black", "other thing 5000 red"]
    rows, columns = np.divmod(np.arange(len(titles) ** 2), len(titles))
    whole = DifferenceFeatures(products(titles), products(titles), VOCABULARY, weights).compute(rows, columns)
    turned = DifferenceFeatures(products(titles[::-1]), products(titles[::-1]), VOCABULARY, weights)
    again = turned.compute(len(titles) - 1 - rows, len(titles) - 1 - columns)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_empty_lists_and_titles_without_words() -> None:
    group = DifferenceFeatures([], [], VOCABULARY)
    assert all(len(column) == 0 for column in group.compute(np.zeros(0, np.int64), np.zeros(0, np.int64)))
    assert features("…", "—", [])["query_left"] == 0
