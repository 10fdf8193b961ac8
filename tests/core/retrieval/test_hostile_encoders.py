"""Encoders and cross-encoders that are prepared or damaged: a sentence, and nothing of theirs runs."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from samples import PRODUCTS
from tiny_encoder import write_tiny_encoder

# Not imported here: that takes seconds in every test process, which collects the module.
if find_spec("sentence_transformers") is None:
    pytest.skip("needs the model libraries", allow_module_level=True)

from core.errors import ModelError
from core.judge.cross_encoder import load_cross_encoder, predict_log_odds
from core.retrieval.encoder import Encoder, load
from core.retrieval.encoder_files import EncoderModel, find_base

pytestmark = pytest.mark.slow

EVIL = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
class T: pass
"""

LOOP = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder as sentence-transformers saves it."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.base.modules.dense import Dense  # noqa: PLC0415

    bare = write_tiny_encoder(tmp_path_factory.mktemp("bare"), [product.title for product in PRODUCTS])
    (bare / "modules.json").unlink()
    folder = tmp_path_factory.mktemp("encoder")
    model = SentenceTransformer(str(bare))
    model.append(Dense(32, 16))
    model.save(str(folder), create_model_card=False)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged, with a Python file that must not run."""
    copied = Path(shutil.copytree(sound, tmp_path / "encoder"))
    (copied / "evil.py").write_text(EVIL)
    return copied


@pytest.fixture(autouse=True)
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked on the terminal; each time the answer is yes."""
    asked: list[str] = []

    def ask(prompt: str = "") -> str:
        asked.append(prompt)
        return "y"

    monkeypatch.setattr("builtins.input", ask)
    return asked


def edited(name: str, **values: Any) -> Change:
    return lambda folder: (folder / name).write_text(json.dumps({**json.loads((folder / name).read_text()), **values}))


