"""The metrics of a clustering, against their definitions."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clustering.metrics import Scores, cluster_metrics


def metrics(found: list[int], known: list[int]) -> dict[str, Scores]:
    return cluster_metrics(np.array(found, np.int64), np.array(known, np.int64))


def sets(groups: list[int]) -> list[set[int]]:
    return [{i for i, each in enumerate(groups) if each == group} for group in sorted(set(groups))]


def by_definition(found: list[int], known: list[int]) -> dict[str, tuple[float, float]]:
    clusters, products, items = sets(found), sets(known), range(len(found))

    def own(groups: list[set[int]], item: int) -> set[int]:
        return next(group for group in groups if item in group)

    def pairs(groups: list[set[int]]) -> set[tuple[int, ...]]:
        return {pair for group in groups for pair in combinations(sorted(group), 2)}

    def closest(groups: list[set[int]], others: list[set[int]]) -> float:
        return sum(max(len(a & b) / len(a | b) for b in others) for a in groups) / len(groups)

    both = pairs(clusters) & pairs(products)
    shared = [len(own(clusters, i) & own(products, i)) for i in items]
    return {
        "b_cubed": (
            sum(n / len(own(clusters, i)) for i, n in zip(items, shared, strict=True)) / len(found),
            sum(n / len(own(products, i)) for i, n in zip(items, shared, strict=True)) / len(found),
        ),
        "pairwise": tuple(len(both) / len(pairs(each)) if pairs(each) else 1.0 for each in (clusters, products)),
        "closest_cluster": (closest(clusters, products), closest(products, clusters)),
    }  # type: ignore[return-value]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_they_are_as_defined(items: list[tuple[int, int]]) -> None:
    found, known = [each[0] for each in items], [each[1] for each in items]
    expected = by_definition(found, known)
    for name, scores in metrics(found, known).items():
        assert (scores.precision, scores.recall) == pytest.approx(expected[name]), name


def test_the_right_clustering_has_one_everywhere() -> None:
    for scores in metrics([0, 0, 1, 2], [7, 7, 3, 0]).values():
        assert scores.as_dict() == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_the_example_of_the_paper() -> None:
    # Bagga and Baldwin's first response: 12 mentions in products of 5, 2 and 5; the first of five apart, others joined.
    known = [0] * 5 + [1] * 2 + [2] * 5
    found = [0] * 5 + [1] * 2 + [1] * 5
    scores = metrics(found, known)["b_cubed"]
    assert (scores.precision, scores.recall) == pytest.approx((0.7619, 1.0), abs=1e-4)


def test_nothing_in_common_is_zero() -> None:
    assert Scores(0.0, 0.0).f1 == 0.0
    assert metrics([0, 0, 1, 1], [0, 1, 0, 1])["pairwise"].f1 == 0.0
