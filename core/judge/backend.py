"""Which library computes a local language model: mlx-lm on a GPU, transformers with torch on a processor."""

import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from typing import Any, Literal

from core.judge.mlx_model import require_mlx
from core.judge.model_folder import MODEL_HINT, find_local_model
from core.judge.prompt_encoder import has_chat_template
from core.judge.torch_judge import is_quantised, load_tokenizer, require_torch
from core.model_files import check_language_model_files, model_errors

Backend = Literal["mlx", "torch"]
#: The setting `judge.backend`.
WantedBackend = Literal["auto", "mlx", "torch"]
#: The packages with which mlx computes on NVIDIA cards.
_MLX_CUDA = ("mlx-cuda-12", "mlx-cuda-13", "mlx-cuda")


def choose_backend(model: str, wanted: WantedBackend = "auto") -> Backend:
    """The library for a model, without importing one.

    On a processor, torch is far faster: SmolLM2-135M took 0.17 s of processor time for a verdict on a prompt of 112
    tokens, where mlx took 3.5 s in bfloat16 and 6.6 s in float32. Quantised models are in a format of mlx-lm.

    Args:
        model: a folder, or a name on the hub.
        wanted: the setting `judge.backend`.

    Raises:
        ModelError: the name is invalid, or is the path of a missing folder.
    """
    if wanted != "auto":
        return wanted
    if _mlx_has_gpu() or not _has_torch():
        return "mlx"
    folder = find_local_model(model)
    return "mlx" if folder is not None and is_quantised(folder) else "torch"


@cache
def _mlx_has_gpu() -> bool:
    """Whether mlx computes on Metal or CUDA here, by what is installed: importing mlx takes time and memory."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return any(map(_is_installed, _MLX_CUDA))


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _has_torch() -> bool:
    return find_spec("torch") is not None and find_spec("transformers") is not None


def require_any_backend() -> None:
    """Require a library for local language models.

    Raises:
        ModelError: none is installed.
    """
    if not _has_torch():
        require_mlx()


def require_backend(backend: Backend) -> None:
    """Require the library of a back end.

    Raises:
        ModelError: it is not installed.
    """
    (require_mlx if backend == "mlx" else require_torch)()


def load_local_tokenizer(name: str) -> Any | None:
    """The tokenizer of a local model; None if the model or both libraries are missing, or there is no chat template.

    Raises:
        ModelError: as `find_local_model`.
    """
    folder = find_local_model(name)
    try:
        if folder is None:
            return None
        check_language_model_files(folder, MODEL_HINT)
        with model_errors(folder, MODEL_HINT):
            if find_spec("mlx_lm") is not None:
                from mlx_lm.utils import load_tokenizer as load_mlx_tokenizer

                tokenizer = load_mlx_tokenizer(folder, {"trust_remote_code": False})
            else:
                tokenizer = load_tokenizer(folder)
    except Exception:  # noqa: BLE001 - the files may contain anything; `judge train` reports the problem
        return None
    return tokenizer if has_chat_template(tokenizer) else None
