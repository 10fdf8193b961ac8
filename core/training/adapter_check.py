"""Verification that an encoder was trained and saved.

An adapter that is not merged, or not active while encoding, silently gives the vectors of the base model. Every run
therefore compares the vectors of the base, of the trained model in memory, and of the saved one on some probe texts.
"""

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError

#: Mean cosine distance from the base that fine-tuning exceeds. Rounding stays below 1e-6.
MIN_CHANGE = 1e-4

#: Maximum cosine distance between merged and unmerged model: merging only reorders float32 additions.
MAX_MERGE_ERROR = 1e-3

#: Maximum of what the adapter of QLoRA may lose by moving from the base in 4 bits to the exact one, as a multiple of
#: the mean cosine distance between these two bases; and a minimum, for a base that rounding hardly changes.
_MAX_QUANTIZATION_FACTOR = 5.0
_MIN_QUANTIZATION_ERROR = 0.02


def verify_merge(
    base: NDArray[np.float32], unmerged: NDArray[np.float32], merged: NDArray[np.float32]
) -> dict[str, float]:
    """Compare the vectors of the same probe texts by three encoders.

    Args:
        base: vectors of the base model: float32 unit vectors, shape (texts, dimensions).
        unmerged: of the base model with the active adapter, same shape.
        merged: of the merged model as read back from disk, same shape.

    Returns:
        `change`, the mean cosine distance of the merged model's vectors from the base's, and `merge_error`,
        the largest cosine distance between merged and unmerged.

    Raises:
        ModelError: the vectors did not change, or merged and unmerged model differ.
    """
    change = _change(base, merged)
    return {"change": change, "merge_error": _deviation(unmerged, merged, "merged", "The adapter was not merged")}


def verify_saved(
    base: NDArray[np.float32], trained: NDArray[np.float32], saved: NDArray[np.float32]
) -> dict[str, float]:
    """The same for full fine-tuning, which has no adapter: compare the trained model with the one read back from disk.

    Returns:
        `change`, as in `verify_merge`, and `save_error`, the largest cosine distance between trained and saved.

    Raises:
        ModelError: the vectors did not change, or trained and saved model differ.
    """
    change = _change(base, saved)
    return {"change": change, "save_error": _deviation(trained, saved, "saved", "Its weights were not saved")}


def _deviation(trained: NDArray[np.float32], stored: NDArray[np.float32], kind: str, cause: str) -> float:
    """The largest cosine distance between the vectors of the trained model and of the one on disk.

    Raises:
        ModelError: it is more than rounding explains.
    """
    distance = _largest_distance(trained, stored)
    if not distance < MAX_MERGE_ERROR:
        raise ModelError(
            f"The {kind} encoder differs from the one that was trained (cosine distance {distance:.1e}).",
            f"{cause} correctly, and the champion stays. Please report this.",
        )
    return distance


def verify_quantized(
    base: NDArray[np.float32],
    quantized_base: NDArray[np.float32],
    trained: NDArray[np.float32],
    merged: NDArray[np.float32],
) -> dict[str, float]:
    """Compare a model that was trained on a base in 4 bits with the result of merging its adapter into the exact base.

    They differ by the rounding of the base, and so about as much as the two bases do.

    Returns:
        `quantization_error`, the mean cosine distance between the trained and the merged model.

    Raises:
        ModelError: they differ by much more than rounding.
    """
    rounding = float((1 - (base * quantized_base).sum(axis=1)).mean())
    error = float((1 - (trained * merged).sum(axis=1)).mean())
    if not error < max(_MIN_QUANTIZATION_ERROR, _MAX_QUANTIZATION_FACTOR * rounding):
        raise ModelError(
            f"The merged encoder differs from the one that was trained in 4 bits by more than rounding"
            f" (mean cosine distance {error:.1e}; of the bases {rounding:.1e}).",
            "Set method: lora in the recipe, which needs no rounding; the champion stays.",
        )
    return {"quantization_error": error}


def _change(base: NDArray[np.float32], tuned: NDArray[np.float32]) -> float:
    change = float((1 - (base * tuned).sum(axis=1)).mean())
    # `not >`, here and `not <` above, so that NaN fails.
    if not change > MIN_CHANGE:
        raise ModelError(
            f"The fine-tuned encoder gives the vectors of the base encoder (mean cosine distance {change:.1e}).",
            "It learnt nothing, or the adapter is not active: raise learning_rate or epochs in the recipe.",
        )
    return change


def _largest_distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float((1 - (one * other).sum(axis=1)).max())
