"""People's decisions as constraints of a clustering: matches join, non-matches keep apart.

Matches are followed before non-matches, and adjudicated decisions before all others. A decision that contradicts those
before it is not followed; it is reported, and people adjudicate it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.clustering.separated_groups import SeparatedGroups
from labels.consensus import Contradiction, Label, LabelState, match_chain, match_graph, product_name
from labels.model import Pair, ProductRef


@dataclass(frozen=True, slots=True)
class Constraints:
    """What people decided about the listings of a graph.

    Attributes:
        matched: number of the set of listings that people's matches join, for each listing, shape (listings,). Sets
            are numbered by their first listing.
        apart: pairs of sets that people's non-matches keep apart, first < second, sorted, shape (n, 2).
        matches: the pairs of listings that people matched, sorted, shape (n, 2).
        contradictions: decisions that are not followed, since they contradict others.
    """

    matched: NDArray[np.int32]
    apart: NDArray[np.int32]
    matches: NDArray[np.int32]
    contradictions: tuple[Contradiction, ...] = ()


def numbered(groups: NDArray[np.int32]) -> NDArray[np.int32]:
    """Groups, each named by any number, numbered from 0 by their first member; shape (members,)."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[inverse]


def constraints_of(listings: Sequence[ProductRef], labels: Iterable[Label]) -> Constraints:
    """The constraints that follow from labels.

    Args:
        listings: sorted.
        labels: of people; those with another listing, and those that people disagree about, are left out.
    """
    decided = sorted((label for label in labels if label.match is not None), key=_priority)
    groups = SeparatedGroups()
    followed: list[tuple[Pair, int, int, bool]] = []
    refused: list[Label] = []
    for label in decided:
        one, other = _place(listings, label.pair.query), _place(listings, label.pair.candidate)
        if one is None or other is None:
            continue
        if groups.join(one, other) if label.match else groups.separate(one, other):
            followed.append((label.pair, one, other, bool(label.match)))
        else:
            refused.append(label)
    matched = np.arange(len(listings), dtype=np.int32)
    for _, *ends, _ in followed:
        matched[ends] = [groups.group(end) for end in ends]
    matched = numbered(matched)
    apart = _pairs((matched[one], matched[other]) for _, one, other, match in followed if not match)
    matches = _pairs((one, other) for _, one, other, match in followed if match)
    graph = match_graph(pair for pair, *_, match in followed if match)
    return Constraints(matched, apart, matches, tuple(_contradiction(label, graph) for label in refused))


def _priority(label: Label) -> tuple[bool, bool, Pair]:
    return label.state is not LabelState.ADJUDICATED, not label.match, label.pair


def _place(listings: Sequence[ProductRef], ref: ProductRef) -> int | None:
    at = bisect_left(listings, ref)
    return at if at < len(listings) and listings[at] == ref else None


def _pairs(pairs: Iterable[tuple[int, int]]) -> NDArray[np.int32]:
    """Distinct pairs in ascending order, shape (n, 2)."""
    return np.array(sorted({(min(pair), max(pair)) for pair in pairs}), np.int32).reshape(-1, 2)


def _contradiction(label: Label, graph: dict[ProductRef, list[ProductRef]]) -> Contradiction:
    """A decision that is not followed, and the decisions that it contradicts."""
    one, other = map(product_name, label.pair)
    if label.match:
        words = f"Not followed: {one} = {other}, since adjudicated decisions keep their groups apart."
    else:
        words = f"Not followed: {one} ≠ {other}, since {match_chain(graph, label.pair)}."
    return Contradiction((label.pair,), words)
