"""The methods of clustering, alone and against their constraints."""

from itertools import combinations
from random import Random

import numpy as np
import pytest
from clusterings import Problem, label, listing, named, problem, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clustering.correlation import correlation_groups, link_weights
from core.clustering.methods import Method
from core.splits.groups import ConnectedGroups
from labels.consensus import LabelState
from labels.model import ProductRef

# Many examples: they are not run while one works.
pytestmark = pytest.mark.slow

METHODS = list(Method)


# -- examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_links_at_the_threshold_join_across_sources(method: Method) -> None:
    found = problem("a1 a2 t1 w1 w2", {"w1-a1": 0.9, "t1-a1": 0.7, "w2-a2": 0.4}).groups(method)
    assert named(found) == ["a1 t1 w1", "a2", "w2"]


def test_one_listing_of_a_source_by_the_best_link() -> None:
    given = problem("a1 a2 w1 w2", {"w1-a1": 0.8, "w1-a2": 0.9, "w2-a1": 0.6})
    assert named(given.groups(Method.COMPONENTS)) == ["a1 a2 w1 w2"]
    assert named(given.groups(Method.ONE_PER_SOURCE)) == ["a1 w2", "a2 w1"]


def test_correlation_weighs_the_links_against_a_group() -> None:
    # Two firm groups, joined by one weak link that two others deny.
    links = {"w1-a1": 0.95, "t1-a1": 0.95, "w2-a2": 0.95, "w1-a2": 0.55, "t1-a2": 0.1}
    given = problem("a1 a2 t1 w1 w2", links)
    assert named(given.groups(Method.CORRELATION)) == ["a1 t1 w1", "a2 w2"]
    assert named(given.groups(Method.COMPONENTS)) == ["a1 a2 t1 w1 w2"]


def test_equal_gtins_join_two_queries() -> None:
    given = problem("a1 t1 w1", {}, gtins={"t1": "5", "w1": "5"})
    assert [named(given.groups(method)) for method in METHODS] == [["a1", "t1 w1"]] * 3


@pytest.mark.parametrize("method", METHODS)
def test_people_outweigh_probabilities(method: Method) -> None:
    labels = [label("w1", "a1", match=False), label("w2", "a1", match=True)]
    given = problem("a1 w1 w2", {"w1-a1": 0.99, "w2-a1": 0.01}, *labels)
    assert named(given.groups(method)) == ["a1 w2", "w1"]


def test_a_persons_match_outweighs_one_listing_per_source() -> None:
    labels = [label("w1", "a1", match=True), label("w1", "a2", match=True)]
    given = problem("a1 a2 a3 t1 t2 w1", {"w1-a3": 0.9, "t1-a2": 0.9, "t2-a1": 0.8}, *labels)
    assert named(given.groups(Method.ONE_PER_SOURCE)) == ["a1 a2 t1 w1", "a3", "t2"]


# -- contradictions ------------------------------------------------------------------------------------------


def test_a_contradiction_is_named_and_left_to_people() -> None:
    labels = [label("w1", "a1", match=True), label("w2", "a1", match=True), label("w2", "a2", match=True)]
    given = problem("a1 a2 w1 w2", {}, *labels, label("w1", "a2", match=False))
    assert named(given.groups(Method.COMPONENTS)) == ["a1 a2 w1 w2"]
    (found,) = given.constraints.contradictions
    assert found.pairs == ((listing("w1"), listing("a2")),)
    chain = "walmart 1 = amazon 1 = walmart 2 = amazon 2"
    assert found.words == f"Not followed: walmart 1 ≠ amazon 2, since {chain}."


def test_an_adjudicated_decision_comes_first() -> None:
    labels = [label("w1", "a1", match=True), label("w2", "a1", match=True), label("a1", "w2", match=False)]
    ruling = label("w1", "w2", match=False, state=LabelState.ADJUDICATED)
    given = problem("a1 w1 w2", {}, *labels, ruling)
    assert named(given.groups(Method.COMPONENTS)) == ["a1 w1", "w2"]
    (found,) = given.constraints.contradictions
    assert found.words == "Not followed: walmart 2 = amazon 1, since walmart 1 ≠ walmart 2 was adjudicated."


def test_decisions_on_listings_that_are_gone_are_ignored() -> None:
    given = problem("a1 w1", {}, label("w1", "a9", match=True), label("w9", "a1", match=False))
    assert given.constraints.matched.tolist() == [0, 1]
    assert given.constraints.contradictions == ()


# -- properties ----------------------------------------------------------------------------------------------


