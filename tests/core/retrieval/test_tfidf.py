"""TF-IDF vectors with the weights of another corpus."""

import numpy as np

from core.retrieval.tfidf import Texts, character_ngrams

TITLES = ["canon eos rebel t6", "canon eos 80d body", "nikon d3400 2 lens kit"]


def test_a_text_has_the_same_vector_whatever_is_beside_it() -> None:
    analyse = character_ngrams(2, 3)
    _, weights = Texts(side=TITLES).vectors(analyse, ["side"])
    others = ["canon eos 90d", "zwölf 12 sony", ""]
    (together,), more = Texts(side=others).vectors(analyse, ["side"], weights=weights)
    assert more.terms[: len(weights.terms)] == weights.terms
    assert more.terms[len(weights.terms) :] == sorted(set(more.terms) - set(weights.terms))
    assert together.shape == (3, len(more.terms))
    for row, text in enumerate(others):
        (alone,), own = Texts(side=[text]).vectors(analyse, ["side"], weights=weights)
        both = [{terms.terms[i]: v for i, v in zip(m.indices, m.data, strict=True)}
                for terms, m in ((own, alone), (more, together[row]))]  # fmt: skip
        assert both[0] == both[1]


def test_numeric_terms_are_known_with_unseen_ones() -> None:
    _, weights = Texts(side=TITLES).vectors(lambda word: [word], ["side"])
    more = weights.with_unseen(["7x", "new"])
    assert more.numeric.tolist() == [term[:1].isdigit() for term in more.terms]
    assert more.idf[-2:].tolist() == [np.float32(weights.unseen)] * 2
    assert weights.with_unseen([]) is weights
