"""The files of a sweep: its folder in the workspace, the best recipe, and the copy of a space that a job uses."""

from pathlib import Path

from core.errors import CoreError
from core.training.recipes.recipe import Recipe
from core.training.sweep.space import SearchSpace
from core.workspace import Workspace
from labels.files import atomic_text, way_out


def sweep_folder(workspace: Workspace, sweep_id: str) -> Path:
    """The folder of a sweep, which need not exist."""
    return workspace.sweeps / sweep_id


def write_recipe(path: Path, recipe: Recipe, note: str) -> Path:
    """Write a recipe as a file for `samesku retrain --recipe`. Returns its path.

    Args:
        path: of the YAML file; its folder is created.
        recipe: all its keys are written.
        note: its description.

    Raises:
        CoreError: it cannot be written.
    """
    values = recipe.model_dump(mode="json", exclude=None if recipe.has_adapter else {"lora"})
    return _write(path, values | {"description": note})


def write_space(workspace: Workspace, space: SearchSpace) -> Path:
    """Write a copy of a space, so that a job does the same after the user's file was changed. Returns its path.

    Raises:
        CoreError: it cannot be written.
    """
    return _write(workspace.sweeps / f"space-{space.sha256()[:12]}.yaml", space.record())


def _write(path: Path, values: dict[str, object]) -> Path:
    import yaml

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_text(path) as file:
            file.write(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    except OSError as error:
        raise CoreError(
            f"{path} cannot be written: {error.strerror}.", way_out(error, "Choose another file.")
        ) from error
    return path
