"""The encoder that a recipe fine-tunes."""

from pathlib import Path

from core.errors import ModelError, SettingsError
from core.retrieval.encoder_files import PRESETS, EncoderModel, find_base, local_base
from core.retrieval.encoder_registry import Registry
from core.settings import Settings, absolute_folder
from core.training.architecture import read_architecture
from core.training.recipes.recipe import Recipe
from core.workspace import Workspace

_HINT = f"It is auto (encoder.model of the settings), a folder, a name on the hub, or {', '.join(PRESETS)}."


def base_encoder(workspace: Workspace, settings: Settings, recipe: Recipe) -> EncoderModel:
    """The base of a recipe, downloaded only if it is not on this machine.

    The prefixes of the settings belong to `encoder.model`; another base has those that it was trained with.

    Raises:
        SettingsError: `base` names no encoder.
        ModelError: the encoder of the settings is not found.
    """
    if recipe.base == "auto":
        return Registry(workspace, settings).base()
    try:
        return find_base(_name(workspace, recipe), "base")
    except ModelError as error:
        raise _base_error(error) from error


def local_base_folder(workspace: Workspace, settings: Settings, recipe: Recipe) -> Path | None:
    """The folder of the base of a recipe; None if it is not on this machine. Errors as for `base_encoder`."""
    if recipe.base == "auto":
        return local_base(settings.encoder.model)
    try:
        return local_base(_name(workspace, recipe), "base")
    except ModelError as error:
        raise _base_error(error) from error


def check_local_base(workspace: Workspace, settings: Settings, recipe: Recipe) -> None:
    """Check that a recipe fits its base, before a run or a job is started; a base that is not here is not downloaded.

    Raises:
        SettingsError: `base` names no encoder, or the recipe does not fit its layers.
        ModelError: the files of the base are damaged or unsafe.
    """
    folder = local_base_folder(workspace, settings, recipe)
    if folder is not None:
        read_architecture(folder).trainable(recipe)


def _name(workspace: Workspace, recipe: Recipe) -> str:
    """The base as `find_base` takes it: a relative path starts at the workspace's folder."""
    return absolute_folder("base", recipe.base, workspace.home.absolute())


def _base_error(error: ModelError) -> SettingsError:
    message = error.message if error.message.startswith("base ") else f"base: {error.message}"
    return SettingsError(message, _HINT)
