"""Correlation clustering: the partition whose groups agree best with the probabilities of all pairs.

The weight of a link is its log-odds relative to the threshold: positive if it speaks for one product, negative if it
speaks against. Two listings of one source without a link count as a weak link against. Other pairs are neutral.
The objective is the sum of the weights within groups (Bansal, Blum and Chawla 2004, "Correlation clustering"). Finding
its maximum is NP-hard. Greedy additive edge contraction joins the two groups with the highest sum as long as one is
positive (Keuper et al. 2015, "Efficient decomposition of image and mesh graphs by lifted multicuts", algorithm 1); then
single nodes move wherever the sum rises. Both are deterministic.
"""

from collections import Counter
from collections.abc import Mapping
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

#: Log-odds of a certain link: P = 0.999. More would let one link outweigh any number of others.
_MAX_LOG_ODDS = 6.9
#: Weight of two listings of one source, as of a link with P = 0.05. On the demo with a third retailer, 300 labelled
#: pairs and the threshold 0.5, B-cubed F1 is 0.935 without it, 0.956 with it, and within 0.003 of that from -2 to -5.
_SAME_SOURCE = -3.0
#: Moves of single nodes end after this many rounds; each round raises the objective.
_MAX_ROUNDS = 20
#: A rise below this is rounding.
_MIN_GAIN = 1e-9

#: Node → its neighbours, each with the weight between the two.
_Weights = dict[int, dict[int, float]]


def link_weights(
    probability: NDArray[np.float64], same_source: NDArray[np.bool_], threshold: float
) -> NDArray[np.float64]:
    """The weight of links: their log-odds, bounded, relative to the threshold's.

    A link within a source says more than that both listings are of one source, whose weight it takes back.
    """
    bounded = np.clip(logit(probability), -_MAX_LOG_ODDS, _MAX_LOG_ODDS)
    weights: NDArray[np.float64] = bounded - logit(threshold) - np.where(same_source, _SAME_SOURCE, 0.0)
    return weights


def correlation_groups(
    sources: Mapping[int, Mapping[int, int]],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    weight: NDArray[np.float64],
    apart: NDArray[np.int32],
) -> list[int]:
    """The group of each node, named by one of its members.

    Args:
        sources: all nodes in ascending order → the node's number of listings of each source.
        left: one node of each link, shape (links,); several links of one pair add up.
        right: the other node.
        weight: of each link, shape (links,).
        apart: pairs of nodes that are never in one group, shape (n, 2).
    """
    weights: _Weights = {node: {} for node in sources}
    for one, other, value in zip(left.tolist(), right.tolist(), weight.tolist(), strict=True):
        weights[one][other] = weights[other][one] = weights[one].get(other, 0.0) + value
    for one, other in apart.tolist():
        weights[one][other] = weights[other][one] = -np.inf
    group = _contract({node: dict(row) for node, row in weights.items()}, sources)
    _move(weights, sources, group)
    return _connected(weights, group)


def _between(one: Mapping[int, int], other: Mapping[int, int]) -> float:
    """The weight of all pairs of listings of one source between two groups, from their numbers by source."""
    return _SAME_SOURCE * sum(number * other.get(source, 0) for source, number in one.items())


def _contract(weights: _Weights, sources: Mapping[int, Mapping[int, int]]) -> dict[int, int]:
    """The group of each node after greedy additive edge contraction; uses up the weights."""
    parent = {node: node for node in weights}
    counts = {node: Counter(of) for node, of in sources.items()}
    heap = [(-value, one, other) for one, row in weights.items() for other, value in row.items()]
    heap = [entry for entry in heap if entry[0] < 0 and entry[1] < entry[2]]
    heapify(heap)
    while heap:
        value, one, other = heappop(heap)
        if other not in weights.get(one, {}):
            continue  # one of the two has been contracted
        total = weights[one][other] + _between(counts[one], counts[other])
        if total < -value:
            # The groups have grown since, or their sources were not counted yet.
            if total > 0:
                heappush(heap, (-total, one, other))
            continue
        kept, gone = (one, other) if len(weights[one]) >= len(weights[other]) else (other, one)
        parent[gone] = kept
        counts[kept].update(counts.pop(gone))
        for neighbour, more in weights.pop(gone).items():
            del weights[neighbour][gone]
            if neighbour == kept:
                continue
            sum_ = weights[kept].get(neighbour, 0.0) + more
            weights[kept][neighbour] = weights[neighbour][kept] = sum_
            if sum_ > 0:
                heappush(heap, (-sum_, min(kept, neighbour), max(kept, neighbour)))
    return {node: _root(parent, node) for node in parent}


def _root(parent: dict[int, int], node: int) -> int:
    while parent[node] != node:
        parent[node] = node = parent[parent[node]]
    return node


def _move(weights: _Weights, sources: Mapping[int, Mapping[int, int]], group: dict[int, int]) -> None:
    """Move single nodes to the group with the highest sum of weights, or to one of their own, while that gains."""
    counts: dict[int, Counter[int]] = {}
    for node, of in sources.items():
        counts.setdefault(group[node], Counter()).update(of)
    unused = max(weights, default=0) + 1
    for _ in range(_MAX_ROUNDS):
        moved = False
        for node, row in weights.items():
            counts[group[node]].subtract(sources[node])
            sums = {group[node]: 0.0, unused: 0.0}
            for neighbour, value in row.items():
                sums[group[neighbour]] = sums.get(group[neighbour], 0.0) + value
            sums = {each: value + _between(sources[node], counts.get(each, {})) for each, value in sums.items()}
            best = max(sums, key=lambda each: (sums[each], -each))
            if sums[best] > sums[group[node]] + _MIN_GAIN:
                group[node], moved, unused = best, True, max(unused, best + 1)
            counts.setdefault(group[node], Counter()).update(sources[node])
        if not moved:
            return


def _connected(weights: _Weights, group: dict[int, int]) -> list[int]:
    """The groups, divided where no positive weight connects their parts: the sum between such parts is not positive."""
    first: dict[int, int] = {}
    for start in weights:
        if start in first:
            continue
        first[start], waiting = start, [start]
        while waiting:
            node = waiting.pop()
            for neighbour, value in weights[node].items():
                if value > 0 and neighbour not in first and group[neighbour] == group[node]:
                    first[neighbour] = start
                    waiting.append(neighbour)
    return [first[node] for node in weights]
