"""Checks of untrusted model folders, made before a library opens them: no code of a model is ever run.

The loaders pass `trust_remote_code=False` and never load pickled weights. The checks in this module cover what those
two switches leave open: modules and activations that are imported by name, attention kernels that are downloaded and
run, configuration and links that lead out of the folder, FIFOs that block forever, declared sizes that exceed any
memory, and damaged files.
"""

import errno
import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from core.errors import ModelError
from labels.errors import SameskuError
from labels.files import read_bounded

#: The largest published `tokenizer_config.json` has a few megabytes.
_MAX_CONFIG_BYTES = 32 * 2**20
#: Maximum characters of a chat template; published ones have up to some 30,000.
MAX_TEMPLATE = 262_144

#: Activation functions that a configuration may name; they are imported by name and called.
_ACTIVATION = re.compile(r"torch\.nn\.(modules\.[a-z]+\.)?[A-Z]\w*")
#: Methods of a model that sentence-transformers may be configured to call for its output.
_METHOD = re.compile(r"forward|get_[a-z]+_features")
#: Arguments of `from_pretrained` that a configuration may set: they refer to no other file and to no code.
_ARGUMENTS = frozenset({"attn_implementation", "dtype", "model_max_length", "padding_side", "torch_dtype", "use_cache"})
_ARGUMENT_GROUPS = frozenset(
    {"model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"}
)
#: Ten times the layers of the deepest published model.
_MAX_LAYERS = 2_000
_LAYER_KEYS = re.compile(r"(num_)?(hidden_|encoder_|decoder_)?layers|n_layers?|num_blocks")
_WIDTH_KEYS = ("hidden_size", "d_model", "n_embd", "dim")
_SIZE_KEYS = re.compile(r"(\w*_)?(size|dim|heads?|labels|embeddings|positions|experts|buckets)")
#: Limit of the elements of a declared matrix: the larger of the first number, and the second per byte of weights (four
#: fit into a byte at 2 bits per weight). Libraries allocate the declared size before they read the weights.
_ALWAYS_ALLOWED_ELEMENTS, _MAX_ELEMENTS_PER_BYTE = 2**28, 8


