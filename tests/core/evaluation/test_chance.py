"""Kappa and alpha: published figures, the libraries against the formula over many tables, and what always holds."""

import math

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opinions import shared
from sklearn.metrics import cohen_kappa_score

from core.stats.agreement import NO_OVERLAP, ONE_CLASS, SharedPair, alpha, alphas, annotator_pairs, kappa, kappas
from core.stats.bootstrap import RESAMPLINGS, interval

#: What two to four people said of up to thirty pairs, three of them to a query.
opinions = st.lists(st.text("01.", min_size=4, max_size=4), max_size=30).map(
    lambda votes: shared(*(vote for vote in votes if len(vote.replace(".", "")) > 1), query_of=3)
)
of_two = st.lists(st.text("01", min_size=2, max_size=2), max_size=30).map(lambda votes: shared(*votes, query_of=3))


def renamed(pairs: list[SharedPair], names: dict[str, str]) -> list[SharedPair]:
    return [
        SharedPair(each.pair, {names.get(name, name): vote for name, vote in each.votes.items()}, None)
        for each in pairs
    ]


# -- what is published ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("both", "first", "second", "neither", "published"),
    [
        (40, 9, 6, 45, 0.70),
        (80, 10, 5, 5, 0.32),
        (20, 5, 10, 15, 0.40),
        (45, 15, 25, 15, 0.1304),
        (25, 35, 5, 35, 0.2593),
    ],
    ids=["Feinstein & Cicchetti 1990, A", "the same, B", "fifty grants", "one hundred, A", "one hundred, B"],
)
def test_kappa_is_as_published(both: int, first: int, second: int, neither: int, published: float) -> None:
    votes = ["11"] * both + ["10"] * first + ["01"] * second + ["00"] * neither
    found = kappa(shared(*votes))
    assert found.value == pytest.approx(published, abs=0.005 if published in {0.70, 0.32} else 5e-5)
    assert kappas(np.array([[neither, second, first, both]], float))[0] == pytest.approx(found.value)


def test_alpha_of_two_observers_is_as_published() -> None:
    """Krippendorff 2011, section A: binary data, two observers, no missing data."""
    first, second = "0100000010", "1110010000"
    assert alpha(shared(*map("".join, zip(first, second, strict=True)))).value == pytest.approx(0.095, abs=5e-4)


_MISSING = np.nan
#: Krippendorff 2011, section C: four observers, twelve units, five values, missing data.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _MISSING, _MISSING, _MISSING],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _MISSING, 3],
        [_MISSING, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _MISSING],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _MISSING],
    ]
)


def test_alpha_of_four_observers_is_as_published() -> None:
    assert krippendorff.alpha(OBSERVERS, level_of_measurement="nominal") == pytest.approx(0.743, abs=5e-4)


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5])
def test_missing_votes_count_as_the_library_counts_them(value: int) -> None:
    """The same data as one value against the others."""
    text = np.where(np.isnan(OBSERVERS), ".", np.where(value == OBSERVERS, "1", "0"))
    units = ["".join(unit) for unit in text.T]
    ours = alpha(shared(*(unit for unit in units if len(unit.replace(".", "")) > 1)))
    binary = np.where(np.isnan(OBSERVERS), np.nan, value == OBSERVERS)
    assert ours.value == pytest.approx(krippendorff.alpha(binary, level_of_measurement="nominal"))


def test_kappa_of_three_people_is_the_mean_over_every_two_by_their_pairs() -> None:
    pairs = shared("110", "001", "11.", "10.", "00.", "01.")
    of_couples = {
        couple: cohen_kappa_score(*zip(*([each.votes[name] for name in couple] for each in both), strict=True))
        for couple in annotator_pairs(pairs)
        if (both := [each for each in pairs if set(couple) <= set(each.votes)])
    }
    weights = [6, 2, 2]
    assert list(annotator_pairs(pairs).values()) == weights
    assert kappa(pairs).value == pytest.approx(np.average(list(of_couples.values()), weights=weights))


# -- what is undefined ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", [kappa, alpha])
def test_nothing_in_common_is_said_as_such(figure) -> None:
    assert figure([]) == NO_OVERLAP
    assert NO_OVERLAP.undefined


@pytest.mark.parametrize("figure", [kappa, alpha])
@pytest.mark.parametrize("votes", ["11", "00"])
def test_one_class_only_is_said_as_such(figure, votes: str) -> None:
    assert figure(shared(votes, votes, votes)) == ONE_CLASS
    assert ONE_CLASS.undefined


