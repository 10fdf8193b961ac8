"""Where a language model lies on this machine, and whether its files may be loaded. Nothing is loaded here."""

import os
from pathlib import Path

from core.errors import ModelError
from core.judge.tuned import adapter_in
from core.model_files import check_adapter_files, check_language_model_files

#: What is fetched of a model: weights as safetensors, and what describes them. Nothing that runs code.
_FILES = ("*.json", "model*.safetensors", "tokenizer.model", "*.tiktoken", "*.txt", "*.jinja")

MODEL_HINT = "Is it a model for mlx-lm? Name another one, or fetch this one again."
ADAPTER_HINT = "`samesku judge train` makes one for the model that it is given."


def find_model(name: str) -> Path:
    """The folder of a model, downloaded only if it is nowhere on this machine.

    Raises:
        ModelError: it cannot be had, or has no safetensors weights.
    """
    folder = model_here(name) or _from_hub(name)
    if not (folder / "config.json").is_file() or not any(folder.glob("model*.safetensors")):
        raise ModelError(
            f"{folder} holds no language model: config.json and model.safetensors are wanted.",
            "Pickled weights are not loaded: they can run code. Convert them with `python -m mlx_lm convert`.",
        )
    check_language_model_files(folder, MODEL_HINT)
    return folder


def whole_path(name: str) -> str:
    """A model as it is named on the command line or in a recipe: a folder by its whole path; a name on the hub stays.

    A job, which may go on with it, runs in another working folder.

    Raises:
        ModelError: the name begins with ~, and there is no such home folder.
    """
    try:
        folder = Path(name).expanduser()
    except RuntimeError as error:
        raise ModelError(f"There is no home folder for {name}.", "Write the whole path.") from error
    return str(folder.absolute()) if folder.is_dir() else name


def model_here(name: str) -> Path | None:
    """The folder of a model on this machine; None where it is not here. Nothing is downloaded.

    Raises:
        ModelError: no model can be called that, or it is a folder that is not there.
    """
    folder = Path(name)
    if folder.is_absolute() and folder.is_dir():
        return folder
    absent = ModelError(f"There is no folder {name}.", "Name a folder, or a model on the hub.")
    if "/" in name and name.startswith(("/", ".", "~")):
        raise absent
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=True))
    except HFValidationError:
        raise absent from None
    except (LocalEntryNotFoundError, RuntimeError):  # the last where there is no home folder with a cache in it
        return None


def check_here(name: str, adapter: str = "") -> None:
    """Check the files of a model and of its adapter, if they are on this machine; nothing is loaded.

    Raises:
        ModelError: as `model_here`, or a file asks for something that is never done, or is damaged.
    """
    if (folder := model_here(name)) is not None:
        check_language_model_files(folder, MODEL_HINT)
    if adapter:
        check_adapter_files(adapter_in(Path(adapter)), ADAPTER_HINT)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    hint = "Name a folder with a model for mlx-lm as judge.mlx_model, or allow the hub for once: HF_HUB_OFFLINE=0."
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise ModelError(f"The model {name} is not on this machine, and the hub is switched off.", hint)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except Exception as error:  # every way in which a network fails
        said = str(error).strip().partition("\n")[0]
        raise ModelError(f"The model {name} cannot be had: {said}", hint) from error
