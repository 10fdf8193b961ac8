"""Every example of a run has the same number of negatives, and a run the steps it needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError
from core.training.cost import epochs
from core.training.examples import Example, pad_negatives
from core.training.recipes.recipe import Recipe

POOL = [f"p{number}" for number in range(8)]
EXAMPLES = st.lists(
    st.builds(
        lambda match, others: Example("anchor", match, tuple(o for o in others if o != match)),
        st.sampled_from(POOL), st.lists(st.sampled_from(POOL), unique=True, max_size=5),
    ),
    max_size=6,
)  # fmt: skip


@given(EXAMPLES, st.integers(1, 6), st.integers(0, 3))
def test_the_missing_are_drawn_without_repeats_and_never_the_match(
    examples: list[Example], negatives: int, seed: int
) -> None:
    padded = pad_negatives(examples, POOL, negatives, seed)
    for before, after in zip(examples, padded, strict=True):
        assert (after.anchor, after.positive) == (before.anchor, before.positive)
        assert after.negatives[: len(before.negatives)] == before.negatives[:negatives]
        assert len({*after.negatives, after.positive, after.anchor}) == negatives + 2
        assert set(after.negatives) <= set(POOL)
    assert padded == pad_negatives(examples, POOL, negatives, seed)


def test_known_matches_and_evaluated_candidates_are_never_drawn() -> None:
    never = frozenset({"p1", "p2", "p3"})
    for seed in range(20):
        (example,) = pad_negatives([Example("anchor", "p0", (), never)], POOL, 4, seed)
        assert set(example.negatives) == {"p4", "p5", "p6", "p7"}
    with pytest.raises(ModelError, match="too few products for 5 negatives"):
        pad_negatives([Example("anchor", "p0", (), never)], POOL, 5, seed=1)


@pytest.mark.parametrize("pool", [[], ["match"], ["match", "p1", "p2", "p2"]])
def test_a_catalogue_without_enough_products_is_an_error_and_no_endless_search(pool: list[str]) -> None:
    with pytest.raises(ModelError, match="too few products for 3 negatives"):
        pad_negatives([Example("anchor", "match", ())], pool, 3, seed=1)


@pytest.mark.parametrize(
    ("examples", "expected"),
    [(10_000, 4), (320, 4), (64, 20), (32, 40), (3, 40)],
)
def test_small_sets_are_gone_through_more_often(examples: int, expected: int) -> None:
    recipe = Recipe(epochs=4, min_steps=40, batch_size=32)
    assert epochs(recipe, examples) == expected
