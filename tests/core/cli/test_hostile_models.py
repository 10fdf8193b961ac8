"""Every verb that loads a model that is prepared or damaged ends in a sentence that names the file."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from samples import PRODUCTS, match, no_match, q, write_workspace
from tiny_encoder import write_tiny_encoder
from tiny_llm import write_tiny_llm

# Not imported here: that takes seconds in every test process, which collects the module.
if find_spec("sentence_transformers") is None:
    pytest.skip("needs the model libraries", allow_module_level=True)

from core.judge.cross_encoder import load_cross_encoder
from core.workspace import Workspace
from labels.model import ActionDetails, Side, Verb
from labels.store import LabelStore

Call = Callable[..., object]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sound_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    bare = write_tiny_encoder(tmp_path_factory.mktemp("bare"), [product.title for product in PRODUCTS])
    (bare / "modules.json").unlink()
    folder = tmp_path_factory.mktemp("encoder")
    SentenceTransformer(str(bare)).save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def sound_llm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mlx_lm", reason="needs the extra llm", exc_type=ImportError)
    return write_tiny_llm(tmp_path_factory.mktemp("llm"))


@pytest.fixture
def labelled(tmp_path: Path) -> Workspace:
    workspace = write_workspace(tmp_path / "home")
    with LabelStore(workspace.labels) as store:
        for id_ in ("q1", "q2", "q3", "q4", "qv"):
            side = Side.VALIDATION if id_ == "qv" else Side.TRAIN
            judgements = [*match(f"{id_}-c1"), *no_match(f"{id_}-c2", f"{id_}-c3")]
            store.record("ada", Verb.ACCEPT, q(id_), judgements, ActionDetails(side=side, closes=True))
    return workspace


def spoil(file: Path) -> None:
    """The first weight becomes NaN; the file stays a sound one."""
    raw = bytearray(file.read_bytes())
    start = int.from_bytes(raw[:8], "little") + 8
    raw[start : start + 4] = b"\x00\x00\xc0\x7f"
    file.write_bytes(raw)


@pytest.mark.parametrize(
    "verb",
    [
        ["index"],
        ["retrain"],
        ["evaluate"],
        ["models", "rollback"],
        ["judge", "train", "--cross-encoder"],
    ],
    ids=" ".join,
)
def test_an_encoder_of_no_numbers(
    labelled: Workspace,
    sound_encoder: Path,
    tmp_path: Path,
    call: Call,
    verb: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Path(shutil.copytree(sound_encoder, tmp_path / "encoder"))
    monkeypatch.chdir(tmp_path)
    labelled.settings.write_text(f'[encoder]\nmodel = "{folder}"\n')
    if verb == ["models", "rollback"]:
        history = [{"model": "lora-1", "at": "2026-01-01T00:00:00+00:00", "why": "better"}]
        (labelled.models / "champion.json").parent.mkdir(exist_ok=True)
        (labelled.models / "champion.json").write_text(json.dumps(history))
    spoil(folder / "model.safetensors")
    answer = call(*verb, "--home", labelled.home)
    assert answer.code == 1
    assert f"{folder / 'model.safetensors'} cannot be loaded" in answer.err.replace("\n", " ")
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    "verb",
    [["judge", "choose", "q1"], ["judge", "test"], ["judge", "run"], ["match", "--judge", "--out", "x.csv"]],
    ids=" ".join,
)
def test_a_language_model_whose_template_does_not_end(
    labelled: Workspace, sound_llm: Path, tmp_path: Path, call: Call, verb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(sound_llm, tmp_path / "llm"))
    monkeypatch.chdir(tmp_path)
    labelled.settings.write_text(f'[judge]\nuse = ["mlx"]\nmlx_model = "{folder}"\n')
    (folder / "chat_template.jinja").write_text("{{ 'x' * 20000000000 }}")
    answer = call(*verb, "--home", labelled.home)
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "chat_template.jinja cannot be used" in answer.err.replace("\n", " ")


def test_the_doctor_names_the_file(
    labelled: Workspace, sound_encoder: Path, sound_llm: Path, tmp_path: Path, call: Call
) -> None:
    encoder = Path(shutil.copytree(sound_encoder, tmp_path / "encoder"))
    llm = Path(shutil.copytree(sound_llm, tmp_path / "llm"))
    labelled.settings.write_text(f'[encoder]\nmodel = "{encoder}"\n[judge]\nuse = ["mlx"]\nmlx_model = "{llm}"\n')
    sound = call("doctor", "--home", labelled.home, "--json").json
    assert sound["encoder"] == str(encoder)
    assert sound["prefixes"].startswith("none (the model names no prompts")
    labelled.settings.write_text(f'[encoder]\nmodel = "{encoder}"\nquery_prefix = "find "\n')
    assert (
        'prefixes: "find " before queries, "" before candidates (settings)'
        in call("doctor", "--home", labelled.home).out
    )
    labelled.settings.write_text(f'[encoder]\nmodel = "{encoder}"\n[judge]\nuse = ["mlx"]\nmlx_model = "{llm}"\n')
    assert sound["judge"].startswith("llm@")
    (encoder / "config.json").write_text("{")
    (llm / "model.safetensors").write_bytes(b"x")
    found = call("doctor", "--home", labelled.home, "--json")
    assert found.code == 0
    assert f"{encoder / 'config.json'} cannot be loaded: it is damaged" in found.json["encoder"]
    assert f"{llm / 'model.safetensors'} cannot be loaded: it is damaged" in found.json["judge"]


def test_a_cross_encoder_of_no_numbers_is_not_asked(labelled: Workspace, sound_encoder: Path, call: Call) -> None:
    from core.retrieval.encoder_files import weights_sha256  # noqa: PLC0415

    folder = labelled.models / "judge" / "cross-encoder-20260101-000000-ab"
    load_cross_encoder(sound_encoder).save_pretrained(str(folder), safe_serialization=True, create_model_card=False)
    spoil(folder / "model.safetensors")
    card = {
        "id": folder.name, "base": "tiny", "sha256": weights_sha256(folder), "created_at": "2026-01-01T00:00:00+00:00",
        "pairs": 2, "matches": 1, "seconds": 1.0,
    }  # fmt: skip
    (folder / "judge.json").write_text(json.dumps(card))
    labelled.settings.write_text('[judge]\nuse = ["cross-encoder"]\n')
    answer = call("judge", "run", "--home", labelled.home)
    assert answer.code == 1
    assert f"{folder / 'model.safetensors'} cannot be loaded" in answer.err.replace("\n", " ")
