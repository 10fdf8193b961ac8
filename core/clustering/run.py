"""A clustering of a workspace, from links, decisions and earlier product ids; recording the new ids is a step apart."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.catalog.store import CatalogStore
from core.clustering.constraints import Constraints, constraints_of
from core.clustering.links import LinkGraph, read_links
from core.clustering.methods import Method, cluster
from core.clustering.product_ids import NO_IDS, Assignment, ProductIds, assign_ids, load_ids, next_ids, save_ids
from core.jobs.progress import Reporter
from core.json_lines import DamagedLinesError
from core.retrieval.candidates import MatcherSummary
from core.settings import Settings
from core.splits.current_labels import human_labels_in_any_role
from core.workspace import Workspace
from labels.model import ProductRef
from labels.quarantine import set_aside
from labels.recovery import require_sound
from labels.store import LabelStore


@dataclass(frozen=True)
class Clustering:
    """Listings in groups, each of which is one product.

    Attributes:
        graph: the listings and their links.
        constraints: of people.
        group: number of each listing's group, shape (listings,).
        method: that divided the listings.
        threshold: the probability from which a link joins.
        summary: of the matcher behind the probabilities.
        earlier: product ids before the run.
    """

    graph: LinkGraph
    constraints: Constraints
    group: NDArray[np.int32]
    method: Method
    threshold: float
    summary: MatcherSummary
    earlier: ProductIds

    @cached_property
    def groups(self) -> list[list[ProductRef]]:
        """The listings of each group, sorted."""
        found: list[list[ProductRef]] = [[] for _ in range(int(self.group.max(initial=-1)) + 1)]
        for ref, number in zip(self.graph.listings, self.group.tolist(), strict=True):
            found[number].append(ref)
        return found

    @cached_property
    def assigned(self) -> Assignment:
        """The product id of each group."""
        return assign_ids(self.groups, self.earlier)

    @property
    def sizes(self) -> dict[int, int]:
        """Number of listings → number of groups, the smallest first."""
        return dict(sorted(Counter(map(len, self.groups)).items()))


def default_method(catalog: CatalogStore) -> Method:
    """How conflicts are resolved unless something else is asked for.

    In a source that is compared with itself, several listings of one product are what is looked for.
    """
    return Method.CORRELATION if catalog.sources_in("both") else Method.ONE_PER_SOURCE


def default_threshold(method: Method, summary: MatcherSummary) -> float:
    """The probability from which a link joins unless one is given.

    Connected components add up the errors of their links, so that only those of the band high join, as they would be
    decided by `match --auto`. The other methods resolve conflicts, and take the decision threshold of the matcher.
    Without labels no probability is calibrated: then the band high of the packaged prior joins.
    """
    return summary.threshold if summary.calibrated and method is not Method.COMPONENTS else summary.high


def cluster_workspace(
    workspace: Workspace, settings: Settings, method: Method, threshold: float | None, reporter: Reporter
) -> Clustering:
    """Divide the listings of a workspace into groups. Writes nothing, but sets damaged product ids aside.

    Args:
        workspace: with candidates and probabilities.
        settings: the consensus rule.
        method: how conflicts are resolved.
        threshold: the probability from which a link joins; None for the default.
        reporter: receives progress, and messages about damage.

    Raises:
        CoreError: nothing was indexed or scored yet, or a file cannot be read.
        DamagedError: the candidates are damaged.
    """
    require_sound(workspace.labels)
    earlier = _earlier_ids(workspace.product_ids, reporter)
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        labels = human_labels_in_any_role(store, catalog, settings.labels.rule)
    graph, summary = read_links(workspace, reporter)
    reporter.stage("cluster")
    constraints = constraints_of(graph.listings, labels)
    chosen = default_threshold(method, summary) if threshold is None else threshold
    group = cluster(graph, constraints, method, chosen)
    return Clustering(graph, constraints, group, method, chosen, summary, earlier)


def _earlier_ids(path: Path, reporter: Reporter) -> ProductIds:
    try:
        return load_ids(path)
    except FileNotFoundError:
        return NO_IDS
    except DamagedLinesError as error:
        aside = set_aside(path)
        where = f" It was set aside as {aside.name}." if aside is not None else ""
        reporter.message(f"{error.message}{where} The ids are assigned again; most come out the same.")
        return NO_IDS


def record_ids(workspace: Workspace, clustering: Clustering) -> ProductIds:
    """Make the ids of a clustering those of the workspace.

    Raises:
        CoreError: the file cannot be written.
    """
    ids = next_ids(clustering.groups, clustering.assigned, clustering.earlier)
    if ids is not clustering.earlier:
        save_ids(workspace.product_ids, ids)
    return ids
