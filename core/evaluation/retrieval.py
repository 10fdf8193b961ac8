"""Retrieval evaluation: hit@k, MRR@10 and recall@10 over queries with a known match."""

import math
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CoreError
from core.jobs.progress import Reporter, Silent
from core.matching.features.builder import CorpusFeatures
from core.matching.run import labelled_pairs
from core.matching.scoring import ScoredPairs, score_pairs
from core.matching.shortlist import Shortlist
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import silence_libraries
from core.retrieval.encoder_files import EncoderModel
from core.retrieval.index_run import build_fusion, lexical_texts
from core.retrieval.pair_order import PairOrder
from core.retrieval.selection import select_candidates
from labels.model import Pair, ProductRef

_DEPTH = 10
#: Below every cosine.
_NO_PAIR = -2.0

#: The known matches of each evaluation query.
Gold = Mapping[ProductRef, AbstractSet[ProductRef]]

#: The candidates of each query, best first.
Ranking = dict[ProductRef, list[ProductRef]]


def retrieval_metrics(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, float]:
    """Metrics of ranked candidates against known matches.

    Args:
        ranked: candidates of each query, best first; a missing query has none.
        gold: known matches of the evaluation queries, at least one each.

    Returns:
        `hit@1`, `hit@5`, `hit@10`: share of queries with a match in the top k; `mrr@10`: mean of 1/rank of the first
        match, 0 beyond ten (Voorhees 1999, TREC-8 QA); `recall@10`: mean share of a query's matches in the top ten;
        `queries`: number of evaluation queries. All but the last are in [0, 1], and 0 without queries.
    """
    values = query_values(ranked, gold)
    return {name: sum(each) / len(gold) if gold else 0.0 for name, each in values.items()} | {"queries": len(gold)}


def query_values(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, list[float]]:
    """The metrics per query, in the order of `gold`; their means are `retrieval_metrics`."""
    values: dict[str, list[float]] = {name: [] for name in ("hit@1", "hit@5", "hit@10", "mrr@10", "recall@10")}
    for query, matches in gold.items():
        ranks = [rank for rank, ref in enumerate(ranked.get(query, ())[:_DEPTH], 1) if ref in matches]
        for k in (1, 5, 10):
            values[f"hit@{k}"].append(float(bool(ranks) and ranks[0] <= k))
        values["mrr@10"].append(1 / ranks[0] if ranks else 0.0)
        values["recall@10"].append(len(ranks) / len(matches))
    return values


def graded_query_values(
    ranked: Mapping[ProductRef, Sequence[ProductRef]], gold: Mapping[ProductRef, AbstractSet[ProductRef]]
) -> dict[str, list[float]]:
    """The metrics of a model comparison per query, in the order of `gold`.

    Returns:
        `recall@1`, `recall@5`, `recall@10`: share of the query's matches in the top k; `mrr@10`: 1/rank of the first
        match; `ndcg@10`: normalized discounted cumulative gain with gain 1 for a match and discount log2(rank + 1)
        (Järvelin & Kekäläinen 2002). All in [0, 1].
    """
    values: dict[str, list[float]] = {name: [] for name in ("recall@1", "recall@5", "recall@10", "mrr@10", "ndcg@10")}
    for query, matches in gold.items():
        ranks = [rank for rank, ref in enumerate(ranked.get(query, ())[:_DEPTH], 1) if ref in matches]
        for k in (1, 5, 10):
            values[f"recall@{k}"].append(sum(rank <= k for rank in ranks) / len(matches))
        values["mrr@10"].append(1 / ranks[0] if ranks else 0.0)
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(matches), _DEPTH) + 1))
        values["ndcg@10"].append(sum(1 / math.log2(rank + 1) for rank in ranks) / ideal)
    return values


@dataclass(frozen=True, slots=True)
class EncoderEvaluation:
    """`retrieval_metrics` of the dense, lexical and hybrid ranking over the same queries."""

    model: str
    encoder: dict[str, float]
    lexical: dict[str, float]
    fused: dict[str, float]


