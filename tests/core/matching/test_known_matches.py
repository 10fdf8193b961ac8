"""Known matches: what the labels of other pairs say of a pair."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled_listings import CAMERA, CAMERA_DE, CAMERA_FR, LENS, labelled, offers
from samples import PRODUCTS, QUERIES, HashEncoder, implied, match, q, write_catalogue

from core.catalog.store import CatalogStore
from core.errors import DamagedError
from core.jobs.progress import Silent
from core.matching import known_matches
from core.matching.explain import Explainer, _known_match_fact
from core.matching.features.builder import CorpusFeatures
from core.matching.features.store import FeatureStore, FeatureTable
from core.matching.fitting import TrainingSet, fit_matcher
from core.matching.known_matches import KnownMatches, fit_known_matches
from core.matching.labelled_texts import LabelledTexts, PairTexts
from core.matching.learners import Stacked, fit_boosted
from core.matching.matcher import Matcher, load_matcher
from core.matching.query_scorer import QueryScorer, indexed_corpus
from core.matching.run import bring_up_to_date, matcher_path, publish, read_texts, saved_matcher, texts_of
from core.matching.scoring import score_pairs
from core.matching.text_comparer import TextComparer, TextFeatures
from core.queue.online import OnlineMatcher
from core.retrieval.candidates import CandidateStore
from core.retrieval.corpus import Corpus
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import lexical_texts
from core.settings import Settings
from core.text.vocabulary import Vocabulary
from core.workspace import Workspace
from labels.model import Pair, ProductRef, Verb
from labels.store import LabelStore


@pytest.mark.parametrize("text", ["", "one", "\ud800 \x00\x1b[1m", "語" * 50, "x" * 10_000])
def test_where_all_listings_are_one_text_nothing_is_corrected(text: str) -> None:
    labels, folds = np.arange(40) % 2 == 0, np.arange(40) % 4
    texts = PairTexts([text] * 40, [text] * 40)
    assert fit_known_matches(np.zeros(40), texts, labels, np.ones(40), folds, seed=1) is None


def test_high_and_low_scores_are_corrected_as_others_are() -> None:
    known = correction(labelled((CAMERA, CAMERA_DE, True), (CAMERA_FR, CAMERA_DE, True)))
    texts = PairTexts([CAMERA] * 4, [CAMERA_FR] * 4)
    scores = np.array([-40.0, -14.0, 14.0, 40.0])
    assert np.ptp(known.correct(scores, texts) - scores) < 1e-5


@pytest.mark.parametrize("texts", [[(CAMERA, CAMERA_DE, True)], [(CAMERA, CAMERA_DE, False)], [("", "", True)]])
def test_a_matcher_is_warmed_up_whatever_its_labels(texts: list[tuple[str, str, bool]], indexed: Workspace) -> None:
    matcher = saved_matcher(indexed)
    assert matcher is not None
    matcher.warm_up()
    known = labelled(*texts)
    if known.texts:
        replace(matcher, known=correction(known)).warm_up()


def test_texts_too_large_for_the_file_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels, scores, queries = offers(repeated=True)
    monkeypatch.setattr(known_matches, "_MAX_STORED_BYTES", 1_000)
    assert fit_known_matches(scores, texts, labels, np.ones(len(labels)), queries % 4, seed=1) is None


def log_loss(scores: np.ndarray, labels: np.ndarray) -> float:
    return float(np.logaddexp(0, np.where(labels, -scores, scores)).mean())


def test_where_listings_repeat_the_labels_of_others_correct_the_scores() -> None:
    texts, labels, scores, queries = offers(repeated=True)
    fitted = fit_known_matches(scores, texts, labels, np.ones(len(labels)), queries % 4, seed=1)
    assert fitted is not None
    known, corrected = fitted
    assert log_loss(corrected, labels) < 0.9 * log_loss(scores, labels)
    # A new pair of labelled offers, and one of offers that nobody has labelled.
    one, other = (next(i for i in range(len(labels)) if labels[i] == each) for each in (True, False))
    pairs = PairTexts(
        [texts.queries[one], texts.queries[other], "x"], [texts.candidates[one], texts.candidates[other], "y"]
    )
    found = known.correct(np.zeros(3), pairs)
    assert found[0] > 1
    assert found[1] < -1
    assert found[2] == 0


def test_where_each_listing_is_labelled_once_nothing_is_corrected() -> None:
    texts, labels, scores, queries = offers(repeated=False)
    assert fit_known_matches(scores, texts, labels, np.ones(len(labels)), queries % 4, seed=1) is None


def test_a_pair_is_not_corrected_by_its_own_label() -> None:
    """Labels that are drawn by lot cannot be foretold, though each pair is there twice, in both orders."""
    random = np.random.default_rng(2)
    queries, candidates = ([f"{side} {i} {i * 7919}" for i in range(200)] for side in ("left", "right"))
    labels = random.random(200) < 0.5
    texts = PairTexts(queries + candidates, candidates + queries)
    fitted = fit_known_matches(
        np.zeros(400), texts, np.tile(labels, 2), np.ones(400), np.tile(np.arange(200) % 4, 2), seed=1
    )
    assert fitted is None


@pytest.mark.parametrize("in_reverse", [False, True])
def test_a_pair_is_not_corrected_by_its_label_in_another_row(in_reverse: bool) -> None:
    """Two rows of one pair of texts are two queries, which may be in two folds."""
    random = np.random.default_rng(2)
    queries, candidates = ([f"{side} {i} {i * 7919}" for i in range(200)] for side in ("left", "right"))
    labels = np.tile(random.random(200) < 0.5, 2)
    again = (candidates, queries) if in_reverse else (queries, candidates)
    texts = PairTexts(queries + again[0], candidates + again[1])
    assert fit_known_matches(np.zeros(400), texts, labels, np.ones(400), np.arange(400) // 7 % 4, seed=1) is None


def test_many_labels_give_a_matcher_known_matches_and_its_file_keeps_them(tmp_path: Path) -> None:
    texts, labels, scores, queries = offers(repeated=True, count=2_000)
    training = TrainingSet(scores[:, None].astype(np.float32), labels, np.ones(len(labels)), queries, texts=texts)
    matcher = fit_matcher(training, ("score",), seed=1)
    assert matcher.known is not None
    assert matcher.losses["known matches"] < min(v for k, v in matcher.losses.items() if k != "known matches")
    alone = fit_matcher(replace(training, texts=None), ("score",), seed=1)
    assert alone.known is None
    assert alone.learner == matcher.learner
    matcher.save(tmp_path / "matcher.json")
    again = load_matcher(tmp_path / "matcher.json")
    given = training.vectors[:50], lambda part: PairTexts(texts.queries[:50][part], texts.candidates[:50][part])
    assert again.probabilities(*given).tolist() == matcher.probabilities(*given).tolist()
    assert again.probabilities(*given).tolist() != matcher.probabilities(given[0]).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"texts": []}, {"texts": None}, {"group": [0]}, {"group": [0, 9, 0]}, {"group": [0, -1, 0]},
        {"opposed": [[0, 9]]}, {"opposed": [[0, -2]]}, {"opposed": [0]}, {"weights": [1.0]}, {"intercept": "x"},
        {"texts": "abc"}, {"texts": [1, None, "c"]}, {"texts": {"a": 1, "b": 2, "c": 3}}, {"group": None},
        {"group": [0.5, 0, 1]}, {"group": [True, False, True]}, {"group": ["0", "0", "1"]}, {"group": [[0], [0, 1]]},
        {"group": [10**30, 0, 1]}, {"group": [2**63, 0, 1]}, {"opposed": [[0.2, 1]]}, {"opposed": None},
        {"weights": [np.nan] * 20}, {"weights": [np.inf] * 20}, {"weights": [1e308] * 20}, {"weights": {}},
        {"weights": [10**400] * 20}, {"intercept": np.nan}, {"intercept": "-inf"}, {"intercept": None},
        {"trees": {"texts": [["\nnum_class=1\n", "\nmax_feature_idx=19\n"]]}},
        {"trees": {"texts": []}}, {"trees": {"texts": ["tree"]}}, {"trees": None},
        {"comparer": {"texts": []}}, {"comparer": {"texts": ["tree"]}}, {"comparer": None}, {"comparer": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_known_matches_that_do_not_belong_together_are_damage(change: dict[str, object]) -> None:
    good = correction(labelled((CAMERA, CAMERA_DE, True), (CAMERA, LENS, False))).to_json()
    assert KnownMatches.from_json(json.loads(json.dumps(good))).to_json() == good
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        KnownMatches.from_json(good | change)


def test_a_matcher_with_known_matches_of_an_earlier_version_is_refused(tmp_path: Path, indexed: Workspace) -> None:
    """Its calibration and threshold are of scores with the former correction; the next index run fits it again."""
    matcher = saved_matcher(indexed)
    assert matcher is not None
    known = correction(labelled((CAMERA, CAMERA_DE, True)))
    earlier = known.to_json()
    del earlier["comparer"], earlier["trees"]

    class Earlier:
        def to_json(self) -> dict[str, object]:
            return earlier

    replace(matcher, known=Earlier()).save(tmp_path / "matcher.json")  # type: ignore[arg-type]
    with pytest.raises(DamagedError, match="another version"):
        load_matcher(tmp_path / "matcher.json")


def test_a_matcher_with_damaged_known_matches_is_damaged(tmp_path: Path, indexed: Workspace) -> None:
    matcher = saved_matcher(indexed)
    assert matcher is not None
    known = correction(labelled((CAMERA, CAMERA_DE, True)))
    labelled_texts = replace(known.listings.labelled, group=np.array([0, 7]))
    broken = replace(known, listings=replace(known.listings, labelled=labelled_texts))
    replace(matcher, known=broken).save(tmp_path / "matcher.json")
    with pytest.raises(DamagedError):
        load_matcher(tmp_path / "matcher.json")


def correction(known: LabelledTexts) -> KnownMatches:
    """Known matches with weights that move scores a lot."""
    weights = [5.0, 2.0, 1.0, 1.5, 2.0, 1.0, 0.5, 0.5, -1.0, -1.0, -2.0, -2.0, *[0.1] * 8]
    features = TextFeatures(known.texts)
    ones, others = [known.texts[0], known.texts[0]], [known.texts[0], known.texts[-1]]
    vectors = features.prepare(ones, others).compute(ones, others)
    comparer = TextComparer.fit(features, vectors, np.array([True, False]), np.ones(2), seed=1)
    trees = fit_boosted(
        np.zeros((4, len(weights)), np.float32), np.arange(4) > 1, np.ones(4), seed=1, boosters=1, trees=1
    )
    return KnownMatches.from_json(
        {"texts": list(known.texts), "group": known.group.tolist(), "opposed": known.opposed.tolist(),
         "comparer": comparer.to_json(), "weights": weights, "intercept": -1.0, "trees": trees.to_json()}
    )  # fmt: skip


def with_linear(known: KnownMatches, **changes: object) -> Stacked:
    """The correction with another regression."""
    return replace(known.correction, linear=replace(known.correction.linear, **changes))  # type: ignore[arg-type]


MODEL = "hash"


@pytest.fixture
def indexed(tmp_path: Path, hash_encoder: HashEncoder) -> Workspace:
    """The tiny workspace, indexed, with labels of two queries."""
    workspace = write_catalogue(tmp_path)
    model = EncoderModel(MODEL, workspace.home)
    bring_up_to_date(workspace, Settings(), model, Silent())
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2"):
            store.record("ada", Verb.ACCEPT, q(id_), [*match(f"{id_}-c1"), *implied(f"{id_}-c2", f"{id_}-c3")])
    bring_up_to_date(workspace, Settings(), model, Silent())
    return workspace


def with_known_matches(workspace: Workspace) -> tuple[Matcher, FeatureTable]:
    """The workspace's matcher with known matches of its first pairs, published, and all features."""
    matcher = saved_matcher(workspace)
    store = FeatureStore(workspace.derived)
    table = store.read()
    store.close()
    assert matcher is not None
    assert table is not None
    texts = read_texts(workspace, table.pairs)
    known = LabelledTexts.of(PairTexts(texts.queries[:12], texts.candidates[:12]), np.arange(12) % 3 == 0)
    matcher = replace(matcher, known=correction(known))
    matcher.save(matcher_path(workspace))
    publish(workspace, matcher, table)
    return matcher, table


