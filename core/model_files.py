"""Model folders as files: what a folder asks for is checked before a library opens it, and none of its code ever runs.

Anybody may have written such a folder, or have sent it. The loaders pass `trust_remote_code=False` and never ask for
pickled weights. The checks here are for what those two switches leave open: modules and activations that are imported
by name, attention kernels that are downloaded and run, configuration that leads to other folders, FIFOs that never
answer, declared sizes that no memory holds, and damaged files.
"""

import errno
import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from labels.errors import SameskuError
from labels.files import read_bounded

#: The largest published `tokenizer_config.json` have a few megabytes.
_MAX_CONFIG_BYTES = 32 * 2**20
#: Characters of a chat template; published ones have some 30,000 at most.
MAX_TEMPLATE = 262_144

#: Activations are imported by name and called.
_ACTIVATION = re.compile(r"torch\.nn\.(modules\.[a-z]+\.)?[A-Z]\w*")
#: What sentence-transformers may call on a model for its output.
_METHOD = re.compile(r"forward|get_[a-z]+_features")
#: Arguments of `from_pretrained` that a configuration may give: they lead to no other file and to no code.
_ARGUMENTS = frozenset({"attn_implementation", "dtype", "model_max_length", "padding_side", "torch_dtype", "use_cache"})
_ARGUMENT_GROUPS = frozenset(
    {"model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"}
)
#: Ten times as many as any published model has.
_MAX_LAYERS = 2_000
_LAYERS = re.compile(r"(num_)?(hidden_|encoder_|decoder_)?layers|n_layers?|num_blocks")
_WIDTHS = ("hidden_size", "d_model", "n_embd", "dim")
_EXTENTS = re.compile(r"(\w*_)?(size|dim|heads?|labels|embeddings|positions|experts|buckets)")
#: A declared matrix has no more elements than the first, or than the second for each byte of the weights: at 2 bits a
#: weight a byte holds four. Libraries allocate what is declared before they see that the file holds something else.
_MIN_ELEMENTS, _ELEMENTS_A_BYTE = 2**28, 8


class RefusedError(Exception):
    """A file, and why it is not loaded."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(why)
        self.file = file
        self.why = why


def check_config(path: Path, weight_bytes: int) -> None:
    """Check one configuration file.

    Args:
        path: the file.
        weight_bytes: how large the weights are that it describes.

    Raises:
        RefusedError: it asks for something that is never done, or is damaged.
        OSError: it cannot be read, or is far too long.
    """
    config = parsed(path)
    if path.name != "modules.json" and not isinstance(config, dict):
        raise RefusedError(path, "it is no JSON object")
    for table in tables(config):
        for key, value in table.items():
            _check_code(path, key, value)
            _check_elsewhere(path, key, value)
        if path.name == "config.json":
            _check_extents(path, table, max(_MIN_ELEMENTS, _ELEMENTS_A_BYTE * weight_bytes))
    template = config.get("chat_template") if isinstance(config, dict) else None
    if template is not None and len(json.dumps(template)) > MAX_TEMPLATE:
        raise RefusedError(path, f"no chat template has more than {MAX_TEMPLATE:,} characters")


def parsed(path: Path) -> Any:
    """The JSON in a file.

    Raises:
        RefusedError: there is none in it.
        OSError: it cannot be read, or is far too long.
    """
    try:
        return json.loads(read_bounded(path, _MAX_CONFIG_BYTES, follow_links=True).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RefusedError(path, "it is damaged (it is no UTF-8 text)") from error
    except RecursionError as error:
        raise RefusedError(path, "it is damaged (it is nested too deep)") from error
    except ValueError as error:
        raise RefusedError(path, f"it is damaged ({error})") from error


def tables(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value, the outermost first."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _check_code(path: Path, key: str, value: Any) -> None:
    """Refuse what makes a library run or fetch code whatever `trust_remote_code` says."""
    texts = [text for text in (value.values() if isinstance(value, dict) else [value]) if isinstance(text, str)]
    if key.endswith(("attn_implementation", "experts_implementation")) and set("/:|") & set("".join(texts)):
        raise RefusedError(path, f"{key} names a kernel to download and run, and no code of a model is run")
    if key in {"use_kernels", "kernel_config", "allow_all_kernels"} and value:
        raise RefusedError(path, f"{key} asks for kernels to download and run, and no code of a model is run")
    if key == "model_file" and value:
        raise RefusedError(path, "model_file names code of its own, and no code of a model is run")
    if "activation" in key and any(t.startswith("torch.") and not _ACTIVATION.fullmatch(t) for t in texts):
        raise RefusedError(path, f"{key} names a function that is no activation of torch.nn")
    if key == "method" and path.name.startswith("sentence_") and not all(map(_METHOD.fullmatch, texts)):
        raise RefusedError(path, f"{key} names {texts[0][:100]}, which gives no output of a model")


def _check_elsewhere(path: Path, key: str, value: Any) -> None:
    """Refuse what leads to files that were not checked, or whose digest was not taken."""
    if key == "transformers_weights" and value not in (None, "model.safetensors"):
        raise RefusedError(path, f"{key} names other weights than model.safetensors")
    if key == "tokenizer_name_or_path" and path.name.startswith("sentence_") and value is not None:
        raise RefusedError(path, f"{key} leads to another folder")
    if key in _ARGUMENT_GROUPS and value:
        unknown = sorted(set(value) - _ARGUMENTS) if isinstance(value, dict) else [key]
        if unknown:
            raise RefusedError(path, f"{key} gives {unknown[0][:100]}, and only harmless arguments are passed on")


def _check_extents(path: Path, table: dict[str, Any], elements: int) -> None:
    """Refuse sizes that no weights of this file's size have."""
    width = next((table[name] for name in _WIDTHS if isinstance(table.get(name), int)), 1)
    for key, value in table.items():
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if _LAYERS.fullmatch(key) and value > _MAX_LAYERS:
            raise RefusedError(path, f"{key} is {str(value)[:20]}, more than any model has")
        if _EXTENTS.fullmatch(key) and abs(value) * abs(width) > elements:
            raise RefusedError(path, f"{key} is {str(value)[:20]}, far more than the weights hold")


