"""No leakage from evaluation data into training data."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import c, match, no_match, q

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.splits.split import Splits, split_labels, training_labels
from labels.consensus import LabelState, Rule
from labels.model import MACHINE, ActionDetails, Decision, Judgement, ProductRef, Side, Verb
from labels.store import LabelStore

#: (query, candidate, decision, side); the queries 0 and 1 are drawn for validation.
Said = tuple[int, int, Decision, Side]
SAID = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 5), st.sampled_from(Decision), st.sampled_from(Side)), max_size=25
)
DRAWN = {q("0"), q("1")}


def split(said: list[Said], *, held_out: float = 0.3, seed: int = 13) -> Splits:
    with TemporaryDirectory() as folder, LabelStore(Path(folder) / "labels.db") as store:
        # Of no interest here, and every commit would wait for the disk.
        store.connection.execute("PRAGMA synchronous=OFF")
        store.draw_validation(DRAWN, seed=1)
        for query, candidate, decision, side in said:
            own = None if q(str(query)) in DRAWN else side
            store.record(
                "ada", Verb.IMPORT, q(str(query)), [Judgement(c(str(candidate)), decision)], ActionDetails(side=own)
            )
        return split_labels(store, held_out=held_out, seed=seed)


@settings(max_examples=60)
@given(SAID)
def test_nothing_that_is_judged_on_trains(said: list[Said]) -> None:
    splits = split(said)
    trained = {label.pair for label in splits.train}
    assert not {pair.query for pair in trained} & DRAWN
    assert not {pair.candidate for pair in trained} & splits.leak_candidates
    assert not {pair for pair in trained if pair.candidate in splits.excluded_pairs.get(pair.query, ())}
    assert all(label.side is Side.TRAIN and label.match is not None for label in splits.train)
    for query in DRAWN & set(splits.matches):
        assert splits.matches[query] <= splits.leak_candidates
    if not splits.manual:
        assert not {pair.query for pair in trained} & set(splits.eval_queries)
        assert all(splits.matches[query] <= splits.leak_candidates for query in splits.eval_queries)


def reachable(start: set[ProductRef], edges: list[tuple[ProductRef, ProductRef]]) -> set[ProductRef]:
    """What can be reached from some products, by repeated passes over the edges."""
    found = set(start)
    for _ in edges:
        for edge in edges:
            if found & set(edge):
                found |= set(edge)
    return found


@settings(max_examples=60)
@given(SAID)
def test_every_judged_query_has_a_known_match_and_the_validation_side_goes_first(said: list[Said]) -> None:
    splits = split(said)
    assert set(splits.eval_queries) <= set(splits.matches)
    assert all(splits.matches.values())
    last = {(query, candidate): (decision, side) for query, candidate, decision, side in said}
    validation = {
        q(str(query))
        for (query, _), (decision, side) in last.items()
        if decision is Decision.MATCH and (side is Side.VALIDATION or q(str(query)) in DRAWN)
    }
    assert splits.manual is bool(validation)
    if splits.manual:
        assert set(splits.eval_queries) == validation
    else:
        assert bool(splits.eval_queries) is bool(splits.matches)


@settings(max_examples=40)
@given(SAID)
def test_the_matcher_learns_from_all_that_may_train_and_nothing_else(said: list[Said]) -> None:
    with TemporaryDirectory() as folder, LabelStore(Path(folder) / "labels.db") as store:
        store.connection.execute("PRAGMA synchronous=OFF")
        store.draw_validation(DRAWN, seed=1)
        for query, candidate, decision, side in said:
            own = None if q(str(query)) in DRAWN else side
            store.record(
                "ada", Verb.IMPORT, q(str(query)), [Judgement(c(str(candidate)), decision)], ActionDetails(side=own)
            )
        found = {label.pair: label.match for label in training_labels(store)}
        splits = split_labels(store, held_out=0.3, seed=13)
    last = {(q(str(query)), c(str(candidate))): (decision, side) for query, candidate, decision, side in said}
    connected = reachable(DRAWN, [pair for pair, (decision, _) in last.items() if decision is Decision.MATCH])
    wanted = {
        pair: decision is Decision.MATCH
        for pair, (decision, side) in last.items()
        if decision is not Decision.UNSURE and side is Side.TRAIN and connected.isdisjoint(pair)
    }
    assert {tuple(pair): is_match for pair, is_match in found.items()} == wanted
    assert {label.pair for label in splits.train} <= set(found), "what trains an encoder may train the matcher"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    """Twenty training queries with a match and a rejection each."""
    with LabelStore(tmp_path / "labels.db") as opened:
        answers = [(q(f"t{n}"), [*match(f"m{n}"), *no_match(f"r{n}")], True) for n in range(20)]
        opened.record_all("ada", answers, side=Side.TRAIN)
        yield opened


def test_without_validation_labels_a_share_of_the_queries_is_held_out(store: LabelStore) -> None:
    splits = split_labels(store, held_out=0.3, seed=13)
    assert not splits.manual
    assert 2 <= len(splits.eval_queries) <= 10
    assert len(splits.train) == 2 * (20 - len(splits.eval_queries))
    assert splits == split_labels(store, held_out=0.3, seed=13)
    assert splits.eval_queries != split_labels(store, held_out=0.3, seed=14).eval_queries


def test_an_unlucky_draw_still_leaves_one_query_to_judge_on(store: LabelStore) -> None:
    splits = split_labels(store, held_out=1e-9, seed=13)
    assert len(splits.eval_queries) == 1
    assert len(splits.train) == 38


def test_a_product_that_a_validation_query_matches_is_no_negative_either(store: LabelStore) -> None:
    store.draw_validation([q("v")], seed=1)
    store.record("ada", Verb.ACCEPT, q("v"), match("r3"))
    splits = split_labels(store, held_out=0.3, seed=13)
    assert (splits.manual, splits.eval_queries, splits.leak_candidates) == (True, (q("v"),), {q("v"), c("r3")})
    assert {label.pair.candidate for label in splits.train if label.pair.query == q("t3")} == {c("m3")}
    assert (len(splits.train), splits.withheld) == (39, 1)


def test_a_conflict_is_no_label(store: LabelStore) -> None:
    store.record("bob", Verb.REJECT, q("t1"), no_match("m1"))
    splits = split_labels(store, held_out=1e-9, seed=13)
    assert q("t1") not in splits.matches
    assert c("m1") not in {label.pair.candidate for label in splits.train}


def test_queries_held_out_of_the_encoders_training_teach_the_matcher_which_has_folds_of_its_own(
    store: LabelStore,
) -> None:
    assert len(training_labels(store)) == 40
    assert len(split_labels(store, held_out=0.3, seed=13).train) < 40


def test_a_machines_word_and_a_conflict_teach_no_matcher(store: LabelStore) -> None:
    store.record(MACHINE, Verb.ACCEPT, q("t1"), match("new"))
    store.record("bob", Verb.REJECT, q("t1"), no_match("m1"))
    pairs = {label.pair.candidate for label in training_labels(store) if label.pair.query == q("t1")}
    assert pairs == {c("r1")}


def test_a_majority_teaches_only_where_that_is_the_rule(store: LabelStore) -> None:
    store.record("ada", Verb.ACCEPT, q("5"), match("a"))
    store.record("bob", Verb.ACCEPT, q("5"), match("a"))
    store.record("eve", Verb.REJECT, q("5"), no_match("a"))
    assert not [label for label in training_labels(store) if label.pair.query == q("5")]
    (label,) = [label for label in training_labels(store, Rule.MAJORITY) if label.pair.query == q("5")]
    assert (label.match, label.state) == (True, LabelState.MAJORITY)


def test_what_is_connected_with_a_validation_product_over_several_matches_does_not_train(store: LabelStore) -> None:
    """`v` – m1 – t1 – r7 – t7: all one product, so that neither t7 nor its m7 trains."""
    store.draw_validation([q("v")], seed=1)
    for query, candidate in (("v", "m1"), ("t1", "r7"), ("t7", "r7")):
        store.record("ada", Verb.ACCEPT, q(query), match(candidate))
    splits = split_labels(store, held_out=0.3, seed=13)
    assert splits.leak_candidates == {q("v"), c("m1"), q("t1"), c("r7"), q("t7"), c("m7")}
    assert {q("t1"), q("t7")}.isdisjoint(splits.products)
    # m1, r1 and r7 of t1, m7 and r7 of t7.
    assert splits.withheld == 5


# -- what shares a GTIN ----------------------------------------------------------------------------------------


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[CatalogStore]:
    """`v` and `t1`, `m2` and `m3`, `r4` and `v` carry one GTIN; `t5` and `t6` a placeholder."""
    codes = {
        "v": "036000291452", "t1": "0036000291452", "r4": "36000291452", "m2": "4006381333931", "m3": "04006381333931",
        "t5": "999999999999", "t6": "999999999999",
    }  # fmt: skip
    queries = [Product("walmart", id_, id_, upc=codes.get(id_, "")) for id_ in ("v", *(f"t{n}" for n in range(20)))]
    products = [Product("amazon", f"{m}{n}", "p", upc=codes.get(f"{m}{n}", "")) for m in "mr" for n in range(20)]
    with CatalogStore(tmp_path / "catalog.db") as opened:
        opened.replace("walmart", "query", queries)
        opened.replace("amazon", "catalog", products)
        yield opened


def test_what_shares_a_gtin_with_what_is_judged_on_does_not_train(store: LabelStore, catalog: CatalogStore) -> None:
    store.draw_validation([q("v")], seed=1)
    store.record("ada", Verb.ACCEPT, q("v"), match("m2"))
    splits = split_labels(store, held_out=0.3, seed=13, catalog=catalog)
    assert splits.leak_candidates >= {c("m2"), c("m3"), c("r4"), q("t1")}
    # t2 matches what v matches, and t3 what has the same GTIN: both are v's product, and so train with nothing.
    connected = {q("t1"), q("t2"), q("t3"), c("m2"), c("m3"), c("r4")}
    left_out = {pair for pair in every_pair() if connected & set(pair)}
    assert {tuple(label.pair) for label in splits.train} == every_pair() - left_out
    assert {tuple(label.pair) for label in training_labels(store, catalog=catalog)} == every_pair() - left_out


def test_what_shares_a_gtin_with_a_held_out_query_does_not_train(store: LabelStore, catalog: CatalogStore) -> None:
    splits = split_labels(store, held_out=0.3, seed=13, catalog=catalog)
    kept_out = catalog.with_same_gtin(
        [*splits.eval_queries, *(ref for query in splits.eval_queries for ref in splits.matches[query])]
    )
    assert not splits.manual
    assert all(kept_out.isdisjoint(label.pair) for label in splits.train)


def every_pair() -> set[tuple[ProductRef, ProductRef]]:
    return {(q(f"t{n}"), c(f"{kind}{n}")) for n in range(20) for kind in "mr"}
