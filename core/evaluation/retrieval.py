"""How well matches are found: hit@k, MRR@10 and recall@10 over queries that have a match."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.catalog.template import render
from core.errors import CoreError
from core.jobs.progress import Reporter, Silent
from core.matching.features.builder import CorpusFeatures
from core.matching.scoring import ScoredPairs, score_pairs
from core.matching.shortlist import Shortlist
from core.retrieval.encoder import quiet
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import LEXICAL_TEMPLATE, Corpus, build_fusion
from labels.model import Pair, ProductRef

#: The metric that a challenger must better to become champion; greater is better.
PRIMARY = "mrr@10"

_DEPTH = 10


def retrieval_metrics(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, float]:
    """Metrics of ranked candidates against known matches.

    Args:
        ranked: each query's candidates, best first. A query that is absent found nothing.
        gold: the known matches of the queries that are counted, none of them empty.

    Returns:
        `hit@1`, `hit@5`, `hit@10`: the share of queries with a match among the first k; `mrr@10`: the mean of
        1/rank of the first match, 0 beyond ten (Voorhees 1999, TREC-8 QA); `recall@10`: the mean share of a
        query's matches among the first ten; `queries`: how many were counted. All but the last in [0, 1],
        and 0 where there are no queries.
    """
    values = query_values(ranked, gold)
    return {name: sum(each) / len(gold) if gold else 0.0 for name, each in values.items()} | {"queries": len(gold)}


def query_values(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, list[float]]:
    """The same metrics query by query, in the order of `gold`; their means are the metrics."""
    values: dict[str, list[float]] = {name: [] for name in ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10")}
    for query, matches in gold.items():
        places = [place for place, ref in enumerate(ranked.get(query, ())[:_DEPTH], 1) if ref in matches]
        for k in (1, 5, 10):
            values[f"hit@{k}"].append(float(bool(places) and places[0] <= k))
        values["mrr@10"].append(1 / places[0] if places else 0.0)
        values["recall@10"].append(len(places) / len(matches))
    return values


Gold = Mapping[ProductRef, AbstractSet[ProductRef]]
#: The candidates of each query, best first.
Ranking = dict[ProductRef, list[ProductRef]]


@dataclass(frozen=True, slots=True)
class EncoderEvaluation:
    """`retrieval_metrics` of the three rankings over the same queries."""

    model: str
    encoder: dict[str, float]
    lexical: dict[str, float]
    fused: dict[str, float]


def evaluate_encoder(
    corpus_features: CorpusFeatures, model: EncoderModel, gold: Gold, reporter: Reporter
) -> tuple[EncoderEvaluation, dict[str, Ranking]]:
    """Rank the whole catalogue for every query in `gold`, and compare.

    Returns:
        the figures, and the rankings behind them by the same names.

    Raises:
        CoreError: none of the queries is in the catalogue.
    """
    corpus, settings = corpus_features.corpus, corpus_features.settings
    places = [i for i, query in enumerate(corpus.queries) if query.ref in gold]
    if not places:
        raise CoreError(
            "There is nothing to evaluate on: no query with a known match is in the catalogue.",
            "Label the validation stream, or import labels.",
        )
    queries = [corpus.queries[i] for i in places]
    counted = {query.ref: gold[query.ref] for query in queries}
    fusion, vectors = build_fusion(corpus_features.workspace, settings, model, corpus, reporter)
    reporter.stage("evaluate")
    texts = [render(LEXICAL_TEMPLATE, query) for query in queries]
    vectors = vectors[places]

    def refs(found: object) -> Ranking:
        return {q.ref: [fusion.refs[p] for p in row] for q, row in zip(queries, found, strict=True)}  # type: ignore[call-overload]

    selection = Shortlist(corpus_features, settings.search.k)
    pools = replace(fusion, k=selection.size).candidates(queries, texts, vectors, Silent())
    rankings = {
        "encoder": refs(fusion.dense.search(vectors, _DEPTH)[0]),
        "lexical": refs(fusion.lexical.search(texts, _DEPTH)[0]),
        # As an index run chooses them.
        "fused": {query: [c.ref for c in found] for query, found in selection.choose(pools)},
    }
    figures = {name: retrieval_metrics(ranking, counted) for name, ranking in rankings.items()}
    return EncoderEvaluation(model.id, **figures), rankings


def information_retrieval(
    corpus: Corpus, gold: Gold, query_vectors: NDArray[np.float32], product_vectors: NDArray[np.float32]
) -> dict[str, float]:
    """Accuracy, precision, recall, MRR, NDCG and MAP at the evaluator's usual depths.

    Args:
        corpus: the products in the order of the vectors.
        gold: the queries that are counted, with their known matches.
        query_vectors: shape (queries, dimensions), rows of length 1.
        product_vectors: shape (products, dimensions), likewise.
    """
    quiet()
    import torch
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import cos_sim

    vector_of = {str(i): query_vectors[i] for i, query in enumerate(corpus.queries) if query.ref in gold}
    place_of = {product.ref: str(i) for i, product in enumerate(corpus.products)}

    class Encoded(InformationRetrievalEvaluator):  # type: ignore[misc]
        """Takes a query's number for its text, and looks its vector up instead of encoding it."""

        def embed_inputs(self, model: Any, sentences: Any, *_: Any, **__: Any) -> Any:  # noqa: ARG002
            return torch.from_numpy(np.stack([vector_of[number] for number in sentences]))

    evaluator = Encoded(
        queries={number: number for number in vector_of},
        corpus={number: number for number in place_of.values()},
        relevant_docs={
            number: {place_of[ref] for ref in gold[corpus.queries[int(number)].ref] if ref in place_of}
            for number in vector_of
        },
        score_functions={"cosine": cos_sim},
        write_csv=False,
    )
    scores = evaluator.compute_metrices(None, corpus_embeddings=torch.from_numpy(product_vectors.copy()))["cosine"]
    named = {"accuracy@k": "accuracy", "precision@k": "precision", "recall@k": "recall"}
    named |= {"mrr@k": "mrr", "ndcg@k": "ndcg", "map@k": "map"}
    return {f"{named[name]}@{k}": float(value) for name, by_k in scores.items() for k, value in by_k.items()}


def matched_ranking(
    corpus_features: CorpusFeatures, model: EncoderModel, fused: Ranking, reporter: Reporter
) -> Ranking:
    """The same candidates in the order in which `match` writes them."""
    return reordered(fused, score_pairs(corpus_features, model, pairs_of(fused), reporter))


def pairs_of(ranking: Ranking) -> Sequence[Pair]:
    """Every query with each of its candidates."""
    return [Pair(query, candidate) for query, candidates in ranking.items() for candidate in candidates]


def reordered(ranking: Ranking, judged: ScoredPairs) -> Ranking:
    """The same candidates by falling probability."""
    return {
        query: sorted(candidates, key=lambda c: -judged.probability[Pair(query, c)])
        for query, candidates in ranking.items()
    }
