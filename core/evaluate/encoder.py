"""How good an encoder is at finding matches, alone and fused with the lexical retriever."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from core.encode.models import EncoderModel
from core.errors import CoreError
from core.evaluate.retrieval import retrieval_metrics
from core.jobs.progress import Reporter, Silent
from core.match.evidence.corpus import CorpusEvidence
from core.match.shortlist import Shortlist
from core.search.build import LEXICAL_TEMPLATE, build_fusion
from core.text.template import render
from labels.model import ProductRef

_DEPTH = 10

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
    evidence: CorpusEvidence, model: EncoderModel, gold: Gold, reporter: Reporter
) -> tuple[EncoderEvaluation, dict[str, Ranking]]:
    """Rank the whole catalogue for every query in `gold`, and compare.

    Returns:
        the figures, and the rankings behind them by the same names.

    Raises:
        CoreError: none of the queries is in the catalogue.
    """
    corpus, settings = evidence.corpus, evidence.settings
    places = [i for i, query in enumerate(corpus.queries) if query.ref in gold]
    if not places:
        raise CoreError(
            "There is nothing to evaluate on: no query with a known match is in the catalogue.",
            "Label the validation stream, or import labels.",
        )
    queries = [corpus.queries[i] for i in places]
    counted = {query.ref: gold[query.ref] for query in queries}
    fusion, vectors = build_fusion(evidence.workspace, settings, model, corpus, reporter)
    reporter.stage("evaluate")
    texts = [render(LEXICAL_TEMPLATE, query) for query in queries]
    vectors = vectors[places]

    def refs(found: object) -> Ranking:
        return {q.ref: [fusion.refs[p] for p in row] for q, row in zip(queries, found, strict=True)}  # type: ignore[call-overload]

    selection = Shortlist(evidence, settings.search.k)
    pools = replace(fusion, k=selection.size).candidates(queries, texts, vectors, Silent())
    rankings = {
        "encoder": refs(fusion.dense.search(vectors, _DEPTH)[0]),
        "lexical": refs(fusion.lexical.search(texts, _DEPTH)[0]),
        # As an index run chooses them.
        "fused": {query: [c.ref for c in found] for query, found in selection.choose(pools)},
    }
    figures = {name: retrieval_metrics(ranking, counted) for name, ranking in rankings.items()}
    return EncoderEvaluation(model.id, **figures), rankings
