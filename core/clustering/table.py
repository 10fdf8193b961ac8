"""The rows of a clustering: every listing with its product id, and the link that holds it in its group."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.catalog.store import CatalogStore
from core.clustering.run import Clustering
from core.jobs.progress import Reporter

#: Listings whose titles are read at once.
_CHUNK = 5_000
#: Why a listing is in its group, the strongest reason first.
_DECISION, _GTIN, _PROBABILITY = REASONS = ("decision", "gtin", "probability")


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A listing in its group.

    Attributes:
        product_id: of the group.
        source: of the listing.
        id: the retailer's id.
        title: of the listing.
        probability: P(match) of the link that holds the listing in its group; None if people decided on a pair that was
            not scored, for equal GTINs of such a pair, before labels calibrate the matcher, and for a listing alone.
        why: what the link rests on: `decision` of people, `gtin` or `probability`; empty for a listing alone.
    """

    product_id: str
    source: str
    id: str
    title: str
    probability: float | None
    why: str


def cluster_rows(clustering: Clustering, catalog: CatalogStore, reporter: Reporter) -> Iterator[ClusterRow]:
    """Every listing, by group; the reporter receives their number."""
    probability, why = holding_links(clustering)
    place = {ref: i for i, ref in enumerate(clustering.graph.listings)}
    rows = ((id_, ref) for group, id_ in zip(clustering.groups, clustering.assigned.ids, strict=True) for ref in group)
    done = 0
    while chunk := list(islice(rows, _CHUNK)):
        titles = catalog.titles(ref for _, ref in chunk)
        for id_, ref in chunk:
            i = place[ref]
            value = float(probability[i])
            shown = None if np.isnan(value) or not clustering.summary.calibrated else value
            reason = REASONS[why[i]] if why[i] >= 0 else ""
            yield ClusterRow(id_, *ref, titles.get(ref, ""), shown, reason)
        done += len(chunk)
        reporter.advance(done)


def holding_links(clustering: Clustering) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """The strongest link of each listing within its group: a decision, else the highest probability.

    Returns:
        its probability, NaN if it was not scored, and the number of its reason in `REASONS`, -1 for a listing alone;
        both of shape (listings,).
    """
    graph, group, decided = clustering.graph, clustering.group, clustering.constraints.matches
    inside = group[graph.left] == group[graph.right]
    keys = graph.keys[inside]
    decided_keys = np.array([graph.key(*pair) for pair in decided.tolist()], np.int64)
    reason = np.where(graph.gtin[inside], REASONS.index(_GTIN), REASONS.index(_PROBABILITY))
    reason[np.isin(keys, decided_keys)] = REASONS.index(_DECISION)
    unscored = decided[~np.isin(decided_keys, keys)]
    ends = ((graph.left, unscored[:, 0]), (graph.right, unscored[:, 1]))
    left, right = (np.concatenate([of[inside], more]) for of, more in ends)
    probability = np.concatenate([graph.probability[inside], np.full(len(unscored), np.nan)])
    reason = np.concatenate([reason, np.full(len(unscored), REASONS.index(_DECISION))])
    listing = np.concatenate([left, right])
    probability, reason = np.tile(probability, 2), np.tile(reason, 2)
    strength = np.where(np.isnan(probability), 1.0, probability)
    order = np.lexsort((reason, -strength, reason != REASONS.index(_DECISION), listing))
    held, first = np.unique(listing[order], return_index=True)
    found, why = np.full(len(group), np.nan), np.full(len(group), -1, np.int8)
    found[held], why[held] = probability[order][first], reason[order][first]
    return found, why
