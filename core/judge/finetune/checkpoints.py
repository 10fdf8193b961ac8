"""Checkpoints of a training: the adapter and the optimizer's state, by how many steps were made."""

import shutil
from pathlib import Path
from typing import Any

from labels.files import drafts, publish

#: The last ones, should the very last be unreadable.
_KEPT = 2
_ADAPTER, _OPTIMIZER = "adapters.safetensors", "optimizer.safetensors"


class Checkpoints:
    """A folder of checkpoints; each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, step: int, model: Any, optimizer: Any) -> None:
        """One more; all but the last few are removed."""
        import mlx.core as mx
        from mlx.utils import tree_flatten

        whole = self._folder / f"{step:09d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with drafts(self._folder) as place:
            draft = place / whole.name
            draft.mkdir()
            mx.save_safetensors(str(draft / _ADAPTER), dict(tree_flatten(model.trainable_parameters())))
            mx.save_safetensors(str(draft / _OPTIMIZER), dict(tree_flatten(optimizer.state)))
            shutil.rmtree(whole, ignore_errors=True)
            publish(draft, whole)
        for old in self._whole()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, model: Any, optimizer: Any) -> int:
        """Put the last sound one in place. Returns after how many steps it was written; 0 where there is none."""
        from mlx.utils import tree_flatten, tree_unflatten

        optimizer.init(model.trainable_parameters())
        parameters, states = dict(tree_flatten(model.trainable_parameters())), dict(tree_flatten(optimizer.state))
        for folder in reversed(self._whole()):
            adapter, state = _read(folder / _ADAPTER, parameters), _read(folder / _OPTIMIZER, states)
            if adapter is not None and state is not None:
                model.load_weights(list(adapter.items()), strict=False)
                optimizer.state = tree_unflatten(list(state.items()))
                return int(folder.name)
        return 0

    def remove(self) -> None:
        """They are needed no more."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _whole(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.name.isascii() and path.name.isdigit())


def _read(file: Path, expected: dict[str, Any]) -> dict[str, Any] | None:
    """The arrays of a file; None where it is damaged, or others than are expected, or they hold no finite numbers."""
    import mlx.core as mx

    try:
        if not file.is_file():
            return None
        found: Any = mx.load(str(file))
        alike = {name: array.shape for name, array in found.items()} == {n: a.shape for n, a in expected.items()}
        return found if alike and all(bool(mx.isfinite(array).all()) for array in found.values()) else None
    except (OSError, RuntimeError, ValueError):
        return None
