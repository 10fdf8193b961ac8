"""What makes an encoder another one, and what does not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from encoder_folder import MODULES, edit_json, write_encoder_folder, write_json, write_weights

pytest.importorskip("safetensors", reason="needs the model libraries")

from core.errors import ModelError
from core.retrieval.encoder_files import find_base, with_prefixes
from core.retrieval.encoder_identity import part_digests
from core.retrieval.encoder_registry import ModelCard, Registry
from core.settings import Settings
from core.workspace import Workspace

Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_encoder_folder(tmp_path / "my-encoder")


def not_normalised(folder: Path) -> None:
    write_json(folder / "modules.json", MODULES[:2])


OTHERS: dict[str, Change] = {
    "weights": lambda f: write_weights(f / "model.safetensors", 2.0),
    "configuration": lambda f: edit_json(f / "config.json", hidden_act="relu"),
    "dtype": lambda f: edit_json(f / "config.json", dtype="bfloat16"),
    "tokenizer": lambda f: edit_json(f / "tokenizer.json", added_tokens=[]),
    "tokenizer's settings": lambda f: edit_json(f / "tokenizer_config.json", do_lower_case=False),
    "special tokens": lambda f: write_json(f / "special_tokens_map.json", {"pad_token": "[PAD]"}),
    "pooling": lambda f: edit_json(f / "1_Pooling" / "config.json", pooling_mode_cls_token=True),
    "normalisation": not_normalised,
    "longest text": lambda f: edit_json(f / "sentence_bert_config.json", max_seq_length=16),
    "prompts": lambda f: write_json(
        f / "config_sentence_transformers.json", {"prompts": {"query": "Q: ", "document": ""}}
    ),
}
#: What leaves every vector as it is.
SAME: dict[str, Change] = {
    "versions of the format": lambda f: edit_json(f / "config.json", transformers_version="5.0", _name_or_path="x"),
    "versions of the library": lambda f: write_json(
        f / "config_sentence_transformers.json", {"__version__": {}, "prompts": {"query": "", "document": ""}}
    ),
    "a readme": lambda f: (f / "README.md").write_text("# A model"),
    "another format of the weights": lambda f: (f / "model.onnx").write_bytes(b"x"),
    "spaces and order": lambda f: (f / "config.json").write_text(
        '{"num_hidden_layers": 2,\n "hidden_size": 32, "model_type": "bert"}'
    ),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS.keys())
def test_whatever_shapes_the_vectors_makes_another_encoder(folder: Path, change: Change) -> None:
    before = find_base(str(folder)).id
    change(folder)
    assert find_base(str(folder)).id != before


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_what_leaves_the_vectors_as_they_are_does_not(folder: Path, change: Change) -> None:
    before = find_base(str(folder)).id
    change(folder)
    assert find_base(str(folder)).id == before


def test_a_copy_is_the_same_encoder(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "my-encoder"))
    assert find_base(str(copied)).id == find_base(str(folder)).id


def test_prefixes_of_the_settings_make_another_encoder(folder: Path) -> None:
    model = find_base(str(folder))
    assert with_prefixes(model, "auto", "auto") == model
    other = with_prefixes(model, "q: ", "auto")
    assert (other.query_prefix, other.candidate_prefix, other.path) == ("q: ", "", folder)
    assert other.id.startswith("my-encoder-")
    assert other.id != model.id
    registry = Registry(
        Workspace(folder.parent),
        Settings.model_validate({"encoder": {"model": str(folder), "query_prefix": "q: "}}),
    )
    assert registry.champion() == other


@pytest.fixture
def registry(folder: Path, tmp_path: Path) -> Registry:
    """A workspace with a tuned encoder."""
    found = Registry(Workspace(tmp_path), Settings.model_validate({"encoder": {"model": str(folder)}}))
    merged = write_encoder_folder(found.folder("lora-1") / "merged", 3.0)
    sha256 = part_digests(merged)["model.safetensors"]
    found.add(ModelCard("lora-1", "base", "base", sha256, "2026-01-01", parts=part_digests(merged)))
    return found


@pytest.mark.parametrize("part", ["tokenizer.json", "1_Pooling/config.json", "config.json", "modules.json"])
def test_a_tuned_encoder_is_held_against_its_card(registry: Registry, part: str) -> None:
    path = registry.folder("lora-1") / "merged" / part
    assert registry.get("lora-1").id == "lora-1"
    was = path.read_text()
    path.write_text("[]" if part == "modules.json" else '{"pooling_mode_cls_token": true}')
    with pytest.raises(ModelError, match="is not the file that was trained"):
        registry.get("lora-1")
    path.unlink()
    with pytest.raises(ModelError, match=rf"{part} is missing"):
        registry.get("lora-1")
    path.write_text(was)
    assert registry.get("lora-1").id == "lora-1"


def test_a_tuned_encoder_of_an_earlier_version_is_written_down_when_it_is_first_used(registry: Registry) -> None:
    card = registry.card("lora-1")
    registry.add(ModelCard("lora-1", "base", "base", card.sha256, "2026-01-01"))
    assert registry.get("lora-1").id == "lora-1"
    assert registry.card("lora-1").parts == card.parts


def test_the_base_is_found_by_the_id_that_an_earlier_version_gave_it(registry: Registry, folder: Path) -> None:
    base = registry.base()
    assert registry.get(base.former_id) == base
    edit_json(folder / "config.json", hidden_act="relu")
    with pytest.raises(ModelError, match=f"no model {base.id} here; the base encoder is") as caught:
        registry.get(base.id)
    assert f"samesku models promote {registry.base().id}" in caught.value.hint
