"""Exports and merges: what is written loads without this project and gives the same vectors."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import PRODUCTS, QUERIES, write_workspace
from tiny_adapter import write_tiny_adapter
from tiny_encoder import write_tiny_model, write_tiny_sentence_encoder

from core.errors import ModelError
from core.jobs.progress import Silent
from core.retrieval.encoder import Encoder
from core.retrieval.encoder_registry import ModelCard, Registry
from core.retrieval.onnx_graph import encode_with_onnx
from core.settings import EncoderSettings, Settings
from core.training.adapters import BASE_FILE, record_base, recorded_base
from core.training.export import export as export_module
from core.training.export.export import Export, ExportFormat, export_model
from core.training.merge import merge
from core.workspace import Workspace
from labels.errors import LabelsError

pytest.importorskip("onnxruntime", reason="needs the extra onnx")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TEXTS = [product.title for product in [*QUERIES, *PRODUCTS]]
#: Some, a model number, an empty one, and one that is truncated.
PROBES = [*TEXTS[:3], "cable DCB-309/B", "", " ".join(TEXTS * 9)]
MAX_TOKENS = 24

#: Run by a Python that cannot import this project: each printed code, and a comparison of what it encodes.
BARE = """
import importlib.util, json, os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path = [path for path in sys.path if not os.path.exists(os.path.join(path, "core", "model_files.py"))]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
assert importlib.util.find_spec("core") is None
texts, codes = json.loads(sys.argv[1])
encoded = []
for code in codes:
    names = {"texts": texts}
    exec(code, names)
    encoded.append([names["queries"].tolist(), names["products"].tolist()])
print(json.dumps(encoded))
"""


def settings_for(encoder: Path) -> Settings:
    return Settings(
        encoder=EncoderSettings(
            model=str(encoder), query_prefix="find ", candidate_prefix='say "it": ', max_tokens=MAX_TOKENS
        )
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch  # noqa: PLC0415

    torch.manual_seed(5)
    return write_tiny_sentence_encoder(tmp_path_factory.mktemp("base"), TEXTS)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_adapter(tmp_path_factory.mktemp("peft") / "adapter", base)


@pytest.fixture(scope="module")
def settings(base: Path) -> Settings:
    return settings_for(base)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = write_workspace(tmp_path_factory.mktemp("shop") / "home")
    made.models.mkdir(exist_ok=True)  # as after a first merge, whichever test comes first in this process
    return made


@pytest.fixture(scope="module")
def merged(shop: Workspace, settings: Settings, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    """The encoder of a workspace that was merged from the adapter, with a tokenizer that joins model numbers."""
    trained = shutil.copytree(adapter, tmp_path_factory.mktemp("trained") / "adapter")
    record_base(trained, Registry(shop, settings).base(), join_model_numbers=True)
    return merge(shop, settings, trained, "base", Silent())


def export(workspace: Workspace, settings: Settings, name: str, form: ExportFormat, folder: Path) -> Export:
    return export_model(workspace, settings, name, form, folder, Silent())


def vectors(workspace: Workspace, settings: Settings, name: str) -> list[Any]:
    """Vectors of the probes as queries and as products, as an index has them."""
    model = Registry(workspace, settings).find(name)
    encoder = Encoder(model, max_tokens=MAX_TOKENS, batch_size=8)
    return [
        encoder.encode([prefix + text for text in PROBES]) for prefix in (model.query_prefix, model.candidate_prefix)
    ]


def vectors_elsewhere(codes: list[str], place: Path) -> list[list[Any]]:
    """The vectors that each printed code gives in a bare interpreter: of the probes as queries and as products."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE, json.dumps([PROBES, codes])],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# -- merge ---------------------------------------------------------------------------------------------------


