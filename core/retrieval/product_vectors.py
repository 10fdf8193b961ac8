"""The file of the product vectors beside an approximate index, which holds them compressed.

They lie in the order of the products, so that an update reads and writes them from beginning to end. The vector cache
is in the order of hashes: to read all vectors from there takes five times the processor time.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.retrieval.array_file import JoinedArray, load_arrays, save_arrays
from core.retrieval.dense import blocks
from core.retrieval.manifest import read_manifest
from core.retrieval.vector_cache import empty_rows
from core.retrieval.vector_index import Vectors
from labels.quarantine import set_aside_irregular

#: File name of the vectors.
VECTORS = "vectors.safetensors"
_NAME = "vectors"


def save_vectors(folder: Path, vectors: Vectors | None) -> None:
    """Write the product vectors of a model's index atomically; None removes those of an earlier one.

    Raises:
        CoreError: the file cannot be written.
    """
    path = folder / VECTORS
    if vectors is None:
        set_aside_irregular(path)
        path.unlink(missing_ok=True)
        return
    whole = JoinedArray(vectors.shape, np.dtype(np.float32), lambda: (block for _, block in blocks(vectors)))
    save_arrays(path, {_NAME: whole})


def read_vectors(folder: Path, products: int) -> NDArray[np.float32] | None:
    """The saved product vectors; None if there are none, as in the folder of an earlier version.

    Args:
        folder: of the model, whose files were compared with their checksums.
        products: their number.

    Raises:
        DamagedError: the file is damaged.
    """
    manifest = read_manifest(folder)
    if manifest is None or VECTORS not in manifest.files:
        return None
    found = np.asarray(load_arrays(folder / VECTORS, [_NAME])[_NAME], np.float32)
    return found if len(found) == products else None


def replaced_vectors(
    vectors: NDArray[np.float32], origin: NDArray[np.int64], new: NDArray[np.float32], folder: Path
) -> NDArray[np.float32]:
    """The vectors of other products; many are in a memory map.

    Args:
        vectors: of the products before.
        origin: position before of each product, shape (products,); -1 for a new or changed one.
        new: vectors of the products with -1, in their order.
        folder: on the disk for a memory map.
    """
    found = empty_rows(len(origin), vectors.shape[1], folder)
    kept = np.maximum(origin, 0)
    for start, block in blocks(vectors, kept):
        found[start : start + len(block)] = block
    found[origin < 0] = new
    return found
