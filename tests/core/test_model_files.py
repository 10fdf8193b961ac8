"""What a model's folder may hold: looked at before a library does."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("safetensors", reason="needs the model libraries")

from core.errors import ModelError
from core.model_files import (
    MAX_TEMPLATE,
    check_adapter_files,
    check_encoder_files,
    check_language_model_files,
    check_peft_adapter_files,
    model_errors,
)

HINT = "A way out."
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.base.modules.dense.Dense"},
]
CONFIG = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 400}

Change = Callable[[Path], object]


def weights(path: Path) -> None:
    import numpy as np  # noqa: PLC0415
    from safetensors.numpy import save_file  # noqa: PLC0415

    save_file({"a.weight": np.ones((4, 4), np.float32)}, path)


def write(folder: Path, name: str, value: object) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder of three modules, and a language model and an adapter as far as their files go."""
    made = tmp_path / "model"
    write(made, "config.json", CONFIG)
    write(made, "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "model_max_length": 10**30})
    write(made, "tokenizer.json", {})
    write(made, "modules.json", MODULES)
    write(made, "sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    write(made, "1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    write(made, "2_Dense/config.json", {"activation_function": "torch.nn.modules.activation.Tanh"})
    weights(made / "model.safetensors")
    weights(made / "2_Dense" / "model.safetensors")
    return made


def edited(name: str, **values: Any) -> Change:
    return lambda folder: write(folder, name, {**json.loads((folder / name).read_text()), **values})


def module(**values: str) -> Change:
    return lambda folder: write(folder, "modules.json", [{**MODULES[0], **values}])


def pickled(folder: Path) -> None:
    (folder / "2_Dense" / "model.safetensors").unlink()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(pickle.dumps({"linear.weight": 1}))


def fifo(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def linked(name: str, target: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


def content(name: str, raw: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(raw)


def cut(name: str, keep: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


CODE: list[tuple[Change, str, str]] = [
    (module(type="evil.Module"), "modules.json", "evil.Module"),
    (module(type="os.system"), "modules.json", "os.system"),
    (module(type="sentence_transformers.util.misc.import_from_string"), "modules.json", "import_from_string"),
    (module(type="sentence_transformers.base.modules.router.Router"), "modules.json", "Router"),
    (module(path="../../elsewhere"), "modules.json", "leads out of the folder"),
    (module(path="/etc"), "modules.json", "leads out of the folder"),
    (edited("config.json", attn_implementation="evil/kernel"), "config.json", "attn_implementation names a kernel"),
    (edited("config.json", _attn_implementation="evil/k@main:f"), "config.json", "_attn_implementation names a kernel"),
    (edited("config.json", text_config={"attn_implementation": "evil/kernel"}), "config.json", "names a kernel"),
    (edited("config.json", attn_implementation={"text_config": "evil/kernel"}), "config.json", "names a kernel"),
    (edited("config.json", experts_implementation="evil/kernel"), "config.json", "names a kernel"),
    (edited("config.json", use_kernels=True), "config.json", "use_kernels requests kernels"),
    (edited("config.json", model_file="evil.py"), "config.json", "model_file names Python code"),
    (edited("config.json", transformers_weights="other.safetensors"), "config.json", "other weights"),
    (
        edited("config.json", sentence_transformers={"activation_fn": "torch.distributed.run.main"}),
        "config.json",
        "activation_fn names a function",
    ),
    (
        edited("2_Dense/config.json", activation_function="torch.utils.collect_env.main"),
        "2_Dense/config.json",
        "activation_function names a function",
    ),
    (
        edited("sentence_bert_config.json", model_args={"attn_implementation": "evil/kernel"}),
        "sentence_bert_config.json",
        "names a kernel",
    ),
    (
        edited("sentence_bert_config.json", model_kwargs={"gguf_file": "x.gguf"}),
        "sentence_bert_config.json",
        "gguf_file",
    ),
    (
        edited("sentence_bert_config.json", tokenizer_name_or_path="../evil"),
        "sentence_bert_config.json",
        "refers to another folder",
    ),
    (
        edited("sentence_bert_config.json", modality_config={"text": {"method": "push_to_hub"}}),
        "sentence_bert_config.json",
        "push_to_hub",
    ),
    (pickled, "2_Dense/pytorch_model.bin", "pickled weights can run code"),
    (edited("config.json", auto_map={"AutoModel": "modeling.Model"}), "config.json", "Python code in auto_map"),
    (edited("config.json", text_config={"auto_map": ["evil/code--m.M"]}), "config.json", "evil/code--m.M"),
    (edited("tokenizer_config.json", auto_map={"AutoTokenizer": [None, "evil.T"]}), "tokenizer_config.json", "evil.T"),
    (edited("2_Dense/config.json", auto_map={"AutoModel": "m.M"}), "2_Dense/config.json", "Python code in auto_map"),
    (linked("tokenizer.json", "/etc/hostname"), "tokenizer.json", "leads out of the folder"),
    (linked("unread", "../"), "unread", "leads out of the folder"),
    (linked("2_Dense/vocab.txt", "../.."), "2_Dense/vocab.txt", "leads out of the folder"),
    (lambda folder: write(folder, "adapter_config.json", {"base_model_name_or_path": "evil/base"}),
     "adapter_config.json", "an adapter would change complete weights"),
]  # fmt: skip

DAMAGED: list[tuple[Change, str, str]] = [
    (content("config.json", b""), "config.json", "is damaged"),
    (content("config.json", b"[" * 300_000), "config.json", "nested too deep"),
    (content("config.json", b'{"a": "\xff"}'), "config.json", "not UTF-8 text"),
    (content("config.json", b"[]"), "config.json", "not a JSON object"),
    (content("modules.json", b"{}"), "modules.json", "not a list of modules"),
    (content("modules.json", b'[{"path": 1}]'), "modules.json", "no path or no type"),
    (content("tokenizer_config.json", b'{"a": 1'), "tokenizer_config.json", "is damaged"),
    (edited("config.json", num_hidden_layers=10**7), "config.json", "num_hidden_layers is 10000000"),
    (edited("config.json", vocab_size=10**9), "config.json", "vocab_size is 1000000000"),
    (edited("config.json", hidden_size=10**30), "config.json", "hidden_size is 1000000000"),
    (edited("tokenizer_config.json", chat_template="x" * (MAX_TEMPLATE + 1)), "tokenizer_config.json", "chat template"),
    (content("chat_template.jinja", b"x" * (MAX_TEMPLATE + 1)), "chat_template.jinja", "chat template"),
    (cut("model.safetensors", 100), "model.safetensors", "is damaged"),
    (content("model.safetensors", b""), "model.safetensors", "is damaged"),
    (content("model.safetensors", (2**62).to_bytes(8, "little") + b"{}"), "model.safetensors", "is damaged"),
    (cut("2_Dense/model.safetensors", 20), "2_Dense/model.safetensors", "is damaged"),
    (fifo("config.json"), "config.json", "not a regular file"),
    (fifo("README.md"), "README.md", "not a regular file"),
    (fifo("1_Pooling/config.json"), "1_Pooling/config.json", "not a regular file"),
    (fifo("chat_template.jinja"), "chat_template.jinja", "not a regular file"),
    (linked("tokenizer.json", "/dev/zero"), "tokenizer.json", "not a regular file"),
]


@pytest.mark.parametrize(
    ("change", "file", "why"), [*CODE, *DAMAGED], ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_encoder_that_asks_for_code_or_is_damaged_is_refused(
    folder: Path, change: Change, file: str, why: str
) -> None:
    check_encoder_files(folder, HINT)
    change(folder)
    with pytest.raises(ModelError) as caught:
        check_encoder_files(folder, HINT)
    assert caught.value.message.startswith(f"{folder / file} cannot be loaded: ")
    assert why in caught.value.message
    assert caught.value.hint == HINT


@pytest.mark.parametrize("name", ["model_file", "attn_implementation"])
@pytest.mark.parametrize("check", [check_language_model_files, check_adapter_files])
def test_so_is_a_language_model_and_an_adapter(folder: Path, check: Callable[[Path, str], None], name: str) -> None:
    check(folder, HINT)
    edited("config.json", **{name: "evil/code.py"})(folder)
    with pytest.raises(ModelError, match=f"{name} names"):
        check(folder, HINT)


@pytest.mark.parametrize("check", [check_language_model_files, check_adapter_files])
def test_a_link_out_of_a_judges_folder_is_refused(folder: Path, check: Callable[[Path, str], None]) -> None:
    linked("notes.txt", "/etc/hostname")(folder)
    with pytest.raises(ModelError, match=r"notes\.txt cannot be loaded: it is a link that leads out of the folder"):
        check(folder, HINT)


def test_a_configuration_that_no_memory_holds_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.model_files._MAX_CONFIG_BYTES", 100)
    edited("config.json", padding="x" * 200)(folder)
    with pytest.raises(ModelError, match=r"config\.json cannot be read: it is longer than 100 bytes"):
        check_encoder_files(folder, HINT)


def test_a_vocabulary_must_be_there(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be loaded: it is missing"):
        check_language_model_files(folder, HINT)


def test_the_links_of_the_hub_cache_are_followed_and_dead_ones_are_no_files(folder: Path, tmp_path: Path) -> None:
    cached = tmp_path / "models--owner--name"
    blobs = cached / "blobs"
    blobs.mkdir(parents=True)
    (cached / "snapshots").mkdir()
    folder = folder.rename(cached / "snapshots" / "revision")
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        file.rename(blobs / str(number))
        file.symlink_to(blobs / str(number))
    (folder / "README.md").symlink_to(blobs / "none")
    (folder / "vocab.txt").symlink_to(folder / "vocab.txt")
    check_encoder_files(folder, HINT)
    check_language_model_files(folder, HINT)
    (tmp_path / "link").symlink_to(folder)
    check_encoder_files(tmp_path / "link", HINT)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="leads out of the folder"):
        check_encoder_files(tmp_path / "elsewhere", HINT)


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "tokenizer.json").rename(folder / "words.json")
    (folder / "tokenizer.json").symlink_to("words.json")
    check_encoder_files(folder, HINT)


@pytest.mark.parametrize("check", [check_encoder_files, check_language_model_files])
def test_code_in_the_folder_is_refused_and_that_of_a_known_repository_is_not(
    folder: Path, check: Callable[[Path, str], None]
) -> None:
    edited("config.json", auto_map={"AutoModel": "nomic-ai/nomic-bert-2048--modeling.Model"})(folder)
    check(folder, HINT)
    edited("config.json", auto_map={"AutoModel": "inner.modeling.Model"})(folder)
    (folder / "inner").mkdir()
    (folder / "inner" / "modeling.py").touch()
    with pytest.raises(ModelError, match="names Python code in auto_map"):
        check(folder, HINT)


ADAPTER = {
    "peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["query", "dense"], "init_lora_weights": True,
    "base_model_name_or_path": "/models/base", "auto_mapping": None, "loftq_config": {},
    "megatron_core": "megatron.core", "rank_pattern": {"^encoder.layer.0.query": 1}, "task_type": "FEATURE_EXTRACTION",
}  # fmt: skip


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    import numpy as np  # noqa: PLC0415
    from safetensors.numpy import save_file  # noqa: PLC0415

    made = tmp_path / "adapter"
    write(made, "adapter_config.json", ADAPTER)
    tensors = {
        "a.query.lora_A.weight": np.ones((2, 8), np.float32),
        "a.query.lora_B.weight": np.ones((8, 2), np.float32),
    }
    save_file(tensors, made / "adapter_model.safetensors")
    return made


def pickled_adapter(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def adapter_with(**values: Any) -> Change:
    return edited("adapter_config.json", **values)


@pytest.mark.parametrize(
    ("change", "file", "why"),
    [
        (pickled_adapter, "adapter_model.bin", "pickled weights can run code"),
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "adapter_model.safetensors", "is missing"),
        (lambda folder: (folder / "adapter_config.json").unlink(), "adapter_config.json", "is missing"),
        (cut("adapter_model.safetensors", 40), "adapter_model.safetensors", "is damaged"),
        (content("adapter_config.json", b"{"), "adapter_config.json", "is damaged"),
        (content("adapter_config.json", b"[]"), "adapter_config.json", "not a JSON object"),
        (linked("adapter_model.safetensors", "/etc/hostname"), "adapter_model.safetensors", "leads out of the folder"),
        (adapter_with(base_model_name_or_path="../../etc"), "adapter_config.json", "leads out of the folder"),
        (adapter_with(peft_type="XLORA"), "adapter_config.json", "peft_type is XLORA"),
        (adapter_with(megatron_config={"a": 1}), "adapter_config.json", "it sets megatron_config"),
        (adapter_with(corda_config={"cache_file": "../x.pt"}), "adapter_config.json", "it sets corda_config"),
        (adapter_with(layer_replication=[[0, 10**6]]), "adapter_config.json", "it sets layer_replication"),
        (adapter_with(init_lora_weights="pissa"), "adapter_config.json", "changes the weights of the base"),
        (adapter_with(r=10**9), "adapter_config.json", "the rank is 1000000000, and that of the weights 2"),
        (adapter_with(rank_pattern={"query": 10**9}), "adapter_config.json", "the rank is 1000000000"),
        (adapter_with(target_modules="(a+)+$"), "adapter_config.json", "not the name of a layer"),
        (adapter_with(alpha_pattern={"(a+)+$": 1}), "adapter_config.json", "not the name of a layer"),
        (adapter_with(modules_to_save=7), "adapter_config.json", "not the name of a layer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_adapter_that_asks_for_code_or_is_damaged_is_refused(
    adapter: Path, change: Change, file: str, why: str
) -> None:
    check_peft_adapter_files(adapter, HINT)
    change(adapter)
    with pytest.raises(ModelError) as caught:
        check_peft_adapter_files(adapter, HINT)
    assert caught.value.message.startswith(f"{adapter / file} cannot be loaded: ")
    assert why in caught.value.message
    assert caught.value.hint == HINT


@pytest.mark.parametrize(
    "config",
    [
        {"attn_implementation": "sdpa", "_attn_implementation": None},
        {"auto_map": {"AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"}},  # transformers has this code itself
        {"activation_function": "gelu_new", "hidden_act": "gelu", "method": "anything"},
        {"rope_theta": 10**9, "max_position_embeddings": 131_072, "sliding_window": 4096, "torch_dtype": "bfloat16"},
        {"transformers_weights": "model.safetensors", "quantization": {"group_size": 64, "bits": 4}},
    ],
)
def test_what_published_models_say_is_accepted(folder: Path, config: dict[str, Any]) -> None:
    edited("config.json", **config)(folder)
    check_encoder_files(folder, HINT)
    check_language_model_files(folder, HINT)


def test_both_pickled_and_safe_weights_may_lie_in_a_folder(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"never read")
    check_encoder_files(folder, HINT)


def test_whatever_a_library_raises_is_a_sentence(folder: Path) -> None:
    class PanicException(BaseException):
        pass

    for error, said in (
        (PanicException("called `Option::unwrap()`\non a None"), "called `Option::unwrap()`."),
        (KeyError("x"), "'x'."),
        (MemoryError(), "MemoryError."),
        (RecursionError("too\tdeep."), "too deep."),
    ):
        with pytest.raises(ModelError) as caught, model_errors(folder, HINT):
            raise error
        assert (caught.value.message, caught.value.hint) == (f"{folder} cannot be loaded: {said}", HINT)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ModelError("Mine.", "Own hint.")])
def test_what_is_no_librarys_passes(folder: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, model_errors(folder, HINT):
        raise error
    assert caught.value is error
