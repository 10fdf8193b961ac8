"""The methods that divide listings into groups; none breaks a constraint.

| method | groups |
| --- | --- |
| `components` | whatever is connected by links at or above the threshold |
| `one-per-source` | the same with at most one listing of a source in a group, the best links first |
| `correlation` | the partition that agrees best with all probabilities; see `core.clustering.correlation` |

Connected components without a conflict need no decision: they are found for all listings at once. Only the others are
divided link by link.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from core.clustering.constraints import Constraints, numbered
from core.clustering.correlation import correlation_groups, link_weights
from core.clustering.links import LinkGraph
from core.clustering.separated_groups import SeparatedGroups


class Method(StrEnum):
    """How listings are divided into groups."""

    ONE_PER_SOURCE = "one-per-source"
    COMPONENTS = "components"
    CORRELATION = "correlation"


@dataclass(frozen=True, slots=True)
class _Divided:
    """What is left to divide link by link: the connected components with a conflict.

    Attributes:
        nodes: in ascending order, shape (nodes,).
        left, right: the nodes of each link within a component, shape (links,).
        strength: P(match) of each link.
        same_source: whether the listings of each link are of one source.
        apart: pairs of nodes that people marked as different, shape (n, 2).
    """

    nodes: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    strength: NDArray[np.float64]
    same_source: NDArray[np.bool_]
    apart: NDArray[np.int32]


def cluster(graph: LinkGraph, constraints: Constraints, method: Method, threshold: float) -> NDArray[np.int32]:
    """The number of each listing's group, shape (listings,). Groups are numbered by their first listing.

    Listings that people matched are in one group, whatever the method. Otherwise, listings that people marked as
    different are never in one.

    Args:
        graph: the links.
        constraints: of people, for the same listings.
        method: how conflicts are resolved.
        threshold: in (0, 1): the probability from which a link joins.
    """
    # From here on, the listings that people matched are one node.
    node = constraints.matched
    left, right, strength = node[graph.left], node[graph.right], graph.strength
    joins = strength >= threshold
    component = _components(left[joins], right[joins], int(node.max(initial=-1)) + 1)
    inside = (component[left] == component[right]) & (left != right)
    apart = constraints.apart[component[constraints.apart[:, 0]] == component[constraints.apart[:, 1]]]
    conflict = np.zeros(len(component), bool)
    conflict[component[apart[:, 0]]] = True
    if method is not Method.COMPONENTS:
        conflict[_with_repeated_source(graph, node, component)] = True
    if method is Method.CORRELATION:
        conflict[component[left[inside & ~joins]]] = True
    conflict = conflict[component]  # by node now
    chosen = inside & conflict[left]
    same_source = graph.source[graph.left[chosen]] == graph.source[graph.right[chosen]]
    rest = _Divided(np.flatnonzero(conflict), left[chosen], right[chosen], strength[chosen], same_source, apart)
    sources = _sources(graph, node, rest.nodes)
    if method is Method.CORRELATION:
        weights = link_weights(rest.strength, rest.same_source, threshold)
        divided = correlation_groups(sources, rest.left, rest.right, weights, rest.apart)
    else:
        divided = _best_links_first(rest, sources if method is Method.ONE_PER_SOURCE else {}, threshold)
    component[rest.nodes] = len(component) + np.array(divided, np.int32)
    return numbered(component[node])


def _components(left: NDArray[np.int32], right: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """The number of the connected component of each node, shape (count,)."""
    edges = coo_array((np.ones(len(left), bool), (left, right)), shape=(count, count))
    component: NDArray[np.int32] = connected_components(edges, directed=False)[1]
    return component


def _with_repeated_source(graph: LinkGraph, node: NDArray[np.int32], component: NDArray[np.int32]) -> NDArray[np.int64]:
    """The components in which two nodes have a listing of the same source."""
    sources = int(graph.source.max(initial=0)) + 1
    # People may have matched two listings of a source: their node counts once.
    of_node = np.unique(node.astype(np.int64) * sources + graph.source)
    of_component, count = np.unique(component[of_node // sources] * sources + of_node % sources, return_counts=True)
    repeated: NDArray[np.int64] = of_component[count > 1] // sources
    return repeated


def _sources(graph: LinkGraph, node: NDArray[np.int32], chosen: NDArray[np.int64]) -> dict[int, dict[int, int]]:
    """Each of the chosen nodes → the node's number of listings of each source."""
    found: dict[int, dict[int, int]] = {each: {} for each in chosen.tolist()}
    listing = np.flatnonzero(np.isin(node, chosen))
    for at, source in zip(node[listing].tolist(), graph.source[listing].tolist(), strict=True):
        found[at][source] = found[at].get(source, 0) + 1
    return found


def _best_links_first(rest: _Divided, exclusive: Mapping[int, Collection[int]], threshold: float) -> list[int]:
    """The group of each node, if links join in descending order of probability where no constraint forbids it."""
    groups = SeparatedGroups(exclusive)
    for one, other in rest.apart.tolist():
        groups.separate(one, other)
    joins = rest.strength >= threshold
    order = np.flatnonzero(joins)[np.argsort(-rest.strength[joins], kind="stable")]
    for one, other in zip(rest.left[order].tolist(), rest.right[order].tolist(), strict=True):
        groups.join(one, other)
    return [groups.group(each) for each in rest.nodes.tolist()]