def test_a_merged_adapter_is_a_plain_encoder_of_the_workspace(
    shop: Workspace, settings: Settings, merged: ModelCard, base: Path
) -> None:
    registry = Registry(shop, settings)
    assert registry.get(merged.id).prefixes.query == "find "
    assert merged.parent == registry.base().id
    assert merged.recipe["lora"] == {"rank": 4, "alpha": 16, "target_modules": ["dense", "query", "value"]}
    assert merged.metrics["change"] > 1e-3
    assert merged.metrics["merge_error"] < 1e-3
    assert merged.origin == "merged from the adapter adapter"
    assert registry.champion_id() is None
    recorded = recorded_base(registry.folder(merged.id) / "adapter")
    assert recorded is not None
    assert (recorded.model, recorded.join_model_numbers) == (merged.parent, True)
    own, bases = vectors(shop, settings, merged.id), vectors(shop, settings, "base")
    assert np.abs(own[0] - bases[0]).max() > 0.01
    assert "merged from the adapter adapter" in (registry.folder(merged.id) / "README.md").read_text()


def test_an_adapter_on_another_base_is_refused(
    shop: Workspace, settings: Settings, merged: ModelCard, tmp_path: Path
) -> None:
    stored = Registry(shop, settings).folder(merged.id) / "adapter"
    other = write_tiny_sentence_encoder(tmp_path, TEXTS, seed=2)
    before = sorted(shop.models.iterdir())
    with pytest.raises(ModelError, match=r"was trained on encoder-.* \(SHA-256 .*\), not on encoder-") as caught:
        merge(shop, settings, stored, str(other), Silent())
    assert "--base" in caught.value.hint
    assert sorted(shop.models.iterdir()) == before
    assert merge(shop, settings, stored, "base", Silent()).sha256 == merged.sha256


def test_an_adapter_for_other_layers_is_refused(
    shop: Workspace, settings: Settings, adapter: Path, tmp_path: Path
) -> None:
    other = write_tiny_model(tmp_path, TEXTS, "mpnet")
    before = sorted(shop.models.iterdir())
    with pytest.raises(ModelError, match=rf"{adapter.name}"):
        merge(shop, settings, adapter, str(other), Silent())
    assert sorted(shop.models.iterdir()) == before


def edited(adapter: Path, place: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    copied = Path(shutil.copytree(adapter, place / "edited"))
    weights = copied / "adapter_model.safetensors"
    tensors = {name: tensor.copy() for name, tensor in load_file(weights).items()}
    change(tensors)
    save_file(tensors, weights, metadata={"format": "pt"})
    return copied


def first(tensors: dict[str, Any], part: str) -> str:
    return next(name for name in sorted(tensors) if part in name)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t[first(t, "lora_A")].fill(np.nan), "holds NaN or infinite values"),
        (lambda t: [tensor.fill(0) for name, tensor in t.items() if "lora_B" in name], "gives the vectors of the base"),
        (lambda t: t.pop(first(t, "lora_B")), "does not match the layers"),
        (lambda t: t.update({"base_model.model.nowhere.lora_A.weight": np.ones((4, 32), np.float32)}), "nowhere"),
        (lambda t: t.update({first(t, "lora_B"): np.ones((8, 4), np.float32)}), "cannot be loaded"),
    ],
    ids=["NaN", "no effect", "missing", "unexpected", "wrong shape"],
)
def test_an_adapter_that_does_not_take_is_refused(
    shop: Workspace,
    settings: Settings,
    adapter: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], Any],
    why: str,
) -> None:
    before = sorted(shop.models.iterdir())
    with pytest.raises(ModelError, match=why):
        merge(shop, settings, edited(adapter, tmp_path, change), "base", Silent())
    assert sorted(shop.models.iterdir()) == before


# -- export --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_onnx(shop: Workspace, settings: Settings, merged: ModelCard, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The merged encoder as ONNX."""
    return export(shop, settings, merged.id, ExportFormat.ONNX, tmp_path_factory.mktemp("onnx") / "out")


