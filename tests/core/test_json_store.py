"""A file of the workspace that cannot be written is told in a sentence, wherever that is found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from disk import full_disk

from core.errors import CoreError
from core.json_store import binary_file, save, text_file
from core.judge.finetune.storage import save_training_pairs
from core.matching.matcher import prior_matcher
from core.matching.run import write_out_of_fold
from core.retrieval.dense import DenseIndex

WRITERS: list[Callable[[Path], object]] = [
    lambda folder: save(folder / "file", {}),
    lambda folder: save_training_pairs(folder, []),
    lambda folder: prior_matcher(("cosine",), np.zeros((1, 1), np.float32)).save(folder / "file"),
    lambda folder: write_out_of_fold(folder / "file", {}),
    lambda folder: DenseIndex(np.eye(3, dtype=np.float32)).save(folder / "file"),
]


@pytest.mark.parametrize("write", WRITERS)
def test_a_link_to_nothing_in_the_place_of_a_folder_is_told(write: Callable[[Path], object], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path / "nothing")
    with pytest.raises(CoreError, match="cannot be written"):
        write(folder)


@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_in_the_place_of_a_file_is_told(write: Callable[[Path], object], tmp_path: Path) -> None:
    for name in ("file", "taught.json"):
        (tmp_path / name).mkdir()
    with pytest.raises(CoreError, match="it is a folder"):
        write(tmp_path)


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    for size in (0, 100):
        with full_disk(size), pytest.raises(CoreError, match="File too large"), text_file(path) as out:
            out.write("x" * 1_000_000)
        with full_disk(size), pytest.raises(CoreError, match="File too large"), binary_file(path) as out:
            out.write(b"x" * 1_000_000)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
