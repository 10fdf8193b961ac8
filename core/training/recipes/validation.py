"""Validating the values of a recipe; every mistake is a sentence that names the key and what is allowed."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from core.errors import SettingsError
from core.text.safe import safe
from core.training.recipes.keys import recipe_keys
from core.training.recipes.recipe import Recipe

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: Characters of a key or a value in a message.
_MAX_SHOWN = 60

#: Names of recipe keys in the section `retrain` of the settings, in recipes of earlier versions, and in TOML files.
FORMER_KEYS = {
    "rank": "lora.rank",
    "alpha": "lora.alpha",
    "dropout": "lora.dropout",
    "least_steps": "min_steps",
}


def validate_recipe(values: Mapping[str, Any], origins: Mapping[str, str], default_origin: str) -> Recipe:
    """The recipe with some values.

    Args:
        values: nested, by key.
        origins: dotted key → where it is set, such as `on the command line`.
        default_origin: where all other keys are set.

    Raises:
        SettingsError: a key is unknown or a value is not allowed.
    """
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = _key(first)
        message = _message(first, key)
        origin = next((origins[name] for name in origins if f"{name}.".startswith(f"{key}.")), default_origin)
        raise SettingsError(message, f"It is set {origin}.") from error


def _key(error: "ErrorDetails") -> str:
    """The dotted key of an error. Its location also has the branch of a union and the place in a list."""
    parts = [str(part) for part in error["loc"]]
    depth = 2 if parts[:1] == ["lora"] else 1
    return ".".join(parts[:depth])


def _message(error: "ErrorDetails", key: str) -> str:
    shown = safe(key)[:_MAX_SHOWN]
    if error["type"] == "extra_forbidden":
        return unknown_key(shown)
    if error["type"] == "value_error":
        # An error of the whole recipe names its key itself.
        return ": ".join(filter(None, (shown, f"{error['msg'].removeprefix('Value error, ')}.")))
    allowed = {each.name: each.allowed for each in recipe_keys()}
    if key not in allowed:
        names = ", ".join(name.partition(".")[2] for name in allowed if name.startswith(f"{key}."))
        return f"{shown}: {_shown(error['input'])} is not allowed; it is a group of keys: {names}."
    return f"{shown}: {_shown(error['input'])} is not allowed; it is {allowed[key]}."


def unknown_key(name: str) -> str:
    """The sentence about an unknown key: the nearest right name, and all that are allowed."""
    names = [key.name for key in recipe_keys()]
    near = get_close_matches(name, names, n=1) or [key for key in names if key.rpartition(".")[2] == name]
    # A key of the group lora may be written without its group, and the other way round.
    near = near or get_close_matches(name.rpartition(".")[2], [key.rpartition(".")[2] for key in names], n=1)
    guess = next((key for key in names if near and key.endswith(near[0])), "")
    hint = f"; the nearest is {guess}" if guess else ""
    return f"{name}: there is no such key in a recipe{hint}. Allowed are {', '.join(names)}."


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else "true" if value is True else "false" if value is False else repr(value)
    text = safe(text)
    return f"{text[:_MAX_SHOWN]}…" if len(text) > _MAX_SHOWN else text or '""'
