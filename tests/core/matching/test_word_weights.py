"""Weights of single words, learned from labels."""

from pathlib import Path

import numpy as np
import pytest

from core.catalog.product import Product
from core.errors import DamagedError
from core.matching.features.builder import FeatureBuilder
from core.matching.features.differences import WORD_NUMBERS, WORD_SCORE
from core.matching.fitting import MANY_LABELS, TrainingSet, fit_matcher
from core.matching.learners import scale_of
from core.matching.matcher import Matcher, load_matcher
from core.matching.word_weights import fit_word_weights, without_words
from core.text.vocabulary import Vocabulary


def training(count: int) -> tuple[TrainingSet, tuple[str, ...]]:
    """Pairs of titles that differ in one word: `zork` on one side is a conflict, `blip` is not."""
    random = np.random.default_rng(3)
    names = [f"maker{i % 40} thing{i} device" for i in range(count)]
    conflicts = np.arange(count) % 2 == 0
    queries = [Product("q", str(i), name) for i, name in enumerate(names)]
    words = ["zork" if conflict else "blip" for conflict in conflicts]
    products = [Product("p", str(i), f"{name} {word}") for i, (name, word) in enumerate(zip(names, words, strict=True))]
    builder = FeatureBuilder(queries, products, Vocabulary.load())
    rows = np.arange(count)
    vectors = builder.compute(rows, rows, np.full(count, np.nan, np.float32))
    labels = ~conflicts ^ (random.random(count) < 0.02)
    return TrainingSet(vectors, labels, np.ones(count), rows), tuple(feature.name for feature in builder.features)


def test_a_word_that_tells_products_apart_weighs_against_a_match() -> None:
    data, features = training(300)
    words = fit_word_weights(data.vectors, data.labels, data.weights, features, scale_of(data.vectors, features))
    assert len(words.words) == 2
    assert min(words.weights) < -1 < 1 < max(words.weights)
    scores = words.scores(data.vectors)
    assert scores[data.labels].mean() > 0 > scores[~data.labels].mean()
    filled = words.fill(data.vectors)
    assert filled[:, features.index(WORD_SCORE)] == pytest.approx(scores, abs=1e-5)
    assert np.isnan(filled[:, [features.index(name) for name in WORD_NUMBERS]]).all()


def test_numbers_of_words_are_no_amounts() -> None:
    data, features = training(50)
    places = [features.index(name) for name in WORD_NUMBERS]
    assert np.isnan(without_words(data.vectors, features)[:, places]).all()
    assert not np.isnan(data.vectors[:, places]).all()
    assert scale_of(data.vectors, features)(data.vectors)[:, places] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_many_labels_teach_the_matcher_words_and_its_file_keeps_them(tmp_path: Path) -> None:
    data, features = training(MANY_LABELS)
    matcher = fit_matcher(data, features, seed=1)
    assert np.mean((matcher.probabilities(data.vectors) > 0.5) == data.labels) > 0.95
    contributions = matcher.contributions(data.vectors[:20])
    assert contributions.sum(axis=1) == pytest.approx(matcher.learner.scores(data.vectors[:20]), abs=1e-6)
    matcher.save(tmp_path / "matcher.json")
    read = load_matcher(tmp_path / "matcher.json")
    np.testing.assert_array_equal(read.probabilities(data.vectors), matcher.probabilities(data.vectors))


def test_weights_for_other_features_are_refused(tmp_path: Path) -> None:
    data, features = training(60)
    matcher = fit_matcher(data, features, seed=1)
    words = fit_word_weights(data.vectors, data.labels, data.weights, features, scale_of(data.vectors, features))
    value = words.to_json() | {"score": len(features)}

    class Other:
        name = "linear"

        def to_json(self) -> dict[str, object]:
            return {"name": "with words", "learner": matcher.learner.to_json(), "words": value}

    fields = {name: getattr(matcher, name) for name in matcher.__slots__} | {"learner": Other()}
    Matcher(**fields).save(tmp_path / "matcher.json")
    with pytest.raises(DamagedError):
        load_matcher(tmp_path / "matcher.json")
