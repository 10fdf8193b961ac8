"""The matcher with zero, one, and some tens of labels."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog.product import Product
from core.matching.features.builder import FeatureBuilder
from core.matching.fitting import TrainingSet, fit_matcher
from core.matching.learners import Linear, Stacked, fit_linear, scale_of
from core.matching.matcher import load_matcher
from core.matching.prior_weights import INTERCEPT, PRIOR_WEIGHTS, prior_weights
from core.text.vocabulary import Vocabulary

ONE = Product("walmart", "1", "Sony 16GB USB Drive")


def made_up(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, 3)).astype(np.float32)
    return vectors, vectors @ np.array([1.0, 2.0, -1.0]) > 1.5


def training(vectors: np.ndarray, labels: np.ndarray) -> TrainingSet:
    return TrainingSet(vectors, labels, np.ones(len(labels)), np.arange(len(labels)))


def test_every_expectation_is_of_a_feature_that_there_is() -> None:
    features = {feature.name for feature in FeatureBuilder([ONE], [ONE], Vocabulary.load()).features}
    assert set(PRIOR_WEIGHTS) <= features


def test_without_labels_the_weights_are_the_expected_ones() -> None:
    vectors, _ = made_up(50)
    expected = np.array([0.4, -0.2, 0.0])
    scale = scale_of(vectors)
    nothing = fit_linear(vectors[:0], np.zeros(0, bool), np.zeros(0), scale, expected)
    assert nothing.weights == pytest.approx(expected)
    assert nothing.scores(vectors) == pytest.approx(Linear(scale, expected, INTERCEPT).scores(vectors))
    assert nothing.intercept == INTERCEPT


@given(label=st.booleans(), place=st.integers(0, 49))
def test_one_label_moves_its_pair_the_right_way(label: bool, place: int) -> None:
    vectors, _ = made_up(50)
    scale, expected = scale_of(vectors), np.array([0.4, -0.2, 0.0])
    one = fit_linear(vectors[[place]], np.array([label]), np.ones(1), scale, expected)
    before = Linear(scale, expected, INTERCEPT).scores(vectors)[place]
    assert bool(one.scores(vectors)[place] > before) is label


@pytest.mark.parametrize("n", [1, 5, 60, 500])
def test_the_weights_are_where_the_penalised_likelihood_is_highest(n: int) -> None:
    vectors, labels = made_up(n, seed=n)
    scale, expected = scale_of(made_up(50)[0]), np.array([0.4, -0.2, 0.0])
    weights = np.where(labels, 1.0, 0.5)
    found = fit_linear(vectors, labels, weights, scale, expected)
    p = 1 / (1 + np.exp(-found.scores(vectors)))
    slope = scale(vectors).T @ (weights * (p - labels)) + 10.0 * (found.weights - expected)
    assert slope == pytest.approx(np.zeros(3), abs=1e-4)


def test_expectations_beat_no_expectations_when_labels_are_few() -> None:
    vectors, labels = made_up(2000)
    scale = scale_of(vectors)
    few = slice(0, 15)
    with_, without = (
        fit_linear(vectors[few], labels[few], np.ones(15), scale, np.array(expected))
        for expected in ([0.3, 0.3, -0.3], [0.0, 0.0, 0.0])
    )
    assert np.mean((with_.scores(vectors) > 0) == labels) > np.mean((without.scores(vectors) > 0) == labels)


def test_a_stack_adds_up_and_survives_its_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((400, 4)).astype(np.float32)
    vectors[random.random(vectors.shape) < 0.1] = np.nan
    labels = np.nan_to_num(vectors[:, 0] * vectors[:, 1]) > 0.5  # what no line through the features can tell
    matcher = fit_matcher(training(vectors, labels), ("a", "b", "c", "d"), background=vectors)
    assert isinstance(matcher.learner, Stacked)
    assert matcher.contributions(vectors).sum(axis=1) == pytest.approx(matcher.learner.scores(vectors), abs=1e-4)
    matcher.save(tmp_path / "matcher.json")
    again = load_matcher(tmp_path / "matcher.json")
    assert (again.probabilities(vectors) == matcher.probabilities(vectors)).all()
    assert json.loads((tmp_path / "matcher.json").read_text())["learner"]["name"] == "stacked"


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), features=st.integers(1, 6), seed=st.integers(0, 99), missing=st.floats(0, 0.95))
def test_any_few_labels_give_a_matcher(n: int, features: int, seed: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, features)).round(seed % 3).astype(np.float32)
    vectors[random.random(vectors.shape) < missing] = np.nan
    labels = random.random(n) < 0.3
    labels[:2] = True, False
    groups = random.integers(0, max(2, n // 3), n)
    given_ = TrainingSet(vectors, labels, random.choice([0.5, 1.0], n), groups)
    matcher = fit_matcher(given_, tuple(map(str, range(features))), background=vectors)
    probabilities = matcher.probabilities(vectors)
    assert np.isfinite(probabilities).all()
    assert 0 < matcher.threshold < 1


def test_the_threshold_is_that_of_the_pairs_to_be_judged() -> None:
    vectors, labels = made_up(300)
    rare = vectors - np.array([0.5, 1.0, -0.5], np.float32)
    thresholds = [
        fit_matcher(training(vectors, labels), ("a", "b", "c"), background=each).threshold
        for each in (vectors, np.concatenate([vectors, rare, rare]))
    ]
    assert thresholds[0] != thresholds[1]


def test_names_without_an_expectation_weigh_nothing() -> None:
    assert prior_weights(("cosine", "never heard of")).tolist() == [PRIOR_WEIGHTS["cosine"], 0.0]
