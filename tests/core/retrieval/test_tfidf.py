"""TF-IDF vectors with the weights of another corpus."""

import numpy as np

from core.retrieval.tfidf import Texts, character_ngrams, vectors_by

TITLES = ["canon eos rebel t6", "canon eos 80d body", "nikon d3400 2 lens kit"]


def test_a_text_has_the_same_vector_whatever_is_beside_it() -> None:
    analyse = character_ngrams(2, 3)
    _, weights = Texts(side=TITLES).vectors(analyse, ["side"])
    others = ["canon eos 90d", "zwölf 12 sony", ""]
    (together,), more = vectors_by(weights, analyse, others)
    assert more.terms == weights.terms
    assert list(more.further) == sorted(set(more.further) - set(weights.terms))
    assert together.shape == (3, len(more.idf))
    for row, text in enumerate(others):
        (alone,), own = vectors_by(weights, analyse, [text])
        both = [{terms.term(i): v for i, v in zip(m.indices, m.data, strict=True)}
                for terms, m in ((own, alone), (more, together[row]))]  # fmt: skip
        assert both[0] == both[1]


def test_unseen_terms_follow_those_of_the_corpus() -> None:
    _, weights = Texts(side=TITLES).vectors(lambda word: [word], ["side"])
    more = weights.extended(["7x", "new"])
    assert [more.term(column) for column in range(len(more.idf))] == [*weights.terms, "7x", "new"]
    assert more.idf[-2:].tolist() == [np.float32(weights.unseen)] * 2
    assert weights.extended([]) is weights


def test_the_texts_of_a_corpus_have_the_same_vectors_by_its_weights() -> None:
    analyse = character_ngrams(2, 3)
    counted, weights = Texts(titles=TITLES, others=TITLES[:1]).vectors(analyse, ["titles", "others"])
    again, _ = vectors_by(weights, analyse, TITLES, TITLES[:1])
    for one, other in zip(counted, again, strict=True):
        assert one.indptr.tolist() == other.indptr.tolist()
        assert one.indices.tolist() == other.indices.tolist()
        assert one.data.tobytes() == other.data.tobytes()


def test_a_word_is_analysed_once() -> None:
    analysed = []

    def analyse(word: str) -> list[str]:
        analysed.append(word)
        return [word]

    _, weights = Texts(side=TITLES).vectors(analyse, ["side"])
    analysed.clear()
    for _ in range(2):
        vectors_by(weights, analyse, ["canon canon new"], ["new"])
    assert analysed == ["canon", "new"]
