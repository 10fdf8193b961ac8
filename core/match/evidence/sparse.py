"""Sets and weights of many products as sparse matrices, so that pairs are compared in C."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


def dots(left: "csr_matrix", right: "csr_matrix") -> "NDArray[np.float32]":
    """The dot product of each row with the row beside it, shape (n,)."""
    import numpy as np  # noqa: PLC0415

    products: NDArray[np.float32] = np.asarray(left.multiply(right).sum(axis=1), dtype=np.float32).ravel()
    return products


def row_sums(matrix: "csr_matrix") -> "NDArray[np.float32]":
    """The sum of each row, shape (n,)."""
    import numpy as np  # noqa: PLC0415

    sums: NDArray[np.float32] = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    return sums


def row_maxima(matrix: "csr_matrix") -> "NDArray[np.float32]":
    """The greatest entry of each row, 0 for an empty one, shape (n,). Entries must not be negative."""
    import numpy as np  # noqa: PLC0415

    maxima = np.zeros(matrix.shape[0], np.float32)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        maxima[filled] = np.maximum.reduceat(matrix.data, matrix.indptr[filled])
    return maxima


def incidence(sets: "Sequence[Iterable[object]]", vocabulary: dict[object, int]) -> "csr_matrix":
    """One row per set, 1 where it holds the vocabulary's item.

    Args:
        sets: hashable items. What is not in the vocabulary yet is added to it, at the next column.
        vocabulary: item → column; shared by the two sides of a comparison.
    """
    import numpy as np  # noqa: PLC0415
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    starts, columns = [0], []
    for items in sets:
        columns.extend(sorted({vocabulary.setdefault(item, len(vocabulary)) for item in items}))
        starts.append(len(columns))
    ones = np.ones(len(columns), np.float32)
    return csr_matrix((ones, columns, starts), shape=(len(sets), max(len(vocabulary), 1)))


def widen(matrix: "csr_matrix", columns: int) -> "csr_matrix":
    """The same rows over a vocabulary that has grown since."""
    matrix.resize((matrix.shape[0], max(columns, 1)))
    return matrix