#: Files besides the weights: `tokenizer.json` with a vocabulary of 260,000 tokens has 35 megabytes.
_MAX_FILE_BYTES = 512 * 2**20
#: What the libraries read as configuration.
_CONFIGS = (
    "config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "processor_config.json", "preprocessor_config.json", "chat_template.json", "config_sentence_transformers.json",
    "modules.json", "adapter_config.json", "hf_quant_config.json", "model.safetensors.index.json",
    *(f"sentence_{kind}_config.json" for kind in (
        "bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet",
    )),
)  # fmt: skip
#: One of these is a vocabulary; without any transformers makes an empty tokenizer.
_VOCABULARIES = ("tokenizer.json", "*.model", "vocab.json", "vocab.txt", "tekken.json", "*.tiktoken")
#: The modules of sentence-transformers that make a vector of a text and read nothing but their own folder.
_MODULES = frozenset(
    {
        "Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "Dropout", "WeightedLayerPooling", "CNN", "LSTM",
        "StaticEmbedding",
    }
)  # fmt: skip
#: Those of them that read text, and those that have weights.
_READING = frozenset({"Transformer", "StaticEmbedding"})
_WEIGHTED = _READING | {"Dense", "LayerNorm", "WeightedLayerPooling", "CNN", "LSTM"}
#: The configuration that a module cannot do without; nothing where it can.
_CONFIG_OF = {
    **dict.fromkeys(("Dropout", "Normalize", "StaticEmbedding"), ""),
    "CNN": "cnn_config.json",
    "LSTM": "lstm_config.json",
}
#: A part of weights that are too large for one file. No published model has as many parts.
_SHARD = re.compile(r"(?P<begin>\w[\w.-]*-)(?P<n>\d{1,6})-of-(?P<of>\d{1,6})\.safetensors")
_MAX_SHARDS = 10_000
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def check_encoder_files(folder: Path, hint: str) -> None:
    """Check the folder of an encoder or a cross-encoder, in the layout of sentence-transformers.

    Args:
        folder: where the model lies.
        hint: the way out that the error gives.

    Raises:
        ModelError: a file asks for something that is never done, or is damaged: which, and why.
    """
    with _as_model_error(hint):
        _check_folder(folder, weights="model*.safetensors")
        adapter = folder / "adapter_config.json"
        if adapter.exists():
            alone = not any(folder.glob("model*.safetensors"))
            why = "an adapter alone is no encoder" if alone else "an adapter would change weights that are complete"
            raise RefusedError(adapter, f"{why}; merge it into its base first")
        modules = encoder_modules(folder)
        for module in modules:
            if module.folder != folder and module.folder.is_dir():
                _check_folder(module.folder, weights="*.safetensors")
            _check_parts(module)


