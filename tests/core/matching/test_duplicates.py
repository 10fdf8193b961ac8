"""One catalogue against itself: no listing is its own candidate, and each pair has one order, everywhere."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from duplicates import LISTINGS, SHOP, shop, write_shop
from samples import HashEncoder

from core.catalog.product import Product, default_gtins, is_ordered_pair, ordered_pair
from core.catalog.store import CatalogStore, ImportRules
from core.errors import CatalogError
from core.evaluation.retrieval import evaluate_encoder, ir_metrics
from core.jobs.progress import Silent
from core.matching.features.builder import CorpusFeatures, FeatureBuilder
from core.matching.pair_file import read_named_labels, read_named_pairs
from core.matching.pair_rows import matched_pairs
from core.matching.query_scorer import QueryScorer, indexed_corpus
from core.matching.run import UpdateReport, bring_up_to_date, saved_matcher
from core.queue.online import OnlineMatcher
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.pair_order import PairOrder
from core.settings import Settings
from core.splits.bootstrap import derive_weak_labels
from core.splits.current_labels import current_labels
from core.splits.split import split_labels, training_labels
from core.text.vocabulary import Vocabulary
from core.transfer.label_files import read_labels
from core.workspace import Workspace
from labels.exchange.tasks import Defaults
from labels.model import Decision, Judgement, Pair, ProductRef, Verb
from labels.store import LabelStore

BOTH = {SHOP, "other"}


@pytest.fixture
def workspace(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    return write_shop(tmp_path / "home")


@pytest.fixture
def catalog(workspace: Workspace) -> Iterator[CatalogStore]:
    with CatalogStore(workspace.catalog) as opened:
        yield opened


def model(workspace: Workspace) -> EncoderModel:
    return EncoderModel("hash", workspace.home)


def index(workspace: Workspace, settings: Settings | None = None) -> UpdateReport:
    return bring_up_to_date(workspace, settings or Settings(), model(workspace), Silent())


def candidates(workspace: Workspace) -> list[Pair]:
    with closing(CandidateStore(workspace.derived)) as store:
        return [Pair(query, each.ref) for query, each in store.all()]


def decided(workspace: Workspace, query: str, **decisions: str) -> None:
    with LabelStore(workspace.labels) as store:
        judgements = [Judgement(shop(id_), Decision(decision)) for id_, decision in decisions.items()]
        store.record("ada", Verb.ACCEPT, shop(query), judgements)


# -- the order of a pair -------------------------------------------------------------------------------------


def test_a_pair_of_listings_in_both_roles_has_one_order() -> None:
    one, other, product = shop("a"), shop("b"), ProductRef("catalogue", "a")
    assert ordered_pair(Pair(other, one), BOTH) == ordered_pair(Pair(one, other), BOTH) == Pair(one, other)
    assert ordered_pair(Pair(one, ProductRef("other", "z")), BOTH) == Pair(ProductRef("other", "z"), one)
    assert ordered_pair(Pair(one, product), BOTH) == Pair(one, product), "a candidate only"
    assert [is_ordered_pair(*each, BOTH) for each in ((one, other), (other, one), (one, one))] == [True, False, False]


def test_the_arrays_have_the_order_of_the_pairs() -> None:
    def listed(*refs: tuple[str, str]) -> list[Product]:
        return [Product(*ref, "title") for ref in refs]

    shared = [("shop", "b"), ("other", "z"), ("shop", "a")]
    corpus = Corpus(listed(*shared, ("asked", "q")), listed(("catalogue", "p"), *shared))
    order = PairOrder.of(corpus)
    assert order is not None
    found = {
        (query.ref, product.ref)
        for row, query in enumerate(corpus.queries)
        for position, product in enumerate(corpus.products)
        if order.are_pairs(np.array(row), np.array(position))
    }
    both = {"shop", "other"}
    assert found == {
        (q.ref, p.ref) for q in corpus.queries for p in corpus.products if is_ordered_pair(q.ref, p.ref, both)
    }
    assert order.with_queries([shop("b"), shop("new")]).queries.tolist() == [2, -1]
    assert PairOrder.of(Corpus(listed(("asked", "q")), listed(("catalogue", "p")))) is None


def test_a_listing_in_both_roles_counts_once(workspace: Workspace) -> None:
    corpus = Corpus.read(workspace)
    assert (len(corpus.queries), len(corpus.products), corpus.size) == (8, 8, 8)
    listings = [replace(each, upc="036000291452") for each in LISTINGS[:3]]
    assert Corpus(listings, listings).default_gtins == default_gtins(listings) == frozenset()


# -- candidates ----------------------------------------------------------------------------------------------


def test_no_listing_is_its_own_candidate_and_each_pair_occurs_once(workspace: Workspace) -> None:
    report = index(workspace).index
    assert (report.queries, report.products) == (8, 8)
    pairs = candidates(workspace)
    assert all(is_ordered_pair(*pair, {SHOP}) for pair in pairs)
    assert len(pairs) == len(set(pairs)) == 8 * 7 / 2, "fewer than ten listings: all pairs"
    rows = [pair for pair, _ in matched_pairs(workspace, Settings(), 10)]
    assert Counter(rows) == Counter(pairs)
    assert index(workspace).index.unchanged


def test_the_ranks_of_a_retriever_leave_out_what_is_no_pair(workspace: Workspace) -> None:
    index(workspace)
    with closing(CandidateStore(workspace.derived)) as store:
        for query in (each.ref for each in LISTINGS[:-1]):
            found = store.for_query(query)
            assert sorted(each.dense_rank or 0 for each in found) == list(range(1, len(found) + 1))
            assert sorted(each.rank for each in found) == list(range(1, len(found) + 1))


def test_a_listing_with_the_same_gtin_comes_first(workspace: Workspace) -> None:
    index(workspace)
    with closing(CandidateStore(workspace.derived)) as store:
        assert store.for_query(shop("s1"))[0].ref == shop("s4")
        assert shop("s1") not in [each.ref for each in store.for_query(shop("s4"))]


def test_beside_a_catalogue_listings_in_both_roles_are_compared_with_it_too(workspace: Workspace) -> None:
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace("depot", "catalog", [replace(LISTINGS[7], source="depot", id="d1")])
        catalog.replace("asked", "query", [replace(LISTINGS[0], source="asked", id="a1")])
    index(workspace)
    pairs = set(candidates(workspace))
    assert {pair.query for pair in pairs if pair.candidate.source == "depot"} == {
        *(each.ref for each in LISTINGS), ProductRef("asked", "a1"),
    }  # fmt: skip
    assert {pair.candidate for pair in pairs if pair.query.source == "asked"} >= {each.ref for each in LISTINGS}
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)


def test_a_listing_that_is_matched_without_an_import_is_not_compared_with_itself(workspace: Workspace) -> None:
    index(workspace)
    corpus = indexed_corpus(workspace, Settings(), model(workspace))
    matcher = saved_matcher(workspace)
    assert matcher is not None
    changed = replace(LISTINGS[1], title="Canon EOS Rebel T6 DSLR Camera with lens")
    new = replace(LISTINGS[1], id="new")
    with QueryScorer(workspace, Settings(), model(workspace), corpus, matcher, Silent()) as scorer:
        same, other, first = scorer.candidates([LISTINGS[1], changed, new])
    after = {each.ref for each in LISTINGS[2:]}
    assert {each.ref for each in same} == {each.ref for each in other} == after
    assert {each.ref for each in first} == {each.ref for each in LISTINGS}


def test_a_role_that_is_added_or_lost_shows_until_the_next_run(workspace: Workspace) -> None:
    index(workspace)
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(SHOP, "query", LISTINGS, rules=ImportRules(change_role=True))
        catalog.replace("depot", "catalog", [replace(LISTINGS[7], source="depot", id="d1")])
    index(workspace)
    assert {pair.candidate for pair in candidates(workspace)} == {ProductRef("depot", "d1")}
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(SHOP, "both", LISTINGS, rules=ImportRules(change_role=True))
    assert len(list(matched_pairs(workspace, Settings(), 10))) == 8, "the queries stay"
    index(workspace)
    assert len(candidates(workspace)) == 8 * 7 / 2 + 8


# -- features ------------------------------------------------------------------------------------------------


def features_of(builder: FeatureBuilder, row: int, column: int) -> dict[str, float]:
    found = builder.compute(np.array([row]), np.array([column]), np.array([0.5], np.float32))[0]
    return dict(zip((each.name for each in builder.features), found.tolist(), strict=True))


def test_no_listing_is_a_rival_of_its_own_candidates() -> None:
    builder = FeatureBuilder(LISTINGS, LISTINGS, Vocabulary.load())
    mouse = features_of(builder, 0, 3)
    assert (mouse["words_place"], mouse["words_place_back"]) == (1, 1)
    assert mouse["words_lead"] > 0 < mouse["words_lead_back"]
    assert mouse["characters_place"] == mouse["characters_place_back"] == 1


def test_a_changed_listing_is_no_rival_of_its_former_self() -> None:
    statistics = FeatureBuilder(LISTINGS, LISTINGS, Vocabulary.load()).statistics
    changed = [replace(LISTINGS[0], price=13.0), *LISTINGS[1:]]
    mouse = features_of(FeatureBuilder(changed, changed, Vocabulary.load(), statistics=statistics), 0, 3)
    assert (mouse["words_place"], mouse["words_place_back"]) == (1, 1)
    assert mouse["words_lead"] > 0 < mouse["words_lead_back"]


# -- labels --------------------------------------------------------------------------------------------------


def test_labels_are_imported_in_either_order(workspace: Workspace, tmp_path: Path, catalog: CatalogStore) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("query_id,candidate_id,label\ns4,s1,1\ns2,s5,1\ns5,s2,1\ns3,s2,0\ns6,s6,1\ns7,s8,1\ns8,s7,0\n")
    report = read_labels(workspace, file, Defaults("ada"))
    assert report.rejected == {"a product paired with itself": 1, "the pair has both labels": 2}
    with LabelStore(workspace.labels) as store:
        found = {
            (label.pair.query.id, label.pair.candidate.id): label.match for label in current_labels(store, catalog)
        }
    assert found == {("s1", "s4"): True, ("s2", "s5"): True, ("s2", "s3"): False}


def test_pairs_of_a_file_are_read_in_either_order(workspace: Workspace, tmp_path: Path) -> None:
    file, corpus = tmp_path / "pairs.csv", Corpus.read(workspace)
    file.write_text("query_id,candidate_id\ns4,s1\ns2,s5\n")
    assert read_named_pairs(corpus, file) == [Pair(shop("s1"), shop("s4")), Pair(shop("s2"), shop("s5"))]
    file.write_text("query_id,candidate_id,label\ns4,s1,1\ns1,s4,0\n")
    with pytest.raises(CatalogError, match="both labels"):
        read_named_labels(corpus, file)
    file.write_text("query_id,candidate_id\ns4,s4\n")
    with pytest.raises(CatalogError, match="s4 is paired with itself"):
        read_named_pairs(corpus, file)


def test_labels_of_former_roles_count_in_the_order_of_the_pair(workspace: Workspace) -> None:
    """`shop` was compared with `depot` before both were compared with themselves: `depot` comes first."""
    depot = ProductRef("depot", "d1")
    decided_pair = [Judgement(depot, Decision.MATCH)]
    with CatalogStore(workspace.catalog) as catalog, LabelStore(workspace.labels) as store:
        catalog.replace("depot", "both", [replace(LISTINGS[7], source="depot", id="d1")])
        store.record("ada", Verb.ACCEPT, shop("s8"), decided_pair)
        (label,) = current_labels(store, catalog)
        assert (label.pair, label.match) == (Pair(depot, shop("s8")), True)
        store.record("ada", Verb.REJECT, depot, [Judgement(shop("s8"), Decision.NO_MATCH)])
        (label,) = current_labels(store, catalog)
        assert (label.pair, label.match) == (Pair(depot, shop("s8")), False)


def test_what_is_tied_to_a_validation_query_trains_on_neither_side(workspace: Workspace, catalog: CatalogStore) -> None:
    """`s5` is drawn: nothing with it trains, nor with s2 and s7, which are the same camera."""
    with LabelStore(workspace.labels) as store:
        store.draw_validation([shop("s5")], seed=1)
        decided(workspace, "s5", s7="match", s6="no_match")
        decided(workspace, "s2", s5="match", s3="no_match")
        decided(workspace, "s1", s4="match", s5="no_match", s7="no_match", s8="no_match")
        decided(workspace, "s3", s5="no_match", s8="no_match")
        splits = split_labels(store, held_out=0.3, seed=1, catalog=catalog)
        trained = {tuple(ref.id for ref in label.pair) for label in splits.train}
        assert trained == {("s1", "s4"), ("s1", "s8"), ("s3", "s8")}
        assert {tuple(ref.id for ref in label.pair) for label in training_labels(store, catalog=catalog)} == trained
    assert splits.eval_queries == (shop("s5"),)
    assert splits.leak_candidates == {shop("s2"), shop("s5"), shop("s7")}
    assert splits.evaluated_with[shop("s6")] == {shop("s5")}


def test_validation_queries_are_drawn_among_the_listings(workspace: Workspace) -> None:
    report = index(workspace, Settings.model_validate({"validation": {"share": 0.5}}))
    with LabelStore(workspace.labels) as store:
        drawn = store.validation_queries()
    assert report.index.validation_drawn == len(drawn) == 4
    assert drawn < {each.ref for each in LISTINGS}


def test_the_matcher_learns_and_explains_a_pair_from_either_side(workspace: Workspace) -> None:
    index(workspace, Settings.model_validate({"validation": {"share": 0}}))
    decided(workspace, "s1", s4="match", s8="no_match")
    decided(workspace, "s2", s5="match", s3="no_match")
    online = OnlineMatcher(workspace, Settings(), dict)
    with closing(online):
        order = online.refit()["order"]
        assert {tuple(each["query"]) for each in order} <= {each.ref for each in LISTINGS[:-1]}
        one, other = (online.reasons(Pair(*pair)) for pair in permutations((shop("s1"), shop("s4"))))
    assert one == other
    assert one["labels"] == 4


def test_weak_labels_have_the_order_of_the_pair(workspace: Workspace, tmp_path: Path) -> None:
    other = "4006381333931"
    with CatalogStore(workspace.catalog) as catalog:
        catalog.replace(SHOP, "both", [*LISTINGS[:7], replace(LISTINGS[7], upc=other)])
        catalog.replace("depot", "catalog", [Product("depot", "d1", "Mouse", category="Mice")])
    labels = derive_weak_labels(workspace, Settings()).labels
    assert [label.pair for label in labels if label.match] == [Pair(shop("s1"), shop("s4"))]
    assert {label.pair for label in labels if not label.match} == {Pair(shop("s1"), shop("s8"))}
    bought = tmp_path / "purchases.csv"
    rows = [("ann", "shop", "s1"), ("ann", "shop", "s8"), ("ann", "depot", "d1")]
    with bought.open("w", newline="") as out:
        csv.writer(out).writerows(
            [("customer", "retailer", "product", "date"), *((*row, "2026-03-04") for row in rows)]
        )
    purchased = {label.pair for label in derive_weak_labels(workspace, Settings(), bought).labels} - {
        label.pair for label in labels
    }
    assert purchased == {Pair(shop(id_), ProductRef("depot", "d1")) for id_ in ("s1", "s8")}


# -- evaluation ---------------------------------------------------------------------------------------------


@pytest.mark.slow  # loads the evaluators of sentence-transformers
def test_rankings_and_metrics_leave_the_query_out(workspace: Workspace) -> None:
    corpus = Corpus.read(workspace)
    gold = {shop("s1"): frozenset({shop("s4")}), shop("s2"): frozenset({shop("s5"), shop("s7")})}
    features = CorpusFeatures(workspace, Settings(), corpus)
    _, rankings = evaluate_encoder(features, model(workspace), gold, Silent())
    for ranking in rankings.values():
        assert {ref.id for ref in ranking[shop("s1")]} == {f"s{n}" for n in range(2, 9)}
        assert {ref.id for ref in ranking[shop("s2")]} == {f"s{n}" for n in range(3, 9)}
    vectors = encode_corpus(workspace, Settings(), model(workspace), corpus, Silent())
    found = ir_metrics(corpus, gold, *vectors)
    dense = rankings["encoder"]
    hits = sum(dense[query][0] in matches for query, matches in gold.items()) / 2
    assert found["accuracy@1"] == hits
    assert found["recall@10"] == 1
