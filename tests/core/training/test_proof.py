"""A run that changed nothing, or merged something else, must not pass for a tuned encoder."""

import numpy as np
import pytest

from core.errors import ModelError
from core.training.adapter_check import MAX_MERGE_ERROR, MIN_CHANGE, verify_merge


def turned(vectors: np.ndarray, distance: float) -> np.ndarray:
    """The same vectors, turned by a cosine distance in the plane of the first two dimensions."""
    angle = np.arccos(1 - distance)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (vectors @ turn.T).astype(np.float32)


BASE = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
TUNED = turned(BASE, 0.1)


def test_an_encoder_that_moved_and_merged_well_passes_with_its_figures() -> None:
    figures = verify_merge(BASE, TUNED, turned(TUNED, 1e-6))
    assert figures["change"] == pytest.approx(0.1, abs=1e-3)
    assert 0 <= figures["merge_error"] < MAX_MERGE_ERROR


@pytest.mark.parametrize("distance", [0.0, MIN_CHANGE / 2])
def test_vectors_that_did_not_move_fail(distance: float) -> None:
    same = turned(BASE, distance)
    with pytest.raises(ModelError, match="gives the vectors of the base encoder"):
        verify_merge(BASE, same, same)


def test_an_adapter_that_was_trained_and_not_merged_fails() -> None:
    with pytest.raises(ModelError, match="gives the vectors of the base encoder"):
        verify_merge(BASE, TUNED, BASE)


@pytest.mark.parametrize("row", [0, 2])
def test_one_text_that_the_merged_encoder_sees_otherwise_fails(row: int) -> None:
    merged = TUNED.copy()
    merged[row] = turned(merged[row : row + 1], 5 * MAX_MERGE_ERROR)[0]
    with pytest.raises(ModelError, match="differs from the one that was trained"):
        verify_merge(BASE, TUNED, merged)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_nan_anywhere_fails(which: int) -> None:
    vectors = [BASE.copy(), TUNED.copy(), TUNED.copy()]
    vectors[which][1, 0] = np.nan
    with pytest.raises(ModelError):
        verify_merge(*vectors)