def together(groups: list[set[ProductRef]]) -> set[tuple[ProductRef, ProductRef]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


@given(problems(), st.sampled_from(METHODS), st.sampled_from([0.3, 0.5, 0.9]))
@settings(max_examples=300)
def test_no_constraint_is_broken_but_those_that_are_reported(given: Problem, method: Method, threshold: float) -> None:
    joined = together(given.groups(method, threshold))
    reported = {pair for each in given.constraints.contradictions for pair in each.pairs}
    for each in given.labels:
        if each.pair not in reported:
            assert (tuple(sorted(each.pair)) in joined) is bool(each.match)


@given(problems(states=(LabelState.AGREED,)))
def test_only_decisions_that_contradict_matches_are_reported(given: Problem) -> None:
    chains: ConnectedGroups[ProductRef] = ConnectedGroups(each.pair for each in given.labels if each.match)
    expected = {
        each.pair
        for each in given.labels
        if not each.match and chains.representative(each.pair[0]) == chains.representative(each.pair[1])
    }
    assert {pair for each in given.constraints.contradictions for pair in each.pairs} == expected


@given(problems(), st.sampled_from([0.3, 0.5, 0.9]))
@settings(max_examples=300)
def test_one_listing_of_a_source_unless_people_matched_more(given: Problem, threshold: float) -> None:
    matched = dict(zip(given.graph.listings, given.constraints.matched.tolist(), strict=True))
    for group in given.groups(Method.ONE_PER_SOURCE, threshold):
        for source in {ref.source for ref in group}:
            assert len({matched[ref] for ref in group if ref.source == source}) == 1


@given(problems(), st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_of_the_input_has_no_influence(given: Problem, method: Method, random: Random) -> None:
    shuffled = Problem(
        *(random.sample(part, len(part)) for part in (given.listings, given.scored, given.labels)),
        dict(reversed(given.gtins.items())),
    )
    assert shuffled.groups(method) == given.groups(method)


@given(problems(states=(LabelState.AGREED,)))
def test_components_without_decisions_are_the_connected_ones(given: Problem) -> None:
    free = Problem(given.listings, given.scored)
    expected: ConnectedGroups[ProductRef] = ConnectedGroups((a, b) for a, b, p in given.scored if p >= 0.5)
    assert together(free.groups(Method.COMPONENTS)) == {
        (a, b) for a, b in combinations(sorted(given.listings), 2)
        if expected.representative(a) == expected.representative(b)
    }  # fmt: skip


def objective(weights: dict[tuple[int, int], float], sources: list[int], groups: list[int]) -> float:
    """The sum of the weights within groups, with -3 for two listings of one source."""
    return sum(
        weights.get(pair, 0.0) - 3 * (sources[pair[0]] == sources[pair[1]])
        for pair in combinations(range(len(groups)), 2)
        if groups[pair[0]] == groups[pair[1]]
    )


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] < p[1]), st.floats(0.01, 0.99)
    ),
    st.lists(st.integers(0, 4), min_size=7, max_size=7),
)
def test_correlation_is_a_local_maximum(links: dict[tuple[int, int], float], sources: list[int]) -> None:
    ends = np.array(sorted(links), np.int32).reshape(-1, 2)
    same = np.array([sources[one] == sources[other] for one, other in sorted(links)], bool)
    values = link_weights(np.array([links[pair] for pair in sorted(links)], float), same, 0.5)
    of_node = {node: {source: 1} for node, source in enumerate(sources)}
    found = correlation_groups(of_node, ends[:, 0], ends[:, 1], values, np.empty((0, 2), np.int32))
    weights = dict(zip(sorted(links), values.tolist(), strict=True))
    value = objective(weights, sources, found)
    assert value >= -1e-9
    for node in range(7):
        for target in {found[each] for pair in links if node in pair for each in pair} | {9}:
            moved = [target if each == node else group for each, group in enumerate(found)]
            assert objective(weights, sources, moved) <= value + 1e-6


def test_a_link_within_a_source_stands_for_itself() -> None:
    given = problem("a1 a2 a3", {"a1-a2": 0.8, "a2-a3": 0.3})
    assert named(given.groups(Method.CORRELATION)) == ["a1 a2", "a3"]
    assert named(given.groups(Method.ONE_PER_SOURCE)) == ["a1", "a2", "a3"]


def test_correlation_finds_a_firm_duplicate_within_a_source() -> None:
    links = {"w1-a1": 0.98, "w1-a2": 0.98, "w2-a3": 0.98, "w2-a4": 0.7}
    given = problem("a1 a2 a3 a4 w1 w2", links)
    assert named(given.groups(Method.CORRELATION)) == ["a1 a2 w1", "a3 w2", "a4"]


@pytest.mark.parametrize("method", METHODS)
def test_no_listings_are_no_groups(method: Method) -> None:
    assert Problem([], []).groups(method) == []
