"""What training an encoder took: parameters, size of the adapter, time and memory, as far as they are known."""

from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path

from core.errors import ModelError
from core.model_files import check_adapter_files
from core.retrieval.encoder_registry import ModelCard

#: Names of the metrics on a model card that a run measures about itself.
PARAMETERS, SECONDS, PEAK_MEMORY = "trained_parameters", "training_seconds", "peak_memory_bytes"
COST = frozenset({PARAMETERS, SECONDS, PEAK_MEMORY})


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """The cost of a training; None where it is unknown or does not apply, as for a base encoder.

    Attributes:
        trained_parameters: number of weights that were trained.
        adapter_bytes: size of the adapter's weights.
        training_seconds: wall time.
        peak_memory_bytes: highest memory in use.
    """

    trained_parameters: int | None = None
    adapter_bytes: int | None = None
    training_seconds: float | None = None
    peak_memory_bytes: int | None = None


def training_cost(card: ModelCard, folder: Path) -> TrainingCost:
    """The cost of a trained encoder from its card and its adapter.

    Args:
        card: of the encoder.
        folder: of the registry, with `adapter/` if there is one.
    """
    size = parameters = None
    # The merged weights are what is compared; a damaged adapter only leaves its size unknown.
    with suppress(ModelError, OSError):
        check_adapter_files(folder / "adapter", "")
        weights = folder / "adapter" / "adapter_model.safetensors"
        size, parameters = weights.stat().st_size, _parameters(weights)

    def measured(name: str) -> int | None:
        return int(card.metrics[name]) if name in card.metrics else None

    return TrainingCost(
        trained_parameters=measured(PARAMETERS) or parameters,
        adapter_bytes=size,
        training_seconds=card.metrics.get(SECONDS),
        peak_memory_bytes=measured(PEAK_MEMORY),
    )


def _parameters(file: Path) -> int:
    """Number of weights in a safetensors file, from its header."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as weights:
        return sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118 - no mapping