class RefusedError(Exception):
    """A file of a model is not loaded: which, and why."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(why)
        self.file = file
        self.why = why


def check_config(path: Path, weight_bytes: int) -> None:
    """Check one configuration file.

    Args:
        path: the file.
        weight_bytes: size of the weights that it describes.

    Raises:
        RefusedError: it requests something unsafe, or is damaged.
        OSError: it cannot be read, or is too long.
    """
    config = read_json(path)
    if path.name != "modules.json" and not isinstance(config, dict):
        raise RefusedError(path, "it is not a JSON object")
    for table in json_objects(config):
        for key, value in table.items():
            _check_code(path, key, value)
            _check_references(path, key, value)
        if path.name == "config.json":
            _check_sizes(path, table, max(_ALWAYS_ALLOWED_ELEMENTS, _MAX_ELEMENTS_PER_BYTE * weight_bytes))
    template = config.get("chat_template") if isinstance(config, dict) else None
    if template is not None and len(json.dumps(template)) > MAX_TEMPLATE:
        raise RefusedError(path, f"a chat template has at most {MAX_TEMPLATE:,} characters")


def read_json(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
        RefusedError: it is not valid JSON.
        OSError: it cannot be read, or is too long.
    """
    try:
        return json.loads(read_bounded(path, _MAX_CONFIG_BYTES, follow_links=True).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RefusedError(path, "it is damaged (it is not UTF-8 text)") from error
    except RecursionError as error:
        raise RefusedError(path, "it is damaged (it is nested too deeply)") from error
    except ValueError as error:
        raise RefusedError(path, f"it is damaged ({error})") from error


def json_objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value, at any depth, the outermost first."""
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            yield current
            stack += current.values()
        elif isinstance(current, list):
            stack += current


def _check_code(path: Path, key: str, value: Any) -> None:
    """Refuse settings that make a library run or fetch code regardless of `trust_remote_code`."""
    texts = [text for text in (value.values() if isinstance(value, dict) else [value]) if isinstance(text, str)]
    if key.endswith(("attn_implementation", "experts_implementation")) and set("/:|") & set("".join(texts)):
        raise RefusedError(path, f"{key} names a kernel to download and run; code of a model is never run")
    if key in {"use_kernels", "kernel_config", "allow_all_kernels"} and value:
        raise RefusedError(path, f"{key} requests kernels to download and run; code of a model is never run")
    if key == "model_file" and value:
        raise RefusedError(path, "model_file names Python code; code of a model is never run")
    if "activation" in key and any(t.startswith("torch.") and not _ACTIVATION.fullmatch(t) for t in texts):
        raise RefusedError(path, f"{key} names a function that is not an activation of torch.nn")
    if key == "method" and path.name.startswith("sentence_") and not all(map(_METHOD.fullmatch, texts)):
        raise RefusedError(path, f"{key} names {texts[0][:100]}, which is not an output method of a model")


def _check_references(path: Path, key: str, value: Any) -> None:
    """Refuse references to files that are neither checked nor part of the model's digest."""
    if key == "transformers_weights" and value not in (None, "model.safetensors"):
        raise RefusedError(path, f"{key} names other weights than model.safetensors")
    if key == "tokenizer_name_or_path" and path.name.startswith("sentence_") and value is not None:
        raise RefusedError(path, f"{key} refers to another folder")
    if key in _ARGUMENT_GROUPS and value:
        unknown = sorted(set(value) - _ARGUMENTS) if isinstance(value, dict) else [key]
        if unknown:
            raise RefusedError(path, f"{key} sets {unknown[0][:100]}, which is not an allowed argument")


def _check_sizes(path: Path, table: dict[str, Any], max_elements: int) -> None:
    """Refuse declared sizes that do not fit the size of the weights."""
    width = next((table[name] for name in _WIDTH_KEYS if isinstance(table.get(name), int)), 1)
    for key, value in table.items():
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if _LAYER_KEYS.fullmatch(key) and value > _MAX_LAYERS:
            raise RefusedError(path, f"{key} is {str(value)[:20]}, more than any model has")
        if _SIZE_KEYS.fullmatch(key) and abs(value) * abs(width) > max_elements:
            raise RefusedError(path, f"{key} is {str(value)[:20]}, far more than the weights hold")


#: Limit of a file other than the weights: `tokenizer.json` with a vocabulary of 260,000 tokens has 35 megabytes.
_MAX_FILE_BYTES = 512 * 2**20
#: The files that the libraries read as configuration.
_CONFIGS = (
    "config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "processor_config.json", "preprocessor_config.json", "chat_template.json", "config_sentence_transformers.json",
    "modules.json", "adapter_config.json", "hf_quant_config.json", "model.safetensors.index.json",
    *(f"sentence_{kind}_config.json" for kind in (
        "bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet",
    )),
)  # fmt: skip
#: Vocabulary files. Without any of them, transformers creates an empty tokenizer.
_VOCABULARIES = ("tokenizer.json", "*.model", "vocab.json", "vocab.txt", "tekken.json", "*.tiktoken")
#: Modules of sentence-transformers that turn text into a vector and read nothing outside their own folder.
_MODULES = frozenset(
    {
        "Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "Dropout", "WeightedLayerPooling", "CNN", "LSTM",
        "StaticEmbedding",
    }
)  # fmt: skip
#: Those that tokenize text, and those that have weights.
_TEXT_MODULES = frozenset({"Transformer", "StaticEmbedding"})
_WEIGHTED_MODULES = _TEXT_MODULES | {"Dense", "LayerNorm", "WeightedLayerPooling", "CNN", "LSTM"}
#: The required configuration file by module, `config.json` unless listed; empty if none is required.
_CONFIG_OF = {
    **dict.fromkeys(("Dropout", "Normalize", "StaticEmbedding"), ""),
    "CNN": "cnn_config.json",
    "LSTM": "lstm_config.json",
}
#: A shard of weights that are split over several files, and a limit above the shards of any published model.
_SHARD = re.compile(r"(?P<begin>\w[\w.-]*-)(?P<n>\d{1,6})-of-(?P<of>\d{1,6})\.safetensors")
_MAX_SHARDS = 10_000
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
#: Repositories whose code transformers has by itself. Encoders on the hub name them; the code is never downloaded.
_NATIVE_CODE = frozenset({"nomic-ai/nomic-bert-2048", "Alibaba-NLP/new-impl"})
#: Keys of a LoRA configuration of peft that refer to no file and no code. Any other key has to be empty.
_ADAPTER_KEYS = frozenset(
    {
        "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "ensure_weight_tying", "exclude_modules",
        "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha",
        "lora_bias", "lora_dropout", "megatron_core", "modules_to_save", "peft_type", "peft_version",
        "qalora_group_size", "r", "rank_pattern", "revision", "target_modules", "task_type", "use_dora", "use_rslora",
    }
)  # fmt: skip
#: Keys with names of layers, which peft takes for regular expressions, and a name as it is written without any.
_LAYER_NAME_KEYS = ("alpha_pattern", "exclude_modules", "layers_pattern", "modules_to_save", "rank_pattern",
                    "target_modules")  # fmt: skip
_LAYER_NAME = re.compile(r"\^?[\w.-]{1,300}")
#: Initial values of an adapter that leave the weights of its base as they are.
_PLAIN_INITIAL_VALUES = (True, False, None, "gaussian")


def check_encoder_files(folder: Path, hint: str) -> None:
    """Check the folder of an encoder or a cross-encoder, in the layout of sentence-transformers.

    Args:
        folder: the model's folder.
        hint: the hint of the error.

    Raises:
        ModelError: a file requests something unsafe, or is damaged.
    """
    with _as_model_error(hint):
        _check_folder(folder, weights="model*.safetensors")
        _check_custom_code(folder, anywhere=True)
        adapter = folder / "adapter_config.json"
        if adapter.exists():
            has_base = any(folder.glob("model*.safetensors"))
            why = "an adapter would change complete weights" if has_base else "an adapter alone is not an encoder"
            raise RefusedError(adapter, f"{why}; merge it into its base model first")
        for module in encoder_modules(folder):
            if module.folder != folder and module.folder.is_dir():
                _check_link(module.folder, _link_targets(folder))
                _check_folder(module.folder, weights="*.safetensors", root=folder)
                _check_custom_code(module.folder, anywhere=True)
            _check_module(module)


def check_language_model_files(folder: Path, hint: str) -> None:
    """Check the folder of a language model for mlx-lm. Arguments and errors as for `check_encoder_files`."""
    with _as_model_error(hint):
        _check_folder(folder, weights="model*.safetensors")
        # mlx-lm has its own code for all models that it runs, many of which name that of their authors.
        _check_custom_code(folder, anywhere=False)
        _check_vocabulary(folder)


def check_adapter_files(folder: Path, hint: str) -> None:
    """Check the folder of a LoRA adapter, of peft or mlx-lm. Arguments and errors as for `check_encoder_files`."""
    with _as_model_error(hint):
        _check_folder(folder, weights="*.safetensors")


def check_peft_adapter_files(folder: Path, hint: str) -> None:
    """Check the folder of a LoRA adapter of peft. Arguments and errors as for `check_encoder_files`."""
    config, weights = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    with _as_model_error(hint):
        if not folder.is_dir():
            raise RefusedError(folder, "there is no such folder")
        if not config.is_file():
            raise RefusedError(config, "it is missing; a folder with an adapter of peft holds it")
        _check_folder(folder, weights="*.safetensors")
        if not weights.is_file():
            pickled = next((file for ending in _PICKLED for file in sorted(folder.glob(ending))), None)
            if pickled is not None:
                raise RefusedError(pickled, "pickled weights can run code and are never loaded")
            raise RefusedError(weights, "it is missing")
        _check_adapter_config(config, weights)


def _check_adapter_config(path: Path, weights: Path) -> None:
    """Refuse what peft would import, read elsewhere, allocate or match without limit."""
    config = read_json(path)
    if config.get("peft_type") != "LORA":
        kind = str(config.get("peft_type"))[:100]
        raise RefusedError(path, f"peft_type is {kind}; only adapters of the type LORA can be merged")
    if unknown := next((key for key, value in sorted(config.items()) if value and key not in _ADAPTER_KEYS), None):
        raise RefusedError(path, f"it sets {unknown[:100]}, which is not an allowed key")
    base = config.get("base_model_name_or_path") or ""
    if not isinstance(base, str) or ".." in Path(base).parts:
        raise RefusedError(path, f"base_model_name_or_path {str(base)[:100]} leads out of the folder")
    for key in _LAYER_NAME_KEYS:
        names = config.get(key) or []
        # A mapping is iterated by its keys.
        for name in [names] if isinstance(names, str) else names if isinstance(names, list | dict) else [None]:
            if not isinstance(name, str) or not _LAYER_NAME.fullmatch(name):
                raise RefusedError(path, f"{key} has {str(name)[:100]}, which is not the name of a layer")
    if (value := config.get("init_lora_weights")) not in _PLAIN_INITIAL_VALUES:
        raise RefusedError(path, f"init_lora_weights is {str(value)[:100]}, which changes the weights of the base")
    _check_rank(path, config, weights)


def _check_rank(path: Path, config: dict[str, Any], weights: Path) -> None:
    """Refuse ranks that the weights do not have: peft allocates the declared size before it reads them."""
    from safetensors import safe_open

    with safe_open(str(weights), framework="numpy") as opened:
        shapes = [opened.get_slice(name).get_shape() for name in opened.keys() if ".lora_" in name]  # noqa: SIM118 - not a dict
    largest = max((min(shape) for shape in shapes if len(shape) > 1), default=0)
    pattern = config.get("rank_pattern") or {}
    for rank in [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [])]:
        if not isinstance(rank, int) or not 1 <= rank <= largest:
            raise RefusedError(path, f"the rank is {str(rank)[:20]}, and that of the weights {largest}")


