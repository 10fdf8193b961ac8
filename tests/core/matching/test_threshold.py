"""The classification threshold: near the best F1 of the labels."""

import numpy as np
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
