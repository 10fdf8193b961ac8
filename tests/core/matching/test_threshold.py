"""The classification threshold: near the best F1 of the labels."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from core.matching.calibration import bagged_threshold, best_threshold, many_labels_threshold


def test_the_threshold_is_the_best_to_be_expected() -> None:
    random = np.random.default_rng(1)
    probabilities = random.beta(0.3, 1, 20_000)
    labels = random.random(20_000) < probabilities
    weights = np.ones(20_000)
    reached = {t: f1_score(labels, probabilities >= t) for t in np.linspace(0.05, 0.95, 91)}
    for found in (
        best_threshold(probabilities, weights),
        bagged_threshold(probabilities, labels, weights, 0),
        many_labels_threshold(probabilities, labels, weights, 0),
    ):
        assert f1_score(labels, probabilities >= found) > max(reached.values()) - 0.003


def test_the_expected_optimum_of_a_few_pairs() -> None:
    # The best two of three have an expected F1 of 2 · 1.7 / (2 + 1.8), whatever their order.
    assert best_threshold(np.array([0.1, 0.9, 0.8]), np.ones(3)) == pytest.approx(1.7 / 3.8)
    twice = best_threshold(np.array([0.1, 0.9, 0.9, 0.8]), np.ones(4))
    assert best_threshold(np.array([0.1, 0.9, 0.8]), np.array([1.0, 2.0, 1.0])) == pytest.approx(twice)


def test_the_resampled_optimum_heeds_the_weights() -> None:
    probabilities = np.repeat([0.9, 0.6, 0.3], [20, 20, 5])
    labels = probabilities != 0.6
    assert bagged_threshold(probabilities, labels, np.ones(45), 0) == 0.9
    assert bagged_threshold(probabilities, labels, np.where(labels, 1.0, 0.001), 0) == 0.3
    assert bagged_threshold(np.array([0.7]), np.array([True]), np.ones(1), 0) == 0.7