def test_desk_match_service_and_evaluation_give_the_same_probabilities(
    indexed: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher, table = with_known_matches(indexed)
    texts = read_texts(indexed, table.pairs)
    expected = dict(zip(table.pairs, matcher.probabilities(table.vectors, lambda _: texts).tolist(), strict=True))
    alone = matcher.probabilities(table.vectors).tolist()
    assert sum(abs(a - b) > 0.01 for a, b in zip(expected.values(), alone, strict=True)) >= 5
    assert not matcher.probabilities(table.vectors[:0], texts_of(indexed, [])).size
    model, settings = EncoderModel(MODEL, indexed.home), Settings()

    with closing(CandidateStore(indexed.derived)) as store:
        stored = {
            Pair(pair.query, each.ref): each.probability for pair in expected for each in store.for_query(pair.query)
        }
    assert stored == pytest.approx(expected, abs=1e-6)

    corpus = indexed_corpus(indexed, settings, model)
    with QueryScorer(indexed, settings, model, corpus, matcher, Silent()) as scorer:
        for features in (True, False):
            for query, found in zip(corpus.queries, scorer.scored(corpus.queries, features=features), strict=True):
                for each in found.candidates:
                    pair = next(p for p in expected if p.query == query.ref and p.candidate == each.ref)
                    assert each.probability == pytest.approx(expected[pair], abs=1e-5)

    features = CorpusFeatures(indexed, settings, Corpus.read(indexed))
    scored = score_pairs(features, model, table.pairs, Silent())
    assert scored.probability == pytest.approx(expected, abs=1e-5)

    with closing(OnlineMatcher(indexed, settings, dict)) as online:
        monkeypatch.setattr(online, "_fitted", lambda _: matcher)
        for pair in table.pairs:
            assert online.reasons(pair)["probability"] == pytest.approx(expected[pair], abs=1e-6)
        ranked = {
            Pair(entry["query"], ProductRef(*each[:2])): each[2]
            for entry in online.refit()["order"]
            for each in entry["candidates"]
        }
        assert ranked
        assert ranked == pytest.approx({pair: expected[pair] for pair in ranked}, abs=1e-6)


def test_an_explanation_adds_up_and_names_known_matches(indexed: Workspace) -> None:
    matcher, table = with_known_matches(indexed)
    with CatalogStore(indexed.catalog) as catalog:
        products = catalog.get_many(ref for pair in table.pairs for ref in pair)
    pairs = [(products[pair.query], products[pair.candidate]) for pair in table.pairs]
    texts = read_texts(indexed, table.pairs)
    explainer = Explainer(matcher, Vocabulary.load(indexed.vocabulary), lambda _: 1)
    named = set()
    for i, found in enumerate(explainer.explain_many(pairs, table.vectors)):
        one = slice(i, i + 1)
        score = matcher.learner.scores(table.vectors[one])
        assert matcher.known is not None
        expected = matcher.known.correct(score, PairTexts(texts.queries[one], texts.candidates[one]))
        assert found.score == pytest.approx(expected[0], abs=1e-6)
        shown = [*found.pros, *found.cons]
        assert found.baseline + found.other + sum(each.contribution for each in shown) == pytest.approx(found.score)
        named |= {each.text for each in shown if each.group == "known matches"}
    assert "a known match of one reads like the other" in named


def test_escape_sequences_that_an_earlier_import_has_kept_are_no_part_of_a_text(indexed: Workspace) -> None:
    """As in a corpus: otherwise desk and stored candidates would have other probabilities than `match --input`."""
    escaped = [replace(each, title=f"\x1b[1m{each.title}\x1b]8;;x\x07") for each in PRODUCTS]
    with CatalogStore(indexed.catalog) as catalog:
        catalog.replace("amazon", "catalog", escaped)
    pairs = [Pair(QUERIES[0].ref, each.ref) for each in PRODUCTS]
    assert read_texts(indexed, pairs).candidates == lexical_texts(PRODUCTS)

    matcher, table = with_known_matches(indexed)
    explainer = Explainer(matcher, Vocabulary.load(indexed.vocabulary), lambda _: 1)
    products = {each.ref: each for each in (*QUERIES, *PRODUCTS)}
    of_escaped = products | {each.ref: each for each in escaped}
    plain, found = (
        explainer.explain_many([(by_ref[pair.query], by_ref[pair.candidate]) for pair in table.pairs], table.vectors)
        for by_ref in (products, of_escaped)
    )
    assert [each.score for each in found] == [each.score for each in plain]


@pytest.mark.parametrize(
    ("match", "non_match", "total", "fact"),
    [
        (2.0, -np.inf, 1.0, "a known match of one reads like the other"),
        (-np.inf, -np.inf, 1.0, "the known non-matches of one read less like the other"),
        (-np.inf, -np.inf, -1.0, "a known non-match of one reads like the other"),
        (-3.0, 2.0, -1.0, "a known non-match of one reads like the other"),
        (-3.0, -4.0, -1.0, "the known matches of one read unlike the other"),
        (-5.0, -3.7, -1.0, "the known matches of one read unlike the other"),
        (-3.0, -np.inf, -1.0, "the known matches of one read unlike the other"),
    ],
)
def test_the_reason_is_what_the_labels_say(match: float, non_match: float, total: float, fact: str) -> None:
    assert _known_match_fact(match, non_match, total) == fact


def test_a_correction_too_small_to_be_shown_is_part_of_the_score(indexed: Workspace) -> None:
    matcher, table = with_known_matches(indexed)
    assert matcher.known is not None
    known = replace(matcher.known, correction=with_linear(matcher.known, weights=np.array([5.0, *[0.002] * 19])))
    small = replace(matcher, known=replace(known, correction=with_linear(known, intercept=0.01)))
    with CatalogStore(indexed.catalog) as catalog:
        products = catalog.get_many(ref for pair in table.pairs for ref in pair)
    pairs = [(products[pair.query], products[pair.candidate]) for pair in table.pairs]
    explainer = Explainer(small, Vocabulary.load(indexed.vocabulary), lambda _: 1)
    texts, scores = read_texts(indexed, table.pairs), small.learner.scores(table.vectors)
    assert small.known is not None
    expected = small.known.correct(scores, texts)
    hidden = np.abs(expected - scores) < 0.05
    assert (expected != scores)[hidden].any()
    found = explainer.explain_many(pairs, table.vectors)
    assert [each.score for each in found] == pytest.approx(expected.tolist(), abs=1e-9)
    shown = [[*each.pros, *each.cons] for each, is_hidden in zip(found, hidden, strict=True) if is_hidden]
    assert not any(each.group == "known matches" for reasons in shown for each in reasons)
