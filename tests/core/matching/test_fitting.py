"""Fitting: reproducible, and chosen by cross-validation over queries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from core.matching.fitting import TrainingSet, fit_matcher, fold_of
from core.matching.learners import Boosted, Linear, Stacked, fit_linear, fit_stacked, scale_of

FEATURES = ("cosine", "one", "two", "three")


def training(n: int, seed: int = 0) -> TrainingSet:
    """Three pairs a query; the label depends on two features together, which no linear learner can represent."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, 4)).astype(np.float32)
    labels = (vectors[:, 1] * vectors[:, 2] > 0.3) & (vectors[:, 0] > -0.5)
    return TrainingSet(vectors, labels, np.ones(n), np.arange(n) // 3)


def test_the_same_labels_and_seed_give_the_same_matcher() -> None:
    data = training(300)
    one, other = (fit_matcher(data, FEATURES, seed=3) for _ in range(2))
    assert_array_equal(one.probabilities(data.vectors), other.probabilities(data.vectors))
    assert (one.threshold, one.cuts, one.losses) == (other.threshold, other.cuts, other.losses)
    another = fit_matcher(data, FEATURES, seed=4)
    assert another.losses != one.losses
    usual, named = fit_matcher(data, FEATURES), fit_matcher(data, FEATURES, seed=0, target=0.98)
    assert (usual.cuts, usual.losses) == (named.cuts, named.losses)


@pytest.mark.parametrize("label", [True, False])
def test_one_class_teaches_nothing(label: bool) -> None:
    data = replace(training(30), labels=np.full(30, label))
    assert not data.both_classes
    with pytest.raises(ValueError, match="both classes"):
        fit_matcher(data, FEATURES)


@pytest.mark.parametrize("n", [2, 5, 40, 300])
def test_any_number_of_labels_of_both_classes_gives_probabilities(n: int) -> None:
    data = training(n)
    data = replace(data, labels=np.r_[[True, False], data.labels[2:]])
    found = fit_matcher(data, FEATURES)
    probabilities = found.probabilities(data.vectors)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert 0 < found.threshold < 1
    assert (found.labels, found.matches) == (n, data.labels.sum())


def test_the_learner_with_the_least_loss_of_the_folds_is_the_one_in_use() -> None:
    for n in (60, 600):
        found = fit_matcher(training(n), FEATURES)
        assert len(found.losses) > 1
        assert found.learner.name == min(found.losses, key=lambda name: found.losses[name])


@pytest.mark.slow
def test_many_labels_of_what_no_line_tells_choose_trees() -> None:
    found = fit_matcher(training(2100), FEATURES)
    assert found.learner.name == "boosted" == min(found.losses, key=lambda name: found.losses[name])
    assert found.losses["boosted"] < 0.9 * found.losses["linear"]


def test_the_losses_are_of_queries_that_were_not_seen() -> None:
    # Features identify the query, so that memorising helps within a query only.
    random = np.random.default_rng(0)
    looks = random.normal(size=(100, 4))
    groups = np.repeat(np.arange(100), 4)
    labels = np.repeat(np.arange(100) % 2 == 0, 4)
    data = TrainingSet(looks[groups].astype(np.float32), labels, np.ones(400), groups)
    found = fit_matcher(data, FEATURES)
    assert min(found.losses.values()) > 0.6, "chance is 0.69"


def test_what_weighs_nothing_teaches_nothing_and_what_weighs_more_teaches_more() -> None:
    data = training(400)
    data = replace(data, labels=data.vectors[:, 0] > 0)
    wrong = np.arange(400) % 2 == 0
    confused = replace(data, labels=data.labels ^ wrong)
    even = fit_matcher(confused, FEATURES).probabilities(data.vectors)
    light = fit_matcher(replace(confused, weights=np.where(wrong, 0.01, 1.0)), FEATURES).probabilities(data.vectors)
    assert (light[data.labels].mean() - light[~data.labels].mean()) > 0.3
    assert abs(even[data.labels].mean() - even[~data.labels].mean()) < 0.2


def test_stacked_trees_differ_in_their_seed_and_heed_the_weights() -> None:
    data = training(300)
    linear = fit_linear(data.vectors, data.labels, data.weights, scale_of(data.vectors))
    found = fit_stacked(data.vectors, data.labels, data.weights, linear, seed=1, boosters=2)
    scores = [Boosted((text,)).scores(data.vectors) for text in found.trees.texts]
    assert not np.allclose(scores[0], scores[1])
    weighted = fit_stacked(data.vectors, data.labels, np.where(data.labels, 9.0, 1.0), linear, seed=1, boosters=2)
    assert weighted.scores(data.vectors)[~data.labels].mean() > found.scores(data.vectors)[~data.labels].mean()


def test_the_trees_of_every_fold_get_the_weights_of_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    data = replace(training(60), weights=np.linspace(0.5, 1.5, 60))
    received = []

    def record(vectors: np.ndarray, labels: np.ndarray, weights: np.ndarray, linear: Linear, **options: int) -> Stacked:
        received.append(np.array_equal(weights, data.weights[np.isin(data.vectors[:, 0], vectors[:, 0])]))
        return fit_stacked(vectors, labels, weights, linear, **options)

    monkeypatch.setattr("core.matching.fitting.fit_stacked", record)
    fit_matcher(data, FEATURES)
    assert received
    assert all(received)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=60), st.integers(0, 99)
)  # fmt: skip
def test_a_query_is_in_one_fold_and_matches_are_spread(pairs: list[tuple[int, bool]], seed: int) -> None:
    groups, labels = np.array([g for g, _ in pairs]), np.array([label for _, label in pairs])
    folds = fold_of(groups, labels, seed)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    of_query = {group: folds[groups == group][0] for group in set(groups)}
    for queries in (set(groups), set(groups[labels])):
        sizes = np.bincount([of_query[query] for query in queries], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    assert_array_equal(folds, fold_of(groups, labels, seed))