def check_language_model_files(folder: Path, hint: str) -> None:
    """Check the folder of a language model for mlx-lm.

    Args:
        folder: where the model lies.
        hint: the way out that the error gives.

    Raises:
        ModelError: a file asks for something that is never done, or is damaged: which, and why.
    """
    with _as_model_error(hint):
        _check_folder(folder, weights="model*.safetensors")
        _check_vocabulary(folder)


def check_adapter_files(folder: Path, hint: str) -> None:
    """Check the folder of a LoRA adapter, of peft or of mlx-lm.

    Args:
        folder: where the adapter lies.
        hint: the way out that the error gives.

    Raises:
        ModelError: a file asks for something that is never done, or is damaged: which, and why.
    """
    with _as_model_error(hint):
        _check_folder(folder, weights="*.safetensors")


@contextmanager
def model_errors(source: Path, hint: str) -> Iterator[None]:
    """Turn whatever a model library raises over a model, on loading or in use, into a sentence.

    Args:
        source: the model's folder.
        hint: the way out that the error gives.

    Raises:
        ModelError: a library raised anything; samesku's own errors and what ends the process pass.
    """
    try:
        yield
    except (SameskuError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic in the Rust of a tokenizer is no Exception
        named = _file_naming_code(source) if "trust_remote_code" in str(error) else None
        if named is not None:
            message = f"{named} cannot be loaded: it names code of its own, and no code of a model is run."
            raise ModelError(message, hint) from error
        said = " ".join(str(error).partition("\n")[0].split()).rstrip(".") or type(error).__name__
        raise ModelError(f"{source} cannot be loaded: {said}.", hint) from error


def weights_file_with(folder: Path, tensor: str) -> Path:
    """The file of a model that holds a tensor of that name, or of a name that ends alike; else the first one."""
    from safetensors import safe_open

    files = sorted(folder.rglob("*.safetensors"))
    for file in files:
        with safe_open(str(file), framework="numpy") as opened:
            if any(tensor.endswith(name) or name.endswith(tensor) for name in opened.keys()):  # noqa: SIM118 - no dict
                return file
    return files[0] if files else folder / "model.safetensors"


@contextmanager
def _as_model_error(hint: str) -> Iterator[None]:
    try:
        yield
    except RefusedError as refused:
        raise ModelError(f"{refused.file} cannot be loaded: {refused.why}.", hint) from None
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.", hint) from error


def _check_folder(folder: Path, weights: str) -> None:
    """The files of one folder: what they are, whether the weights are whole, and what the configuration asks for."""
    for entry in sorted(folder.iterdir()):
        _check_kind(entry)
    files = sorted(folder.glob(weights))
    _check_shards(folder, {file.name for file in files})
    for file in files:
        _check_weights(file)
    weight_bytes = sum(file.stat().st_size for file in files)
    for name in _CONFIGS:
        if (folder / name).exists():
            check_config(folder / name, weight_bytes)
    template = folder / "chat_template.jinja"
    if template.exists() and template.stat().st_size > MAX_TEMPLATE:
        raise RefusedError(template, f"no chat template has more than {MAX_TEMPLATE:,} bytes")


def _check_kind(entry: Path) -> None:
    """Refuse a FIFO or a device, which the libraries would wait for, and what is far too large.

    Links are followed: the Hugging Face cache is made of them. One that leads nowhere is no file to the libraries.
    """
    try:
        facts = entry.stat()
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP}:
            return
        raise
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        raise RefusedError(entry, "it is no regular file")
    if entry.suffix in {".json", ".jinja", ".txt", ".md", ".model"} and facts.st_size > _MAX_FILE_BYTES:
        raise RefusedError(entry, f"it is larger than {_MAX_FILE_BYTES:,} bytes")


def _check_shards(folder: Path, names: set[str]) -> None:
    """Whether all shards are there, as their names count them: model-00001-of-00003.safetensors."""
    if "model.safetensors" in names:
        return
    for name in sorted(names):
        if (shard := _SHARD.fullmatch(name)) and int(shard["of"]) <= _MAX_SHARDS:
            begin, of, digits = shard["begin"], shard["of"], len(shard["n"])
            wanted = (f"{begin}{number:0{digits}}-of-{of}.safetensors" for number in range(1, int(of) + 1))
            if missing := next((each for each in wanted if each not in names), None):
                raise RefusedError(folder / missing, f"it is missing; {name} is another part of the same weights")


