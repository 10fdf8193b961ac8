"""How well matches are found: hit@k, MRR@10 and recall@10 over queries that have a match."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from labels.model import ProductRef

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
    first_ranks = []
    recalls = []
    for query, matches in gold.items():
        top = ranked.get(query, ())[:_DEPTH]
        places = [place for place, ref in enumerate(top, 1) if ref in matches]
        first_ranks.append(places[0] if places else None)
        recalls.append(len(places) / len(matches))
    count = len(gold)
    found = [rank for rank in first_ranks if rank is not None]
    metrics = {f"hit@{k}": sum(rank <= k for rank in found) / count if count else 0.0 for k in (1, 5, 10)}
    metrics["mrr@10"] = sum(1 / rank for rank in found) / count if count else 0.0
    metrics["recall@10"] = sum(recalls) / count if count else 0.0
    return metrics | {"queries": count}
