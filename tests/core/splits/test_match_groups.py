"""Which listings are known to be one product, and what counts as found in an evaluation."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from samples import c, implied, match, no_match, q

from core.catalog.product import MAX_LISTINGS, Product
from core.retrieval.corpus import Corpus
from core.splits.hard_negatives import NegativeSource
from core.splits.match_groups import evaluation_gold, indistinguishable, known_groups
from core.splits.split import Splits, split_labels
from core.splits.triplets import NegativeOptions, build_triplets
from labels.consensus import Label, LabelState
from labels.model import Pair, Side, Strength, Verb
from labels.store import LabelStore

GTIN = "036000291452"


def corpus(titles: dict[str, str]) -> Corpus:
    """Queries in `walmart` and products in `amazon`, by id and title; those with `gtin` have one."""
    listings = [
        Product(
            "walmart" if id_.startswith("q") else "amazon", id_, title, upc=GTIN if title.startswith("gtin") else ""
        )
        for id_, title in titles.items()
    ]
    return Corpus([p for p in listings if p.source == "walmart"], [p for p in listings if p.source == "amazon"])


def splits(*labels: tuple[str, str, bool], drawn: str = "q1") -> Splits:
    """The split of a ledger with these explicit answers, in which one query is drawn for validation."""
    with TemporaryDirectory() as folder, LabelStore(Path(folder) / "labels.db") as store:
        store.draw_validation({q(drawn)}, seed=1)
        for query in dict.fromkeys(query for query, _, _ in labels):
            said = [(match if is_match else no_match)(id_) for of, id_, is_match in labels if of == query]
            store.record("ada", Verb.ACCEPT, q(query), [each for judgements in said for each in judgements])
        return split_labels(store, held_out=0.3, seed=13)


TITLES = {"q1": "drill", "q2": "drill 18V", "c1": "a drill", "c2": "the drill", "c3": "the drill", "c4": "saw"}


def test_what_follows_from_other_matches_and_listings_of_the_same_content_count_as_found() -> None:
    labels = splits(("q1", "c1", True), ("q2", "c1", True), ("q2", "c2", True), ("q2", "c4", False))
    assert evaluation_gold(labels, corpus(TITLES)) == {q("q1"): {c("c1"), c("c2"), c("c3")}}


def test_without_other_labels_and_equal_listings_only_labelled_matches_count() -> None:
    assert evaluation_gold(splits(("q1", "c1", True)), corpus(TITLES)) == {q("q1"): {c("c1")}}


def test_an_identical_listing_of_the_query_counts_as_found_and_the_query_itself_does_not() -> None:
    both = corpus({**TITLES, "c5": "drill"})
    both = Corpus(both.queries, [*both.products, *both.queries])
    assert evaluation_gold(splits(("q1", "c1", True)), both) == {q("q1"): {c("c1"), c("c5")}}


@pytest.mark.parametrize("rejected", [("q1", "c2"), ("q3", "c1")])
def test_a_group_that_contradicts_itself_counts_only_as_labelled(rejected: tuple[str, str]) -> None:
    """Also if the contradiction is on the training side, from which all labels of the group are left out."""
    answers = [("q1", "c1", True), ("q2", "c1", True), ("q2", "c2", True), ("q3", "c2", True)]
    listings = corpus({**TITLES, "q3": "drill x"})
    assert evaluation_gold(splits(*answers), listings) == {q("q1"): {c("c1"), c("c2"), c("c3")}}
    assert evaluation_gold(splits(*answers, (*rejected, False)), listings) == {q("q1"): {c("c1")}}


def test_a_candidate_with_the_content_of_a_match_counts_as_found_unless_it_was_rejected_explicitly() -> None:
    listings = corpus({**TITLES, "c1": "the drill"})
    assert evaluation_gold(splits(("q1", "c1", True)), listings) == {q("q1"): {c("c1"), c("c2"), c("c3")}}
    assert evaluation_gold(splits(("q1", "c1", True), ("q1", "c3", False)), listings) == {q("q1"): {c("c1"), c("c2")}}
    with TemporaryDirectory() as folder, LabelStore(Path(folder) / "labels.db") as store:
        store.draw_validation({q("q1")}, seed=1)
        store.record("ada", Verb.ACCEPT, q("q1"), [*match("c1"), *implied("c2", "c3")])
        shown_beside = split_labels(store, held_out=0.3, seed=13)
    assert evaluation_gold(shown_beside, listings) == {q("q1"): {c("c1"), c("c2"), c("c3")}}


def test_what_other_labels_say_of_a_listing_of_the_same_content_does_not_count() -> None:
    listings = corpus({"q1": "nike", "q2": "adidas", "c1": "shoe", "c2": "shoe", "c3": "adidas boost"})
    labels = splits(("q1", "c1", True), ("q2", "c2", True), ("q2", "c3", True))
    assert evaluation_gold(labels, listings) == {q("q1"): {c("c1"), c("c2")}}


def test_a_listing_with_the_content_of_the_match_is_no_negative_unless_an_adjudication_says_so() -> None:
    listings, pair = corpus({"q1": "drill", "c1": "a drill", "c2": "a drill", "c4": "saw"}), Pair(q("q1"), c("c2"))
    labels = [Label(Pair(q("q1"), c("c1")), True, Strength.EXPLICIT, Side.TRAIN, LabelState.AGREED)]
    same = indistinguishable(splits(("q2", "c4", True)), listings)
    for state, expected in ((LabelState.AGREED, ["c4"]), (LabelState.ADJUDICATED, ["c2", "c4"])):
        rejections = [
            Label(pair, False, Strength.IMPLIED, Side.TRAIN, state),
            Label(Pair(q("q1"), c("c4")), False, Strength.IMPLIED, Side.TRAIN, LabelState.AGREED),
        ]
        products = {each.ref: each for each in listings.listings}
        (triplet,) = build_triplets([*labels, *rejections], {}, products, NegativeOptions(3), connected=same)
        assert [each.id for each in triplet.negatives] == expected
        assert set(triplet.sources) == {NegativeSource.IMPLIED}


def test_equal_gtins_connect_and_equal_content_only_where_nothing_leaks() -> None:
    listings = corpus({"q1": "gtin a", "c1": "gtin b", "c2": "gtin c", "c3": "saw", "q2": "saw"})
    labels = splits(("q1", "c1", True))
    known, same = known_groups(labels, listings), indistinguishable(labels, listings)
    assert known.connected([q("q1")]) == {q("q1"), c("c1"), c("c2")}
    assert known.group(c("c3")) is None
    assert same.connected([c("c3")]) == {c("c3"), q("q2")}
    assert evaluation_gold(labels, listings) == {q("q1"): {c("c1"), c("c2")}}


def test_content_of_many_listings_is_a_default_and_connects_nothing() -> None:
    many = {f"c{i}": "item" for i in range(MAX_LISTINGS + 1)}
    assert indistinguishable(splits(("q1", "c1", True)), corpus({"q1": "drill", **many})).group(c("c2")) is None
