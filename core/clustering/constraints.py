"""People's decisions as constraints of a clustering: matches join, non-matches keep apart.

Matches are followed before non-matches, and adjudicated decisions before all others. A decision that contradicts those
before it is not followed; it is reported, and people adjudicate it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    groups = SeparatedGroups()
    followed: list[_Decided] = []
    refused: list[_Decided] = []
    for label in sorted((label for label in labels if label.match is not None), key=_priority):
        one, other = _place(listings, label.pair.query), _place(listings, label.pair.candidate)
        if one is None or other is None:
            continue
        possible = groups.join(one, other) if label.match else groups.separate(one, other)
        (followed if possible else refused).append(_Decided(label.pair, one, other, bool(label.match)))
    matched = np.arange(len(listings), dtype=np.int32)
    for each in followed:
        matched[[each.one, each.other]] = groups.group(each.one), groups.group(each.other)
    matched = numbered(matched)
    # The first decision that keeps two sets apart; adjudicated ones come first.
    apart = {_ordered(matched[each.one], matched[each.other]): each for each in reversed(followed) if not each.match}
    matches = [each for each in followed if each.match]
    chains = match_graph(each.pair for each in matches)

    def reason(of: _Decided) -> str:
        if not of.match:
            return match_chain(chains, of.pair)
        return f"{apart[_ordered(matched[of.one], matched[of.other])]} was adjudicated"

    contradictions = (Contradiction((each.pair,), f"Not followed: {each}, since {reason(each)}.") for each in refused)
    ends = {_ordered(each.one, each.other) for each in matches}
    return Constraints(matched, _pairs(apart), _pairs(ends), tuple(contradictions))


class _Decided(NamedTuple):
    """A decision, with the places of its listings."""

    pair: Pair
    one: int
    other: int
    match: bool

    def __str__(self) -> str:
        return (" = " if self.match else " ≠ ").join(map(product_name, self.pair))


def _priority(label: Label) -> tuple[bool, bool, Pair]:
    return label.state is not LabelState.ADJUDICATED, not label.match, label.pair


def _place(listings: Sequence[ProductRef], ref: ProductRef) -> int | None:
    at = bisect_left(listings, ref)
    return at if at < len(listings) and listings[at] == ref else None


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (int(one), int(other)) if one < other else (int(other), int(one))


def _pairs(pairs: Iterable[tuple[int, int]]) -> NDArray[np.int32]:
    """Pairs in ascending order, shape (n, 2)."""
    return np.array(sorted(pairs), np.int32).reshape(-1, 2)
