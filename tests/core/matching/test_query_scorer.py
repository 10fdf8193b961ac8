"""Candidates of queries that are not imported: features that nothing needs are not computed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from duplicates import LISTINGS, write_shop
from numpy.testing import assert_array_equal
from samples import HashEncoder

from core.jobs.progress import Silent
from core.matching.features.builder import DIFFERENCE_COLUMNS, CorpusFeatures
from core.matching.learners import Blend, Linear
from core.matching.matcher import Matcher
from core.matching.query_scorer import QueryScorer, indexed_corpus
from core.matching.run import bring_up_to_date, saved_matcher
from core.retrieval.encoder_files import EncoderModel
from core.settings import Settings

NEW = [replace(LISTINGS[0], id="new", title="Canon EOS Rebel T6 with a red lens"), replace(LISTINGS[5], id="newer")]


@pytest.fixture
def scorer(tmp_path: Path, hash_encoder: HashEncoder) -> QueryScorer:
    workspace = write_shop(tmp_path / "home")
    model = EncoderModel("hash", workspace.home)
    bring_up_to_date(workspace, Settings(), model, Silent())
    corpus, matcher = indexed_corpus(workspace, Settings(), model), saved_matcher(workspace)
    assert matcher is not None
    return QueryScorer(workspace, Settings(), model, corpus, matcher, Silent())


def weighing(matcher: Matcher) -> Matcher:
    """The matcher with a weight for the words left of a title."""
    assert isinstance(matcher.learner, Linear)
    weights = matcher.learner.weights.copy()
    weights[DIFFERENCE_COLUMNS.start + 1] = -1.0
    return replace(matcher, learner=replace(matcher.learner, weights=weights))


def test_candidates_are_those_with_features(scorer: QueryScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    with scorer:
        whole = scorer.scored(NEW)
        assert not np.isnan(whole[0].vectors[:, DIFFERENCE_COLUMNS.start + 1]).any()
        monkeypatch.setattr(CorpusFeatures, "differences", lambda *_: pytest.fail("computed"))
        assert scorer.candidates(NEW) == [each.candidates for each in whole]
        without = scorer.scored(NEW, features=False)
        assert [each.vectors.shape for each in without] == [(0, len(scorer.matcher.features))] * 2


def test_differences_are_computed_where_the_matcher_weighs_them(scorer: QueryScorer) -> None:
    with scorer:
        other = scorer.with_matcher(weighing(scorer.matcher))
        whole = other.scored(NEW)
        assert other.candidates(NEW) == [each.candidates for each in whole]
        for before, after in zip(scorer.scored(NEW), whole, strict=True):
            assert_array_equal(np.sort(before.vectors, axis=0), np.sort(after.vectors, axis=0))
        assert [each.candidates for each in whole] != scorer.candidates(NEW)


def test_a_learner_that_is_not_linear_may_weigh_anything(scorer: QueryScorer) -> None:
    with scorer:
        matcher = scorer.matcher
        assert not matcher.weighs(DIFFERENCE_COLUMNS)
        assert matcher.weighs(slice(0, 1))
        assert weighing(matcher).weighs(DIFFERENCE_COLUMNS)
        assert replace(matcher, learner=Blend((matcher.learner,))).weighs(DIFFERENCE_COLUMNS)
