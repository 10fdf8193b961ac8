"""Checkpoints of a training: the adapter and the optimizer's state, by how many steps were made."""

import shutil
from pathlib import Path
from typing import Any

from labels.files import drafts

#: The last ones, should the very last be unreadable.
_KEPT = 2
_ADAPTER, _OPTIMIZER = "adapters.safetensors", "optimizer.safetensors"


class Checkpoints:
    """A folder of checkpoints; each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, step: int, model: Any, optimizer: Any) -> None:
        """One more; all but the last few are removed."""
        import mlx.core as mx  # noqa: PLC0415
        from mlx.utils import tree_flatten  # noqa: PLC0415

        whole = self._folder / f"{step:09d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with drafts(self._folder) as place:
            draft = place / whole.name
            draft.mkdir()
            mx.save_safetensors(str(draft / _ADAPTER), dict(tree_flatten(model.trainable_parameters())))
            mx.save_safetensors(str(draft / _OPTIMIZER), dict(tree_flatten(optimizer.state)))
            shutil.rmtree(whole, ignore_errors=True)
            draft.rename(whole)
        for old in self._whole()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, model: Any, optimizer: Any) -> int:
        """Put the last readable one in place. Returns after how many steps it was written; 0 where there is none."""
        import mlx.core as mx  # noqa: PLC0415
        from mlx.utils import tree_unflatten  # noqa: PLC0415

        for folder in reversed(self._whole()):
            try:
                adapter: Any = mx.load(str(folder / _ADAPTER))
                state: Any = mx.load(str(folder / _OPTIMIZER))
            except (OSError, RuntimeError):
                continue
            optimizer.init(model.trainable_parameters())
            model.load_weights(list(adapter.items()), strict=False)
            optimizer.state = tree_unflatten(list(state.items()))
            return int(folder.name)
        return 0

    def remove(self) -> None:
        """They are needed no more."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _whole(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.name.isdigit())