@pytest.mark.parametrize("figure", [kappa, alpha])
def test_one_query_has_no_interval(figure) -> None:
    found = figure(shared("11", "00", "10", query_of=3))
    assert found.value is not None
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize("figure", [kappa, alpha])
def test_perfect_agreement_is_one_without_a_claim_that_it_must_be(figure) -> None:
    found = figure(shared("11", "00", "11", "00"))
    assert found.value == 1
    assert (found.low, found.high) == (None, None)


# -- what always holds ---------------------------------------------------------------------------------------


@given(opinions)
def test_a_figure_is_at_most_one_and_inside_its_interval(pairs: list[SharedPair]) -> None:
    for found in (kappa(pairs), alpha(pairs)):
        assert (found.value is None) == bool(found.undefined)
        if found.value is not None:
            assert -1 - 1e-9 <= found.value <= 1 + 1e-9
        if found.low is not None:
            assert found.low <= found.value <= found.high
            assert not math.isnan(found.low + found.high)


@given(of_two)
def test_who_is_first_makes_no_difference(pairs: list[SharedPair]) -> None:
    swapped = renamed(pairs, {"ada": "bob", "bob": "ada"})
    assert kappa(pairs).value == pytest.approx(kappa(swapped).value)
    assert alpha(pairs) == alpha(swapped)


@given(opinions)
def test_which_class_is_called_a_match_makes_no_difference(pairs: list[SharedPair]) -> None:
    turned = [SharedPair(each.pair, {name: not vote for name, vote in each.votes.items()}, None) for each in pairs]
    for figure in (kappa, alpha):
        assert figure(pairs).value == pytest.approx(figure(turned).value)


@given(st.lists(st.sampled_from(["1111", "0000", "11..", ".00."]), max_size=20))
def test_perfect_agreement_is_one(votes: list[str]) -> None:
    for found in (kappa(shared(*votes)), alpha(shared(*votes))):
        assert found.value == pytest.approx(1) if found.value is not None else found.undefined


@given(opinions)
def test_the_order_of_queries_makes_no_difference(pairs: list[SharedPair]) -> None:
    assert kappa(pairs) == kappa(pairs[::-1])
    assert alpha(pairs).value == pytest.approx(alpha(pairs[::-1]).value)


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_the_formula_over_many_tables_is_the_libraries(table: list[int]) -> None:
    neither, second, first, both = table
    one = np.repeat([0, 0, 1, 1], table)
    other = np.repeat([0, 1, 0, 1], table)
    quick = kappas(np.array([table], float))[0], alphas(np.array([[2 * both, first + second, 2 * neither]], float))[0]
    if len({*one, *other}) < 2:
        assert np.isnan(quick).all()
        return
    assert quick[0] == pytest.approx(cohen_kappa_score(one, other))
    assert quick[1] == pytest.approx(krippendorff.alpha(np.array([one, other]), level_of_measurement="nominal"))


# -- the bootstrap -------------------------------------------------------------------------------------------


def test_drawing_kinds_of_queries_is_drawing_queries() -> None:
    generator = np.random.default_rng(3)
    truth = generator.random((300, 3)) < 0.3
    tables = np.zeros((300, 4))
    for row, matches in enumerate(truth):
        for match in matches:
            other = match ^ (generator.random() < 0.1)
            tables[row, 2 * match + other] += 1
    plainly = kappas(np.array([tables[generator.integers(300, size=300)].sum(axis=0) for _ in range(RESAMPLINGS)]))
    assert interval(tables, kappas) == pytest.approx(np.quantile(plainly, [0.025, 0.975]), abs=0.02)


def test_pairs_of_one_query_are_drawn_together() -> None:
    """Three pairs that are always answered alike tell no more than one."""
    votes = ["11", "00", "10", "01", "11", "00"] * 5
    alone = alpha(shared(*votes))
    thrice = alpha(shared(*(vote for vote in votes for _ in range(3)), query_of=3))
    apart = alpha(shared(*(vote for vote in votes for _ in range(3))))
    assert None not in {alone.low, thrice.low, apart.low}
    assert thrice.high - thrice.low == pytest.approx(alone.high - alone.low, abs=0.05)
    assert apart.high - apart.low < 0.7 * (thrice.high - thrice.low)


def test_the_same_answers_give_the_same_interval() -> None:
    votes = ["11", "00", "10", "11", "00"] * 8
    assert kappa(shared(*votes)) == kappa(shared(*votes))
