"""Cluster purity and the map of the embedding space."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import c, q

from core.evaluation.cluster_purity import matched_groups, purity_by_group, resampled_purity
from core.evaluation.embedding_map import embedding_map, projection_name


def groups_of(spread: float, count: int = 40, size: int = 2) -> tuple[NDArray[np.float32], list[int]]:
    """Unit vectors in groups around random directions."""
    generator = np.random.default_rng(1)
    centres = np.repeat(generator.normal(size=(count, 32)), size, axis=0)
    raw = centres / np.linalg.norm(centres, axis=1, keepdims=True) + spread * generator.normal(size=centres.shape)
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return vectors, [number for number in range(count) for _ in range(size)]


def test_groups_are_the_components_of_the_matches() -> None:
    matches = {q("1"): {c("a"), c("b")}, q("2"): {c("b")}, q("3"): {c("z")}}
    assert matched_groups(matches) == [[c("a"), c("b"), q("1"), q("2")], [c("z"), q("3")]]


@pytest.mark.parametrize("size", [2, 4])
def test_tight_groups_are_pure_and_scattered_ones_are_not(size: int) -> None:
    tight = purity_by_group(*groups_of(0.01, size=size))
    assert tight.shape == (40, 2)
    assert tight[:, 0].sum() / tight[:, 1].sum() == 1
    loose = purity_by_group(*groups_of(5.0, size=size))
    assert loose[:, 0].sum() / loose[:, 1].sum() < 0.6
    assert (loose[:, 1] == size).all()


def test_the_interval_of_the_purity_holds_it() -> None:
    found = purity_by_group(*groups_of(0.12))
    draws = resampled_purity(found)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert 0 <= low <= found[:, 0].sum() / found[:, 1].sum() <= high <= 1
    assert not len(resampled_purity(found[:1]))


def test_the_map_keeps_neighbours_together_and_repeats() -> None:
    vectors, groups = groups_of(0.01, count=30)
    found = embedding_map(vectors)
    assert found is not None
    assert found.shape == (60, 2)
    assert found.min() == 0
    assert found.max() == pytest.approx(1)
    assert np.array_equal(found, embedding_map(vectors))
    apart = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    assert np.mean([groups[a] == groups[b] for a, b in enumerate(nearest)]) > 0.9


def test_few_or_equal_vectors_have_no_map_or_a_finite_one() -> None:
    vectors, _ = groups_of(0.1)
    assert embedding_map(vectors[:3]) is None
    same = embedding_map(np.repeat(vectors[:1], 20, axis=0))
    assert same is not None
    assert np.isfinite(same).all()


def test_umap_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Umap:
        """Remembers its settings, and takes two of the dimensions."""

        def __init__(self, **settings: Any) -> None:
            assert settings["metric"] == "cosine"

        def fit_transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
            return vectors[:, :2]

    module = ModuleType("umap")
    module.UMAP = Umap  # type: ignore[attr-defined]
    module.__spec__ = object()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "umap", module)
    assert projection_name() == "UMAP"
    vectors, _ = groups_of(0.1)
    found = embedding_map(vectors)
    assert found is not None
    assert found.shape == (80, 2)
