"""Negatives that differ from the match in a model number, a size or a count."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.altered_negatives import altered, with_altered_negatives
from core.training.examples import Example

MATCH = "case logic dcb-309 backpack 15.4-inch black"


def example(match: str = MATCH, negatives: int = 4, never: frozenset[str] = frozenset()) -> Example:
    return Example("query", match, tuple(f"n{place}" for place in range(negatives)), never)


@given(st.integers())
def test_one_word_with_a_digit_differs(seed: int) -> None:
    copy = altered(MATCH, random.Random(seed))
    assert copy is not None
    changed = [(old, new) for old, new in zip(MATCH.split(), copy.split(), strict=True) if old != new]
    ((old, new),) = changed
    assert old in {"dcb-309", "15.4-inch"}
    assert len(new) == len(old)
    assert [one.isalnum() for one in new] == [one.isalnum() for one in old]
    assert 1 <= sum(one != other for one, other in zip(old, new, strict=True)) <= 2


@given(st.text(), st.integers())
def test_any_text_is_altered_or_left_alone(text: str, seed: int) -> None:
    assert altered(text, random.Random(seed)) != text


def test_a_text_without_numbers_has_no_altered_copy() -> None:
    assert altered("usb cable, type c", random.Random(1)) is None
    assert with_altered_negatives([example("usb cable")], 1, seed=1) == [example("usb cable")]


@pytest.mark.parametrize(
    ("negatives", "count", "places"),
    [(4, 1, {2}), (4, 2, {1, 2}), (4, 9, {1, 2}), (3, 1, {1}), (2, 1, set()), (1, 1, set()), (4, 0, set())],
)
def test_the_first_and_the_last_negative_stay(negatives: int, count: int, places: set[int]) -> None:
    before = example(negatives=negatives)
    (after,) = with_altered_negatives([before], count, seed=1)
    assert after.altered == places
    assert (after.anchor, after.positive, len(after.negatives)) == ("query", MATCH, negatives)
    for place, text in enumerate(after.negatives):
        assert (text == f"n{place}") == (place not in places)
    assert len(set(after.negatives)) == negatives
    assert with_altered_negatives([before], count, seed=1) == [after]


def test_an_altered_copy_is_never_another_match() -> None:
    others = {altered("tv 55", random.Random(seed)) for seed in range(2_000)} - {None}
    assert len(others) == 9 + 9 + 81
    assert (
        with_altered_negatives([example("tv 55", never=frozenset(filter(None, others)))], 1, seed=1)[0].altered == set()
    )
