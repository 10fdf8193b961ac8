"""Proof that a tuned encoder is really what encodes.

An adapter that is not merged, or not active while encoding, gives the base model's vectors without a word: a
run can train well and change nothing. So every run compares vectors, and fails where they are not what they
should be.
"""

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError

#: A tuned encoder moves the average probe text by more than this cosine distance. Rounding stays below 1e-6.
LEAST_CHANGE = 1e-4

#: Merging changes the order of float32 additions and nothing else.
MOST_MERGE_ERROR = 1e-3


def verify_merge(
    base: NDArray[np.float32], unmerged: NDArray[np.float32], merged: NDArray[np.float32]
) -> dict[str, float]:
    """Check the same probe texts' vectors by three encoders: base, base with adapter, merged.

    Args:
        base: float32, shape (texts, dimensions), rows of length 1; the other two likewise.
        unmerged: with the adapter active.
        merged: with the adapter folded into the weights, as read back from disk.

    Returns:
        `change`, the mean cosine distance of the merged model's vectors from the base's, and `merge_error`,
        the largest cosine distance between merged and unmerged.

    Raises:
        ModelError: the vectors did not move, or merged and unmerged disagree.
    """
    change = float((1 - (base * merged).sum(axis=1)).mean())
    merge_error = float((1 - (unmerged * merged).sum(axis=1)).max())
    # Written so that a NaN fails both.
    if not change > LEAST_CHANGE:
        raise ModelError(
            f"The tuned encoder gives the base encoder's vectors (mean cosine distance {change:.1e}).",
            "The adapter learnt nothing or is not active: raise retrain.learning_rate or retrain.epochs.",
        )
    if not merge_error < MOST_MERGE_ERROR:
        raise ModelError(
            f"The merged encoder differs from the one that was trained (cosine distance {merge_error:.1e}).",
            "The adapter was not merged as it was trained; the champion stays. Please report this.",
        )
    return {"change": change, "merge_error": merge_error}
