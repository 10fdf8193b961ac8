"""Files of arrays: those of the safetensors library, read and written, and damaged ones."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import DamagedError
from core.retrieval import array_file
from core.retrieval.array_file import load_arrays, save_arrays

library = pytest.importorskip("safetensors.numpy")

ARRAYS = {
    "bytes": np.frombuffer(b"abc", np.uint8),
    "floats": np.linspace(0, 1, 5, dtype=np.float32),
    "é": np.array([1.5]),
    "none": np.zeros((0, 3), np.int64),
    "table": np.arange(6, dtype=np.int32).reshape(2, 3).T,
}


@pytest.mark.parametrize("save", ["library", "own"])
@pytest.mark.parametrize("load", [library.load_file, load_arrays])
def test_the_library_and_this_module_read_each_other(
    tmp_path: Path, save: str, load: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, "_MIN_MAPPED_BYTES", 16)
    path = tmp_path / "some.safetensors"
    if save == "own":
        save_arrays(path, ARRAYS)
    else:
        library.save_file({name: np.ascontiguousarray(each) for name, each in ARRAYS.items()}, path, {"of": "a test"})
    found = load(path)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert found[name].flags.aligned
        assert_array_equal(found[name], array)


@pytest.mark.parametrize("mapped", [True, False])
def test_arrays_stay_when_their_file_is_replaced(tmp_path: Path, mapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_file, "_MIN_MAPPED_BYTES", 0 if mapped else 1000)
    path = tmp_path / "some.safetensors"
    save_arrays(path, ARRAYS)
    found = load_arrays(path, ["floats"])
    save_arrays(path, {"floats": np.zeros(9)})
    assert found.keys() == {"floats"}
    assert_array_equal(found["floats"], ARRAYS["floats"])
    assert found["floats"].flags.writeable != mapped


def written(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + bytes(8)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"short", b"\xff" * 64, written(b"[]x"), written(b"[1]"), written(b"[" * 100_000), written(b'{"a": 1}'),
        written(b'{"a": {}}'), written(b'{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}'),
        written(b'{"a": {"dtype": "O8", "shape": [1], "data_offsets": [0, 8]}}'),
        written(b'{"a": {"dtype": [[]], "shape": [1], "data_offsets": [0, 8]}}'),
        written(b'{"a": {"dtype": "F32", "shape": [-3], "data_offsets": [0, 8]}}'),
        written(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-90, 8]}}'),
        written(b'{"a": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 8]}}'),
        written(b'{"a": {"dtype": "F32", "shape": [99999999999999999999], "data_offsets": [0, 8]}}'),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.safetensors"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="missing or damaged"):
        load_arrays(path)


def test_without_the_file_or_the_array_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    with pytest.raises(DamagedError, match=r"some\.safetensors is missing"):
        load_arrays(path)
    save_arrays(path, ARRAYS)
    with pytest.raises(DamagedError):
        load_arrays(path, ["another"])