@pytest.fixture(scope="module")
def dense(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder with token types and a further layer."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.modules import Dense  # noqa: PLC0415

    model = SentenceTransformer(str(base), device="cpu")
    model.tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    model.append(Dense(32, 16))
    folder = tmp_path_factory.mktemp("dense") / "dense"
    model.save(str(folder), create_model_card=False)
    return folder


def test_exports_give_the_same_vectors_in_a_bare_interpreter(
    shop: Workspace, settings: Settings, merged: ModelCard, in_onnx: Export, base: Path, dense: Path, tmp_path: Path
) -> None:
    exports = [in_onnx]
    for form in (ExportFormat.SENTENCE_TRANSFORMERS, ExportFormat.ADAPTER):
        (tmp_path / form).mkdir()
        exports.append(export(shop, settings, merged.id, form, tmp_path / form / "out"))
        assert list((tmp_path / form).iterdir()) == [tmp_path / form / "out"]
    for made in exports:
        assert made.difference < 1e-4, made.format
        assert not {path.suffix for path in made.folder.rglob("*")} & {".bin", ".pt", ".pkl", ".py"}
        page = (made.folder / "README.md").read_text(encoding="utf-8")
        assert made.code.strip().replace(f"'{made.folder}'", "'.'") in page
        assert str(made.folder.parent) not in page
        assert f"# `{merged.id}`" in page
        assert str(base) not in page
    config = json.loads((exports[-1].folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == base.name
    codes = [each.code for each in exports]
    codes[-1] = codes[-1].replace(f"SentenceTransformer('{base.name}')", f"SentenceTransformer({str(base)!r})")
    # The vectors of this encoder have unit length although its own modules do not see to it.
    with_dense = settings_for(dense)
    codes.append(export(shop, with_dense, "base", ExportFormat.SENTENCE_TRANSFORMERS, tmp_path / "dense").code)
    found = vectors_elsewhere(codes, tmp_path)
    own = vectors(shop, settings, merged.id)
    expected = [own, own, own, vectors(shop, with_dense, "base")]
    names = [*(each.format for each in exports), "dense"]
    for name, (queries, products), (own_queries, own_products) in zip(names, found, expected, strict=True):
        assert np.abs(np.array(queries) - own_queries).max() < 1e-4, name
        assert np.abs(np.array(products) - own_products).max() < 1e-4, name


def test_the_prefixes_of_an_encoder_are_exported(
    shop: Workspace, settings: Settings, in_onnx: Export, tmp_path: Path
) -> None:
    export(shop, settings, "base", ExportFormat.SENTENCE_TRANSFORMERS, tmp_path / "st")
    config = json.loads((tmp_path / "st" / "config_sentence_transformers.json").read_text())
    assert config["prompts"] == {"query": "find ", "document": 'say "it": '}
    assert config["default_prompt_name"] is None
    # And so they reach another workspace, whose settings name none.
    found = Registry(shop, Settings()).find(str(tmp_path / "st"))
    assert (found.query_prefix, found.candidate_prefix) == ("find ", 'say "it": ')
    assert json.loads((in_onnx.folder / "prompts.json").read_text()) == config["prompts"]


@pytest.mark.parametrize("kind", ["qwen2", "clip"])
def test_other_architectures_are_exported_to_onnx(shop: Workspace, tmp_path: Path, kind: str) -> None:
    # Each layer takes seconds to trace; the other exports have two.
    settings = settings_for(write_tiny_model(tmp_path, TEXTS, kind, layers=1))
    made = export(shop, settings, "base", ExportFormat.ONNX, tmp_path / "out")
    expected = vectors(shop, settings, "base")[0]
    assert np.abs(encode_with_onnx(made.folder, ["find " + text for text in PROBES]) - expected).max() < 1e-4


def test_a_tokenizer_with_token_types_and_a_dense_layer(shop: Workspace, dense: Path, tmp_path: Path) -> None:
    settings = settings_for(dense)
    made = export(shop, settings, "base", ExportFormat.ONNX, tmp_path / "out")
    expected = vectors(shop, settings, "base")[1]
    assert expected.shape[1] == 16
    assert np.abs(encode_with_onnx(made.folder, ['say "it": ' + text for text in PROBES]) - expected).max() < 1e-4


def test_a_folder_with_something_in_it_is_refused_before_any_work(
    shop: Workspace, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "load", None)
    full, file, link = tmp_path / "full", tmp_path / "file", tmp_path / "link"
    full.mkdir()
    (full / "mine").touch()
    file.touch()
    link.symlink_to(tmp_path / "nowhere")
    for place, why in ((full, "is not empty"), (file, "is not a folder"), (link, "is not a folder")):
        with pytest.raises(ModelError, match=why) as caught:
            export(shop, settings, "base", ExportFormat.SENTENCE_TRANSFORMERS, place)
        assert "--out" in caught.value.hint
    with pytest.raises(LabelsError, match="There is no folder"):
        export(shop, settings, "base", ExportFormat.SENTENCE_TRANSFORMERS, tmp_path / "no" / "out")
    assert list(full.iterdir()) == [full / "mine"]


def test_an_empty_folder_is_filled(shop: Workspace, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    made = export(shop, settings, "base", ExportFormat.SENTENCE_TRANSFORMERS, tmp_path / "out")
    assert "model.safetensors" in made.files


@pytest.mark.parametrize("form", [ExportFormat.SENTENCE_TRANSFORMERS, ExportFormat.ONNX])
def test_an_export_with_other_vectors_leaves_nothing(
    shop: Workspace,
    settings: Settings,
    merged: ModelCard,
    in_onnx: Export,
    tmp_path: Path,
    form: ExportFormat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Tracing takes seconds, and gives the same files again.
    monkeypatch.setattr(
        export_module, "write_onnx", lambda _, folder, __: shutil.copytree(in_onnx.folder, folder, dirs_exist_ok=True)
    )
    real = export_module.unit_vectors
    monkeypatch.setattr(export_module, "unit_vectors", lambda *given: -real(*given))
    with pytest.raises(ModelError, match="give other vectors than the encoder"):
        export(shop, settings, merged.id, form, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_without_an_adapter_says_so(shop: Workspace, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no adapter") as caught:
        export(shop, settings, "base", ExportFormat.ADAPTER, tmp_path / "out")
    assert "--format sentence-transformers" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_whose_base_has_changed_is_not_exported(
    shop: Workspace, settings: Settings, adapter: Path, tmp_path: Path
) -> None:
    home = Workspace(Path(shutil.copytree(shop.home, tmp_path / "home")))
    made = merge(home, settings, adapter, "base", Silent())
    stored = home.models / made.id / "adapter" / BASE_FILE
    stored.write_text(json.dumps({"model": "other", "sha256": "0" * 64}))
    with pytest.raises(ModelError, match="was trained on other"):
        export(home, settings, made.id, ExportFormat.ADAPTER, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # Adapters of earlier versions have no record; the card names the base.
    stored.unlink()
    assert export(home, settings, made.id, ExportFormat.ADAPTER, tmp_path / "out").difference < 1e-4
    card = home.models / made.id / "model.json"
    card.write_text(card.read_text().replace(made.parent, "another-1234"))
    with pytest.raises(ModelError, match="It was trained on another-1234"):
        export(home, settings, made.id, ExportFormat.ADAPTER, tmp_path / "again")


def test_missing_libraries_name_their_installation(
    shop: Workspace, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.retrieval.onnx_graph._LIBRARIES", ("onnx", "onnx_is_missing"))
    with pytest.raises(ModelError, match="not installed: onnx_is_missing") as caught:
        export(shop, settings, "base", ExportFormat.ONNX, tmp_path / "out")
    assert "pip install" in caught.value.hint
    assert "'.[onnx]'" in caught.value.hint
