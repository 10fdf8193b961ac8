"""A model that cannot be written is one sentence."""

from pathlib import Path

import numpy as np
import pytest
from disk import full_disk

from core.errors import ModelError
from core.retrieval.encoder_files import readable_save_errors

save_file = pytest.importorskip("safetensors.numpy").save_file


def save(folder: Path) -> None:
    with readable_save_errors(folder):
        save_file({"weights": np.zeros(1000)}, folder / "model.safetensors")


def test_on_a_full_disk_or_without_its_folder(tmp_path: Path) -> None:
    with full_disk(100), pytest.raises(ModelError, match=r"The model cannot be written to .*File too large"):
        save(tmp_path)
    with pytest.raises(ModelError, match="cannot be written"):
        save(tmp_path / "nowhere")


def test_other_errors_are_told_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(KeyError), readable_save_errors(tmp_path):
        raise KeyError
