"""Model folders as files: what a folder asks for is checked before a library opens it, and none of its code ever runs.

Anybody may have written such a folder, or have sent it. The loaders pass `trust_remote_code=False` and never ask for
pickled weights. The checks here are for what those two switches leave open: modules and activations that are imported
by name, attention kernels that are downloaded and run, configuration that leads to other folders, FIFOs that never
answer, declared sizes that no memory holds, and damaged files.
"""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ModelError
from core.model_config import MAX_TEMPLATE, RefusedError, check_config, parsed, tables
from labels.errors import SameskuError

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
            raise RefusedError(adapter, "an adapter would change weights that are complete without it")
        for module in _module_folders(folder):
            _check_folder(module, weights="*.safetensors")
            pickled = module / "pytorch_model.bin"
            if pickled.exists() and not (module / "model.safetensors").exists():
                raise RefusedError(pickled, "pickled weights can run code, and are never loaded")


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
        if not any(file.is_file() for name in _VOCABULARIES for file in folder.glob(name)):
            raise RefusedError(folder / "tokenizer.json", "it is missing, and there is no other vocabulary")


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
    from safetensors import safe_open  # noqa: PLC0415

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


def _check_weights(file: Path) -> None:
    """Whether the header describes the file to its last byte; no weight is read."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(str(file), framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise RefusedError(file, f"it is damaged ({str(error).rstrip('.')})") from error


def _module_folders(folder: Path) -> list[Path]:
    """The folders of an encoder's modules, besides its own."""
    path = folder / "modules.json"
    if not path.exists():
        return []
    found = []
    modules = parsed(path)
    if not isinstance(modules, list):
        raise RefusedError(path, "it is no list of modules")
    for module in modules:
        if not isinstance(module, dict) or not all(isinstance(module.get(key), str) for key in ("path", "type")):
            raise RefusedError(path, "a module in it has no path or no type")
        name = module["type"]
        if not name.startswith("sentence_transformers.") or name.rpartition(".")[2] not in _MODULES:
            raise RefusedError(path, f"it names the module {name[:100]}, which is none that is loaded here")
        inner = Path(module["path"])
        if inner.is_absolute() or ".." in inner.parts:
            raise RefusedError(path, f"the module's path {module['path'][:100]} leads out of the folder")
        if inner.parts and (folder / inner).is_dir():
            found.append(folder / inner)
    return found


def _file_naming_code(folder: Path) -> Path | None:
    """The file that names classes of the folder's own, which transformers would have to import."""
    for name in _CONFIGS:
        try:
            if any(table.get("auto_map") for table in tables(parsed(folder / name))):
                return folder / name
        except (RefusedError, OSError):
            continue
    return None
