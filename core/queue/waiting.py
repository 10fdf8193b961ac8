"""One stream's queries in their order, and which of them still wait."""

from collections.abc import Iterable, Iterator

from labels.model import ProductRef


class Waiting:
    """A list that is gone through from its beginning again and again, and nearly always answered there.

    Args:
        members: the stream's queries, the first to ask first.
        answered: which queries are answered; it changes while this looks at it, and `turned` is told.
    """

    def __init__(self, members: list[ProductRef], answered: set[ProductRef]) -> None:
        self.total = len(members)
        self._members = members
        self._answered = answered
        self._open = set(members) - answered
        self._mine = set(members)
        self._first = 0

    @property
    def done(self) -> int:
        """How many are answered."""
        return len(self._mine) - len(self._open)

    def turned(self, queries: Iterable[ProductRef]) -> None:
        """Something happened to queries: they may be answered now, or open again."""
        for query in queries:
            if query not in self._mine:
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
