"""TF-IDF vectors by way of distinct words equal those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from core.matching.features.lexical import words
from core.retrieval.tfidf import Texts, character_ngrams

TEXTS = st.lists(st.text("ab1.- \u00e9\t\u2003", max_size=12).map(str.lower), min_size=1, max_size=6)
VECTORISERS = {
    "characters": (character_ngrams(3, 3), {"analyzer": "char_wb", "ngram_range": (3, 3)}),
    "longer": (character_ngrams(2, 4), {"analyzer": "char_wb", "ngram_range": (2, 4)}),
    "words": (words, {"analyzer": words}),
}


@pytest.mark.parametrize("how", VECTORISERS)
@settings(max_examples=40)
@given(one=TEXTS, other=TEXTS, extra=TEXTS)
def test_as_scikit_learn_has_it(how: str, one: list[str], other: list[str], extra: list[str]) -> None:
    analyse, options = VECTORISERS[how]
    reference = TfidfVectorizer(sublinear_tf=True, lowercase=False, dtype=np.float32, **options)
    try:
        reference.fit([*one, *other])
    except ValueError:
        return  # nothing to count; what then comes is held elsewhere
    texts = Texts(one=one, other=other, extra=extra)
    vectors, weights = texts.vectors(analyse, ("one", "other"), ("extra",))
    order = [weights.terms.index(name) for name in reference.get_feature_names_out()]
    assert weights.idf[order] == pytest.approx(reference.idf_, rel=1e-6)
    for found, texts in zip(vectors[:2], (one, other), strict=True):
        assert found[:, order].toarray() == pytest.approx(reference.transform(texts).toarray(), abs=1e-6)


def test_a_word_that_is_not_longer_than_an_ngram_counts_once() -> None:
    assert character_ngrams(3, 3)("a") == [" a "]
    assert character_ngrams(2, 4)("ab") == [" a", "ab", "b ", " ab", "ab ", " ab "]


def test_what_stands_in_one_text_only_is_left_out_unless_all_does() -> None:
    texts = Texts(one=["red mouse", "red pad"], other=["blue"])
    assert texts.vectors(words, ("one", "other"), min_df=2)[1].terms == ["red"]
    assert texts.vectors(words, ("other",), min_df=2)[1].terms == ["red", "mouse", "pad", "blue"]


def test_texts_without_words_are_rows_of_nothing() -> None:
    vectors, _ = Texts(one=["", "  "], other=["..."]).vectors(words, ("one", "other"), min_df=2)
    assert [(matrix.shape[0], matrix.nnz) for matrix in vectors] == [(2, 0), (1, 0)]
