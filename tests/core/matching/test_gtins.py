"""Effect of equal and different GTINs on ranks, bands, fits and reasons, before and after labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples import PRODUCTS, QUERIES, HashEncoder, c, implied, match, q, write_catalogue

from core.catalog.store import CatalogStore
from core.jobs.progress import Silent
from core.matching.fitting import TrainingSet, fit_matcher
from core.matching.matcher import load_matcher, prior_matcher
from core.matching.pair_rows import MatchRow, explain_rows, matched_pairs, matches
from core.matching.run import bring_up_to_date
from core.queue.online import OnlineMatcher
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings
from core.workspace import Workspace
from labels.model import Pair, Verb
from labels.store import LabelStore

UPC, EAN, OTHER = "036000291452", "0036000291452", "4006381333931"
FEATURES = ("cosine", "gtin_equal", "gtin_conflict")
NAN = float("nan")


@pytest.fixture
def workspace(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    """The query q1 carries the number of a camera that nothing in its text points to, q2 another than q2-c1."""
    made = write_catalogue(tmp_path / "home")
    codes = {"q1": UPC, "x1": EAN, "q2": OTHER, "q2-c1": "14006381333938"}
    with CatalogStore(made.catalog) as catalog:
        for source, role, products in (("walmart", "query", QUERIES), ("amazon", "catalog", PRODUCTS)):
            catalog.replace(source, role, [replace(p, upc=codes.get(p.id, "")) for p in products])  # type: ignore[arg-type]
    return made


def index(workspace: Workspace, **settings: object) -> None:
    model = EncoderModel("hash", workspace.home)
    bring_up_to_date(workspace, Settings.model_validate(settings), model, Silent())


def rows_of(workspace: Workspace, query: str, k: int = 10) -> list[MatchRow]:
    settings = Settings.model_validate({"search": {"k": k}})
    return [row for row in matches(workspace, settings, k) if row.query_id == query]


def label(workspace: Workspace) -> None:
    with LabelStore(workspace.labels) as store:
        for id_ in ("q3", "q4"):
            store.record("ada", Verb.ACCEPT, q(id_), [*match(f"{id_}-c1"), *implied(f"{id_}-c2", f"{id_}-c3")])


# -- before labels -------------------------------------------------------------------------------------------


def test_an_equal_gtin_brings_the_candidate_in_in_before_all_others(workspace: Workspace) -> None:
    index(workspace, search={"k": 2, "depth": 10})
    assert rows_of(workspace, "q1", 2)[0].candidate_id == "x1"


def test_before_labels_an_equal_gtin_is_first_and_high_and_a_conflict_is_not_high(workspace: Workspace) -> None:
    index(workspace)
    first = rows_of(workspace, "q1")[0]
    assert first.candidate_id == "x1"
    assert first.band.endswith("high")
    assert first.similarity < 0.75
    other = next(row for row in rows_of(workspace, "q2") if row.candidate_id == "q2-c1")
    assert other.similarity > 0.99
    assert not other.band.endswith("high")


def test_the_prior_puts_an_equal_gtin_above_equal_texts_and_is_saved_so(tmp_path: Path) -> None:
    vectors = np.array([[1, NAN, NAN], [-0.3, 1, 0], [0.9, 1, 0], [1, 0, 1], [NAN, 1, 0]], np.float32)
    found = prior_matcher(FEATURES, vectors)
    text, unlike, alike, conflict, unknown = found.learner.scores(vectors)
    assert alike > unlike > text > conflict
    assert unknown > text
    assert found.cuts.band(found.probabilities(vectors)[1]).value == "high"
    found.save(tmp_path / "matcher.json")
    assert load_matcher(tmp_path / "matcher.json").probabilities(vectors) == pytest.approx(found.probabilities(vectors))


# -- after labels --------------------------------------------------------------------------------------------


def test_after_a_few_labels_of_other_queries_an_equal_gtin_outweighs_all_but_an_equal_listing(
    workspace: Workspace,
) -> None:
    label(workspace)
    index(workspace)
    rows = rows_of(workspace, "q1")
    # q1-c1 says the same in every field, and x1 is a camera of another brand, model number and price.
    assert [row.candidate_id for row in rows[:2]] == ["q1-c1", "x1"]
    assert rows[1].band.endswith("medium"), "a case for people"


def made_up(n: int, *, reliable: bool) -> TrainingSet:
    """Pairs of which one in ten carries equal GTINs; they tell the truth, or nothing."""
    random = np.random.default_rng(0)
    vectors = np.column_stack([random.normal(0.5, 0.2, n), np.full(n, NAN), np.full(n, NAN)]).astype(np.float32)
    labels = vectors[:, 0] > 0.7
    coded = np.arange(n) % 10 == 0
    vectors[coded, 1], vectors[coded, 2] = 1, 0
    if reliable:
        labels = labels | coded
    return TrainingSet(vectors, labels, np.ones(n), np.arange(n))


@pytest.mark.parametrize("n", [60, 600])
def test_labels_teach_how_far_gtins_can_be_trusted(n: int) -> None:
    pair = np.array([[0.4, 1, 0]], np.float32)
    trusted, doubted = (
        fit_matcher(made_up(n, reliable=reliable), FEATURES).probabilities(pair)[0] for reliable in (True, False)
    )
    assert trusted > 0.9
    assert doubted < trusted - 0.2


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 2100])
def test_where_nobody_has_gtins_the_fit_is_as_it_would_be_without_the_features(n: int) -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(n, 4)).astype(np.float32)
    vectors[random.random(vectors.shape) < 0.1] = NAN
    labels = np.nan_to_num(vectors[:, 0] + vectors[:, 1]) > 1
    nothing = np.full((n, 2), NAN, np.float32)
    with_columns = np.column_stack([vectors[:, :2], nothing, vectors[:, 2:]])
    found = [
        fit_matcher(TrainingSet(each, labels, np.ones(n), np.arange(n)), names, background=each, seed=7)
        for each, names in (
            (vectors, ("cosine", "words", "brand", "length")),
            (with_columns, ("cosine", "words", "gtin_equal", "gtin_conflict", "brand", "length")),
        )
    ]
    assert found[0].learner.name == found[1].learner.name
    assert found[1].probabilities(with_columns) == pytest.approx(found[0].probabilities(vectors), abs=1e-9)


# -- reasons -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labelled", [False, True])
def test_the_gtins_are_a_reason_in_words(workspace: Workspace, labelled: bool) -> None:
    if labelled:
        label(workspace)
    index(workspace)
    pairs = list(matched_pairs(workspace, Settings(), 10))
    told = list(explain_rows(workspace, [each for each in pairs if each[0].query == q("q1")]))
    pros = next(row for row in told if row["candidate_id"] == "x1")["reasons"]["for"]
    assert (pros[0]["group"], pros[0]["text"]) == ("GTIN", "GTIN 00036000291452 in both")
    (row,) = explain_rows(workspace, [(Pair(q("q1"), c("gone")), pairs[0][1])])
    assert (row["title"], row["reasons"]) == (None, None)
    live = OnlineMatcher(workspace, Settings(), dict)
    try:
        cons = live.reasons(Pair(q("q2"), c("q2-c1")))["against"]
        nothing = live.reasons(Pair(q("q3"), c("q3-c1")))
    finally:
        live.close()
    assert "GTIN 04006381333931 against 14006381333938" in [reason["text"] for reason in cons]
    assert "GTIN" not in {reason["group"] for side in ("for", "against") for reason in nothing[side]}
