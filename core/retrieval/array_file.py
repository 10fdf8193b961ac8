"""Files of named arrays (safetensors), in which texts and sparse matrices are stored as arrays as well."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.errors import DamagedError
from core.json_store import binary_file
from core.retrieval.tfidf import TermWeights
from labels.quarantine import set_aside_irregular

Arrays = dict[str, NDArray[np.generic]]

#: What an array of another shape or type than was written raises where it is used.
ARRAY_ERRORS = (ValueError, KeyError, IndexError, TypeError)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write named arrays, atomically.

    Raises:
        CoreError: the file cannot be written.
    """
    from safetensors.numpy import save

    set_aside_irregular(path)
    with binary_file(path) as out:
        out.write(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def load_arrays(path: Path, names: Sequence[str] | None = None) -> Arrays:
    """Read arrays of a file; all of them by default.

    Raises:
        DamagedError: it is missing or damaged, or has no array of that name.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return {name: file.get_tensor(name) for name in (names or file.keys())}
    except (OSError, SafetensorError) as error:
        raise DamagedError(f"{path.name} is missing or damaged.", "`samesku index` makes it again.") from error


def text_array(text: str) -> NDArray[np.uint8]:
    """A text as an array of bytes."""
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def array_text(array: NDArray[np.generic]) -> str:
    """The text of an array of bytes."""
    return array.tobytes().decode("utf-8", "surrogatepass")


def lines_array(lines: Sequence[str]) -> NDArray[np.uint8]:
    """Texts without line breaks as an array of bytes."""
    return text_array("".join(f"{line}\n" for line in lines))


def array_lines(array: NDArray[np.generic]) -> list[str]:
    """The texts of `lines_array`."""
    return array_text(array).split("\n")[:-1]


def matrix_arrays(name: str, matrix: csr_matrix) -> Arrays:
    """A sparse matrix as named arrays."""
    return {
        f"{name}.data": matrix.data, f"{name}.indices": matrix.indices, f"{name}.indptr": matrix.indptr,
        f"{name}.shape": np.array(matrix.shape),
    }  # fmt: skip


def array_matrix(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> csr_matrix:
    """The sparse matrix of `matrix_arrays`."""
    data, indices, indptr, shape = (arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr", "shape"))
    matrix = csr_matrix((data, indices, indptr), shape=tuple(int(size) for size in shape))
    matrix.has_sorted_indices = True
    return matrix


def weights_arrays(name: str, weights: TermWeights) -> Arrays:
    """Term weights as named arrays."""
    return {
        f"{name}.terms": lines_array(weights.terms),
        f"{name}.idf": weights.idf,
        f"{name}.unseen": np.array([weights.unseen]),
    }


def weights_of(name: str, arrays: Arrays) -> TermWeights:
    """The term weights of `weights_arrays`."""
    idf = np.asarray(arrays[f"{name}.idf"], np.float32)
    return TermWeights(array_lines(arrays[f"{name}.terms"]), idf, float(np.asarray(arrays[f"{name}.unseen"], float)[0]))
