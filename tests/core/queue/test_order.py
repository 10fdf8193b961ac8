"""Random draws of queries, and their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import q

from core.stats.sampling import draw_share, shuffled

REFS = st.lists(st.text(max_size=6).map(q), unique=True, max_size=60)
SHARES = st.floats(0, 1)


@given(REFS, SHARES, SHARES, st.integers(0, 5))
def test_a_larger_share_keeps_what_a_smaller_one_drew(refs: list, one: float, other: float, seed: int) -> None:
    small, large = sorted((one, other))
    assert set(draw_share(refs, small, seed)) <= set(draw_share(refs, large, seed)) <= set(refs)


@given(REFS, REFS, SHARES)
def test_a_growing_catalogue_keeps_what_was_drawn(old: list, new: list, share: float) -> None:
    assert set(draw_share(old, share, 1)) == set(draw_share([*new, *old], share, 1)) & set(old)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.1, 150, 250), (0.5, 900, 1100), (1.0, 2000, 2000)])
def test_about_the_share_is_drawn(share: float, low: int, high: int) -> None:
    assert low <= len(draw_share([q(str(n)) for n in range(2000)], share, 20)) <= high


def test_another_seed_draws_others() -> None:
    refs = [q(str(n)) for n in range(200)]
    assert draw_share(refs, 0.3, 1) != draw_share(refs, 0.3, 2)


def test_a_shuffle_is_the_same_each_time_and_does_not_depend_on_the_order_before() -> None:
    refs = [q(str(n)) for n in range(20)]
    once = shuffled(refs, 7)
    assert once == shuffled(reversed(refs), 7)
    assert once != refs
    assert sorted(once) == sorted(refs)
