"""LoRA adapters in the file format of mlx-lm, for torch: one trained on Metal works on a server, and the reverse.

`adapter_config.json` holds the scale; `adapters.safetensors` holds, for each adapted layer of `in` inputs and `out`
outputs, `NAME.lora_a` of shape (in, rank) and `NAME.lora_b` of shape (rank, out). The layer's weight W of shape
(out, in) becomes W + scale · (lora_a · lora_b)ᵀ. peft stores both matrices transposed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from core.judge.finetune.storage import ADAPTER_WEIGHTS
from core.judge.model_folder import ADAPTER_HINT
from core.model_files import read_json

if TYPE_CHECKING:
    from torch import Tensor

_A, _B = ".lora_a", ".lora_b"
#: How peft names the two matrices.
_PEFT_A, _PEFT_B = ".lora_A.default.weight", ".lora_B.default.weight"
_PEFT_PREFIX = "base_model.model."


def add_to_weights(model: Any, adapter: Path, name: str) -> None:
    """Add an adapter to the weights of a model of transformers.

    Args:
        model: changed in place.
        adapter: the folder.
        name: of the model, for error messages.

    Raises:
        ModelError: the adapter is for another model, is damaged, changes nothing, or is no plain LoRA.
    """
    import torch
    from safetensors.torch import load_file

    config = read_json(adapter / "adapter_config.json")
    if config.get("fine_tune_type", "lora") != "lora":
        raise ModelError(f"The adapter in {adapter} is not of the type LoRA; the others need mlx-lm.", ADAPTER_HINT)
    scale = float(config["lora_parameters"]["scale"])
    weights: dict[str, Tensor] = load_file(str(adapter / ADAPTER_WEIGHTS))
    layers = dict(model.named_modules())
    changed = False
    for key in sorted(weights):
        if not key.endswith(_A):
            continue
        layer = layers.get(key.removesuffix(_A))
        a, b = weights[key].float(), weights.get(f"{key.removesuffix(_A)}{_B}")
        if layer is None or b is None or (a.shape[0], b.shape[1]) != tuple(reversed(layer.weight.shape)):
            raise ModelError(f"The adapter in {adapter} is for another model than {name}.", ADAPTER_HINT)
        delta = scale * (a @ b.float()).T
        if not bool(delta.isfinite().all()):
            raise ModelError(f"The adapter in {adapter} holds values that are no finite numbers.", ADAPTER_HINT)
        changed = changed or bool(delta.any())
        with torch.no_grad():
            layer.weight += delta.to(layer.weight)
    if not changed:
        raise ModelError(f"The adapter in {adapter} changes nothing: it holds no trained weights.", ADAPTER_HINT)


def from_peft(parameters: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """The trained parameters of a peft model under the names, and in the shapes, of mlx-lm."""
    return {
        key.removeprefix(_PEFT_PREFIX).replace(_PEFT_A, _A).replace(_PEFT_B, _B): value.detach().float().T.contiguous()
        for key, value in parameters.items()
        if key.endswith((_PEFT_A, _PEFT_B))
    }
