"""Where a recipe comes from: the shipped files, a user's file, the settings, and the command line."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import SettingsError
from core.settings import RetrainSettings, current_names
from core.text.safe import safe
from core.training.recipes.dotted import flat, nested
from core.training.recipes.recipe import Recipe
from core.training.recipes.validation import FORMER_KEYS, unknown_key, validate_recipe
from core.yaml_file import parse_yaml, read_yaml

_FOLDER = Path(__file__).parent / "data"
#: From the shortest run to the most specialised one.
SHIPPED = ("quick", "standard", "quality", "full", "qlora", "large-batch", "matryoshka")
DEFAULT = "standard"
_HINT = "Correct it; docs/how-to/recipes.md describes the keys."
YAML_SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """A shipped recipe by its name."""

    name: str
    recipe: Recipe


def shipped_recipes() -> list[ShippedRecipe]:
    """All shipped recipes in the order in which they are listed."""
    return [ShippedRecipe(name, resolve_recipe(RetrainSettings(), name)) for name in SHIPPED]


def is_recipe_file(name: str) -> bool:
    """Whether a recipe is named by its file rather than by its name."""
    return os.sep in name or Path(name).suffix.lower() in YAML_SUFFIXES


def recipe_values(name: str) -> dict[str, Any]:
    """The values that a recipe sets, by dotted key; not validated.

    Args:
        name: of a shipped recipe, or the path of a YAML file.

    Raises:
        SettingsError: there is no such recipe, or the file cannot be read.
    """
    if is_recipe_file(name):
        return {FORMER_KEYS.get(key, key): value for key, value in flat(read_yaml(Path(name), _HINT)).items()}
    if name not in SHIPPED:
        near = get_close_matches(name, SHIPPED, n=1)
        shown = safe(name)[:60]
        raise SettingsError(
            f"There is no recipe {shown}{f'; the nearest is {near[0]}' if near else ''}.",
            f"The shipped ones are {', '.join(SHIPPED)}; a file of your own ends in .yaml.",
        )
    return flat(read_yaml(_FOLDER / f"{name}.yaml", "Install samesku again."))


def resolve_recipe(
    settings: RetrainSettings,
    name: str | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Recipe:
    """The recipe in force.

    A recipe that is named for one run replaces the recipe and the recipe keys of the settings. Without a name, the keys
    of the settings override the recipe that they name.

    Args:
        settings: the section `retrain`.
        name: of a shipped recipe, or the path of a YAML file; None for the one of the settings.
        overrides: dotted key → value, from the command line.

    Raises:
        SettingsError: the recipe is missing, damaged, or has a wrong key or value.
    """
    source = name or settings.recipe
    values = recipe_values(source)
    origins: dict[str, str] = {}
    if name is None:
        own = settings_values(settings)
        values |= own
        origins |= dict.fromkeys(own, "in the section retrain of the settings")
    overrides = overrides or {}
    origins |= dict.fromkeys(overrides, "on the command line")
    place = f"in {source}" if is_recipe_file(source) else f"in the recipe {source}"
    return validate_recipe(nested(values | dict(overrides)), origins, place)


def settings_values(settings: RetrainSettings) -> dict[str, object]:
    """The recipe keys that the settings set, by dotted key."""
    given = settings.model_dump(exclude_none=True, exclude_unset=True)
    return {key: value for name, value in given.items() if (key := recipe_key(name)) is not None}


def recipe_key(name: str) -> str | None:
    """The dotted recipe key of a name without the section `retrain`; None if no recipe has it."""
    name = FORMER_KEYS.get(name, name)
    return name if name.partition(".")[0] in Recipe.model_fields else None


def parse_override(key: str, text: str) -> object:
    """The value of an assignment on the command line, written as in a recipe: `32`, `5e-4`, `[query, value]`.

    Raises:
        SettingsError: it is not YAML.
    """
    if "." in key and key.partition(".")[0] != "lora":
        raise SettingsError(unknown_key(safe(key)[:60]), "It is set on the command line.")
    try:
        return parse_yaml(text) if text.strip() else text
    except ValueError as error:
        raise SettingsError(f"{key} cannot be read: {error}.", "It is set on the command line.") from error


def recorded_recipe(values: object) -> Recipe | None:
    """The recipe in the result or the card of a retrain, of this version or an earlier one; None if it is damaged."""
    if not isinstance(values, dict):
        return None
    try:
        known = {
            key: value
            for name, value in flat(current_names("retrain", values)).items()
            if (key := recipe_key(name)) is not None
        }
        return Recipe.model_validate(nested(known))
    except (ValidationError, SettingsError):
        return None
