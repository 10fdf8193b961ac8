"""The packaged prior."""

import numpy as np
import pytest
from scipy.special import expit

from core.matching import learners
from core.matching.features.builder import FEATURES
from core.matching.features.differences import DifferenceFeatures
from core.matching.prior import NAME, CosinePrior, FeatureWeight, Prior, packaged_prior

PRIOR = Prior({"cosine": FeatureWeight(0.5, 0.1, 2.0)}, -3.0, 0.95, 0.05)


def vectors(*cosines: float) -> np.ndarray:
    return np.array([[cosine] for cosine in cosines], np.float32)


def test_the_packaged_file_knows_the_features_of_one_pair_and_no_others() -> None:
    # Neighbour features are named after the similarity that they compare; all others are in FEATURES.
    named = {name for name in packaged_prior().weights if "_lead" not in name and "_place" not in name}
    # Those that the generated catalogues are no measure of start from the expected weights, or from 0.
    left_out = {"gtin_equal", "gtin_conflict", "audiences", *(each.name for each in DifferenceFeatures.features)}
    assert named == {feature.name for feature in FEATURES} - left_out


def test_its_cuts_are_probabilities_and_its_numbers_finite() -> None:
    prior = packaged_prior()
    assert 0 < prior.low < 0.5 < prior.high < 1
    rows = np.array([(each.centre, each.spread, each.weight) for each in prior.weights.values()])
    assert np.isfinite(rows).all()
    assert (rows[:, 1] > 0).all()
    # Most pairs that come up are none.
    assert prior.intercept < 0


@pytest.mark.parametrize(
    ("feature", "sign"),
    [("quantities_conflicting", -1), ("condition", -1), ("price_distance", -1), ("pack", 1), ("colours", 1),
     ("generations", 1), ("model_contained", 1), ("words_lead", 1)],
)  # fmt: skip
def test_what_contradicts_speaks_against_a_match(feature: str, sign: int) -> None:
    assert sign * packaged_prior().weights[feature].weight > 0


def test_without_pairs_the_scale_is_the_packaged_one() -> None:
    learner = PRIOR.learner(("cosine",), vectors(np.nan))
    assert learner.name == NAME
    assert learner.scores(vectors(0.6, 0.5, np.nan)) == pytest.approx([2.0 - 3.0, -3.0, -3.0])


def test_many_pairs_set_the_scale_and_few_hardly_move_it() -> None:
    random = np.random.default_rng(3)
    many = PRIOR.learner(("cosine",), random.normal(0.8, 0.02, (20_000, 1)).astype(np.float32)).scale
    assert many.centre[0] == pytest.approx(0.8, abs=0.01)
    assert many.spread[0] == pytest.approx(0.02, abs=0.03)
    few = PRIOR.learner(("cosine",), vectors(0.8, 0.82)).scale
    assert few.centre[0] == pytest.approx(0.5, abs=0.01)
    assert few.spread[0] == pytest.approx(0.1, abs=0.01)


def test_the_scale_is_that_of_both_kinds_of_pairs_together() -> None:
    random = np.random.default_rng(4)
    generated = random.normal(0.5, 0.1, 300)
    generated = (generated - generated.mean()) / generated.std() * 0.1 + 0.5
    own = random.normal(0.7, 0.05, 200).astype(np.float32)
    both = np.append(generated, own)
    scale = PRIOR.learner(("cosine",), own[:, None]).scale
    assert scale.centre[0] == pytest.approx(both.mean(), abs=1e-6)
    assert scale.spread[0] == pytest.approx(both.std(), abs=1e-6)


def test_a_sample_of_many_pairs_sets_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    own = np.random.default_rng(4).normal(0.7, 0.05, (1000, 1)).astype(np.float32)
    wanted = PRIOR.learner(("cosine",), own[::10]).scale
    monkeypatch.setattr(learners, "_SCALED", 100)
    scale = PRIOR.learner(("cosine",), own).scale
    assert (scale.centre, scale.spread) == (wanted.centre, wanted.spread)


def test_an_unknown_feature_says_nothing() -> None:
    learner = PRIOR.learner(("cosine", "never heard of"), np.array([[0.6, 5.0], [0.6, np.nan]], np.float32))
    first, second = learner.scores(np.array([[0.6, 5.0], [0.6, np.nan]], np.float32))
    assert first == second
    assert PRIOR.mean(("never heard of", "cosine")).weights.tolist() == [0.0, 2.0]


def test_a_cosine_prior_is_a_logistic_function_of_the_cosine() -> None:
    found = CosinePrior(0.8).scores(vectors(0.8, 0.9, 0.55, np.nan))
    assert expit(found[:2]) == pytest.approx([0.5, 0.95], abs=1e-3)
    assert found[3] == pytest.approx(found[2], abs=1e-4)


def test_the_same_gtin_is_above_equal_texts_and_another_one_below_the_band_high() -> None:
    nothing = np.nan
    features = ("cosine", "gtin_equal", "gtin_conflict")
    rows = np.array([[1, nothing, nothing], [-0.3, 1, 0], [1, 0, 1]], np.float32)
    prior = packaged_prior()
    texts, same, other = prior.learner(features, rows).scores(rows)
    assert same > texts > other
    chance = 1 / (1 + np.exp(-prior.learner(features, rows[:0]).scores(rows)))
    assert chance[2] < prior.high