@contextmanager
def model_errors(source: Path, hint: str) -> Iterator[None]:
    """Turn any exception of a model library, on loading or in use, into a ModelError.

    samesku's own errors pass through, as do those that end the process.

    Args:
        source: the model's folder.
        hint: the hint of the error.
    """
    try:
        yield
    except (SameskuError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a Rust panic in a tokenizer is not an Exception
        file = _file_with_custom_code(source) if "trust_remote_code" in str(error) else None
        if file is not None:
            message = f"{file} cannot be loaded: it names Python code; code of a model is never run."
            raise ModelError(message, hint) from error
        reason = " ".join(str(error).partition("\n")[0].split()).rstrip(".") or type(error).__name__
        raise ModelError(f"{source} cannot be loaded: {reason}.", hint) from error


def weights_file_with(folder: Path, tensor: str) -> Path:
    """The weights file with a tensor of this name (or one name a suffix of the other), else the first file."""
    from safetensors import safe_open

    files = sorted(folder.rglob("*.safetensors"))
    for file in files:
        with safe_open(str(file), framework="numpy") as opened:
            if any(tensor.endswith(name) or name.endswith(tensor) for name in opened.keys()):  # noqa: SIM118 - not a dict
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


def _check_folder(folder: Path, weights: str, root: Path | None = None) -> None:
    """Check the files of one folder: their kinds and sizes, the weights for completeness, and the configuration.

    Args:
        folder: of the files.
        weights: pattern of the names of the weights.
        root: folder of the model, if `folder` is that of one of its modules.
    """
    targets = _link_targets(root or folder)
    for entry in sorted(folder.iterdir()):
        _check_kind(entry)
        _check_link(entry, targets)
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
        raise RefusedError(template, f"a chat template has at most {MAX_TEMPLATE:,} bytes")


def _link_targets(folder: Path) -> list[Path]:
    """Where the links of a model's folder may lead: into itself, and in the Hugging Face cache to its own blobs."""
    real = folder.resolve()
    in_cache = real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--")
    return [real, real.parent.parent / "blobs"] if in_cache else [real]


def _check_link(entry: Path, targets: list[Path]) -> None:
    """Refuse a link that leads out of the model: what is read there is neither the model's nor meant to be read."""
    if not entry.is_symlink():
        return
    try:
        real = entry.resolve(strict=True)
    except (OSError, RuntimeError):
        return  # broken, or a link to itself
    if not any(real.is_relative_to(target) for target in targets):
        raise RefusedError(entry, "it is a link that leads out of the folder")


def _check_custom_code(folder: Path, *, anywhere: bool) -> None:
    """Refuse Python code that a configuration names in `auto_map`.

    The code would not run, since `trust_remote_code` is off, but the library would silently use its own instead.

    Args:
        folder: of the configuration.
        anywhere: refuse code in a repository on the hub and code that is missing too, not only code in the folder.
    """
    for name in _CONFIGS:
        path = folder / name
        for table in json_objects(read_json(path)) if path.exists() else ():
            for reference in _code_references(table.get("auto_map")):
                repository, _, inner = reference.rpartition("--")
                module = inner.rpartition(".")[0].replace(".", "/")
                is_inside = not repository and (folder / f"{module}.py").exists()
                if is_inside or (anywhere and repository not in _NATIVE_CODE):
                    why = f"it names Python code in auto_map ({reference[:100]}); code of a model is never run"
                    raise RefusedError(path, why)


def _code_references(auto_map: Any) -> list[str]:
    """The classes that `auto_map` names, such as `modeling.Model` or `owner/name--modeling.Model`."""
    classes = auto_map.values() if isinstance(auto_map, dict) else [auto_map]
    return [str(name) for each in classes for name in (each if isinstance(each, list) else [each]) if name]


def _check_kind(entry: Path) -> None:
    """Refuse FIFOs and devices, on which the libraries would block, and oversized files.

    The libraries ignore broken links.
    """
    try:
        facts = entry.stat()
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP}:
            return
        raise
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        raise RefusedError(entry, "it is not a regular file")
    if entry.suffix in {".json", ".jinja", ".txt", ".md", ".model"} and facts.st_size > _MAX_FILE_BYTES:
        raise RefusedError(entry, f"it is larger than {_MAX_FILE_BYTES:,} bytes")