def _check_weights(file: Path) -> None:
    """Whether the header describes the file to its last byte; no weight is read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise RefusedError(file, f"it is damaged ({str(error).rstrip('.')})") from error


def weight_files(folder: Path) -> list[Path]:
    """The files of weights in a folder that a library reads: one, or the shards that an index names; none at all.

    Raises:
        RefusedError: a shard is missing, there are shards without an index, or the index is damaged.
        OSError: the index cannot be read.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.exists():
        return [whole]
    if not index.exists():
        if any(folder.glob("model-*-of-*.safetensors")):
            raise RefusedError(index, "it is missing, and it says which of the shards beside it holds what")
        return []
    told = parsed(index)
    names = set(told["weight_map"].values()) if isinstance(told, dict) and _is_map(told.get("weight_map")) else set()
    if not names or not all(name.endswith(".safetensors") and Path(name).name == name for name in names):
        raise RefusedError(index, "it is damaged (it names no shards in this folder)")
    shards = [folder / name for name in sorted(names)]
    for shard in shards:
        if not shard.is_file():
            raise RefusedError(shard, f"it is missing, and {index.name} names it")
    return shards


def _is_map(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value.values())


def _check_parts(module: "EncoderModule") -> None:
    """Whether a module has all that it is made of: what lacks, a library makes up, or fails over in its own words."""
    config, why = _CONFIG_OF.get(module.kind, "config.json"), f"it is missing, and the module {module.kind} needs it"
    if config and not (module.folder / config).is_file():
        raise RefusedError(module.folder / config, why)
    if module.kind == "Pooling":
        _check_pooling(module.folder / config)
    if module.kind in _WEIGHTED and not weight_files(module.folder):
        pickled = next((file for ending in _PICKLED for file in sorted(module.folder.glob(ending))), None)
        if pickled is not None:
            raise RefusedError(pickled, "pickled weights can run code, and are never loaded")
        raise RefusedError(module.folder / "model.safetensors", why)
    if module.kind in _READING:
        _check_vocabulary(module.folder)


def _check_pooling(path: Path) -> None:
    told = parsed(path)
    if not isinstance(told, dict) or not told.keys() & {"embedding_dimension", "word_embedding_dimension"}:
        raise RefusedError(path, "it does not say how long a vector is (embedding_dimension)")


def _check_vocabulary(folder: Path) -> None:
    if not any(file.is_file() for name in _VOCABULARIES for file in folder.glob(name)):
        raise RefusedError(
            folder / "tokenizer.json",
            "it is missing, and so is any other vocabulary: all texts would be the same to the model",
        )


@dataclass(frozen=True, slots=True)
class EncoderModule:
    """One of the modules that a text passes on its way to a vector: its kind, and the folder of its files."""

    kind: str
    folder: Path


def encoder_modules(folder: Path) -> list[EncoderModule]:
    """The modules of an encoder in their order; of a plain transformers model, its transformer alone.

    Raises:
        RefusedError: one is none that is loaded here, or leads out of the folder, or modules.json is damaged.
        OSError: modules.json cannot be read.
    """
    path = folder / "modules.json"
    modules = parsed(path) if path.exists() else []
    if not isinstance(modules, list):
        raise RefusedError(path, "it is no list of modules")
    found = []
    for module in modules:
        if not isinstance(module, dict) or not all(isinstance(module.get(key), str) for key in ("path", "type")):
            raise RefusedError(path, "a module in it has no path or no type")
        name = module["type"]
        if not name.startswith("sentence_transformers.") or name.rpartition(".")[2] not in _MODULES:
            raise RefusedError(path, f"it names the module {name[:100]}, which is none that is loaded here")
        inner = Path(module["path"])
        if inner.is_absolute() or ".." in inner.parts:
            raise RefusedError(path, f"the module's path {module['path'][:100]} leads out of the folder")
        found.append(EncoderModule(name.rpartition(".")[2], folder / inner))
    return found or [EncoderModule("Transformer", folder)]


def _file_naming_code(folder: Path) -> Path | None:
    """The file that names classes of the folder's own, which transformers would have to import."""
    for name in _CONFIGS:
        try:
            if any(table.get("auto_map") for table in tables(parsed(folder / name))):
                return folder / name
        except (RefusedError, OSError):
            continue
    return None
