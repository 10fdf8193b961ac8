"""Triplets: an anchor, a match, and hard negatives."""

from dataclasses import replace

import pytest
from samples import c, q

from core.catalog.product import Product
from core.retrieval.candidates import Candidate
from core.splits.groups import ConnectedGroups
from core.splits.hard_negatives import NegativeSource
from core.splits.triplets import NegativeOptions, Triplet, build_triplets
from core.splits.weak_labels import WeakLabel, WeakSource
from labels.consensus import Label, LabelState
from labels.model import Pair, Side, Strength

EXPLICIT, IMPLIED = Strength.EXPLICIT, Strength.IMPLIED


def label(candidate: str, verdict: bool, strength: Strength = EXPLICIT, query: str = "1") -> Label:
    return Label(Pair(q(query), c(candidate)), verdict, strength, Side.TRAIN, LabelState.AGREED)


def mined(**scores: float) -> dict:
    """Candidates of the query 1, best first, by their fused score."""
    return {q("1"): [Candidate(c(id_), rank, 0.5, s, None, None) for rank, (id_, s) in enumerate(scores.items(), 1)]}


def products(**changes: dict) -> dict:
    """The query 1 and candidates a to j, with nothing in common but what the test says."""
    made = [Product("walmart", "1", "query", **changes.pop("query", {}))]
    made += [Product("amazon", id_, id_, **changes.get(id_, {})) for id_ in "abcdefghij"]
    return {product.ref: product for product in made}


def negatives(labels: list[Label], candidates: dict, catalogue: dict | None = None, **options: object) -> list[str]:
    """The negatives of the match a."""
    count = NegativeOptions(int(str(options.pop("negatives", 9))))
    triplets = build_triplets(labels, candidates, catalogue or products(), count, **options)  # type: ignore[arg-type]
    return next(([n.id for n in t.negatives] for t in triplets if t.positive == c("a")), [])


FAR = {"a": 1.0, "b": 0.5, "d": 0.4, "e": 0.3}


def test_rejections_come_first_explicit_before_implied_and_by_rank() -> None:
    labels = [label("a", True), label("e", False), label("d", False, IMPLIED), label("h", False), label("b", False)]
    candidates = mined(**FAR, f=0.2)
    assert negatives(labels, candidates) == ["b", "e", "h", "d", "f"]


def test_one_place_is_kept_for_a_mined_one_where_there_is_any() -> None:
    labels = [label("a", True), label("b", False), label("d", False), label("e", False)]
    assert negatives(labels, mined(**FAR, f=0.2, g=0.1), negatives=3) == ["b", "d", "f"]
    assert negatives(labels, mined(**FAR), negatives=3) == ["b", "d", "e"]


def test_a_known_match_is_never_a_negative() -> None:
    assert negatives([label("a", True), label("b", True)], mined(**FAR)) == ["d", "e"]


@pytest.mark.parametrize(("score", "taken"), [(0.949, True), (0.95, False), (0.99, False)])
def test_what_scores_like_the_match_is_likely_one_too(score: float, taken: bool) -> None:
    assert ("b" in negatives([label("a", True)], mined(a=1.0, b=score))) is taken


def test_where_the_match_is_no_candidate_the_best_one_sets_the_bar() -> None:
    assert negatives([label("a", True)], mined(b=0.8, d=0.77, e=0.75)) == ["e"]


@pytest.mark.parametrize(
    ("of_query", "of_match", "of_candidate", "taken"),
    [
        ({"upc": "0036000291452"}, {}, {"upc": "36000291452"}, False),
        ({}, {"upc": "036000291452"}, {"upc": "00036000291452"}, False),
        ({"upc": "036000291452"}, {}, {"upc": "4006381333931"}, True),
        ({"upc": "999999999999"}, {}, {"upc": "999999999999"}, True),
        ({"model": "EN-EL14"}, {}, {"model": "en el14"}, False),
        ({}, {"model": "EN-EL14"}, {"model": "EN-EL14"}, False),
        ({"model": "EN-EL14"}, {}, {"model": "EN-EL15"}, True),
        ({"model": "--"}, {}, {"model": "--"}, True),
        ({}, {}, {}, True),
    ],
)
def test_the_same_gtin_or_model_number_is_never_a_negative(
    of_query: dict, of_match: dict, of_candidate: dict, taken: bool
) -> None:
    catalogue = products(query=of_query, a=of_match, b=of_candidate)
    assert ("b" in negatives([label("a", True)], mined(**FAR), catalogue)) is taken


