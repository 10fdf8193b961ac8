"""The queue of one stream, and the answered queries that it skips, both kept in memory and updated incrementally."""

from collections.abc import Iterable, Iterator

from labels.model import ProductRef
from labels.store import LabelStore


class StreamQueue:
    """An ordered list of queries that is iterated many times, and mostly answered from the front.

    Args:
        members: the stream's queries, first one first.
        answered: the answered queries; a live set, whose changes are announced to `update`.
    """

    def __init__(self, members: list[ProductRef], answered: set[ProductRef]) -> None:
        self.total = len(members)
        self._members = members
        self._member_set = set(members)
        self._answered = answered
        self._open = self._member_set - answered
        self._first = 0

    @property
    def done(self) -> int:
        """The number of answered queries."""
        return self.total - len(self._open)

    def update(self, queries: Iterable[ProductRef]) -> None:
        """Note queries whose state may have changed, either way."""
        for query in queries:
            if query not in self._member_set:
                continue
            if query in self._answered:
                self._open.discard(query)
            else:
                self._open.add(query)
                self._first = 0

    def __iter__(self) -> Iterator[ProductRef]:
        """The open queries, in order."""
        while self._first < self.total and self._members[self._first] not in self._open:
            self._first += 1
        for place in range(self._first, self.total):
            if self._members[place] in self._open:
                yield self._members[place]


class AnsweredQueries:
    """The answered and the validation queries of the ledger; an update reads only the events since the last one.

    Attributes:
        by_people: queries that a person has answered.
        by_anyone: those, and queries that automatic decisions closed.
        validation: the queries drawn for validation.
    """

    def __init__(self) -> None:
        self.by_people: set[ProductRef] = set()
        self.by_anyone: set[ProductRef] = set()
        self.validation: frozenset[ProductRef] = frozenset()
        self._validation_version = 0
        self._last_event = 0

    def update(self, store: LabelStore) -> tuple[list[ProductRef], bool]:
        """Read the new events.

        Returns:
            the queries that changed, and whether validation queries were drawn.
        """
        self._last_event, changed = store.changed_since(self._last_event)
        for query, (people, machine) in changed.items():
            (self.by_people.add if people else self.by_people.discard)(query)
            (self.by_anyone.add if people or machine else self.by_anyone.discard)(query)
        version = store.validation_version()
        drawn = version != self._validation_version
        if drawn:
            self.validation, self._validation_version = frozenset(store.validation_queries()), version
        return list(changed), drawn

    def reopen(self, queries: Iterable[ProductRef]) -> None:
        """Count queries as open although they were answered, because their products have changed since."""
        self.by_people.difference_update(queries)
        self.by_anyone.difference_update(queries)
