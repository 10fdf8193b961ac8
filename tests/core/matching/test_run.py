"""The matcher of a workspace: index, label, index again."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from samples import QUERIES, HashEncoder, c, implied, match, no_match, q, write_catalogue

from core.catalog.product import Product
from core.catalog.store import CatalogStore
from core.evaluation.retrieval import evaluate_encoder
from core.evaluation.run import evaluate_retrieval
from core.jobs.progress import Silent
from core.matching.bands import calibrated_on
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.matcher import Matcher
from core.matching.pair_rows import MatchRow, matched_pairs, matches
from core.matching.run import (
    bring_up_to_date,
    compute_features,
    fit_to_labels,
    matcher_path,
    out_of_fold_path,
    read_out_of_fold,
    saved_matcher,
    write_out_of_fold,
)
from core.matching.scoring import score_pairs
from core.queue.online import OnlineMatcher
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.workspace import Workspace
from labels.model import ActionDetails, Pair, Verb
from labels.store import LabelStore

MODEL = "hash"


def index(workspace: Workspace, **settings: object) -> Matcher:
    """Run the index, and return the matcher."""
    bring_up_to_date(
        workspace, Settings.model_validate(settings), EncoderModel(MODEL, workspace.home), Silent()
    )  # fmt: skip
    found = saved_matcher(workspace)
    assert found is not None
    return found


def answer(workspace: Workspace, *queries: str) -> None:
    """The first candidate of each query is the match, the other two are not."""
    with LabelStore(workspace.labels) as store:
        for id_ in queries:
            store.record("ada", Verb.ACCEPT, q(id_), [*match(f"{id_}-c1"), *implied(f"{id_}-c2", f"{id_}-c3")])


def rows_of(workspace: Workspace, k: int = 10) -> list[MatchRow]:
    return list(matches(workspace, Settings(), k))


def table_of(workspace: Workspace) -> FeatureTable:
    store = FeatureStore(workspace.derived)
    try:
        found = store.read()
    finally:
        store.close()
    assert found is not None
    return found


@pytest.fixture
def catalogue(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    return write_catalogue(tmp_path / "home")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of queries of every feature builder that was made."""
    from core.matching.features import builder  # noqa: PLC0415

    made: list[int] = []
    real = builder.FeatureBuilder

    def counting(queries: list[Product], *rest: object, **options: object) -> object:
        made.append(len(queries))
        return real(queries, *rest, **options)

    monkeypatch.setattr(builder, "FeatureBuilder", counting)
    return made


def test_before_the_first_labels_the_prior_orders_and_bands_and_nothing_is_called_a_probability(
    catalogue: Workspace,
) -> None:
    found = index(catalogue)
    assert (found.learner.name, found.labels) == ("prior", 0)
    table = table_of(catalogue)
    said = dict(zip(table.pairs, found.probabilities(table.vectors).tolist(), strict=True))
    of_query: dict[str, list[float]] = {}
    for pair, row in matched_pairs(catalogue, Settings(), 10):
        assert row.probability is None
        assert row.band == f"prior:{found.cuts.band(said[pair])}"
        of_query.setdefault(row.query_id, []).append(said[pair])
    assert all(chances == sorted(chances, reverse=True) for chances in of_query.values())


def test_labels_of_one_class_calibrate_nothing(catalogue: Workspace) -> None:
    with LabelStore(catalogue.labels) as store:
        store.record("ada", Verb.NONE, q("q1"), no_match("q1-c1", "q1-c2"), ActionDetails(closes=True))
    index(catalogue)
    assert {(row.probability, row.band.partition(":")[0]) for row in rows_of(catalogue)} == {(None, "prior")}


@pytest.mark.slow
def test_before_labels_an_evaluation_ranks_as_match_does(catalogue: Workspace, tmp_path: Path) -> None:
    index(catalogue)
    model = EncoderModel(MODEL, catalogue.home)
    first = {row.query_id: row.candidate_id for row in rows_of(catalogue, 1)}
    gold = tmp_path / "gold.csv"
    # Whatever `match` puts first is called right: an evaluation that ranks otherwise finds less.
    gold.write_text("".join(f"{query},{candidate}\n" for query, candidate in first.items()))
    found = evaluate_retrieval(catalogue, Settings(), model, gold, Silent())
    assert found["hit@1"] == 1


