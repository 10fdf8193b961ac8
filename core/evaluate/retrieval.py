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
