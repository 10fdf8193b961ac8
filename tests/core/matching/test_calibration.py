"""Beta calibration of scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.matching.calibration import BetaCalibration, fit_beta

SCORES = st.lists(st.floats(-40, 40), min_size=2, max_size=30)


def sample(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log-odds, and labels drawn with their probabilities."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, n)
    return logits, random.random(n) < 1 / (1 + np.exp(-logits))


def log_loss(calibration: BetaCalibration, scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    p = np.clip(calibration.probabilities(scores), 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(labels, np.log(p), np.log(1 - p))))


@given(SCORES)
def test_without_parameters_it_is_the_logistic_function(scores: list[float]) -> None:
    found = BetaCalibration().probabilities(np.array(scores))
    assert found == pytest.approx(1 / (1 + np.exp(-np.array(scores))), rel=1e-9, abs=1e-15)


@given(SCORES, st.floats(0.05, 20), st.floats(0.05, 20), st.floats(-5, 5))
def test_a_higher_score_never_has_a_lower_probability(scores: list[float], a: float, b: float, c: float) -> None:
    found = BetaCalibration(a, b, c).probabilities(np.sort(scores))
    assert (np.diff(found) >= -1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(st.integers(0, 50), st.booleans())
def test_what_is_fitted_rises_whatever_the_labels_say(seed: int, upside_down: bool) -> None:
    scores, labels = sample(100, seed)
    found = fit_beta(scores, labels ^ upside_down, np.ones(100))
    assert found.a >= 0.05
    assert found.b >= 0.05


@pytest.mark.parametrize(("matches", "others"), [(9, 200), (200, 9), (0, 0), (0, 30)])
def test_few_labels_of_either_class_change_nothing(matches: int, others: int) -> None:
    labels = np.array([True] * matches + [False] * others, bool)
    scores = np.linspace(-9, 3, matches + others)
    assert fit_beta(scores, labels, np.ones(len(labels))) == BetaCalibration()


@pytest.mark.parametrize(("slope", "shift"), [(4.0, 0.0), (0.3, 0.0), (1.0, 3.0), (3.0, -2.0)])
def test_distorted_scores_are_mended(slope: float, shift: float) -> None:
    logits, labels = sample(2000)
    distorted = slope * logits + shift
    fitted = fit_beta(distorted, labels, np.ones(2000))
    fresh, truth = sample(2000, seed=1)
    before = log_loss(BetaCalibration(), slope * fresh + shift, truth)
    after = log_loss(fitted, slope * fresh + shift, truth)
    assert after < before - 0.01
    assert after == pytest.approx(log_loss(BetaCalibration(), fresh, truth), abs=0.02)


def test_scores_that_keep_their_word_are_left_as_they_are() -> None:
    logits, labels = sample(5000)
    fitted = fit_beta(logits, labels, np.ones(5000)).probabilities(logits)
    assert np.abs(fitted - BetaCalibration().probabilities(logits)).max() < 0.05


def test_a_perfect_separation_gives_no_cliff() -> None:
    scores = np.r_[np.full(50, -2.0), np.full(50, 2.0)]
    found = fit_beta(scores, scores > 0, np.ones(100)).probabilities(np.array([-2.0, 0.0, 2.0]))
    assert 0 < found[0] < 0.1
    assert 0.9 < found[2] < 1
    assert 0.1 < found[1] < 0.9


def test_the_fit_is_the_minimum_of_the_penalised_loss() -> None:
    scores = np.r_[np.linspace(-3, 0.5, 15), np.linspace(-0.5, 3, 15)]
    labels, weights = np.arange(30) >= 15, np.linspace(0.5, 1.5, 30)
    found = fit_beta(scores, labels, weights)

    def loss(a: float, b: float, c: float) -> float:
        p = BetaCalibration(a, b, c).probabilities(scores)
        log_likelihood = weights @ np.log(np.where(labels, p, 1 - p))
        return float(-log_likelihood + 0.5 * ((a - 1) ** 2 + (b - 1) ** 2 + c**2))

    best = np.array([found.a, found.b, found.c])
    for step in 0.02 * np.r_[np.eye(3), -np.eye(3)]:
        assert loss(*best) < loss(*(best + step))


def test_weights_count() -> None:
    scores, labels = np.zeros(100), np.arange(100) < 50
    weights = np.where(labels, 3.0, 1.0)
    probability = fit_beta(scores, labels, weights).probabilities(np.zeros(1))[0]
    assert probability == pytest.approx(0.75, abs=0.02)
