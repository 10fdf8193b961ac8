"""Metrics of cosines against scikit-learn and scipy, and their resampling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from samples import c, q
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, ndcg_score, precision_recall_curve, roc_auc_score

from core.evaluation.retrieval import graded_query_values
from core.evaluation.similarity_metrics import (
    SIMILARITY_METRICS,
    best_threshold,
    calibration,
    confusion,
    resampled_metrics,
    weighted_metrics,
)
from core.stats import bootstrap


def sample(seed: int, count: int = 200, ties: int | None = None) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels, a fifth of them matches, and cosines that tell them apart somewhat."""
    generator = np.random.default_rng(seed)
    labels = generator.random(count) < 0.2
    labels[:2] = True, False
    cosines = np.clip(generator.normal(0.5 + 0.2 * labels, 0.15), -1, 1)
    return labels, cosines if ties is None else np.round(cosines * ties) / ties


def reference(labels: NDArray[np.bool_], cosines: NDArray[np.float64]) -> dict[str, float]:
    """The same metrics by scikit-learn, scipy and textbook formulas."""
    matches, others = cosines[labels], cosines[~labels]
    pooled = math.sqrt(
        ((len(matches) - 1) * matches.var(ddof=1) + (len(others) - 1) * others.var(ddof=1)) / (len(labels) - 2)
    )
    precision, recall, _ = precision_recall_curve(labels, cosines)
    with np.errstate(invalid="ignore"):
        best = np.nanmax(2 * precision * recall / (precision + recall))
    return {
        "spearman": spearmanr(labels, cosines).statistic,
        "margin": matches.mean() - others.mean(),
        "auc_roc": roc_auc_score(labels, cosines),
        "average_precision": average_precision_score(labels, cosines),
        "cohens_d": (matches.mean() - others.mean()) / pooled,
        "best_f1": best,
        "false_positives": (others >= 0.6).sum(),
    }


@pytest.mark.parametrize("ties", [None, 20, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_metrics_are_those_of_the_libraries(seed: int, ties: int | None) -> None:
    labels, cosines = sample(seed, ties=ties)
    found = weighted_metrics(labels, cosines, np.ones((1, len(labels))), 0.6)
    assert {name: values[0] for name, values in found.items()} == pytest.approx(reference(labels, cosines))
    assert set(found) == set(SIMILARITY_METRICS)


@pytest.mark.parametrize("ties", [None, 10])
def test_a_weight_counts_like_repeated_pairs(ties: int | None) -> None:
    labels, cosines = sample(3, 80, ties)
    weights = np.random.default_rng(0).integers(0, 4, size=(5, len(labels))).astype(float)
    found = weighted_metrics(labels, cosines, weights, 0.6)
    for row, weight in enumerate(weights.astype(int)):
        expected = reference(np.repeat(labels, weight), np.repeat(cosines, weight))
        assert {name: values[row] for name, values in found.items()} == pytest.approx(expected)


def test_without_a_class_the_metrics_are_undefined() -> None:
    labels, cosines = sample(1, 40)
    weights = np.stack([labels, ~labels]).astype(float)
    found = weighted_metrics(labels, cosines, weights, 0.6)
    for name in ("spearman", "margin", "auc_roc", "cohens_d"):
        assert np.isnan(found[name]).all(), name
    assert np.isnan(found["best_f1"][1])
    assert np.isnan(found["average_precision"][1])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=1, max_size=30))
def test_the_threshold_reaches_the_best_f1(pairs: list[tuple[bool, int]]) -> None:
    labels, cosines = np.array([label for label, _ in pairs]), np.array([value / 10 for _, value in pairs])
    threshold = best_threshold(labels, cosines)
    if labels.any():
        table = confusion(labels, cosines, threshold)
        f1 = 2 * table.true_positives / (2 * table.true_positives + table.false_positives + table.false_negatives)
        assert f1 == pytest.approx(weighted_metrics(labels, cosines, np.ones((1, len(pairs))), 0)["best_f1"][0])
        assert sum((table.true_positives, table.false_positives, table.false_negatives, table.true_negatives)) == len(
            pairs
        )


