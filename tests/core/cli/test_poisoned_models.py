"""A poisoned model folder is refused with the reason on every path that takes a model, and nothing of it runs."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from samples import PRODUCTS, QUERIES, match, no_match, q, write_workspace
from tiny_adapter import write_tiny_adapter
from tiny_encoder import write_tiny_sentence_encoder

from core.workspace import Workspace
from labels.model import ActionDetails, Side, Verb
from labels.store import LabelStore

# Not imported here: that takes seconds in every test process, which collects the module.
if find_spec("sentence_transformers") is None:
    pytest.skip("needs the model libraries", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Call = Callable[..., Any]
Poison = Callable[[Path], object]

#: Leaves a trace if it is ever imported or unpickled.
EVIL = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
class T: pass
"""
TUNED = "lora-20260101-120000-ab12"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder, an adapter of it, and a labelled workspace whose base it is."""
    made = tmp_path_factory.mktemp("sound")
    write_tiny_sentence_encoder(made, [product.title for product in [*QUERIES, *PRODUCTS]])
    write_tiny_adapter(made / "adapter", made / "encoder")
    shutil.rmtree(made / "bert")
    workspace = write_workspace(made / "home")
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            side = Side.VALIDATION if id_ == "qv" else Side.TRAIN
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2", f"{id_}-c3")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(side=side, closes=True))
    return made


@pytest.fixture
def place(sound: Path, tmp_path: Path) -> Path:
    """A copy of it, with a second copy of the encoder, `bad`, to be poisoned."""
    made = Path(shutil.copytree(sound, tmp_path / "place"))
    shutil.copytree(made / "encoder", made / "bad")
    (made / "home" / "samesku.toml").write_text(f'[encoder]\nmodel = "{made / "encoder"}"\n')
    (made / "secret").mkdir()
    (made / "secret" / "tokenizer.json").write_text("{}")
    return made


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    file.write_text(json.dumps(change(json.loads(file.read_text()))))


def pickled(folder: Path) -> None:
    import torch  # noqa: PLC0415

    (folder / "model.safetensors").unlink()
    torch.save({"a": torch.ones(2)}, folder / "pytorch_model.bin")


def own_module(folder: Path) -> None:
    (folder / "evil.py").write_text(EVIL)
    edit(folder / "modules.json", lambda modules: [*modules, {"idx": 9, "name": "9", "path": "", "type": "evil.T"}])


def own_code(folder: Path) -> None:
    (folder / "evil.py").write_text(EVIL)
    edit(folder / "config.json", lambda config: config | {"auto_map": {"AutoConfig": "evil.T", "AutoModel": "evil.T"}})


def wrong_dimension(folder: Path) -> None:
    edit(folder / "1_Pooling" / "config.json", lambda config: config | {"embedding_dimension": 64})


def outward_module(folder: Path) -> None:
    edit(folder / "modules.json", lambda modules: [modules[0], modules[1] | {"path": "../secret"}, *modules[2:]])


def outward_link(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to(folder.parent / "secret" / "tokenizer.json")


def no_numbers(folder: Path) -> None:
    raw = bytearray((folder / "model.safetensors").read_bytes())
    start = int.from_bytes(raw[:8], "little") + 8
    raw[start : start + 4] = b"\x00\x00\xc0\x7f"
    (folder / "model.safetensors").write_bytes(raw)


POISONS: list[tuple[Poison, str]] = [
    (pickled, "pickled weights"),
    (own_module, "it names the module evil.T, which is not allowed"),
    (own_code, "it names Python code in auto_map (evil.T)"),
    (wrong_dimension, "its vectors have 32 dimensions, and its configuration says 64"),
    (outward_module, "the module's path ../secret leads out of the folder"),
    (outward_link, "it is a link that leads out of the folder"),
    (no_numbers, "holds NaN or infinite values"),
]


def base_of_the_settings(place: Path) -> None:
    (place / "home" / "samesku.toml").write_text(f'[encoder]\nmodel = "{place / "bad"}"\n')


def trained(place: Path) -> None:
    """The poisoned folder as an encoder of the registry, with digests that fit it as far as there can be any."""
    from core.retrieval.encoder_files import weights_sha256  # noqa: PLC0415
    from core.retrieval.encoder_identity import part_digests  # noqa: PLC0415

    folder = place / "home" / "models" / TUNED
    folder.mkdir(parents=True)
    (place / "bad").rename(folder / "merged")
    try:
        sha256, parts = weights_sha256(folder / "merged"), part_digests(folder / "merged")
    except Exception:  # noqa: BLE001 - then there are none
        sha256, parts = "0" * 64, {}
    card = {
        "id": TUNED, "parent": "base-1", "base": str(place / "encoder"), "sha256": sha256, "parts": parts,
        "created_at": "2026-01-01T12:00:00+00:00",
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(card))


def champion(place: Path) -> None:
    trained(place)
    history = [{"model": TUNED, "at": "2026-01-01T00:00:00+00:00", "why": "better"}]
    (place / "home" / "models" / "champion.json").write_text(json.dumps(history))


def cross_encoder(place: Path) -> None:
    """The poisoned folder as the trained cross-encoder of the workspace."""
    trained(place)
    models = place / "home" / "models"
    folder = models / "judge" / "cross-encoder-20260101-000000-ab"
    folder.parent.mkdir()
    (models / TUNED / "merged").rename(folder)
    card = json.loads((models / TUNED / "model.json").read_text())
    shutil.rmtree(models / TUNED)
    (folder / "judge.json").write_text(
        json.dumps(card | {"id": folder.name, "pairs": 2, "matches": 1, "seconds": 1.0, "base": "tiny"})
    )
    settings = place / "home" / "samesku.toml"
    settings.write_text(settings.read_text() + '[judge]\nuse = ["cross-encoder"]\n')


def nothing(place: Path) -> None:
    pass


#: How the poisoned folder gets to a command, and the command.
PATHS: dict[str, tuple[Poison, list[str]]] = {
    "index": (base_of_the_settings, ["index"]),
    "index of a champion": (champion, ["index"]),
    "retrain": (base_of_the_settings, ["retrain"]),
    "retrain --set base": (nothing, ["retrain", "--set", "base={bad}"]),
    "compare": (nothing, ["models", "compare", "base", "{bad}"]),
    "merge": (nothing, ["models", "merge", "{adapter}", "--base", "{bad}"]),
    "export": (nothing, ["models", "export", "{bad}", "--out", "{out}"]),
    "export of a trained one": (trained, ["models", "export", TUNED, "--format", "onnx", "--out", "{out}"]),
    "promote": (trained, ["models", "promote", TUNED]),
    "evaluate": (base_of_the_settings, ["evaluate"]),
    "judge train": (base_of_the_settings, ["judge", "train", "--cross-encoder"]),
    "judge run": (cross_encoder, ["judge", "run", "--labelled"]),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("poison", "why"), POISONS, ids=[poison.__name__ for poison, _ in POISONS])
def test_it_is_refused_with_the_reason(place: Path, call: Call, path: str, poison: Poison, why: str) -> None:
    if path in {"judge run", "judge train"} and poison is wrong_dimension:
        pytest.skip("a cross-encoder has no pooling")
    poison(place / "bad")
    prepare, words = PATHS[path]
    prepare(place)
    workspace = Workspace(place / "home")
    before = state(workspace)
    names = {"bad": place / "bad", "adapter": place / "adapter", "out": place / "out"}
    answer = call("--home", workspace.home, *(word.format(**names) for word in words))
    assert answer.code == 1
    said = " ".join(answer.err.split())
    assert why in said
    assert "Error: " in said
    assert "Traceback" not in said
    assert state(workspace) == before
    assert not (place / "out").exists()
    assert not list(place.rglob("ran"))


def state(workspace: Workspace) -> tuple[list[str], str]:
    """The models of a workspace, and its champions."""
    history = workspace.models / "champion.json"
    models = sorted(path.name for path in workspace.models.glob("*") if path.name != "judge")
    return models, history.read_text() if history.exists() else ""


def test_the_sound_folder_passes(place: Path, call: Call) -> None:
    """What the refusals above are compared with; retraining and judging have tests of their own."""
    names = {"bad": place / "bad", "adapter": place / "adapter", "out": place / "out"}
    for path in ("index", "merge", "export"):
        prepare, words = PATHS[path]
        prepare(place)
        answer = call("--home", place / "home", *(word.format(**names) for word in words))
        assert answer.code == 0, answer.err


# -- adapters ------------------------------------------------------------------------------------------------


def outward_base(folder: Path) -> None:
    edit(folder / "adapter_config.json", lambda config: config | {"base_model_name_or_path": "../../secret"})


def outward_file(folder: Path) -> None:
    corda = {"cache_file": "../secret/x.pt", "covariance_file": None}
    edit(folder / "adapter_config.json", lambda config: config | {"corda_config": corda})


def own_library(folder: Path) -> None:
    edit(
        folder / "adapter_config.json",
        lambda config: config | {"megatron_config": {"a": 1}, "megatron_core": "evil"},
    )


def pickled_adapter(folder: Path) -> None:
    import torch  # noqa: PLC0415

    (folder / "adapter_model.safetensors").unlink()
    torch.save({"a": torch.ones(2)}, folder / "adapter_model.bin")


def linked_adapter(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    weights.rename(folder.parent / "elsewhere.safetensors")
    weights.symlink_to(folder.parent / "elsewhere.safetensors")


def adapter_of_no_numbers(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "model.safetensors")
    no_numbers(folder)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")


ADAPTER_POISONS: list[tuple[Poison, str]] = [
    (outward_base, "base_model_name_or_path ../../secret leads out of the folder"),
    (outward_file, "it sets corda_config, which is not an allowed key"),
    (own_library, "it sets megatron_config, which is not an allowed key"),
    (pickled_adapter, "pickled weights can run code"),
    (linked_adapter, "it is a link that leads out of the folder"),
    (adapter_of_no_numbers, "holds NaN or infinite values"),
]


@pytest.mark.parametrize("path", ["merge", "export"])
@pytest.mark.parametrize(("poison", "why"), ADAPTER_POISONS, ids=[poison.__name__ for poison, _ in ADAPTER_POISONS])
def test_a_poisoned_adapter_is_refused(place: Path, call: Call, path: str, poison: Poison, why: str) -> None:
    home = place / "home"
    adapter, words = place / "adapter", ["models", "merge", place / "adapter"]
    if path == "export":
        made = call("--home", home, "--json", "models", "merge", adapter)
        assert made.code == 0, made.err
        adapter = home / "models" / made.json["id"] / "adapter"
        words = ["models", "export", made.json["id"], "--format", "adapter", "--out", place / "out"]
    poison(adapter)
    before = state(Workspace(home))
    answer = call("--home", home, *words)
    assert answer.code == 1
    assert why in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
    assert state(Workspace(home)) == before
    assert not (place / "out").exists()
