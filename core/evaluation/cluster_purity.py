"""Cluster purity: whether clustering the vectors alone finds the groups of products that people matched."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.stats import bootstrap
from labels.model import ProductRef

#: Distances between all products are computed; more would take minutes.
MAX_PRODUCTS = 4000


def matched_groups(matches: Mapping[ProductRef, Collection[ProductRef]]) -> list[list[ProductRef]]:
    """The connected components of the known matches, sorted, each with at least two products."""
    parent: dict[ProductRef, ProductRef] = {}

    def root(ref: ProductRef) -> ProductRef:
        parent.setdefault(ref, ref)
        while parent[ref] != ref:
            parent[ref] = parent[parent[ref]]
            ref = parent[ref]
        return ref

    for query, candidates in matches.items():
        for candidate in candidates:
            parent[root(candidate)] = root(query)
    groups: dict[ProductRef, list[ProductRef]] = {}
    for ref in list(parent):
        groups.setdefault(root(ref), []).append(ref)
    return sorted(sorted(group) for group in groups.values())


def purity_by_group(vectors: NDArray[np.float32], groups: Iterable[int]) -> NDArray[np.float64]:
    """Cluster the vectors with HDBSCAN (Campello et al. 2013), and count the products in a cluster of their own group.

    Args:
        vectors: unit vectors, shape (products, dimensions).
        groups: number of the group of each product, from 0.

    Returns:
        shape (groups, 2): per group the products in a cluster where no other group has more, and all its products.
        What HDBSCAN leaves as noise is in no cluster: scattering a group costs purity.
    """
    from sklearn.cluster import HDBSCAN

    group = np.fromiter(groups, np.int64)
    # A group is mostly two products, which "leaf" keeps apart: the default prefers few large clusters.
    # In hundreds of dimensions, its trees are slower than all distances.
    clusterer = HDBSCAN(min_cluster_size=2, cluster_selection_method="leaf", algorithm="brute", copy=True)
    clusters = clusterer.fit_predict(vectors)
    majority = {
        cluster: Counter(group[clusters == cluster].tolist()).most_common(1)[0][0]
        for cluster in set(clusters.tolist()) - {-1}
    }
    pure = [majority.get(cluster) == own for cluster, own in zip(clusters.tolist(), group.tolist(), strict=True)]
    count = int(group.max(initial=-1)) + 1
    return np.column_stack([np.bincount(group, pure, minlength=count), np.bincount(group, minlength=count)])


def resampled_purity(by_group: NDArray[np.float64]) -> NDArray[np.float64]:
    """The purity in every resampling of the groups, shape (resamplings,); empty with fewer than two groups.

    The clusters stay: drawing a product twice would put it in a cluster with itself.
    """
    if len(by_group) < 2:
        return np.empty(0)
    sums = np.concatenate([drawn @ by_group for drawn in bootstrap.draws(len(by_group), len(by_group))])
    shares: NDArray[np.float64] = sums[:, 0] / sums[:, 1]
    return shares