def test_resampling_by_query_gives_sane_intervals() -> None:
    labels, cosines = sample(5, 600)
    queries = np.repeat(np.arange(120), 5)
    draws = resampled_metrics(labels, cosines, list(queries), 0.6)
    exact = reference(labels, cosines)
    for name, found in draws.items():
        assert found.shape == (bootstrap.RESAMPLINGS,)
        low, high = bootstrap.percentile_interval(found) or (math.nan, math.nan)
        # The best F1 of a sample is optimistic, and that of a resampling more so.
        assert low < exact[name] < high, name
    # Hanley & McNeil 1982 for the same data, which are independent within the queries.
    auc, matches, others = exact["auc_roc"], labels.sum(), (~labels).sum()
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    error = math.sqrt(
        (auc * (1 - auc) + (matches - 1) * (first - auc**2) + (others - 1) * (second - auc**2)) / (matches * others)
    )
    assert draws["auc_roc"].std() == pytest.approx(error, rel=0.25)


def test_one_query_cannot_be_resampled() -> None:
    labels, cosines = sample(5, 20)
    assert all(not len(found) for found in resampled_metrics(labels, cosines, ["q"] * 20, 0.6).values())


def test_the_draws_are_paired_and_do_not_depend_on_the_blocks() -> None:
    first = np.concatenate(list(bootstrap.draws(50, 1)))
    second = np.concatenate(list(bootstrap.draws(50, 2_000_000)))
    assert first.shape == (bootstrap.RESAMPLINGS, 50)
    assert (first.sum(axis=1) == 50).all()
    assert np.array_equal(first, second)


def test_p_values_are_uniform_without_a_difference_and_small_with_one() -> None:
    generator = np.random.default_rng(8)
    weights = np.concatenate(list(bootstrap.draws(80, 80)))
    found = [bootstrap.two_sided_p(weights @ generator.normal(0, 1, 80) / 80) for _ in range(400)]
    assert 0.02 < np.mean([p is not None and p < 0.05 for p in found]) < 0.1
    assert bootstrap.two_sided_p(weights @ generator.normal(1, 1, 80) / 80) == pytest.approx(2 / 1001)
    assert bootstrap.two_sided_p(np.zeros(1000)) == 1
    assert bootstrap.two_sided_p(np.array([np.nan])) is None


def test_calibration_is_good_where_a_logistic_curve_is_true_and_bad_where_folds_disagree() -> None:
    generator = np.random.default_rng(4)
    cosines = generator.uniform(0, 1, 4000)
    labels = generator.random(4000) < 1 / (1 + np.exp(-(cosines - 0.6) * 12))
    queries = list(range(4000))
    good = calibration(labels, cosines, queries)
    assert good is not None
    assert good.ece < 0.03
    assert sum(each["pairs"] for each in good.bins) == 4000
    bad = calibration(cosines % 0.2 > 0.1, cosines, queries)
    assert bad is not None
    assert bad.ece < 0.1  # a flat curve: calibrated, and useless
    assert calibration(labels, cosines, ["q"] * 4000) is None
    assert calibration(np.ones(10, bool), cosines[:10], list(range(10))) is None


@pytest.mark.parametrize("ranks", [[1], [3], [], [1, 2], [2, 7], [10]])
def test_ndcg_is_that_of_scikit_learn(ranks: list[int]) -> None:
    missing = 1  # one more match, which is not in the ranking
    ranking = [c(str(place)) for place in range(1, 11)]
    matches = {c(str(rank)) for rank in ranks} | {c("elsewhere")}
    found = graded_query_values({q("q"): ranking}, {q("q"): matches})
    truth = [float(place in ranks) for place in range(1, 11)] + [1.0] * missing
    expected = ndcg_score([truth], [list(range(11, 0, -1))], k=10)
    assert found["ndcg@10"] == [pytest.approx(expected)]
    assert found["recall@10"] == [pytest.approx(len(ranks) / len(matches))]
    assert found["recall@1"] == [pytest.approx(float(1 in ranks) / len(matches))]
    assert found["mrr@10"] == [pytest.approx(1 / ranks[0] if ranks else 0)]
