"""A judge that runs a language model in this process with transformers: on processors, where mlx is many times slower.

Pairs are processed one by one. A processor computes a batch in the time of its parts, padding included, and a pair
alone gets the same verdict whatever stands beside it.
"""

import copy
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.judge.finetune.storage import ADAPTER_WEIGHTS
from core.judge.local import GenerationState, LocalJudge
from core.judge.lora_file import add_to_weights
from core.judge.model_folder import ADAPTER_HINT, MODEL_HINT, find_model
from core.judge.prompt_encoder import PromptEncoder, computes_nan
from core.model_files import RefusedError, check_adapter_files, model_errors, read_json, weights_file_with
from core.packages import install_hint
from core.retrieval.encoder import silence_libraries

if TYPE_CHECKING:
    from torch import Tensor


class TorchJudge(LocalJudge["TorchModel"]):
    """A `LocalJudge` by transformers and torch."""

    def _load(self, model: str, adapter: str) -> "TorchModel":
        return TorchModel(model, adapter)

    def _generate(self, model: "TorchModel", states: Iterable[GenerationState]) -> Iterator[GenerationState]:
        for state in states:
            for _ in self._stream(model, state):
                pass
            yield state

    def _stream(self, model: "TorchModel", state: GenerationState) -> Generator[str, None, None]:
        start, tokens, shown = time.perf_counter(), state.prompt, ""
        cache = copy.deepcopy(state.cache)
        while not state.done:
            logits = model.next_logits(tokens, cache)
            token = int(logits.argmax())
            at_limit = len(state.tokens) + 1 == state.max_tokens
            state.add(token, logits.log_softmax(-1), "stop" if model.ends(token) else "length" if at_limit else None)
            tokens = [token]
            if state.max_tokens > 1:
                text = model.decode(state.tokens)
                # An incomplete character; the rest of it follows.
                if state.done or not text.endswith("\ufffd"):
                    yield text[len(shown) :]
                    shown = text
        state.seconds = time.perf_counter() - start


class TorchModel(PromptEncoder):
    """A model loaded by transformers.

    Args:
        name: a folder, or a name on the hub.
        adapter: the folder of a LoRA adapter, which is added to the weights, or an empty string.

    Raises:
        ModelError: the libraries are not installed, or the model is not available or damaged.
    """

    def __init__(self, name: str, adapter: str = "") -> None:
        # Rounded to bfloat16, a sum of weights and adapter would lose a part of what was trained.
        self.model, tokenizer = load_model(name, precise=bool(adapter))
        if adapter:
            _add_adapter(self.model, Path(adapter), name)
        self._end_tokens = _end_tokens(self.model, tokenizer)
        super().__init__(tokenizer, name, self.model.get_output_embeddings().weight.shape[0])

    def ends(self, token: int) -> bool:
        """Whether a token ends the answer."""
        return token in self._end_tokens

    def next_logits(self, tokens: list[int], cache: Any) -> "Tensor":
        """The logits of the token that follows, float32 of shape (vocabulary,); the tokens are added to the cache.

        Raises:
            ModelError: the model computes NaN.
        """
        import torch

        with torch.inference_mode():
            # Only the last position goes through the output layer, a fifth of a small model's arithmetic.
            output = self.model(
                input_ids=torch.tensor([tokens], device=self.model.device),
                past_key_values=cache, use_cache=True, logits_to_keep=1,
            )  # fmt: skip
            logits: Tensor = output.logits[0, -1].float()
        if bool(logits.isnan().any()):
            raise computes_nan(self.name)
        return logits

    def _new_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def _read(self, tokens: list[int], cache: Any) -> None:
        self.next_logits(tokens, cache)


def load_model(name: str, *, precise: bool = False) -> tuple[Any, Any]:
    """Load a model and its tokenizer, on CUDA if torch computes on it.

    Args:
        name: a folder, or a name on the hub.
        precise: float32, else bfloat16 where the device computes it natively.

    Raises:
        ModelError: as `TorchModel`.
    """
    require_torch()
    silence_libraries()
    import torch
    from transformers import AutoModelForCausalLM

    folder = find_model(name)
    if is_quantised(folder):
        raise ModelError(
            f"{folder} is quantised, which transformers cannot load here.",
            "Use mlx (judge.backend), or the model without quantisation.",
        )
    if (folder / "adapter_config.json").exists():
        # transformers would load it, and the base model that it names, from wherever that is.
        raise ModelError(
            f"{folder} holds an adapter beside the model.", "Move it away, and name it as judge.mlx_adapter."
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if not precise and _computes_bfloat16(device.type) else torch.float32
    with model_errors(folder, MODEL_HINT):
        model, info = AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=dtype, use_safetensors=True, trust_remote_code=False, local_files_only=True,
            output_loading_info=True,
        )  # fmt: skip
        if missing := sorted(info["missing_keys"]):
            raise ModelError(f"{folder} cannot be loaded: its weights lack {missing[0]}.", MODEL_HINT)
        tokenizer = load_tokenizer(folder)
        for parameter, weight in model.named_parameters():
            if not bool(weight.isfinite().all()):
                file = weights_file_with(folder, parameter)
                raise ModelError(
                    f"{file} cannot be loaded: {parameter} holds values that are no finite numbers.", MODEL_HINT
                )
    return model.eval().to(device), tokenizer


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder, by transformers; it may raise anything."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)


def is_quantised(folder: Path) -> bool:
    """Whether a model's weights are quantised, by mlx-lm or by another library; False where it cannot be read."""
    try:
        config = read_json(folder / "config.json")
    except (RefusedError, OSError, ValueError):  # reported when the model is loaded
        return False
    return bool(isinstance(config, dict) and (config.get("quantization") or config.get("quantization_config")))


def _computes_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 natively. A processor without AMX and AVX-512 BF16 emulates it, slowly."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    checks = (getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return any(check() for check in checks if check is not None)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer."""
    ends = getattr(model.generation_config, "eos_token_id", None)
    ids = [*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id]
    return frozenset(token for token in ids if isinstance(token, int))


def _add_adapter(model: Any, adapter: Path, name: str) -> None:
    if not (adapter / ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"There is no adapter in {adapter}.", ADAPTER_HINT)
    check_adapter_files(adapter, ADAPTER_HINT)
    with model_errors(adapter, ADAPTER_HINT):
        add_to_weights(model, adapter, name)


def require_torch() -> None:
    """Require torch and transformers.

    Raises:
        ModelError: one is not installed.
    """
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise ModelError(
            "A language model on this processor needs torch and transformers, which are not installed here.",
            install_hint("train"),
        ) from error