def evaluate_encoder(
    features: CorpusFeatures, model: EncoderModel, gold: Gold, reporter: Reporter
) -> tuple[EncoderEvaluation, dict[str, Ranking]]:
    """Rank the whole catalogue for every query in `gold`, and compute the metrics.

    Returns:
        the metrics, and the rankings by the same names.

    Raises:
        CoreError: none of the queries is in the catalogue.
    """
    corpus, settings = features.corpus, features.settings
    positions = [i for i, query in enumerate(corpus.queries) if query.ref in gold]
    if not positions:
        raise CoreError(
            "There is nothing to evaluate on: no query with a known match is in the catalogue.",
            "Label the validation stream, or import labels.",
        )
    queries = [corpus.queries[i] for i in positions]
    evaluated = {query.ref: gold[query.ref] for query in queries}
    # A vector database holds the index of the champion alone.
    local = settings.model_copy(update={"search": settings.search.on_this_machine})
    fusion, vectors = build_fusion(features.workspace, local, model, corpus, reporter)
    reporter.stage("evaluate")
    texts = lexical_texts(queries)
    vectors, rows = vectors[positions], np.array(positions, np.int64)
    order = fusion.pair_order
    # Of a listing in both roles, some of the nearest are no candidates of it.
    depth = _DEPTH if order is None else settings.search.depth

    def refs(found: NDArray[np.int64]) -> Ranking:
        keep = np.ones_like(found, bool) if order is None else order.are_pairs(rows[:, None], found)
        return {
            query.ref: [fusion.refs[p] for p in of_query[kept][:_DEPTH].tolist()]
            for query, of_query, kept in zip(queries, found, keep, strict=True)
        }

    results = fusion.search(queries, texts, vectors, Silent())
    selection = Shortlist(features, settings.search.k)
    results, chosen = select_candidates(fusion, results, selection, Silent(), rows)
    rankings = {
        "encoder": refs(fusion.dense.search(vectors, depth)[0]),
        "lexical": refs(fusion.lexical.search(fusion.lexical.vectors(texts), depth)[0]),
        # The selection of an index run.
        "fused": {
            query: [c.ref for c in found]
            for query, found in fusion.listed([query.ref for query in queries], results, chosen)
        },
    }
    metrics = {name: retrieval_metrics(ranking, evaluated) for name, ranking in rankings.items()}
    return EncoderEvaluation(model.id, **metrics), rankings


def ir_metrics(
    corpus: Corpus, gold: Gold, query_vectors: NDArray[np.float32], product_vectors: NDArray[np.float32]
) -> dict[str, float]:
    """Accuracy, precision, recall, MRR, NDCG and MAP by sentence-transformers' InformationRetrievalEvaluator.

    Args:
        corpus: queries and products in the order of the vectors.
        gold: known matches of the evaluation queries.
        query_vectors: unit vectors, shape (queries, dimensions).
        product_vectors: unit vectors, shape (products, dimensions).
    """
    silence_libraries()
    import torch
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from sentence_transformers.util import cos_sim

    vector_of = {str(i): query_vectors[i] for i, query in enumerate(corpus.queries) if query.ref in gold}
    position_of = {product.ref: str(i) for i, product in enumerate(corpus.products)}
    order, rows = PairOrder.of(corpus), np.zeros(0, np.int64)

    class PrecomputedEvaluator(InformationRetrievalEvaluator):  # type: ignore[misc]
        """Takes the number of a query as its text, and looks up its vector instead of encoding."""

        def embed_inputs(self, model: Any, sentences: Any, *_: Any, **__: Any) -> Any:  # noqa: ARG002
            nonlocal rows
            rows = np.array(sentences, np.int64)
            return torch.from_numpy(np.stack([vector_of[number] for number in sentences]))

    def cosine_of_pairs(queries: Any, products: Any) -> Any:
        scores = cos_sim(queries, products)
        if order is not None:
            scores[torch.from_numpy(~order.are_pairs(rows[:, None], np.arange(len(products))))] = _NO_PAIR
        return scores

    evaluator = PrecomputedEvaluator(
        queries={number: number for number in vector_of},
        corpus={number: number for number in position_of.values()},
        relevant_docs={
            number: {position_of[ref] for ref in gold[corpus.queries[int(number)].ref] if ref in position_of}
            for number in vector_of
        },
        score_functions={"cosine": cosine_of_pairs},
        write_csv=False,
        # One chunk, in which products are at their positions.
        **({} if order is None else {"corpus_chunk_size": len(position_of)}),
    )
    scores = evaluator.compute_metrices(None, corpus_embeddings=torch.from_numpy(product_vectors.copy()))["cosine"]
    names = {"accuracy@k": "accuracy", "precision@k": "precision", "recall@k": "recall"}
    names |= {"mrr@k": "mrr", "ndcg@k": "ndcg", "map@k": "map"}
    return {f"{names[name]}@{k}": float(value) for name, by_k in scores.items() for k, value in by_k.items()}


def matcher_ranking(
    features: CorpusFeatures,
    model: EncoderModel,
    fused: Ranking,
    reporter: Reporter,
    *,
    without: Collection[Pair] = (),
) -> Ranking:
    """The fused candidates in the order of the matcher, like `samesku match`; `without`: labels not to fit it on."""
    return reordered(fused, score_pairs(features, model, pairs_of(fused), reporter, without=without))


def held_out_matcher_ranking(
    features: CorpusFeatures, model: EncoderModel, fused: Ranking, reporter: Reporter
) -> Ranking:
    """The same by a matcher that is fitted without labels of these queries."""
    labelled = labelled_pairs(features.workspace, features.settings)
    without = frozenset(pair for pair in labelled if pair.query in fused)
    return matcher_ranking(features, model, fused, reporter, without=without)


def pairs_of(ranking: Ranking) -> Sequence[Pair]:
    """All pairs of a query and one of its candidates."""
    return [Pair(query, candidate) for query, candidates in ranking.items() for candidate in candidates]


def reordered(ranking: Ranking, scored: ScoredPairs) -> Ranking:
    """The candidates by descending probability."""
    return {
        query: sorted(candidates, key=lambda c: -scored.probability[Pair(query, c)])
        for query, candidates in ranking.items()
    }