def _check_shards(folder: Path, names: set[str]) -> None:
    """Check that all shards exist, by the numbers in their names: model-00001-of-00003.safetensors."""
    if "model.safetensors" in names:
        return
    for name in sorted(names):
        if (shard := _SHARD.fullmatch(name)) and int(shard["of"]) <= _MAX_SHARDS:
            begin, of, digits = shard["begin"], shard["of"], len(shard["n"])
            expected = (f"{begin}{number:0{digits}}-of-{of}.safetensors" for number in range(1, int(of) + 1))
            if missing := next((each for each in expected if each not in names), None):
                raise RefusedError(folder / missing, f"it is missing; {name} is another shard of the same weights")


def _check_weights(file: Path) -> None:
    """Check that the header matches the file's length; weights are not read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise RefusedError(file, f"it is damaged ({str(error).rstrip('.')})") from error


def weight_files(folder: Path) -> list[Path]:
    """The weights files in a folder that a library reads: none, one, or the shards named by an index.

    Raises:
        RefusedError: a shard is missing, there are shards without an index, or the index is damaged.
        OSError: the index cannot be read.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.exists():
        return [whole]
    if not index.exists():
        if any(folder.glob("model-*-of-*.safetensors")):
            raise RefusedError(index, "it is missing; it lists the contents of the shards in the same folder")
        return []
    content = read_json(index)
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    names = set(weight_map.values()) if _is_weight_map(weight_map) else set()
    if not names or not all(name.endswith(".safetensors") and Path(name).name == name for name in names):
        raise RefusedError(index, "it is damaged (it names no shards in this folder)")
    shards = [folder / name for name in sorted(names)]
    for shard in shards:
        if not shard.is_file():
            raise RefusedError(shard, f"it is missing, but {index.name} names it")
    return shards


