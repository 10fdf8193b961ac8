"""`samesku models merge` and `models export` on the command line."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from samples import PRODUCTS, QUERIES
from tiny_adapter import write_tiny_adapter
from tiny_encoder import write_tiny_sentence_encoder

from core.workspace import Workspace

Call = Callable[..., Any]

# Not imported here: that takes seconds in every test process, which collects the module.
if find_spec("sentence_transformers") is None:
    pytest.skip("needs the model libraries", allow_module_level=True)


@pytest.fixture
def shop(workspace: Workspace, tmp_path: Path) -> Workspace:
    """The workspace with a tiny encoder as its base."""
    encoder = write_tiny_sentence_encoder(tmp_path, [product.title for product in [*QUERIES, *PRODUCTS]])
    workspace.settings.write_text(f'[encoder]\nmodel = "{encoder}"\nquery_prefix = "find "\ncandidate_prefix = ""\n')
    return workspace


def test_an_adapter_is_merged_listed_and_exported(shop: Workspace, call: Call, tmp_path: Path) -> None:
    adapter = write_tiny_adapter(tmp_path / "mine", tmp_path / "encoder")
    merged = call("--home", shop.home, "--json", "models", "merge", adapter)
    assert merged.code == 0, merged.err
    model = merged.json["id"]
    assert "does not record its base" in merged.err
    listed = call("--home", shop.home, "models", "list")
    assert model in listed.out
    assert str(tmp_path / "encoder") in listed.out
    assert "origin: merged from the adapter mine" in call("--home", shop.home, "models", "show", model).out
    out = tmp_path / "out"
    exported = call("--home", shop.home, "models", "export", model, "--out", out)
    assert exported.code == 0, exported.err
    assert f"{model} was exported to {out} (sentence-transformers)." in exported.out
    assert f"model = SentenceTransformer('{out}')" in exported.out
    assert "model.encode_query(texts)  # adds the prefix 'find '" in exported.out
    again = call("--home", shop.home, "models", "export", model, "--out", out)
    assert again.code == 1
    assert f"{out} is not empty" in again.err
    kept = call("--home", shop.home, "--json", "models", "export", model)
    assert kept.json["folder"] == str(shop.reports / f"{model}-sentence-transformers")
    assert "not empty" in call("--home", shop.home, "models", "export", model).err
    adapted = call(
        "--home", shop.home, "--json", "models", "export", model, "--format", "adapter", "--out", tmp_path / "a"
    )
    assert adapted.code == 0, adapted.err
    assert adapted.json["files"] == ["README.md", "adapter_config.json", "adapter_model.safetensors", "base.json"]
    assert json.loads((tmp_path / "a" / "base.json").read_text())["model"] == merged.json["parent"]


def test_what_is_unknown_is_one_sentence(shop: Workspace, call: Call, tmp_path: Path) -> None:
    for words, why in (
        (("export", "lora-x", "--out", tmp_path / "out"), "There is no model lora-x here"),
        (("export", "base", "--format", "adapter", "--out", tmp_path / "out"), "has no adapter"),
        (("export", "base", "--out", tmp_path / "no" / "out"), "There is no folder"),
        (("merge", tmp_path / "nowhere"), "there is no such folder"),
        (("merge", tmp_path), "adapter_config.json"),
    ):
        answer = call("--home", shop.home, "models", *words)
        assert answer.code == 1
        assert why in " ".join(answer.err.split())
        assert "Traceback" not in answer.err
    assert call("--home", shop.home, "models", "export", "base", "--format", "gguf", "--out", tmp_path / "o").code == 2
    assert not (tmp_path / "out").exists()
