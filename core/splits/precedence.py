"""What weak labels give way to: decisions of people, and everything of the validation side."""

from dataclasses import dataclass

from core.settings import Settings
from core.splits.current_labels import current_labels, ledger_and_catalogue
from core.splits.groups import ConnectedGroups
from core.splits.split import connected_products
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
