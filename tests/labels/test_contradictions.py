"""Contradictions among labels, and adjudications that settle them."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import c, match, no_match, q

from labels.consensus import Label, LabelState, contradictions
from labels.model import ActionDetails, Pair, ProductRef, Side, Stream, Strength, Verb
from labels.store import LabelStore


def label(query: str, candidate: str, same: bool | None, state: LabelState = LabelState.AGREED) -> Label:
    return Label(Pair(q(query), c(candidate)), same, Strength.EXPLICIT, Side.TRAIN, state)


#: From 1 to b over 2.
BRIDGE = [label("1", "a", True), label("2", "a", True), label("2", "b", True)]


def test_a_non_match_between_transitively_equal_products() -> None:
    found = contradictions(
        [label("1", "a", True), label("2", "a", True), label("2", "b", True), label("1", "b", False)]
    )
    assert [each.pairs for each in found] == [(Pair(q("1"), c("b")),)]
    assert found[0].words == "walmart 1 = amazon a = walmart 2 = amazon b; yet walmart 1 ≠ amazon b."


def test_a_contradiction_beside_other_matches_is_found() -> None:
    found = contradictions(
        [label("8", "x", True), *BRIDGE, label("9", "y", True), label("1", "b", False), label("8", "y", False)]
    )
    assert [each.pairs for each in found] == [(Pair(q("1"), c("b")),)]


@pytest.mark.parametrize(
    "labels",
    [
        [label("1", "a", True), label("1", "b", False)],
        [label("1", "a", True), label("2", "a", True), label("2", "b", False)],
        [label("1", "a", True), label("2", "a", True), label("2", "b", True), label("1", "b", None)],
        [
            label("1", "a", True),
            label("2", "a", True),
            label("2", "b", True),
            label("1", "b", False, LabelState.ADJUDICATED),
        ],
    ],
    ids=["apart", "another group", "a conflict says nothing", "ruled on"],
)
def test_consistent_labels_have_no_contradiction(labels: list[Label]) -> None:
    assert contradictions(labels) == []


def test_two_queries_of_a_unique_source_for_one_candidate() -> None:
    labels = [label("1", "a", True), label("2", "a", True)]
    assert contradictions(labels) == []
    (found,) = contradictions(labels, unique=["walmart"])
    assert found.pairs == (Pair(q("1"), c("a")), Pair(q("2"), c("a")))
    assert found.words == "amazon a was accepted for 1, 2; walmart lists no product twice."
    adjudicated = [label(query, "a", True, LabelState.ADJUDICATED) for query in ("1", "2")]
    assert contradictions(adjudicated, unique=["walmart"]) == []


def test_a_unique_source_may_match_each_candidate_once() -> None:
    assert contradictions([label("1", "a", True), label("2", "b", True)], unique=["walmart"]) == []


def test_one_adjudication_of_two_does_not_settle_a_duplicate() -> None:
    labels = [label("1", "a", True, LabelState.ADJUDICATED), label("2", "a", True)]
    assert len(contradictions(labels, unique=["walmart"])) == 1


def test_an_adjudication_settles_a_contradiction(ledger: LabelStore) -> None:
    ledger.record("ada", Verb.ACCEPT, q("1"), match("a"))
    ledger.record("ada", Verb.ACCEPT, q("2"), match("a", "b"))
    ledger.record("bob", Verb.REJECT, q("1"), no_match("b"))
    assert len(contradictions(ledger.labels())) == 1
    ledger.record("eve", Verb.REJECT, q("1"), no_match("b"), ActionDetails(stream=Stream.ADJUDICATION))
    assert contradictions(ledger.labels()) == []


def test_a_long_chain_is_abbreviated() -> None:
    numbers = range(6)
    labels = [label(str(n), str(n), True) for n in numbers] + [label(str(n), str(n + 1), True) for n in numbers]
    (found,) = contradictions([*labels, label("0", "6", False)])
    assert found.words.count("=") == 6
    assert "…" in found.words


PAIRS = list(itertools.product("1234", "abcd"))


@given(st.dictionaries(st.sampled_from(PAIRS), st.booleans()), st.randoms(use_true_random=False))
def test_it_agrees_with_a_transitive_closure_in_any_order(
    said: dict[tuple[str, str], bool], shuffle: random.Random
) -> None:
    labels = [label(query, candidate, same) for (query, candidate), same in said.items()]
    shuffle.shuffle(labels)
    groups: list[set[ProductRef]] = []
    for (query, candidate), same in said.items():
        if same:
            joined = [group for group in groups if group & {q(query), c(candidate)}]
            groups = [group for group in groups if group not in joined]
            groups.append(set().union({q(query), c(candidate)}, *joined))
    expected = {
        Pair(q(query), c(candidate))
        for (query, candidate), same in said.items()
        if not same and any({q(query), c(candidate)} <= group for group in groups)
    }
    assert {found.pairs[0] for found in contradictions(labels)} == expected
