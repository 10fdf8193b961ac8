"""Groups that grow by joining, where constraints keep some of them apart."""

from collections.abc import Collection, Mapping

from core.splits.groups import ConnectedGroups


class SeparatedGroups:
    """A disjoint-set forest of numbered items that refuses joins which a constraint forbids.

    Args:
        exclusive: item → numbers of what only one item of a group may have, such as a listing of a source; groups that
            share one do not join.
    """

    def __init__(self, exclusive: Mapping[int, Collection[int]] | None = None) -> None:
        self._groups: ConnectedGroups[int] = ConnectedGroups()
        self._apart: dict[int, set[int]] = {}
        self._exclusive = {item: frozenset(of) for item, of in (exclusive or {}).items()}

    def group(self, item: int) -> int:
        """The item that stands for an item's group."""
        return self._groups.representative(item)

    def separate(self, one: int, other: int) -> bool:
        """Keep two items apart from now on. Returns whether they still can be: not if they were joined before."""
        first, second = self.group(one), self.group(other)
        if first == second:
            return False
        self._apart.setdefault(first, set()).add(second)
        self._apart.setdefault(second, set()).add(first)
        return True

    def join(self, one: int, other: int) -> bool:
        """Join the groups of two items unless a constraint forbids it. Returns whether they are in one group now."""
        first, second = self.group(one), self.group(other)
        if first == second:
            return True
        if second in self._apart.get(first, ()):
            return False
        if self._exclusive and not self._exclusive[first].isdisjoint(self._exclusive[second]):
            return False
        # The shorter list of constraints is moved.
        kept, gone = sorted((first, second), key=lambda group: -len(self._apart.get(group, ())))
        self._groups.connect((kept, gone))
        if self._exclusive:
            self._exclusive[kept] |= self._exclusive.pop(gone)
        for enemy in self._apart.pop(gone, ()):
            self._apart[enemy].discard(gone)
            self._apart[enemy].add(kept)
            self._apart.setdefault(kept, set()).add(enemy)
        return True
