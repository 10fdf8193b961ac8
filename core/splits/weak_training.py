"""Which weak labels may train: people's decisions have precedence, and nothing of the evaluation side takes part."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from core.errors import CoreError
from core.settings import Settings
from core.splits.current_labels import current_labels, ledger_and_catalogue
from core.splits.groups import ConnectedGroups
from core.splits.split import Splits, connected_products
from core.splits.weak_labels import WeakLabel, load_weak_labels
from core.workspace import Workspace
from labels.model import MACHINE, Pair, ProductRef, Side
from labels.store import LabelStore


@dataclass(frozen=True, slots=True)
class Precedence:
    """What weak labels give way to.

    Attributes:
        decided: the pairs that people have decided on, abstentions included.
        answered: the queries of those pairs.
        validation: the products of the validation split, and all that are connected with them.
        matched: the groups of products that people's matches connect.
    """

    decided: frozenset[Pair]
    answered: frozenset[ProductRef]
    validation: frozenset[ProductRef]
    matched: ConnectedGroups[ProductRef]

    @classmethod
    def read(cls, workspace: Workspace, settings: Settings) -> "Precedence":
        """From the ledger of a workspace.

        Raises:
            SameskuError: labels or catalogue cannot be read.
        """
        with ledger_and_catalogue(workspace) as (store, catalog):
            labels = current_labels(store, catalog, settings.labels.rule)
            sides = {ref for label in labels if label.side is Side.VALIDATION for ref in label.pair}
            decided = _decided(store)
            validation = connected_products({*store.validation_queries(), *sides}, labels, catalog)
        matched = ConnectedGroups(label.pair for label in labels if label.match)
        return cls(decided, frozenset(pair.query for pair in decided), validation, matched)

    def allows(self, pair: Pair) -> bool:
        """Whether a pair may have a weak label."""
        return pair not in self.decided and self.validation.isdisjoint(pair)

    def are_connected(self, one: ProductRef, other: ProductRef) -> bool:
        """Whether people's matches connect two products."""
        group = self.matched.group(one)
        return group is not None and group == self.matched.group(other)


def _decided(store: LabelStore) -> frozenset[Pair]:
    return frozenset(decision.pair for decision in store.decisions() if decision.annotator != MACHINE)


def with_weak_labels(workspace: Workspace, settings: Settings, splits: Splits) -> Splits:
    """A split with the weak labels that may train, as `retrain.weak_labels` has it.

    A person's decision on a pair has precedence, no product of the evaluation side takes part, and a pair is drawn with
    the probability of its weight.

    Raises:
        CoreError: weak labels are to be used, and there are none, or their file is damaged.
        SameskuError: labels or catalogue cannot be read.
    """
    mode = settings.retrain.weak_labels
    if mode == "never":
        return splits
    try:
        labels = load_weak_labels(workspace.weak_labels)
    except FileNotFoundError as error:
        raise CoreError(
            f"retrain.weak_labels is {mode!r}, but there are no weak labels yet.",
            "Make some: samesku dataset bootstrap",
        ) from error
    precedence = Precedence.read(workspace, settings)
    usable = (
        label for label in labels if precedence.allows(label.pair) and splits.leak_candidates.isdisjoint(label.pair)
    )
    if mode == "fill":
        usable = (label for label in usable if label.pair.query not in precedence.answered)
    return replace(splits, weak=tuple(_drawn(usable, settings.retrain.seed)))


def _drawn(labels: Iterable[WeakLabel], seed: int) -> Iterator[WeakLabel]:
    """The labels, each drawn with the probability of its weight; the same ones for the same seed."""
    for label in labels:
        if label.weight >= 1 or _uniform(label.pair, seed) < label.weight:
            yield label


def _uniform(pair: Pair, seed: int) -> float:
    digest = hashlib.sha256(json.dumps([seed, *pair.query, *pair.candidate]).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