def spoilt(name: str, tensor: str, value: float) -> Change:
    def change(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file  # noqa: PLC0415

        tensors = {key: weight.copy() for key, weight in load_file(folder / name).items()}
        tensors[tensor].flat[3] = value
        save_file(tensors, folder / name, metadata={"format": "pt"})

    return change


def lacking(tensor: str) -> Change:
    def change(folder: Path) -> None:
        from safetensors.numpy import load_file, save_file  # noqa: PLC0415

        tensors = {key: weight.copy() for key, weight in load_file(folder / "model.safetensors").items()}
        del tensors[tensor]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return change


def all_of(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


UNKNOWN = edited("config.json", model_type="nonsense", auto_map={"AutoConfig": "evil.T", "AutoModel": "evil.T"})
OWN_TOKENIZER = edited("tokenizer_config.json", tokenizer_class="Unknown", auto_map={"AutoTokenizer": [None, "evil.T"]})
WEIGHT = "encoder.layer.1.output.dense.weight"

CHANGES: list[tuple[str, Change, str]] = [
    ("own model", UNKNOWN, "config.json cannot be loaded: it names Python code"),
    (
        "own model of a known type",
        edited("config.json", auto_map={"AutoConfig": "evil.T", "AutoModel": "evil.T"}),
        "it names Python code in auto_map (evil.T)",
    ),
    ("own tokenizer and model", all_of(UNKNOWN, OWN_TOKENIZER), "names Python code"),
    ("kernel", edited("config.json", attn_implementation="evil/kernel"), "config.json cannot be loaded"),
    ("NaN", spoilt("model.safetensors", WEIGHT, float("nan")), "model.safetensors cannot be loaded: "),
    ("infinity", spoilt("model.safetensors", WEIGHT, float("inf")), "holds NaN or infinite values"),
    ("NaN computed", edited("config.json", layer_norm_eps=float("nan")), "cannot be loaded: it gives"),
    ("missing weight", lacking(WEIGHT), "the weights do not match it, such as"),
    ("more layers", edited("config.json", num_hidden_layers=3), "config.json cannot be loaded: the weights"),
    ("fewer layers", edited("config.json", num_hidden_layers=1), "config.json cannot be loaded: the weights"),
    ("other shapes", edited("config.json", hidden_size=64), "config.json cannot be loaded: the weights"),
    ("no such activation", edited("config.json", hidden_act="none"), "cannot be loaded"),
    ("a table for a number", edited("config.json", num_attention_heads={}), "cannot be loaded"),
    ("a list for a table", lambda f: (f / "config_sentence_transformers.json").write_text("[]"), "not a JSON object"),
    ("no tokenizer", lambda f: (f / "tokenizer.json").write_bytes(b"\0" * 100), "cannot be loaded"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "why"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
@pytest.mark.parametrize("kind", ["encoder", "cross-encoder"])
def test_it_ends_in_a_sentence(folder: Path, questions: list[str], kind: str, change: Change, why: str) -> None:
    change(folder)
    with pytest.raises(ModelError) as caught:
        _ = load(EncoderModel("e", folder), 64) if kind == "encoder" else load_cross_encoder(folder)
    assert str(folder) in caught.value.message
    assert why in caught.value.message
    assert caught.value.hint
    assert questions == []
    assert not (folder / "ran").exists()


def without_words(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {word: vocabulary[word] for word in vocabulary if word.startswith("[")}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def all_zero(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file  # noqa: PLC0415

    tensors = {name: weight * 0 for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "why"),
    [(without_words, "its tokenizer has no vocabulary"), (all_zero, "it gives all texts the same vector")],
)
def test_an_encoder_to_which_all_texts_are_the_same(folder: Path, change: Change, why: str) -> None:
    change(folder)
    with pytest.raises(ModelError, match=why):
        load(EncoderModel("e", folder), 64)


def vector_of(folder: Path) -> Any:
    return Encoder(find_base(str(folder)), max_tokens=64, batch_size=2).encode(["one lamp"])[0]


def test_weights_in_several_files_give_the_same_vectors(folder: Path) -> None:
    from transformers import AutoModel  # noqa: PLC0415

    whole = vector_of(folder)
    model = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="30KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert float(whole @ vector_of(folder)) == pytest.approx(1, abs=1e-6)


def test_a_plain_transformers_model_is_averaged(folder: Path) -> None:
    bare = folder.parent / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, bare)
    model = find_base(str(bare))
    assert "mean pooling" in model.pooling_note
    shutil.rmtree(folder / "2_Dense")
    modules = json.loads((folder / "modules.json").read_text())[:2]
    (folder / "modules.json").write_text(json.dumps(modules))
    assert "mean" in (folder / "1_Pooling" / "config.json").read_text()
    assert float(vector_of(bare) @ vector_of(folder)) == pytest.approx(1, abs=1e-6)


def test_a_prompt_stands_before_a_text_once(folder: Path) -> None:
    before = vector_of(folder)
    edited(
        "config_sentence_transformers.json", prompts={"query": "find ", "document": ""}, default_prompt_name="query"
    )(folder)
    assert find_base(str(folder)).query_prefix == "find "
    # The text is given with its prefix on.
    assert float(before @ vector_of(folder)) == pytest.approx(1, abs=1e-6)


def test_a_module_with_pickled_or_damaged_weights(folder: Path) -> None:
    dense = folder / "2_Dense"
    spoilt("2_Dense/model.safetensors", "linear.weight", float("nan"))(folder)
    with pytest.raises(ModelError, match=r"2_Dense/model\.safetensors cannot be loaded: 2\.linear\.weight holds NaN"):
        load(EncoderModel("e", folder), 64)
    (dense / "model.safetensors").rename(dense / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"2_Dense/pytorch_model\.bin cannot be loaded: pickled weights can run code"):
        load(EncoderModel("e", folder), 64)


def test_vectors_of_another_dimension_than_declared(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    assert load(EncoderModel("e", folder), 64).get_embedding_dimension() == 32
    edited("1_Pooling/config.json", embedding_dimension=64)(folder)
    with pytest.raises(ModelError, match="its vectors have 32 dimensions, and its configuration says 64"):
        load(EncoderModel("e", folder), 64)


def test_a_chat_template_never_runs(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text(LOOP)
    edited(
        "sentence_bert_config.json",
        modality_config={"message": {"method": "forward", "method_output_name": "last_hidden_state", "format": "flat"}},
        module_output_name="token_embeddings",
    )(folder)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(EncoderModel("e", folder), 64)


def test_vectors_and_scores_of_no_numbers_are_refused_in_the_middle_too(folder: Path) -> None:
    import torch  # noqa: PLC0415

    encoder = Encoder(EncoderModel("e", folder), max_tokens=64, batch_size=2)
    assert encoder.encode(["one"]).shape == (1, 16)
    cross = load_cross_encoder(folder)
    assert encoder._loaded is not None
    for model in (encoder._loaded, cross):
        with torch.no_grad():
            next(model.parameters()).fill_(float("nan"))
    seen: list[object] = []
    with pytest.raises(ModelError, match=rf"{folder} cannot be loaded: it gives vectors with NaN or infinite entries"):
        encoder.encode(["one"], on_chunk=lambda *chunk: seen.append(chunk))
    assert seen == []
    with pytest.raises(ValueError, match="no numbers"):
        predict_log_odds(cross, [("a", "b")])
