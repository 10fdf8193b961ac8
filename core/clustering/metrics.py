"""Quality of a clustering against known products: B-cubed, pairwise and closest-cluster precision, recall and F1.

All three follow from the contingency table of found clusters and known products; listings alone count as clusters of
one. F1 is the harmonic mean of precision and recall.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision and recall of a clustering, in [0, 1]."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean; 0 if both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of the contingency table that are not empty.

    Attributes:
        cluster: of each cell, shape (cells,).
        product: of each cell, shape (cells,).
        size: number of listings in each cell, shape (cells,).
        cluster_size: number of listings of each cluster.
        product_size: number of listings of each product.
    """

    cluster: NDArray[np.int64]
    product: NDArray[np.int64]
    size: NDArray[np.int64]
    cluster_size: NDArray[np.int64]
    product_size: NDArray[np.int64]


def cluster_metrics(found: NDArray[np.int64], known: NDArray[np.int64]) -> dict[str, Scores]:
    """`b_cubed`, `pairwise` and `closest_cluster` scores.

    Args:
        found: number of each listing's cluster, from 0, shape (listings,); at least one listing.
        known: number of each listing's product, likewise.
    """
    products = int(known.max()) + 1
    cells, size = np.unique(found * products + known, return_counts=True)
    table = _Cells(cells // products, cells % products, size, np.bincount(found), np.bincount(known))
    return {"b_cubed": _b_cubed(table), "pairwise": _pairwise(table), "closest_cluster": _closest_cluster(table)}


def _b_cubed(table: _Cells) -> Scores:
    """The mean over listings of the share of its cluster, and of its product, that it has in both.

    precision = 1/n · Σ_i |C(i) ∩ L(i)| / |C(i)|, recall = 1/n · Σ_i |C(i) ∩ L(i)| / |L(i)|, with the cluster C(i) and
    the product L(i) of listing i. A cell of size s holds s listings with |C(i) ∩ L(i)| = s.

    Source: Bagga and Baldwin 1998, "Entity-based cross-document coreferencing using the vector space model".
    """
    squares, listings = table.size.astype(float) ** 2, table.size.sum()
    return Scores(
        float((squares / table.cluster_size[table.cluster]).sum() / listings),
        float((squares / table.product_size[table.product]).sum() / listings),
    )


def _pairwise(table: _Cells) -> Scores:
    """The share of pairs within clusters that are within products, and the reverse; 1 where there are no pairs.

    Source: Menestrina, Whang and Garcia-Molina 2010, "Evaluating entity resolution results", section 3.
    """

    def pairs(sizes: NDArray[np.int64]) -> int:
        return int((sizes * (sizes - 1) // 2).sum())

    both, found, known = pairs(table.size), pairs(table.cluster_size), pairs(table.product_size)
    return Scores(both / found if found else 1.0, both / known if known else 1.0)


def _closest_cluster(table: _Cells) -> Scores:
    """The mean Jaccard similarity of each cluster with its closest product, and of each product with its cluster.

    precision = 1/|C| · Σ_c max_l |c ∩ l| / |c ∪ l|, recall likewise over the products l.

    Source: Benjelloun et al. 2009, "Swoosh: a generic approach to entity resolution"; in Menestrina, Whang and
    Garcia-Molina 2010, "Evaluating entity resolution results", section 3.
    """
    union = table.cluster_size[table.cluster] + table.product_size[table.product] - table.size
    similarity = table.size / union

    def mean_closest(of: NDArray[np.int64], sizes: NDArray[np.int64]) -> float:
        closest = np.zeros(len(sizes))
        np.maximum.at(closest, of, similarity)
        return float(closest[sizes > 0].mean())

    return Scores(mean_closest(table.cluster, table.cluster_size), mean_closest(table.product, table.product_size))
