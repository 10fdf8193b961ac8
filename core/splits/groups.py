"""Groups of products that are connected by matches: what is one product, as far as is known."""

from collections.abc import Collection, Hashable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class ConnectedGroups(Generic[Item]):
    """The connected components of a graph, as a disjoint-set forest with path halving.

    Args:
        edges: items that belong together, such as the two products of a match.
    """

    def __init__(self, edges: Iterable[Collection[Item]] = ()) -> None:
        self._parent: dict[Item, Item] = {}
        for edge in edges:
            self.connect(edge)
        self._members: dict[Item, frozenset[Item]] | None = None

    def connect(self, items: Collection[Item]) -> None:
        """Connect some items with one another."""
        self._members = None
        root: Item | None = None
        for item in items:
            own = self._root(self._parent.setdefault(item, item))
            root = own if root is None else root
            self._parent[own] = root

    def representative(self, item: Item) -> Item:
        """The item that stands for an item's group: itself, if it is connected with no other."""
        return self._root(item) if item in self._parent else item

    def group(self, item: Item) -> Item | None:
        """The representative of an item's group; None if the item is connected with no other."""
        if item not in self._parent:
            return None
        root = self._root(item)
        return root if len(self._by_root()[root]) > 1 else None

    def connected(self, items: Iterable[Item]) -> frozenset[Item]:
        """All items that are connected with one of these, including these."""
        wanted = frozenset(items)
        roots = {self._root(item) for item in wanted if item in self._parent}
        return wanted.union(*(self._by_root()[root] for root in roots))

    def _by_root(self) -> dict[Item, frozenset[Item]]:
        if self._members is None:
            found: dict[Item, set[Item]] = {}
            for item in list(self._parent):
                found.setdefault(self._root(item), set()).add(item)
            self._members = {root: frozenset(members) for root, members in found.items()}
        return self._members

    def _root(self, item: Item) -> Item:
        while self._parent[item] != item:
            self._parent[item] = item = self._parent[self._parent[item]]
        return item
