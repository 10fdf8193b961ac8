"""Checkpoints of a LoRA training run: adapter weights and optimizer state, one folder per step."""

import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from labels.files import drafts, publish

#: Checkpoints kept on disk: the latest, and one in reserve should it be unreadable.
_MAX_CHECKPOINTS = 2
_ADAPTER_FILE, _OPTIMIZER_FILE = "adapters.safetensors", "optimizer.safetensors"


class Checkpoints(ABC):
    """A folder of checkpoints, each published atomically."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @abstractmethod
    def _save(self, folder: Path, model: Any, optimizer: Any) -> None:
        """Write the adapter's weights and the optimizer's state to a folder."""

    @abstractmethod
    def _load(self, folder: Path, model: Any, optimizer: Any) -> bool:
        """Load both from a folder; False, and nothing loaded, if they are damaged or of another model."""

    def write(self, step: int, model: Any, optimizer: Any) -> None:
        """Write a checkpoint and remove all but the latest ones."""
        target = self._folder / f"{step:09d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with drafts(self._folder) as place:
            draft = place / target.name
            draft.mkdir()
            self._save(draft, model, optimizer)
            shutil.rmtree(target, ignore_errors=True)
            publish(draft, target)
        for old in self._complete()[:-_MAX_CHECKPOINTS]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, model: Any, optimizer: Any) -> int:
        """Load the latest valid checkpoint.

        Returns:
            its step; 0 if there is none.
        """
        return next((int(f.name) for f in reversed(self._complete()) if self._load(f, model, optimizer)), 0)

    def _complete(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.name.isascii() and path.name.isdigit())


class MlxCheckpoints(Checkpoints):
    """Checkpoints of a training by mlx-lm."""

    def _save(self, folder: Path, model: Any, optimizer: Any) -> None:
        import mlx.core as mx
        from mlx.utils import tree_flatten

        mx.save_safetensors(str(folder / _ADAPTER_FILE), dict(tree_flatten(model.trainable_parameters())))
        mx.save_safetensors(str(folder / _OPTIMIZER_FILE), dict(tree_flatten(optimizer.state)))

    def _load(self, folder: Path, model: Any, optimizer: Any) -> bool:
        from mlx.utils import tree_flatten, tree_unflatten

        optimizer.init(model.trainable_parameters())
        parameters, state = dict(tree_flatten(model.trainable_parameters())), dict(tree_flatten(optimizer.state))
        saved_parameters = _load_arrays(folder / _ADAPTER_FILE, parameters)
        saved_state = _load_arrays(folder / _OPTIMIZER_FILE, state)
        if saved_parameters is None or saved_state is None:
            return False
        model.load_weights(list(saved_parameters.items()), strict=False)
        optimizer.state = tree_unflatten(list(saved_state.items()))
        return True


class TorchCheckpoints(Checkpoints):
    """Checkpoints of a training by torch; `model` is its trained parameters by name."""

    def _save(self, folder: Path, model: Any, optimizer: Any) -> None:
        from safetensors.torch import save_file

        save_file({name: parameter.detach().clone() for name, parameter in model.items()}, folder / _ADAPTER_FILE)
        moments = {
            f"{name}.{key}": value.clone()
            for name, parameter in model.items()
            for key, value in optimizer.state[parameter].items()
        }
        save_file(moments, folder / _OPTIMIZER_FILE)

    def _load(self, folder: Path, model: Any, optimizer: Any) -> bool:
        import torch
        from safetensors.torch import load_file

        try:
            saved, moments = load_file(folder / _ADAPTER_FILE), load_file(folder / _OPTIMIZER_FILE)
        except Exception:  # noqa: BLE001 - a file of a killed run may contain anything
            return False
        shapes = {name: parameter.shape for name, parameter in model.items()}
        states = {name: {key: moments.get(f"{name}.{key}") for key in _ADAM_STATE} for name in model}
        arrays = [*saved.values(), *(value for state in states.values() for value in state.values())]
        if {name: value.shape for name, value in saved.items()} != shapes or not all(
            value is not None and bool(value.isfinite().all()) for value in arrays
        ):
            return False
        with torch.no_grad():
            for name, parameter in model.items():
                parameter.copy_(saved[name])
                optimizer.state[parameter] = states[name]
        return True


#: What torch's Adam keeps of each parameter.
_ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


def _load_arrays(file: Path, expected: dict[str, Any]) -> dict[str, Any] | None:
    """The arrays of a file; None if it is damaged, or their names or shapes differ, or a value is not finite."""
    import mlx.core as mx

    try:
        if not file.is_file():
            return None
        arrays: Any = mx.load(str(file))
        shapes = {name: array.shape for name, array in arrays.items()}
        fits = shapes == {name: array.shape for name, array in expected.items()}
        return arrays if fits and all(bool(mx.isfinite(array).all()) for array in arrays.values()) else None
    except (OSError, RuntimeError, ValueError):
        return None
