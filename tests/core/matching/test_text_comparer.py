"""Comparing listings by their texts alone."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.matching import text_comparer
from core.matching.text_comparer import TextComparer, TextFeatures

TEXTS = tuple(f"acme {kind} x{number}" for kind in ("camera", "printer", "watch") for number in range(100, 120))


def fitted() -> tuple[TextComparer, list[str], list[str]]:
    """Fitted to listings of a shop, which match those of another if they name the same number."""
    ones = [text for text in TEXTS for _ in range(3)]
    others = [f"{TEXTS[(i + step) % len(TEXTS)]} new" for i in range(len(TEXTS)) for step in (0, 1, 20)]
    labels = np.arange(len(ones)) % 3 == 0
    features = TextFeatures(TEXTS)
    vectors = features.prepare(ones, others).compute(ones, others)
    return TextComparer.fit(features, vectors, labels, np.ones(len(labels)), seed=1), ones, others


def test_equal_numbers_score_higher_than_others() -> None:
    comparer, _, _ = fitted()
    same, other, kind = comparer.scores(
        ["acme camera x131"] * 3, ["acme camera x131 offer", "acme camera x137 offer", "acme watch x131 offer"]
    )
    assert same > 0 > max(other, kind)


def test_a_file_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    comparer, ones, others = fitted()
    again = TextComparer.from_json(json.loads(json.dumps(comparer.to_json())), TEXTS)
    scores = comparer.scores(ones, others)
    assert_array_equal(again.scores(ones, others), scores)
    monkeypatch.setattr(text_comparer, "_BLOCK", 7)
    assert_array_equal(comparer.scores(ones, others), scores)
    assert comparer.scores([], []).shape == (0,)


def test_features_do_not_depend_on_the_texts_that_are_compared_together() -> None:
    features = TextFeatures(TEXTS)
    pairs = list(TEXTS), [f"{text} black, free shipping" for text in TEXTS[::-1]]
    whole = features.prepare(*pairs).compute(*pairs)
    for i in (0, 7, 59):
        one = [pairs[0][i]], [pairs[1][i]]
        assert_array_equal(features.prepare(*one).compute(*one)[0], whole[i])


@pytest.mark.parametrize("text", ["", "one", "\ud800 \x00\x1b[1m", "語" * 50, "x" * 10_000])
def test_any_text_can_be_compared(text: str) -> None:
    comparer, _, _ = fitted()
    assert np.isfinite(comparer.scores([text, TEXTS[0], text], [TEXTS[0], text, text])).all()


@pytest.mark.parametrize("value", [{}, {"texts": []}, {"texts": ["tree"]}, {"texts": [1]}, {"texts": None}, [], "x"])
def test_trees_of_other_features_are_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        TextComparer.from_json(value, TEXTS)  # type: ignore[arg-type]
