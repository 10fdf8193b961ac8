"""Folders of language models: locating and checking their files, and identifying a model by them.

Models are loaded from safetensors only, and no code from a model's folder is run.
"""

import hashlib
import os
from pathlib import Path

from core.errors import ModelError
from core.judge.finetune.storage import resolve_adapter
from core.model_files import check_adapter_files, check_language_model_files
from labels.files import open_regular

#: Files that are downloaded from the hub: safetensors weights, configuration and tokenizer; nothing that runs code.
_HUB_FILES = ("*.json", "model*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja")

MODEL_HINT = "Is it a model for mlx-lm or transformers? Name another one, or download this one again."
ADAPTER_HINT = "`samesku judge train` makes one for the model that it is given."


def find_model(name: str) -> Path:
    """The folder of a model, downloaded only if it is not on this machine.

    Raises:
        ModelError: it is not available, or has no safetensors weights.
    """
    folder = find_local_model(name) or _download(name)
    if not (folder / "config.json").is_file() or not any(folder.glob("model*.safetensors")):
        raise ModelError(
            f"{folder} holds no language model: config.json and model.safetensors are required.",
            "Pickled weights are not loaded: they can run code. Convert them with `python -m mlx_lm convert`.",
        )
    check_language_model_files(folder, MODEL_HINT)
    return folder


def absolute_model_path(name: str) -> str:
    """A model name from the command line or a recipe: folders become absolute, names on the hub stay.

    Jobs run in another working directory and would not find a relative folder.

    Raises:
        ModelError: the name begins with ~, and there is no such home folder.
    """
    try:
        folder = Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"There is no home folder for {name}.", "Write the whole path.") from error
    return str(folder.absolute()) if folder.is_dir() else name


def find_local_model(name: str) -> Path | None:
    """The folder of a model if it is on this machine, else None. Nothing is downloaded.

    Raises:
        ModelError: the name is invalid, or is the path of a missing folder.
    """
    folder = Path(name)
    if folder.is_absolute() and folder.is_dir():
        return folder
    absent = ModelError(f"There is no folder {name}.", "Name a folder, or a model on the hub.")
    if "/" in name and name.startswith(("/", ".", "~")):
        raise absent
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        return None
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES), local_files_only=True))
    except HFValidationError:
        raise absent from None
    except (LocalEntryNotFoundError, RuntimeError):  # RuntimeError: no home folder, hence no hub cache
        return None


def check_local_files(name: str, adapter: str = "") -> None:
    """Check the files of a model and its adapter if they are on this machine, without loading them.

    Raises:
        ModelError: as `find_local_model`; or a file is damaged, or requires something unsafe.
    """
    if (folder := find_local_model(name)) is not None:
        check_language_model_files(folder, MODEL_HINT)
    if adapter:
        check_adapter_files(resolve_adapter(Path(adapter)), ADAPTER_HINT)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    hint = "Name a folder with a model for mlx-lm as judge.mlx_model, or allow downloads once: HF_HUB_OFFLINE=0."
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except Exception as error:  # any kind of network failure
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"The model {name} cannot be downloaded: {reason}", hint) from error


#: Files that `fingerprint` covers.
_FINGERPRINTED_SUFFIXES = (".json", ".safetensors", ".jinja")
#: Files up to this many bytes are hashed completely, which includes every adapter; larger ones by both ends.
_MAX_HASHED_WHOLE = 64 * 2**20
_HASHED_END = 2**20


def fingerprint(model: str) -> str:
    """The folder's name and a digest of its files, or the name itself if it is a model on the hub.

    A model of several gigabytes takes milliseconds: of large files only the size and both ends are hashed.

    Raises:
        ModelError: a file cannot be read.
    """
    folder = Path(model)
    if not (folder.is_absolute() and folder.is_dir()):
        return model
    digest = hashlib.sha256()
    try:
        for file in sorted(p for p in folder.iterdir() if p.suffix in _FINGERPRINTED_SUFFIXES and p.is_file()):
            _hash_file(digest, file)
    except OSError as error:
        raise ModelError(
            f"{error.filename or folder} cannot be read: {error.strerror}.", "Name another folder as the judge's model."
        ) from error
    return f"{folder.name}@{digest.hexdigest()[:8]}"


def _hash_file(digest: "hashlib._Hash", path: Path) -> None:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        if size <= _MAX_HASHED_WHOLE:
            digest.update(hashlib.sha256(file.read(_MAX_HASHED_WHOLE)).digest())
        else:
            digest.update(file.read(_HASHED_END))
            file.seek(-_HASHED_END, os.SEEK_END)
            digest.update(file.read(_HASHED_END))
