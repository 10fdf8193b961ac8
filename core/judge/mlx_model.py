"""Language models loaded by mlx-lm: on Metal, on CUDA, or on a processor."""

import copy
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.judge.finetune.storage import ADAPTER_WEIGHTS
from core.judge.model_folder import ADAPTER_HINT, MODEL_HINT, find_model
from core.judge.prompt_encoder import PromptEncoder, computes_nan
from core.model_files import check_adapter_files, model_errors, read_json, weights_file_with
from core.packages import install_hint


class LocalModel(PromptEncoder):
    """A model loaded by mlx-lm.

    Args:
        name: a folder, or a name on the hub.
        adapter: the folder of a LoRA adapter, or an empty string.

    Raises:
        ModelError: the libraries are not installed, or the model is not available or damaged.
    """

    def __init__(self, name: str, adapter: str = "") -> None:
        self.model, tokenizer, self.config = load_model(name, adapter)
        super().__init__(tokenizer, name, vocabulary_size(self.model, tokenizer, name))

    def _new_cache(self) -> list[Any]:
        from mlx_lm.models.cache import make_prompt_cache

        return list(make_prompt_cache(self.model))

    def _read(self, tokens: list[int], cache: list[Any]) -> None:
        import mlx.core as mx
        from mlx.utils import tree_flatten

        self.model(mx.array(tokens)[None], cache=cache)
        states = [state for _, state in tree_flatten([layer.state for layer in cache]) if state is not None]
        mx.eval(states)
        if any(bool(mx.isnan(state).any()) for state in states):
            raise computes_nan(self.name)


def copy_cache(cache: list[Any]) -> list[Any]:
    """A copy of a key-value cache that can be written to."""
    return copy.deepcopy(cache)


def load_model(name: str, adapter: str = "") -> tuple[Any, Any, dict[str, Any]]:
    """Load a model for generation.

    Returns:
        model, tokenizer and configuration.

    Raises:
        ModelError: as `LocalModel`.
    """
    require_mlx()
    from mlx_lm import load
    from mlx_lm.models.cache import make_prompt_cache

    folder = find_model(name)
    if adapter and not (Path(adapter) / ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"There is no adapter in {adapter}.", ADAPTER_HINT)
    with model_errors(folder, MODEL_HINT):
        model, tokenizer, config = load(
            str(folder), return_config=True, trust_remote_code=False,
            tokenizer_config={"trust_remote_code": False}, model_config=_rotary_config(folder),
        )  # fmt: skip
        _require_finite(model, folder, MODEL_HINT)
    if not all(isinstance(token, int) for token in tokenizer.eos_token_ids):
        reason = "eos_token_id in config.json or generation_config.json names no tokens"
        raise ModelError(f"{folder} cannot be loaded: {reason}.", MODEL_HINT)
    if adapter:
        model = _load_adapter(name, model, adapter)
    if not all(hasattr(layer, "merge") for layer in make_prompt_cache(model)):
        raise ModelError(f"mlx-lm cannot run {name} in batches.", "Use another model as the judge.")
    return model, tokenizer, config


def _rotary_config(folder: Path) -> dict[str, Any]:
    """The rotary position settings under the names that mlx-lm reads.

    transformers 5 writes `rope_parameters`. Most models of mlx-lm only know `rope_theta` and `rope_scaling`, and would
    silently compute with the default of their architecture.
    """
    config = read_json(folder / "config.json")
    parameters = config.get("rope_parameters")
    if not isinstance(parameters, dict) or "rope_theta" not in parameters or "rope_theta" in config:
        return {}
    scaled = parameters.get("rope_type", "default") != "default" and "rope_scaling" not in config
    return {"rope_theta": parameters["rope_theta"]} | ({"rope_scaling": parameters} if scaled else {})


def _load_adapter(name: str, model: Any, adapter: str) -> Any:
    from mlx_lm.tuner.utils import load_adapters

    check_adapter_files(Path(adapter), ADAPTER_HINT)
    try:
        model = load_adapters(model, adapter)
    except Exception as error:  # the files may contain anything
        # mlx-lm raises a plain ValueError if the shapes differ from the model's.
        if type(error) is ValueError:
            raise ModelError(f"The adapter in {adapter} is for another model than {name}.", ADAPTER_HINT) from error
        raise ModelError(f"The adapter in {adapter} is damaged.", ADAPTER_HINT) from error
    _require_finite(model, Path(adapter), ADAPTER_HINT)
    _require_effect(model, adapter)
    model.eval()
    return model


def _require_effect(model: Any, adapter: str) -> None:
    """Require that a LoRA adapter changes the model. mlx-lm leaves layers without weights in the file as they are.

    Raises:
        ModelError: its product of matrices is zero in all layers.
    """
    from mlx.utils import tree_flatten

    factors = [weight for name, weight in tree_flatten(model.parameters()) if name.endswith(".lora_b")]
    if factors and not any(weight.any().item() for weight in factors):
        raise ModelError(f"The adapter in {adapter} changes nothing: it holds no trained weights.", ADAPTER_HINT)


def _require_finite(model: Any, folder: Path, hint: str) -> None:
    """Require finite weights. Quantised weights are integers; their scales are checked.

    Raises:
        ModelError: a weight is NaN or infinite; the message names it and its file.
    """
    import mlx.core as mx
    from mlx.utils import tree_flatten

    for name, weight in tree_flatten(model.parameters()):
        if mx.issubdtype(weight.dtype, mx.floating) and not mx.isfinite(weight).all().item():
            raise ModelError(
                f"{weights_file_with(folder, name)} cannot be loaded: {name} holds values that are no finite numbers.",
                hint,
            )


def vocabulary_size(model: Any, tokenizer: Any, name: str) -> int:
    """The size of the model's vocabulary, from a forward pass. mlx does not check that token ids are within it.

    Raises:
        ModelError: the forward pass fails, or its output is NaN.
    """
    import mlx.core as mx

    with model_errors(Path(name), MODEL_HINT):
        output = model(mx.array([[min(tokenizer.encode("a", add_special_tokens=False), default=0)]]))
        mx.eval(output)
    if bool(mx.isnan(output).any()):
        raise computes_nan(name)
    return int(output.shape[-1])


def computes_on_gpu() -> bool:
    """Whether mlx is installed here and computes on Metal or CUDA."""
    try:
        import mlx.core as mx
    except ImportError:
        return False
    return bool(mx.default_device().type == mx.DeviceType.gpu)


def require_mlx() -> None:
    """Require mlx-lm.

    Raises:
        ModelError: it is not installed, or not for this platform.
    """
    try:
        import mlx.core  # noqa: F401
        import mlx_lm  # noqa: F401
    except ImportError as error:
        raise ModelError(
            "A language model on this machine needs mlx-lm, which is not installed here.",
            f"{install_hint('llm')}; with an NVIDIA card the extra is llm-cuda12 or llm-cuda13.",
        ) from error
