"""The keys of a recipe with allowed values, defaults and help texts, derived from the model."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from core.settings_info import descriptions
from core.training.recipes.recipe import Recipe

_NOUNS: dict[object, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
_SIGNS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclass(frozen=True, slots=True)
class RecipeKey:
    """A key of a recipe.

    Attributes:
        name: dotted, such as `lora.rank`.
        allowed: its values, a few words.
        default: its value where a file leaves it out.
        help: its description.
        number: `int` or `float` if its values are numbers, perhaps beside `auto`; else None.
    """

    name: str
    allowed: str
    default: object
    help: str
    number: type[int] | type[float] | None = None


def recipe_keys() -> list[RecipeKey]:
    """All keys of a recipe in the order of their definition."""
    return list(_keys(Recipe, ""))


def _keys(model: type[BaseModel], prefix: str) -> Iterator[RecipeKey]:
    help_texts = descriptions(model)
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _keys(field.annotation, f"{prefix}{name}.")
        else:
            text = " ".join(help_texts.get(name, "").split())
            allowed = _allowed(field.annotation, field.metadata)
            yield RecipeKey(f"{prefix}{name}", allowed, field.default, text, _number_type(field.annotation))


def _allowed(annotation: object, metadata: Any = ()) -> str:
    """The values of a type as a noun phrase."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(inner[0], inner[1:])
    if origin in {Union, UnionType}:
        return " or ".join(_allowed(each) for each in inner)
    if origin is Literal:
        values = [str(value) for value in inner]
        return " or ".join([", ".join(values[:-1]), values[-1]]) if values[1:] else values[0]
    if origin is tuple:
        # In order of dimensions and names: "a list of whole numbers from 1 to 16384".
        element = _allowed(inner[0]).removeprefix("a ").replace("number", "numbers", 1).replace("text", "texts", 1)
        return f"a list of {element}"
    noun = _NOUNS.get(annotation, "a value")
    return f"{noun} {limits}" if annotation in {int, float} and (limits := _limits(metadata)) else noun


def _number_type(annotation: object) -> type[int] | type[float] | None:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _number_type(inner[0])
    if origin in {Union, UnionType}:
        return next((found for each in inner if (found := _number_type(each)) is not None), None)
    return int if annotation is int else float if annotation is float else None


def _limits(metadata: Any) -> str:
    limits = {
        name: getattr(part, name)
        for each in metadata
        for part in (each, *getattr(each, "metadata", ()))
        for name in _SIGNS
        if getattr(part, name, None) is not None
    }
    if "ge" in limits and "le" in limits:
        return f"from {_number(limits['ge'])} to {_number(limits['le'])}"
    if "ge" in limits and "lt" in limits:
        return f"from {_number(limits['ge'])} to below {_number(limits['lt'])}"
    return " and ".join(f"{sign} {_number(limits[name])}" for name, sign in _SIGNS.items() if name in limits)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
