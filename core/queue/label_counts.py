"""Labelling progress, with labels counted as the queue and the models use them."""

from contextlib import closing
from dataclasses import dataclass

from core.catalog.store import CatalogStore
from core.queue.item import Progress
from core.queue.source import QueueSource
from core.retrieval.candidates import CandidateStore
from core.settings import Settings
from core.splits.current_labels import current_labels, outdated
from core.splits.evaluation_size import evaluation_size
from core.splits.split import splits_of, training_labels
from core.workspace import Workspace
from labels.model import Side, Stream
from labels.statistics import breakdown, label_stats
from labels.store import LabelStore
from labels.wording import counted


@dataclass(frozen=True, slots=True)
class OutdatedCounts:
    """Labels that are not used because their products changed.

    Attributes:
        changed: labels on a product that the retailer has replaced by another one since.
        gone: labels on a product that is not in the catalogue.
        queries: queries to be answered again.
    """

    changed: int = 0
    gone: int = 0
    queries: int = 0

    def sentence(self) -> str:
        """The counts in one sentence; empty where there are none."""
        parts = [
            f"{count:,} on products that {state}"
            for count, state in ((self.changed, "were replaced"), (self.gone, "were removed"))
            if count
        ]
        if not parts:
            return ""
        again = (
            f"; {counted(self.queries, 'query is', 'queries are')} to be answered again: samesku review"
            if self.queries
            else ""
        )
        return f"{counted(self.changed + self.gone, 'label is', 'labels are')} left out, {', '.join(parts)}{again}"


def outdated_counts(store: LabelStore, catalog: CatalogStore) -> OutdatedCounts:
    """Count the labels that are not used.

    Raises:
        SameskuError: labels or catalogue cannot be read.
    """
    found = outdated(store, catalog)
    pairs = [label.pair for label in store.labels()]
    missing = catalog.missing(ref for pair in pairs for ref in pair)
    gone = {pair for pair in pairs if not missing.isdisjoint(pair)}
    return OutdatedCounts(len(found.changed - gone), len(gone), len(found.waiting))


def label_counts(workspace: Workspace, settings: Settings) -> dict[str, object]:
    """The figures of `labels stats`.

    Returns:
        the figures of `labels.statistics`, with pairs counted as they are used for training and validation now;
        `outdated`, as in OutdatedCounts; `streams`, the queries `done` and `total` of each stream, empty before the
        first index run, and zero for an audit without a sample; `promotion`, evaluation queries with a match and how
        many more a retrain needs to promote.

    Raises:
        SameskuError: a file of the workspace cannot be read.
    """
    with LabelStore(workspace.labels) as store, CatalogStore(workspace.catalog) as catalog:
        figures = {**label_stats(store).as_dict(), **breakdown(store).as_dict()}
        rule = settings.labels.rule
        labels = current_labels(store, catalog, rule)
        counts = outdated_counts(store, catalog)
        validation = sum(label.people and label.match is not None and label.side is Side.VALIDATION for label in labels)
        figures |= {
            "matches": sum(label.match is True for label in labels),
            "non_matches": sum(label.match is False for label in labels),
            "conflicts": sum(label.match is None for label in labels),
            "training_pairs": len(training_labels(store, rule, catalog)),
            "validation_pairs": validation,
            "queries_answered": len(store.closed_queries()) - counts.queries,
            "outdated": {"changed": counts.changed, "gone": counts.gone, "queries": counts.queries},
            "streams": _streams(workspace, settings, store, catalog),
        }
    size = evaluation_size(workspace, settings, splits_of(workspace, settings))
    return figures | {"promotion": {"eval_queries": size.queries, "missing": size.missing, "remark": size.sentence}}


def _streams(
    workspace: Workspace, settings: Settings, store: LabelStore, catalog: CatalogStore
) -> dict[str, dict[str, int]]:
    """Answered and all queries by stream."""
    with closing(CandidateStore(workspace.derived)) as candidates:
        if candidates.model is None:
            return {}
        source = QueueSource(catalog, candidates, settings)
        found = {stream: source.progress(store, stream, 0) for stream in Stream}
        if not store.audit_version():
            found[Stream.AUDIT] = Progress(0, 0, 0)
    return {stream.value: {"done": each.done, "total": each.total} for stream, each in found.items()}
