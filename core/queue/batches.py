"""From priorities to what is asked next: nothing twice, nothing alike twice in a row, both classes from the start."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product, identifying_gtins
from core.queue.strategies import Strategy, UnlabelledPool
from core.text.model_numbers import alphanumeric

#: The first questions are spread over this range of the order by probability, as shares of the pool, best first:
#: from what looks like a sure match to what looks like a near miss.
_COLD = (0.01, 0.3)
#: A batch is put together from this many times its size.
_SHORTLIST = 6
#: Duplicates of a labelled query tell little that is new: they come after everything else.
_LAST = 1000.0


def next_batch(pool: UnlabelledPool, strategy: Strategy, size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """The places of the pairs to ask about next, first one first; fewer where fewer are left.

    While nothing is labelled every strategy but `random` begins with `cold_start`.
    """
    if not pool.labelled.any() and strategy.name != "random":
        return cold_start(pool, size, random)
    priorities = strategy.priorities(pool, random)
    if strategy.name != "random":
        priorities = priorities - _LAST * _duplicates(pool)
    priorities = np.where(pool.labelled, -np.inf, priorities)
    size = min(size, int((~pool.labelled).sum()))
    if strategy.spread == 0 or size < 2:
        return np.argsort(-priorities, kind="stable")[:size]
    shortlist = np.argsort(-priorities, kind="stable")[: _SHORTLIST * size]
    shortlist = shortlist[np.isfinite(priorities[shortlist])]
    return shortlist[_spread(priorities[shortlist], pool.evidence[shortlist], size, strategy.spread)]


def cold_start(pool: UnlabelledPool, size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Places for the first questions: sure matches and near misses in turn, so that both classes are known soon.

    Evenly spaced on a logarithmic scale of the order by probability, and a little at random: two campaigns begin
    differently.
    """
    order = np.argsort(-np.nan_to_num(pool.probabilities, nan=-np.inf), kind="stable")
    order = order[~pool.labelled[order]]
    size = min(size, len(order))
    if not size:
        return order[:0]
    ranks = np.geomspace(*_COLD, size) * np.exp(0.1 * random.standard_normal(size)) * len(order)
    chosen: list[int] = []
    taken = np.zeros(len(order), bool)
    for rank in ranks.astype(int).clip(0, len(order) - 1):
        free = np.flatnonzero(~taken)
        place = int(free[np.abs(free - rank).argmin()])
        taken[place] = True
        chosen.append(place)
    chosen.sort()
    # The surest, the least sure, the second surest …
    turns = [chosen[i // 2] if i % 2 == 0 else chosen[-1 - i // 2] for i in range(size)]
    return order[turns]


def _duplicates(pool: UnlabelledPool) -> NDArray[np.bool_]:
    """Pairs of queries that have no label themselves, but a near-duplicate that has one, shape (n,)."""
    own: NDArray[np.bool_] = np.isin(pool.query, pool.query[pool.labelled])
    return pool.answered_families & ~own


def _spread(priorities: NDArray[np.float64], evidence: NDArray[np.float64], size: int, strength: float) -> list[int]:
    """Greedy choice: the priority less `strength` times the likeness to the nearest pair chosen before.

    Maximal marginal relevance (Carbonell and Goldstein 1998) with the cosine of the scaled evidence as likeness.
    """
    unit = evidence / np.linalg.norm(evidence, axis=1, keepdims=True).clip(1e-9)
    likeness = np.zeros(len(priorities))
    chosen: list[int] = []
    open_ = np.ones(len(priorities), bool)
    for _ in range(size):
        best = int(np.where(open_, priorities - strength * likeness, -np.inf).argmax())
        chosen.append(best)
        open_[best] = False
        likeness = np.maximum(likeness, unit @ unit[best])
    return chosen


_WORD = re.compile(r"[^\W_]+")


def near_duplicates(queries: Sequence[Product]) -> list[int]:
    """A number for each query; near-duplicates share one.

    Near-duplicates are listings with the same words in the title, whatever their order, case, punctuation and
    repetition, and the same model number; and listings of one retailer with the same GTIN. One word that differs, a
    colour or a size, makes another product.
    """
    # The first query of a family stands for it; families that turn out to be one are joined.
    head = list(range(len(queries)))

    def first(place: int) -> int:
        while head[place] != place:
            head[place] = place = head[head[place]]
        return place

    owner: dict[object, int] = {}
    for place, (query, gtin) in enumerate(zip(queries, identifying_gtins(queries), strict=True)):
        for sign in (_said(query), *([(query.source, gtin)] if gtin else [])):
            one, other = first(owner.setdefault(sign, place)), first(place)
            head[max(one, other)] = min(one, other)
    number: dict[int, int] = {}
    return [number.setdefault(first(place), len(number)) for place in range(len(queries))]


def _said(query: Product) -> tuple[frozenset[str], str]:
    return frozenset(_WORD.findall(query.title.lower())), alphanumeric(query.model)
