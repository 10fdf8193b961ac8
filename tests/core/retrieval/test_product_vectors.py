"""The file of the product vectors beside an approximate index."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.retrieval import vector_cache
from core.retrieval.manifest import write_manifest
from core.retrieval.product_vectors import VECTORS, read_vectors, replaced_vectors, save_vectors

_BEFORE = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.mark.parametrize("mapped", [False, True])
def test_vectors_of_a_change_are_those_before_and_the_new_ones(
    tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mapped:
        monkeypatch.setattr(vector_cache, "_MAX_IN_MEMORY", 0)
    new = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    found = replaced_vectors(_BEFORE, np.array([-1, 3, 0, -1, 2]), new, tmp_path)
    assert_array_equal(found, [[1, 2, 3], [9, 10, 11], [0, 1, 2], [4, 5, 6], [6, 7, 8]])
    assert not any(tmp_path.iterdir())


def test_saved_vectors_are_read_as_they_were(tmp_path: Path) -> None:
    assert read_vectors(tmp_path, 4) is None
    save_vectors(tmp_path, _BEFORE)
    assert read_vectors(tmp_path, 4) is None, "no run has recorded them"
    write_manifest(tmp_path, "run", [VECTORS])
    found = read_vectors(tmp_path, 4)
    assert found is not None
    assert_array_equal(found, _BEFORE)
    assert read_vectors(tmp_path, 5) is None, "of other products"
    save_vectors(tmp_path, None)
    assert not (tmp_path / VECTORS).exists()
