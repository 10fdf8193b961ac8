"""Active-learning strategies: each one, and what holds for all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.queue.batches import cold_start, next_batch
from core.queue.strategies import STRATEGIES, UnlabelledPool

RANDOM = 3


def pool_of(probabilities: list[float], **given: object) -> UnlabelledPool:
    n = len(probabilities)
    values: dict = {
        "probabilities": np.array(probabilities),
        "cosine": np.array(probabilities),
        "vectors": np.random.default_rng(1).standard_normal((n, 4)),
        "query": np.arange(n),
        "labelled": np.zeros(n, bool),
        "family": np.arange(n),
        "judge": np.full(n, np.nan),
    } | {name: np.array(value) for name, value in given.items()}
    return UnlabelledPool(**values)


def first(name: str, pool: UnlabelledPool) -> int:
    return int(STRATEGIES[name].priorities(pool, np.random.default_rng(RANDOM)).argmax())


def test_uncertainty_asks_where_a_match_is_as_likely_as_not() -> None:
    assert first("uncertainty", pool_of([0.99, 0.7, 0.52, 0.3, 0.01])) == 2


def test_margin_asks_where_two_candidates_of_a_query_are_close() -> None:
    pool = pool_of([0.95, 0.05, 0.9, 0.85, 0.2, 0.1], query=[0, 0, 1, 1, 2, 2])
    assert first("margin", pool) in {2, 3}


def test_margin_of_a_query_with_one_candidate_is_against_none_of_these() -> None:
    assert first("margin", pool_of([0.9, 0.55, 0.1])) == 1


def test_disagreement_asks_where_the_encoder_sees_it_differently() -> None:
    p = [0.9, *[0.05] * 18, 0.8]
    cosine = [0.95, *np.linspace(0.2, 0.6, 18), 0.1]
    assert first("disagreement", pool_of(p, cosine=cosine)) == 19


def test_a_verdict_that_contradicts_the_matcher_comes_before_any_cosine() -> None:
    pool = pool_of([0.9, 0.1, 0.1], cosine=[0.1, 0.9, 0.2], judge=[np.nan, np.nan, 0.99])
    assert first("disagreement", pool) == 2


def test_diversity_asks_for_what_is_unlike_the_labelled() -> None:
    vectors = [[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [0.0, 0.2]]
    pool = pool_of([0.5] * 4, vectors=vectors, labelled=[True, False, False, False])
    assert first("diversity", pool) == 2


def test_band_error_asks_for_the_call_that_is_most_likely_wrong() -> None:
    assert first("band-error", pool_of([0.99, 0.45, 0.95, 0.02])) == 1


@pytest.mark.parametrize("name", STRATEGIES)
@given(
    n=st.integers(1, 60),
    labelled=st.integers(0, 2**32),
    size=st.integers(0, 70),
    seed=st.integers(0, 3),
    ties=st.booleans(),
)
def test_no_strategy_asks_twice_and_each_asks_until_nothing_is_left(
    name: str, n: int, labelled: int, size: int, seed: int, ties: bool
) -> None:
    generator = np.random.default_rng(labelled)
    mask = generator.random(n) < 0.4
    probabilities = np.full(n, 0.5) if ties else generator.random(n)
    pool = pool_of(probabilities.tolist(), labelled=mask, query=generator.integers(0, 9, n))
    chosen = next_batch(pool, STRATEGIES[name], size, np.random.default_rng(seed))
    assert len(set(chosen.tolist())) == len(chosen) == min(size, int((~mask).sum()))
    assert not mask[chosen].any()
    again = next_batch(pool, STRATEGIES[name], size, np.random.default_rng(seed))
    assert chosen.tolist() == again.tolist()


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "random"])
def test_duplicates_of_a_labelled_query_come_last(name: str) -> None:
    generator = np.random.default_rng(0)
    family = [0, *[0] * 5, *range(1, 25)]
    pool = pool_of(generator.random(30).tolist(), family=family, labelled=[True, *[False] * 29])
    order = next_batch(pool, STRATEGIES[name], 29, generator).tolist()
    assert {family[i] for i in order[-5:]} == {0}


def test_other_pairs_of_the_labelled_query_itself_are_no_duplicates() -> None:
    pool = pool_of([0.9, 0.5, 0.1], query=[0, 0, 1], family=[0, 0, 1], labelled=[True, False, False])
    assert next_batch(pool, STRATEGIES["uncertainty"], 1, np.random.default_rng(0)).tolist() == [1]


@given(size=st.integers(2, 20), seed=st.integers(0, 20))
def test_a_cold_start_shows_sure_matches_and_near_misses_in_turn(size: int, seed: int) -> None:
    probabilities = np.linspace(0, 1, 500)
    places = cold_start(pool_of(probabilities.tolist()), size, np.random.default_rng(seed))
    assert len(set(places.tolist())) == size
    assert probabilities[places[0]] > 0.95
    assert probabilities[places[1]] < 0.85


def test_a_batch_of_the_default_holds_no_two_alike() -> None:
    vectors = np.array([*[[1.0, 0.0]] * 10, [0.0, 1.0], [-1.0, 0.0]])
    pool = pool_of([0.5] * 10 + [0.45, 0.45], vectors=vectors, labelled=[True, *[False] * 11])
    chosen = next_batch(pool, STRATEGIES["mixed"], 3, np.random.default_rng(0))
    assert {10, 11} <= set(chosen.tolist())