def _is_weight_map(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value.values())


def _check_module(module: "EncoderModule") -> None:
    """Check that a module's files are complete: libraries replace missing weights by random ones, or raise."""
    config, why = _CONFIG_OF.get(module.kind, "config.json"), f"it is missing, and the module {module.kind} needs it"
    if config and not (module.folder / config).is_file():
        raise RefusedError(module.folder / config, why)
    if module.kind == "Pooling":
        _check_pooling(module.folder / config)
    if module.kind in _WEIGHTED_MODULES and not weight_files(module.folder):
        pickled = next((file for ending in _PICKLED for file in sorted(module.folder.glob(ending))), None)
        if pickled is not None:
            raise RefusedError(pickled, "pickled weights can run code and are never loaded")
        raise RefusedError(module.folder / "model.safetensors", why)
    if module.kind in _TEXT_MODULES:
        _check_vocabulary(module.folder)


def _check_pooling(path: Path) -> None:
    content = read_json(path)
    if not isinstance(content, dict) or not content.keys() & {"embedding_dimension", "word_embedding_dimension"}:
        raise RefusedError(path, "it lacks the length of a vector (embedding_dimension)")


def _check_vocabulary(folder: Path) -> None:
    if not any(file.is_file() for name in _VOCABULARIES for file in folder.glob(name)):
        raise RefusedError(
            folder / "tokenizer.json",
            "it is missing, and so is any other vocabulary: the model could not tell texts apart",
        )