@pytest.mark.parametrize(
    ("state", "taken"), [(LabelState.AGREED, False), (LabelState.MAJORITY, False), (LabelState.ADJUDICATED, True)]
)
@pytest.mark.parametrize("owner", ["query", "a"])
def test_a_rejection_that_the_gtins_contradict_teaches_nothing_until_it_is_settled(
    owner: str, state: LabelState, taken: bool
) -> None:
    catalogue = products(**{owner: {"upc": "036000291452"}, "b": {"upc": "0036000291452"}})
    labels = [label("a", True), replace(label("b", False), state=state)]
    assert ("b" in negatives(labels, mined(**FAR), catalogue)) is taken


@pytest.mark.parametrize(
    "option", [{"excluded_products": frozenset({c("b")})}, {"excluded_pairs": {q("1"): frozenset({c("b")})}}]
)
def test_what_is_judged_on_is_never_mined(option: dict) -> None:
    assert negatives([label("a", True)], mined(**FAR), **option) == ["d", "e"]


def test_every_match_has_its_triplet_in_a_fixed_order() -> None:
    labels = [label("b", True, query="2"), label("e", False, query="2"), label("b", True), label("a", True)]
    expected = [
        Triplet(q("1"), c("a"), (c("d"), c("e")), (NegativeSource.MINED, NegativeSource.MINED)),
        Triplet(q("1"), c("b"), (c("e"),), (NegativeSource.MINED,)),
        Triplet(q("2"), c("b"), (c("e"),), (NegativeSource.EXPLICIT,)),
    ]
    for given in (labels, labels[::-1]):
        # b scores 0.41, so that d with 0.40 is too near to be b's negative.
        assert build_triplets(given, mined(a=1.0, b=0.41, d=0.4, e=0.3), products(), NegativeOptions(3)) == expected


def test_a_match_without_any_negative_and_rejections_without_a_match_give_nothing() -> None:
    assert build_triplets([label("a", True)], {}, products(), NegativeOptions(3)) == []
    assert build_triplets([label("a", False)], mined(**FAR), products(), NegativeOptions(3)) == []


def test_what_is_connected_with_the_match_is_never_mined() -> None:
    """`b` is the same product as the match `a`, by a match of another query."""
    connected = ConnectedGroups([(q("2"), c("a")), (q("2"), c("b"))])
    assert negatives([label("a", True)], mined(**FAR), connected=connected) == ["d", "e"]


def weak(candidate: str, verdict: bool, source: WeakSource = WeakSource.GTIN, query: str = "1") -> WeakLabel:
    return WeakLabel(Pair(q(query), c(candidate)), verdict, source)


def test_weak_matches_have_triplets_of_their_own_marked_by_source() -> None:
    labels = [label("a", True), label("e", False), label("d", False, IMPLIED)]
    weakly = [weak("b", True, WeakSource.PURCHASES), weak("f", False), weak("g", True, query="2")]
    given = mined(a=1.0, b=0.9, h=0.2)
    given[q("2")] = [Candidate(c("j"), 1, 0.5, 0.1, None, None), Candidate(c("g"), 2, 0.5, 1.0, None, None)]
    found = build_triplets(labels, given, products(), NegativeOptions(9), weak=weakly)
    by_rejection = [c("e"), c("d"), c("f"), c("h")]
    sources = ["explicit", "implied", "other_gtin", "mined"]
    assert [(t.anchor, t.positive, list(t.negatives), list(t.sources), t.source) for t in found] == [
        (q("1"), c("a"), by_rejection, sources, "explicit"),
        (q("1"), c("b"), by_rejection, sources, "purchases"),
        (q("2"), c("g"), [c("j")], ["mined"], "gtin"),
    ]


def test_a_weak_negative_with_the_gtin_of_the_match_is_none() -> None:
    catalogue = products(a={"upc": "036000291452"}, b={"upc": "0036000291452"})
    assert build_triplets([label("a", True)], {}, catalogue, NegativeOptions(9), weak=[weak("b", False)]) == []
