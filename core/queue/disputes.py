"""The adjudication stream: conflicting labels, and labels that contradict each other or the catalogue."""

import time
from collections.abc import Callable

from core.catalog.store import CatalogStore
from core.settings import Settings
from core.splits.current_labels import current_conflicts, human_labels
from labels.consensus import Contradiction, Label, LabelState, contradictions, product_name
from labels.model import Pair, ProductRef
from labels.store import LabelStore

#: Seconds for which contradictions are cached: finding them reads every label.
_CACHE_S = 60.0


class Disputes:
    """The queries that need adjudication, the reasons, and who may adjudicate them."""

    def __init__(self, catalog: CatalogStore, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._settings = settings
        self._clock = clock
        self._found: list[Contradiction] = []
        self._found_at = -_CACHE_S

    def reasons(self, store: LabelStore) -> dict[ProductRef, str]:
        """The queries that need adjudication, each with the reason: disagreement or contradictory labels."""
        found = {label.pair.query: "Annotators disagree on this query." for label in self._conflicts(store)}
        if self._clock() - self._found_at >= _CACHE_S:
            self._found, self._found_at = find_contradictions(store, self._catalog, self._settings), self._clock()
        for each in self._found:
            for query in {pair.query for pair in each.pairs}:
                if any(
                    label.pair in each.pairs and label.state is not LabelState.ADJUDICATED
                    for label in store.labels(query)
                ):
                    found.setdefault(query, each.words)
        return found

    def pairs(self, store: LabelStore, query: ProductRef) -> set[Pair]:
        """The pairs of a query that are in dispute."""
        contradictory = {pair for each in self._found for pair in each.pairs}
        return {
            label.pair
            for label in store.labels(query, self._settings.labels.rule)
            if label.match is None or (label.pair in contradictory and label.state is not LabelState.ADJUDICATED)
        }

    def open_to(self, store: LabelStore, annotator: str) -> list[ProductRef]:
        """The queries that an annotator may adjudicate: those whose disagreement they are not part of, sorted."""
        mine = {
            label.pair.query
            for label in self._conflicts(store)
            if any(d.annotator == annotator and d.pair == label.pair for d in store.decisions(label.pair.query))
        }
        return sorted(self.reasons(store).keys() - mine)

    def _conflicts(self, store: LabelStore) -> list[Label]:
        return current_conflicts(store, self._catalog, self._settings.labels.rule)


def find_contradictions(store: LabelStore, catalog: CatalogStore, settings: Settings) -> list[Contradiction]:
    """Labels that contradict each other, and pairs with equal GTINs that are labelled as different products."""
    labels = [label for label in human_labels(store, catalog, settings.labels.rule) if label.match is not None]
    return [*contradictions(labels, settings.labels.unique), *_denied_by_gtin(labels, catalog)]


def _denied_by_gtin(labels: list[Label], catalog: CatalogStore) -> list[Contradiction]:
    gtin = catalog.shared_gtins()
    return [
        Contradiction(
            (label.pair,),
            f"{product_name(label.pair.query)} and {product_name(label.pair.candidate)} carry one GTIN,"
            f" {gtin[label.pair.query]}, and were called different products.",
        )
        for label in labels
        if label.match is False
        and label.state is not LabelState.ADJUDICATED
        and gtin.get(label.pair.query, "") == gtin.get(label.pair.candidate)
    ]