@dataclass(frozen=True, slots=True)
class EncoderModule:
    """One module of an encoder's pipeline: its class name in sentence-transformers, and the folder of its files."""

    kind: str
    folder: Path


def encoder_modules(folder: Path) -> list[EncoderModule]:
    """The modules of an encoder in order; for a plain transformers model, the transformer alone.

    Raises:
        RefusedError: a module is not allowed or lies outside the folder, or modules.json is damaged.
        OSError: modules.json cannot be read.
    """
    path = folder / "modules.json"
    modules = read_json(path) if path.exists() else []
    if not isinstance(modules, list):
        raise RefusedError(path, "it is not a list of modules")
    found = []
    for module in modules:
        if not isinstance(module, dict) or not all(isinstance(module.get(key), str) for key in ("path", "type")):
            raise RefusedError(path, "a module in it has no path or no type")
        name = module["type"]
        if not name.startswith("sentence_transformers.") or name.rpartition(".")[2] not in _MODULES:
            raise RefusedError(path, f"it names the module {name[:100]}, which is not allowed")
        inner = Path(module["path"])
        if inner.is_absolute() or ".." in inner.parts:
            raise RefusedError(path, f"the module's path {module['path'][:100]} leads out of the folder")
        found.append(EncoderModule(name.rpartition(".")[2], folder / inner))
    return found or [EncoderModule("Transformer", folder)]


def _file_with_custom_code(folder: Path) -> Path | None:
    """The configuration file that names classes for transformers to import from the folder itself."""
    for name in _CONFIGS:
        try:
            if any(table.get("auto_map") for table in json_objects(read_json(folder / name))):
                return folder / name
        except (RefusedError, OSError):
            continue
    return None
