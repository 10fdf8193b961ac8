"""Gwet's AC1: published figures, and what it says where one class dominates."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opinions import said, shared

from core.evaluation.agreement import agreement_report, figures_of
from core.stats.agreement import NO_OVERLAP, ac1, ac1s, kappa
from labels.model import Decision


@pytest.mark.parametrize(
    ("both", "first", "second", "neither", "published"),
    [(118, 5, 2, 0, 0.940), (80, 10, 5, 5, 0.81), (40, 9, 6, 45, 0.70)],
    ids=["Gwet 2002", "the tables of Feinstein & Cicchetti 1990: B", "A"],
)
def test_it_is_as_published(both: int, first: int, second: int, neither: int, published: float) -> None:
    votes = ["11"] * both + ["10"] * first + ["01"] * second + ["00"] * neither
    assert ac1(shared(*votes)).value == pytest.approx(published, abs=0.005)


def test_where_one_class_dominates_kappa_is_small_and_says_so() -> None:
    pairs = shared(*["00"] * 94, *["10"] * 3, *["01"] * 3)
    figures = figures_of(pairs)
    assert figures.dominant is Decision.NO_MATCH
    assert kappa(pairs).value < 0  # type: ignore[operator]
    assert figures.ac1.value == pytest.approx(0.936, abs=0.001)
    assert figures.agreement.right == 94
    assert figures_of(shared(*["11"] * 5, *["00"] * 5)).dominant is None
    assert figures_of(shared(*["11"] * 8, *["00"] * 2)).dominant is Decision.MATCH


def test_one_class_has_a_value_and_nothing_in_common_has_none() -> None:
    assert ac1(shared("11", "11", "111")).value == 1
    assert ac1([]) == NO_OVERLAP
    assert figures_of([]).matches is None
    json.dumps(figures_of([]).as_dict(), allow_nan=False)


@given(st.lists(st.text("01", min_size=2, max_size=4), min_size=1, max_size=30))
def test_it_is_within_its_bounds_and_its_interval_holds_it(votes: list[str]) -> None:
    pairs = shared(*votes, query_of=3)
    found = ac1(pairs)
    assert found.value is not None
    assert -1 - 1e-9 <= found.value <= 1 + 1e-9
    assert found.low is None or found.low <= found.value <= found.high  # type: ignore[operator]
    # A class by any other name agrees as well.
    turned = shared(*(text.translate(str.maketrans("01", "10")) for text in votes), query_of=3)
    assert ac1(turned).value == pytest.approx(found.value)


def test_sums_of_several_draws_give_a_value_each() -> None:
    assert ac1s(np.array([[2.0, 1.0, 2.0], [0.0, 1.0, 2.0]])) == pytest.approx([1.0, -1.0])


def test_first_answers_are_compared_and_what_stands_is_counted() -> None:
    first = [said("ada", "q1/a", True), said("bob", "q1/a", False)]
    stands = [first[0], said("bob", "q1/a", True), said("bob", "q2/a", None)]
    found = agreement_report(stands, {}, None, first=first)
    assert (found.overall.pairs, found.overall.agreement.right) == (1, 0)
    assert (found.decisions, found.unsure) == (3, 1)
