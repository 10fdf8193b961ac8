"""Stratified samples: proportional, with weights that add up to the whole."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import q

from core.stats.sampling import merge_small_strata, stratified

STRATA = st.dictionaries(st.integers(0, 10_000).map(lambda n: q(str(n))), st.sampled_from("abc"), min_size=1)


@given(STRATA, st.integers(1, 200), st.integers(0, 9))
def test_weights_add_up_to_the_strata(strata: dict, count: int, seed: int) -> None:  # type: ignore[type-arg]
    drawn = stratified(strata, count, seed)
    sums = Counter[str]()
    for stratum in drawn.values():
        sums[stratum.name] += stratum.weight
    assert {name: pytest.approx(total) for name, total in sums.items()} == Counter(strata.values())
    assert all(strata[query] == stratum.name for query, stratum in drawn.items())
    assert drawn == stratified(dict(reversed(strata.items())), count, seed)


def test_a_stratum_that_grows_keeps_what_was_drawn() -> None:
    small = {q(str(n)): "a" for n in range(100)}
    large = {q(str(n)): "a" for n in range(1000)}
    before, after = stratified(small, 10, 7), stratified(large, 100, 7)
    assert len(before) == 10
    assert len(after) == 100
    kept = set(after) & set(small)
    assert kept <= set(before) or set(before) <= kept


def test_small_categories_are_one_stratum() -> None:
    names = {q("1"): "tv", q("2"): "tv", q("3"): "ink", q("4"): "pens"}
    assert Counter(merge_small_strata(names, fewest=2).values()) == {"tv": 2, "other": 2}


def test_nothing_is_drawn_where_nothing_is_asked_for() -> None:
    assert stratified({q("1"): "a"}, 0, 7) == {}
