"""Files of named arrays (safetensors), in which texts and sparse matrices are stored as arrays as well."""

import json
import math
import mmap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.errors import DamagedError
from core.json_store import binary_file
from core.retrieval.tfidf import TermWeights
from labels.files import open_regular
from labels.quarantine import set_aside_irregular

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class JoinedArray:
    """An array in parts along its first axis, which are read one after another when it is written.

    Attributes:
        shape: of the whole.
        dtype: of every part.
        parts: gives the parts.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    parts: Callable[[], Iterable[NDArray[np.generic]]]

    @classmethod
    def of(cls, array: "NDArray[np.generic] | JoinedArray") -> "JoinedArray":
        """An array as its only part."""
        if isinstance(array, JoinedArray):
            return array
        only = (array,)
        return cls(array.shape, array.dtype, lambda: only)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


#: Arrays from this size are memory-mapped. The rest is read: a page of a file that was replaced on another machine of a
#: network file system may be gone.
_MIN_MAPPED_BYTES = 2**24

#: What an array of another shape or type than was written raises where it is used.
ARRAY_ERRORS = (ValueError, KeyError, IndexError, TypeError)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic] | JoinedArray]) -> None:
    """Write named arrays of numbers, atomically, one after another: the library would make the whole file in memory.

    Raises:
        CoreError: the file cannot be written.
    """
    set_aside_irregular(path)
    # The widest numbers first, so that all are aligned.
    joined = {name: JoinedArray.of(array) for name, array in arrays.items()}
    ordered = dict(sorted(joined.items(), key=lambda item: -item[1].dtype.itemsize))
    header, end = {}, 0
    for name, array in ordered.items():
        start, end = end, end + array.nbytes
        number = f"{array.dtype.kind.upper()}{8 * array.dtype.itemsize}"
        header[name] = {"dtype": number, "shape": array.shape, "data_offsets": (start, end)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with binary_file(path) as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for array in ordered.values():
            for part in array.parts():
                out.write(np.ascontiguousarray(part).data)


def load_arrays(path: Path, names: Sequence[str] | None = None) -> Arrays:
    """Arrays of a file; all of them by default. Large ones are memory-mapped and read-only.

    A file that is replaced stays what it was for those who have it mapped.

    Raises:
        DamagedError: it is missing or damaged, or has no array of that name.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = 8 + int.from_bytes(mapped[:8], "little")
        header = json.loads(mapped[8:start])
        return {name: _array(mapped, start, header[name]) for name in (names or header) if name != "__metadata__"}
    except (OSError, OverflowError, RecursionError, AttributeError, *ARRAY_ERRORS) as error:
        raise DamagedError(f"{path.name} is missing or damaged.", "`samesku index` makes it again.") from error


def _array(mapped: mmap.mmap, start: int, entry: dict[str, Any]) -> NDArray[np.generic]:
    dtype = np.dtype(f"{entry['dtype'][0].lower()}{int(entry['dtype'][1:]) // 8}")
    count, offset = math.prod(entry["shape"]), start + entry["data_offsets"][0]
    if count < 0:
        raise ValueError(entry)
    array = np.frombuffer(mapped, dtype, count, offset).reshape(entry["shape"])
    return array if array.nbytes >= _MIN_MAPPED_BYTES else array.copy()


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


@dataclass(frozen=True)
class TextRows:
    """Texts as an array of bytes, of which each can be read alone.

    Attributes:
        data: the texts one after another, as bytes.
        starts: where each begins, and where the last ends, shape (texts + 1,).
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "TextRows":
        """Join texts."""
        data, starts = bytearray(), [0]
        for text in texts:
            data += text.encode("utf-8", "surrogatepass")
            starts.append(len(data))
        return cls(np.frombuffer(bytes(data), np.uint8), np.array(starts, np.int64))

    def __len__(self) -> int:
        """The number of texts."""
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> str:
        """One text."""
        return array_text(self.data[self.starts[row] : self.starts[row + 1]])

    def to_arrays(self, name: str) -> Arrays:
        """As named arrays."""
        return {f"{name}.data": self.data, f"{name}.starts": self.starts}

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, NDArray[np.generic]]) -> "TextRows":
        """The texts of `to_arrays`. Raises KeyError if the arrays are others."""
        return cls(np.asarray(arrays[f"{name}.data"], np.uint8), np.asarray(arrays[f"{name}.starts"], np.int64))


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
