"""Which queries are answered, as the ledger's latest events have it: read once, and then what has turned since."""

from collections.abc import Iterable

from labels.model import ProductRef
from labels.store import LabelStore


class Answers:
    """What a queue must know of the ledger, kept in memory; catching up costs what happened meanwhile alone.

    Attributes:
        by_people: queries that a person has answered.
        by_anybody: those, and what the machine closed.
        validation: the queries drawn for validation.
    """

    def __init__(self) -> None:
        self.by_people: set[ProductRef] = set()
        self.by_anybody: set[ProductRef] = set()
        self.validation: frozenset[ProductRef] = frozenset()
        self._version = 0
        self._seq = 0

    def catch_up(self, store: LabelStore) -> tuple[list[ProductRef], bool]:
        """Read what happened since the last time.

        Returns:
            the queries that something happened to, and whether validation queries were drawn.
        """
        self._seq, turned = store.turned_since(self._seq)
        for query, (people, machine) in turned.items():
            (self.by_people.add if people else self.by_people.discard)(query)
            (self.by_anybody.add if people or machine else self.by_anybody.discard)(query)
        version = store.validation_version()
        drawn = version != self._version
        if drawn:
            self.validation, self._version = frozenset(store.validation_queries()), version
        return list(turned), drawn

    def reopen(self, queries: Iterable[ProductRef]) -> None:
        """Take queries for open that were answered when their products were others."""
        self.by_people.difference_update(queries)
        self.by_anybody.difference_update(queries)
