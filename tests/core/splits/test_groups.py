"""Connected groups."""

from hypothesis import given
from hypothesis import strategies as st

from core.splits.groups import ConnectedGroups

EDGES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3), max_size=8)


def components(edges: list[list[int]]) -> list[set[int]]:
    """The same by merging sets until none overlap."""
    found: list[set[int]] = []
    for edge in edges:
        touched = [group for group in found if group & set(edge)]
        found = [group for group in found if group not in touched]
        found.append(set(edge).union(*touched))
    return found


@given(EDGES, st.sets(st.integers(0, 12), max_size=3))
def test_groups_are_the_connected_components(edges: list[list[int]], start: set[int]) -> None:
    groups, expected = ConnectedGroups(edges), components(edges)
    assert groups.connected(start) == start.union(*(group for group in expected if group & start))
    for item in range(12):
        own = next((group for group in expected if item in group), {item})
        assert (groups.group(item) is None) is (len(own) == 1)
        assert all(groups.group(other) == groups.group(item) for other in own)
    representatives = [groups.group(min(group)) for group in expected if len(group) > 1]
    assert len(set(representatives)) == len(representatives)


def test_an_edge_of_nothing_connects_nothing() -> None:
    groups: ConnectedGroups[int] = ConnectedGroups([[]])
    assert (groups.connected([]), groups.connected([0]), groups.group(0)) == (frozenset(), {0}, None)
