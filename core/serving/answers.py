"""Matched products as responses."""

from collections.abc import Sequence

from core.catalog.product import Product, Role
from core.clustering.golden import GoldenRow
from core.judge.verdict import Verdict
from core.matching.pair_rows import ranked_rows
from core.matching.reason import Reason, Reasons
from core.retrieval.product_filter import ProductFilter
from core.serving.clusters import Cluster
from core.serving.loaded_index import LoadedIndex
from core.serving.matching import Matched
from core.serving.schemas import (
    CandidateInfo,
    ClusterInfo,
    ClusterResponse,
    Filters,
    ListingInfo,
    MatchResult,
    ModelInfo,
    ProductResponse,
    Provenance,
    QueryInfo,
    ReasonInfo,
    ReasonsInfo,
    VerdictInfo,
)


def model_info(index: LoadedIndex) -> ModelInfo:
    """What an index answers with."""
    matcher = index.matcher
    return ModelInfo(
        encoder=index.model,
        matcher=matcher.fingerprint,
        index=index.version.candidates,
        labels=matcher.labels,
        calibrated=matcher.calibrated,
    )


def match_result(query: Product, matched: Matched, k: int) -> MatchResult:
    """The first k candidates of a query."""
    index, candidates = matched.index, matched.candidates[:k]
    rows = ranked_rows(query.ref, candidates, index.settings, index.matcher.summary)
    return MatchResult(
        query=QueryInfo(source=query.source, id=query.id, title=query.title),
        candidates=[
            CandidateInfo(
                source=pair.candidate.source,
                id=pair.candidate.id,
                title=index.scorer.product(pair.candidate).title,
                rank=row.rank,
                similarity=row.similarity,
                probability=row.probability,
                band=row.band,
                reasons=None if matched.reasons is None else _reasons_info(matched.reasons[row.rank - 1]),
            )
            for pair, row in rows
        ],
    )


def product_filter(given: Filters | None) -> ProductFilter | None:
    """The filter of a request; None where it has no condition."""
    if given is None:
        return None
    found = ProductFilter(
        tuple(given.sources), tuple(given.categories), tuple(given.brands),
        given.min_price, given.max_price, given.currency,
    )  # fmt: skip
    return None if found == ProductFilter(currency=given.currency) else found


def product_response(role: Role, product: Product, cluster: Cluster | None) -> ProductResponse:
    """A product of the workspace, with the group that it belongs to."""
    return ProductResponse(
        source=product.source, id=product.id, role=role, title=product.title, brand=product.brand,
        category=product.category, model=product.model, price=product.price, currency=product.currency,
        upc=product.upc, attributes=product.extra,
        cluster=None if cluster is None else ClusterInfo(id=cluster.id, listings=_listings(cluster)),
    )  # fmt: skip


def cluster_response(cluster: Cluster, record: GoldenRow) -> ClusterResponse:
    """A product of several listings, with its golden record."""
    return ClusterResponse(
        id=cluster.id, listings=_listings(cluster), title=record.title, brand=record.brand, model=record.model,
        gtin=record.gtin, attributes=record.attributes, provenance=Provenance(**record.provenance),
    )  # fmt: skip


def _listings(cluster: Cluster) -> list[ListingInfo]:
    return [ListingInfo(source=each.source, id=each.id, title=each.title) for each in cluster.listings]


def verdict_info(verdict: Verdict) -> VerdictInfo:
    """A verdict of the judge."""
    return VerdictInfo(
        answer=None if verdict.answer is None else verdict.answer.value,
        probability=verdict.probability, reasoning=verdict.reasoning, judge=verdict.judge,
    )  # fmt: skip


def _reasons_info(reasons: Reasons) -> ReasonsInfo:
    def infos(some: Sequence[Reason]) -> list[ReasonInfo]:
        return [ReasonInfo(group=each.group, text=each.text, contribution=each.contribution) for each in some]

    return ReasonsInfo(
        pros=infos(reasons.pros), cons=infos(reasons.cons),
        score=reasons.score, baseline=reasons.baseline, other=reasons.other,
    )  # fmt: skip
