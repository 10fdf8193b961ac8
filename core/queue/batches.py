"""Batches of pairs to review: by priority, without near-duplicates, and with both classes from the start."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product, identifying_gtins
from core.queue.strategies import Strategy, UnlabelledPool
from core.text.model_numbers import alphanumeric

#: Range of ranks by probability, as shares of the pool, from which a cold start draws: sure matches to near misses.
_COLD_START_RANGE = (0.01, 0.3)
#: Pairs by priority among which a batch is diversified, per pair of the batch.
_SHORTLIST_FACTOR = 6
#: Subtracted from the priority of near-duplicates of a labelled query, so that they come last.
_DUPLICATE_PENALTY = 1000.0


def next_batch(pool: UnlabelledPool, strategy: Strategy, size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of the next pairs to review, first one first; fewer than `size` where fewer are unlabelled.

    While nothing is labelled, every strategy except `random` starts with `cold_start`.
    """
    if not pool.labelled.any() and strategy.name != "random":
        return cold_start(pool, size, random)
    priorities = strategy.priorities(pool, random)
    if strategy.name != "random":
        priorities = priorities - _DUPLICATE_PENALTY * _duplicates(pool)
    priorities = np.where(pool.labelled, -np.inf, priorities)
    size = min(size, int((~pool.labelled).sum()))
    if strategy.spread == 0 or size < 2:
        return np.argsort(-priorities, kind="stable")[:size]
    shortlist = np.argsort(-priorities, kind="stable")[: _SHORTLIST_FACTOR * size]
    shortlist = shortlist[np.isfinite(priorities[shortlist])]
    return shortlist[_diversify(priorities[shortlist], pool.vectors[shortlist], size, strategy.spread)]


def cold_start(pool: UnlabelledPool, size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of the first pairs to review: sure matches and near misses alternate, so that both classes occur early.

    Log-spaced ranks by probability, with some noise, so that two campaigns start differently.
    """
    order = np.argsort(-np.nan_to_num(pool.probabilities, nan=-np.inf), kind="stable")
    order = order[~pool.labelled[order]]
    size = min(size, len(order))
    if not size:
        return order[:0]
    ranks = np.geomspace(*_COLD_START_RANGE, size) * np.exp(0.1 * random.standard_normal(size)) * len(order)
    chosen: list[int] = []
    taken = np.zeros(len(order), bool)
    for rank in ranks.astype(int).clip(0, len(order) - 1):
        free = np.flatnonzero(~taken)
        place = int(free[np.abs(free - rank).argmin()])
        taken[place] = True
        chosen.append(place)
    chosen.sort()
    # The best, the worst, the second best …
    alternating = [chosen[i // 2] if i % 2 == 0 else chosen[-1 - i // 2] for i in range(size)]
    return order[alternating]


def _duplicates(pool: UnlabelledPool) -> NDArray[np.bool_]:
    """Whether a pair's query is unlabelled, but has a labelled near-duplicate, shape (n,)."""
    own: NDArray[np.bool_] = np.isin(pool.query, pool.query[pool.labelled])
    return pool.answered_families & ~own


def _diversify(priorities: NDArray[np.float64], vectors: NDArray[np.float64], size: int, strength: float) -> list[int]:
    """Indices chosen greedily by priority minus `strength` times the similarity to the nearest chosen pair.

    Maximal marginal relevance (Carbonell and Goldstein 1998) with the cosine of the standardised vectors.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9)
    similarity = np.zeros(len(priorities))
    chosen: list[int] = []
    available = np.ones(len(priorities), bool)
    for _ in range(size):
        best = int(np.where(available, priorities - strength * similarity, -np.inf).argmax())
        chosen.append(best)
        available[best] = False
        similarity = np.maximum(similarity, unit @ unit[best])
    return chosen


_WORD = re.compile(r"[^\W_]+")


def near_duplicates(queries: Sequence[Product]) -> list[int]:
    """A cluster number for each query; near-duplicates share one.

    Near-duplicates have the same set of title words (ignoring order, case and punctuation) and the same model number,
    or the same retailer and GTIN. One different word, such as a colour or a size, makes another product.
    """
    # Union-find; each cluster is represented by its first query.
    parent = list(range(len(queries)))

    def find(place: int) -> int:
        while parent[place] != place:
            parent[place] = place = parent[parent[place]]
        return place

    owner: dict[object, int] = {}
    for place, (query, gtin) in enumerate(zip(queries, identifying_gtins(queries), strict=True)):
        for key in (_content_key(query), *([(query.source, gtin)] if gtin else [])):
            one, other = find(owner.setdefault(key, place)), find(place)
            parent[max(one, other)] = min(one, other)
    number: dict[int, int] = {}
    return [number.setdefault(find(place), len(number)) for place in range(len(queries))]


def _content_key(query: Product) -> tuple[frozenset[str], str]:
    """Title words and model number."""
    return frozenset(_WORD.findall(query.title.lower())), alphanumeric(query.model)