def test_probabilities_on_few_labels_say_how_few(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2", "q3")
    index(catalogue)
    store = CandidateStore(catalogue.derived)
    standing = store.matcher_summary
    store.close()
    assert standing is not None
    assert (standing.calibrated, standing.labels, standing.matches) == (True, 9, 3)
    assert calibrated_on(standing.labels, standing.matches) == "calibrated on 9 labelled pairs (3 matches): rough"


def test_after_labels_candidates_are_ordered_by_probability_and_banded_by_its_cuts(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2", "q3")
    found = index(catalogue)
    assert (found.labels, found.matches) == (9, 3)
    assert found.learner.name != "prior"
    rows = rows_of(catalogue)
    store = CandidateStore(catalogue.derived)
    standing = store.matcher_summary
    store.close()
    assert standing is not None
    assert (standing.threshold, standing.labels) == (found.threshold, 9)
    assert (standing.high, standing.low) == (found.cuts.high, found.cuts.low)
    by_query: dict[str, list[MatchRow]] = {}
    for row in rows:
        by_query.setdefault(row.query_id, []).append(row)
        assert row.probability is not None
        assert row.band == found.cuts.band(row.probability)
    for own in by_query.values():
        assert [row.rank for row in own] == list(range(1, 11))
        assert [row.probability for row in own] == sorted((row.probability for row in own), reverse=True)
    # Also an unlabelled query.
    assert by_query["q4"][0].candidate_id == "q4-c1"


def test_the_probabilities_in_the_file_are_the_matchers_own(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2")
    found, table = index(catalogue), table_of(catalogue)
    for row in rows_of(catalogue):
        vectors = table.vectors[[table.row[Pair(q(row.query_id), c(row.candidate_id))]]]
        assert found.probabilities(vectors)[0] == pytest.approx(row.probability, abs=1e-9)


def test_new_labels_fit_anew_and_make_no_features_anew(catalogue: Workspace, builds: list[int]) -> None:
    answer(catalogue, "q1", "q2")
    first = index(catalogue)
    before = rows_of(catalogue)
    assert builds == [5]
    answer(catalogue, "q3")
    second = index(catalogue)
    assert (first.labels, second.labels) == (6, 9)
    assert builds == [5]
    assert [row.probability for row in rows_of(catalogue)] != [row.probability for row in before]


def test_a_run_with_nothing_new_fits_nothing(catalogue: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(catalogue, "q1", "q2")
    index(catalogue)
    written = matcher_path(catalogue).stat().st_mtime_ns
    monkeypatch.setattr("core.matching.run.fit_matcher", None)
    index(catalogue)
    assert matcher_path(catalogue).stat().st_mtime_ns == written


def test_what_an_open_desk_left_is_not_fitted_again(catalogue: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(catalogue, "q1", "q2")
    index(catalogue)
    answer(catalogue, "q3")
    live = OnlineMatcher(catalogue, Settings(), dict)
    live.refit()
    live.close()
    monkeypatch.setattr("core.matching.run.fit_matcher", None)
    assert index(catalogue).labels == 9


def test_a_run_says_what_it_did(catalogue: Workspace) -> None:
    def run() -> tuple[bool, bool, bool]:
        done = bring_up_to_date(catalogue, Settings(), EncoderModel(MODEL, catalogue.home), Silent())
        return done.index.unchanged, done.weighed, done.fitted

    answer(catalogue, "q1", "q2")
    assert run() == (False, True, True)
    assert run() == (True, False, False)
    answer(catalogue, "q3")
    assert run() == (True, False, True)
    catalogue.vocabulary.write_text('[[brands]]\nname = "canon"\nspellings = ["kanon"]\n')
    # The candidates are chosen by features, too.
    assert run() == (False, True, True)


def test_a_changed_product_a_label_beyond_the_candidates_and_a_policy_make_features_anew(
    catalogue: Workspace, builds: list[int]
) -> None:
    index(catalogue)
    with CatalogStore(catalogue.catalog) as store:
        changed = Product("walmart", "q1", "Canon EOS Rebel T6i", "Canon", model="T6i", price=1.0)
        store.replace("walmart", "query", [changed, *QUERIES[1:]])
    index(catalogue)
    with LabelStore(catalogue.labels) as labels:
        beyond = {c(f"q{n}-c3") for n in range(1, 5)} - {pair.candidate for pair in table_of(catalogue).pairs
                                                         if pair.query == q("q1")}  # fmt: skip
        labels.record("ada", Verb.REJECT, q("q1"), implied(*(sorted(ref.id for ref in beyond) or ["x1"])))
    index(catalogue)
    index(catalogue, match={"store_brands": "equivalent"})
    assert len(builds) >= 3


def test_a_damaged_matcher_is_replaced(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2")
    sound = index(catalogue)
    matcher_path(catalogue).write_text("{")
    assert index(catalogue).losses == sound.losses


def test_nothing_in_the_folder_of_models_is_a_pickle(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2", "q3")
    index(catalogue)
    files = [path for path in catalogue.models.rglob("*") if path.is_file()]
    assert matcher_path(catalogue) in files
    for path in files:
        assert path.suffix in {".json", ".jsonl", ".safetensors", ".txt"}, path
        assert path.read_bytes()[:1] != b"\x80", path


def test_a_validation_label_changes_nothing(catalogue: Workspace) -> None:
    with LabelStore(catalogue.labels) as store:
        store.draw_validation([q("qv")], seed=1)
    answer(catalogue, "q1", "q2")
    before = index(catalogue)
    answer(catalogue, "qv")
    after = index(catalogue)
    vectors = table_of(catalogue).vectors
    assert_array_equal(before.probabilities(vectors), after.probabilities(vectors))
    assert after.labels == 6


def test_a_trained_encoder_is_not_trusted_with_what_it_has_seen(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2", "q3")
    index(catalogue)
    table, settings = table_of(catalogue), Settings()
    trusting = fit_to_labels(catalogue, settings, MODEL, table)
    unseen = {Pair(q(f"q{n}"), c(f"q{n}-c{m}")): 0.01 * n * m for n in (1, 2, 3) for m in (1, 2, 3)}
    path = out_of_fold_path(catalogue, MODEL)
    path.parent.mkdir(parents=True)
    write_out_of_fold(path, unseen)
    assert read_out_of_fold(path) == unseen
    assert (read_out_of_fold(out_of_fold_path(catalogue, "other")), path.suffix) == ({}, ".json")
    wary = fit_to_labels(catalogue, settings, MODEL, table)
    assert not np.array_equal(trusting.probabilities(table.vectors), wary.probabilities(table.vectors))


# -- any pairs ------------------------------------------------------------------------------------------------


def test_any_pair_of_the_catalogue_is_judged_as_the_candidates_are(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2", "q3")
    index(catalogue)
    vectors = CorpusFeatures(catalogue, Settings(), Corpus.read(catalogue))
    pairs = [Pair(q("q4"), c("q4-c1")), Pair(q("q4"), c("x1")), Pair(q("qv"), c("q1-c2"))]
    judged = score_pairs(vectors, EncoderModel(MODEL, catalogue.home), pairs, Silent())
    assert list(judged.probability) == pairs
    assert judged.probability[pairs[0]] > judged.probability[pairs[1]]
    assert judged.similarity[pairs[0]] == pytest.approx(1)
    assert judged.matcher.labels == 9


def test_a_pair_with_a_product_that_is_gone_has_no_features(catalogue: Workspace) -> None:
    index(catalogue)
    vectors = CorpusFeatures(catalogue, Settings(), Corpus.read(catalogue))
    known = Pair(q("q4"), c("q4-c1"))
    pairs = [known, Pair(q("q4"), c("gone")), Pair(q("gone"), c("q4-c1"))]
    table = compute_features(vectors, EncoderModel(MODEL, catalogue.home), pairs, Silent())
    assert list(table.row) == [known]
    assert len(table.vectors) == 1
    assert len(compute_features(vectors, EncoderModel(MODEL, catalogue.home), pairs[1:], Silent()).vectors) == 0


def test_pairs_that_are_measured_are_not_learnt_from(catalogue: Workspace) -> None:
    answer(catalogue, "q1", "q2", "q3")
    index(catalogue)
    vectors = CorpusFeatures(catalogue, Settings(), Corpus.read(catalogue))
    measured = [Pair(q("q1"), c(f"q1-c{n}")) for n in (1, 2, 3)]
    judged = score_pairs(vectors, EncoderModel(MODEL, catalogue.home), measured, Silent(), without=measured)
    assert (judged.matcher.labels, judged.matcher.matches) == (6, 2)


def test_an_evaluation_ranks_the_candidates_that_an_index_run_keeps(catalogue: Workspace) -> None:
    settings, model = Settings.model_validate({"search": {"k": 3, "depth": 10}}), EncoderModel(MODEL, catalogue.home)
    bring_up_to_date(catalogue, settings, model, Silent())
    vectors = CorpusFeatures(catalogue, settings, Corpus.read(catalogue))
    gold = {q(name): frozenset({c(f"{name}-c1")}) for name in ("q1", "q2", "q3")}
    _, rankings = evaluate_encoder(vectors, model, gold, Silent())
    with closing(CandidateStore(catalogue.derived)) as candidates:
        kept = {query: sorted(candidates.for_query(query), key=lambda each: each.rank) for query in gold}
    assert rankings["fused"] == {query: [each.ref for each in found] for query, found in kept.items()}
