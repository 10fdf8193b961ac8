"""Which listings are known to be one product, and what counts as found in an evaluation."""

from samples import c, q

from core.catalog.product import MAX_LISTINGS, Product
from core.retrieval.corpus import Corpus
from core.splits.known_products import evaluation_gold, indistinguishable, known_groups
from core.splits.split import Splits, matches_by_query
from labels.consensus import Label, LabelState
from labels.model import Pair, Side, Strength

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


def splits(*labels: tuple[str, str, bool], evaluated: str = "q1") -> Splits:
    made = [
        Label(Pair(q(query), c(candidate)), match, Strength.EXPLICIT, Side.TRAIN, LabelState.AGREED)
        for query, candidate, match in labels
    ]
    return Splits(tuple(made), (q(evaluated),), matches_by_query(made), frozenset(), {}, manual=True, name="v")


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


def test_a_group_that_contradicts_itself_counts_only_as_labelled() -> None:
    labels = splits(("q1", "c1", True), ("q2", "c1", True), ("q2", "c2", True), ("q1", "c2", False))
    assert evaluation_gold(labels, corpus(TITLES)) == {q("q1"): {c("c1")}}


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
