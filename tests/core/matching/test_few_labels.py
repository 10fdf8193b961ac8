"""What the matcher does with no label, one, and some tens."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog.product import Product
from core.matching.features.builder import FeatureBuilder
from core.matching.fitting import Training, fit_matcher
from core.matching.learners import Linear, Stacked, fit_linear, scale_of
from core.matching.matcher import load_matcher
from core.matching.prior_weights import EXPECTED, INTERCEPT, prior_weights
from core.text.vocabulary import Vocabulary

ONE = Product("walmart", "1", "Sony 16GB USB Drive")


def made_up(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    evidence = random.standard_normal((n, 3)).astype(np.float32)
    return evidence, evidence @ np.array([1.0, 2.0, -1.0]) > 1.5


def training(evidence: np.ndarray, labels: np.ndarray) -> Training:
    return Training(evidence, labels, np.ones(len(labels)), np.arange(len(labels)))


def test_every_expectation_is_of_a_feature_that_there_is() -> None:
    features = {feature.name for feature in FeatureBuilder([ONE], [ONE], Vocabulary.load()).features}
    assert set(EXPECTED) <= features


def test_without_labels_the_weights_are_the_expected_ones() -> None:
    evidence, _ = made_up(50)
    expected = np.array([0.4, -0.2, 0.0])
    scale = scale_of(evidence)
    nothing = fit_linear(evidence[:0], np.zeros(0, bool), np.zeros(0), scale, expected)
    assert nothing.weights == pytest.approx(expected)
    assert nothing.scores(evidence) == pytest.approx(Linear(scale, expected, INTERCEPT).scores(evidence))
    assert nothing.intercept == INTERCEPT


@given(label=st.booleans(), place=st.integers(0, 49))
def test_one_label_moves_its_pair_the_right_way(label: bool, place: int) -> None:
    evidence, _ = made_up(50)
    scale, expected = scale_of(evidence), np.array([0.4, -0.2, 0.0])
    one = fit_linear(evidence[[place]], np.array([label]), np.ones(1), scale, expected)
    before = Linear(scale, expected, INTERCEPT).scores(evidence)[place]
    assert bool(one.scores(evidence)[place] > before) is label


@pytest.mark.parametrize("n", [1, 5, 60, 500])
def test_the_weights_are_where_the_penalised_likelihood_is_highest(n: int) -> None:
    evidence, labels = made_up(n, seed=n)
    scale, expected = scale_of(made_up(50)[0]), np.array([0.4, -0.2, 0.0])
    weights = np.where(labels, 1.0, 0.5)
    found = fit_linear(evidence, labels, weights, scale, expected)
    p = 1 / (1 + np.exp(-found.scores(evidence)))
    slope = scale(evidence).T @ (weights * (p - labels)) + 10.0 * (found.weights - expected)
    assert slope == pytest.approx(np.zeros(3), abs=1e-4)


def test_expectations_beat_no_expectations_when_labels_are_few() -> None:
    evidence, labels = made_up(2000)
    scale = scale_of(evidence)
    few = slice(0, 15)
    with_, without = (
        fit_linear(evidence[few], labels[few], np.ones(15), scale, np.array(expected))
        for expected in ([0.3, 0.3, -0.3], [0.0, 0.0, 0.0])
    )
    assert np.mean((with_.scores(evidence) > 0) == labels) > np.mean((without.scores(evidence) > 0) == labels)


def test_a_stack_adds_up_and_survives_its_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    evidence = random.standard_normal((400, 4)).astype(np.float32)
    evidence[random.random(evidence.shape) < 0.1] = np.nan
    labels = np.nan_to_num(evidence[:, 0] * evidence[:, 1]) > 0.5  # what no line through the evidence can tell
    matcher = fit_matcher(training(evidence, labels), ("a", "b", "c", "d"), background=evidence)
    assert isinstance(matcher.learner, Stacked)
    assert matcher.contributions(evidence).sum(axis=1) == pytest.approx(matcher.learner.scores(evidence), abs=1e-4)
    matcher.save(tmp_path / "matcher.json")
    again = load_matcher(tmp_path / "matcher.json")
    assert (again.probabilities(evidence) == matcher.probabilities(evidence)).all()
    assert json.loads((tmp_path / "matcher.json").read_text())["learner"]["name"] == "stacked"


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), features=st.integers(1, 6), seed=st.integers(0, 99), missing=st.floats(0, 0.95))
def test_any_few_labels_give_a_matcher(n: int, features: int, seed: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    evidence = random.standard_normal((n, features)).round(seed % 3).astype(np.float32)
    evidence[random.random(evidence.shape) < missing] = np.nan
    labels = random.random(n) < 0.3
    labels[:2] = True, False
    groups = random.integers(0, max(2, n // 3), n)
    given_ = Training(evidence, labels, random.choice([0.5, 1.0], n), groups)
    matcher = fit_matcher(given_, tuple(map(str, range(features))), background=evidence)
    probabilities = matcher.probabilities(evidence)
    assert np.isfinite(probabilities).all()
    assert 0 < matcher.threshold < 1


def test_the_threshold_is_that_of_the_pairs_to_be_judged() -> None:
    evidence, labels = made_up(300)
    rare = evidence - np.array([0.5, 1.0, -0.5], np.float32)
    thresholds = [
        fit_matcher(training(evidence, labels), ("a", "b", "c"), background=each).threshold
        for each in (evidence, np.concatenate([evidence, rare, rare]))
    ]
    assert thresholds[0] != thresholds[1]


def test_names_without_an_expectation_weigh_nothing() -> None:
    assert prior_weights(("cosine", "never heard of")).tolist() == [EXPECTED["cosine"], 0.0]
