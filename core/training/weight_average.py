"""The mean of the trained weights over the last steps of a training (Izmailov et al. 2018, arXiv:1803.05407).

The last weights depend on the last batches. With the few matches that people label, that decides about as many places
in a ranking as a recipe does; the mean depends on it less, and costs next to nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def trained_weights(model: "nn.Module") -> dict[str, "Tensor"]:
    """The weights of a model that are trained, by name."""
    return {name: values for name, values in model.named_parameters() if values.requires_grad}


def copy_weights(stored: Mapping[str, "Tensor"], model: "nn.Module") -> None:
    """Copy weights from a file into the trained ones of a model.

    Raises:
        ValueError: they have other names or shapes.
    """
    import torch

    trained = trained_weights(model)
    if {name: values.shape for name, values in stored.items()} != {name: each.shape for name, each in trained.items()}:
        raise ValueError("its weights are not those of this model")
    with torch.no_grad():
        for name, values in stored.items():
            trained[name].copy_(values)


class WeightAverage:
    """The mean of a model's trained weights.

    Args:
        model: in training.
        share: of the steps, at the end, over which the mean is taken, in [0, 1).
    """

    def __init__(self, model: "nn.Module", share: float) -> None:
        self._model, self._share = model, share
        self._mean: dict[str, Tensor] = {}

    def add(self, step: int, steps: int) -> None:
        """Add the weights after a step, unless it is before the averaged share.

        Args:
            step: counted from 1.
            steps: of the whole training.
        """
        count = step - (steps - int(self._share * steps))
        for name, values in trained_weights(self._model).items() if count > 0 else ():
            if count == 1:
                self._mean[name] = values.detach().clone()
            else:
                self._mean[name].lerp_(values.detach(), 1 / count)

    def apply(self) -> None:
        """Give the model the mean; without any, it keeps its weights."""
        if self._mean:
            copy_weights(self._mean, self._model)

    def save(self, path: Path) -> None:
        """Write the mean to a file of a checkpoint, unless there is none yet."""
        from safetensors.torch import save_file

        if self._mean:
            save_file({name: values.cpu().contiguous() for name, values in self._mean.items()}, path)

    def load(self, path: Path) -> None:
        """Go on from the file of a checkpoint; one without the file has no mean yet."""
        from safetensors.torch import load_file

        if path.exists():
            device = next(self._model.parameters()).device
            self._mean = {name: values.to(device) for name, values in load_file(path).items()}


def averaging_callback(average: WeightAverage) -> Any:
    """A `TrainerCallback` that adds the weights of every step."""
    from transformers import TrainerCallback

    class Averaging(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            average.add(state.global_step, state.max_steps)

    return Averaging()
