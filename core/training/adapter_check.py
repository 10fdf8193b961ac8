"""Verification that a LoRA adapter was trained and merged.

An adapter that is not merged, or not active while encoding, silently gives the vectors of the base model. Every run
therefore compares the vectors of the base, the unmerged and the merged model on some probe texts.
"""

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError

#: Mean cosine distance from the base that fine-tuning exceeds. Rounding stays below 1e-6.
MIN_CHANGE = 1e-4

#: Maximum cosine distance between merged and unmerged model: merging only reorders float32 additions.
MAX_MERGE_ERROR = 1e-3


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
    change = float((1 - (base * merged).sum(axis=1)).mean())
    merge_error = float((1 - (unmerged * merged).sum(axis=1)).max())
    # `not >` and `not <`, so that NaN fails.
    if not change > MIN_CHANGE:
        raise ModelError(
            f"The fine-tuned encoder gives the vectors of the base encoder (mean cosine distance {change:.1e}).",
            "The adapter learnt nothing or is not active: raise retrain.learning_rate or retrain.epochs.",
        )
    if not merge_error < MAX_MERGE_ERROR:
        raise ModelError(
            f"The merged encoder differs from the one that was trained (cosine distance {merge_error:.1e}).",
            "The adapter was not merged correctly, and the champion stays. Please report this.",
        )
    return {"change": change, "merge_error": merge_error}
