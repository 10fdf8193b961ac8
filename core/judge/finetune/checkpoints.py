"""Checkpoints of a LoRA training run: adapter weights and optimizer state, one folder per step."""

import shutil
from pathlib import Path
from typing import Any

from labels.files import drafts, publish

#: Checkpoints kept on disk: the latest, and one in reserve should it be unreadable.
_MAX_CHECKPOINTS = 2
_ADAPTER_FILE, _OPTIMIZER_FILE = "adapters.safetensors", "optimizer.safetensors"


class Checkpoints:
    """A folder of checkpoints, each published atomically."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, step: int, model: Any, optimizer: Any) -> None:
        """Write a checkpoint and remove all but the latest ones."""
        import mlx.core as mx
        from mlx.utils import tree_flatten

        target = self._folder / f"{step:09d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with drafts(self._folder) as place:
            draft = place / target.name
            draft.mkdir()
            mx.save_safetensors(str(draft / _ADAPTER_FILE), dict(tree_flatten(model.trainable_parameters())))
            mx.save_safetensors(str(draft / _OPTIMIZER_FILE), dict(tree_flatten(optimizer.state)))
            shutil.rmtree(target, ignore_errors=True)
            publish(draft, target)
        for old in self._complete()[:-_MAX_CHECKPOINTS]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, model: Any, optimizer: Any) -> int:
        """Load the latest valid checkpoint.

        Returns:
            its step; 0 if there is none.
        """
        from mlx.utils import tree_flatten, tree_unflatten

        optimizer.init(model.trainable_parameters())
        parameters, state = dict(tree_flatten(model.trainable_parameters())), dict(tree_flatten(optimizer.state))
        for folder in reversed(self._complete()):
            saved_parameters = _load_arrays(folder / _ADAPTER_FILE, parameters)
            saved_state = _load_arrays(folder / _OPTIMIZER_FILE, state)
            if saved_parameters is not None and saved_state is not None:
                model.load_weights(list(saved_parameters.items()), strict=False)
                optimizer.state = tree_unflatten(list(saved_state.items()))
                return int(folder.name)
        return 0

    def remove(self) -> None:
        """Remove all checkpoints."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _complete(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.name.isascii() and path.name.isdigit())


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
