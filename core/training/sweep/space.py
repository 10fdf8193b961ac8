"""The space of a sweep: recipe keys with the values to try, from a YAML file.

A key has a list of choices, or a range `{low, high}` with `log: true` or a `step`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import SettingsError
from core.text.safe import safe
from core.training.recipes.dotted import flat, nested
from core.training.recipes.keys import RecipeKey, recipe_keys
from core.training.recipes.recipe import Recipe
from core.training.recipes.validation import FORMER_KEYS, unknown_key, validate_recipe
from core.yaml_file import read_yaml
from labels.wording import counted

_DATA = Path(__file__).parent / "data"
_FORM = "A key has a list of choices, e.g. [8, 16, 32], or a range, e.g. {low: 1e-4, high: 1e-3, log: true}."
#: Keys that a sweep cannot choose: a name, and what only repeats a trial with other luck.
_FIXED_KEYS = ("description", "seed")
_MAX_KEYS = 32
#: Characters of a value in a message.
_MAX_SHOWN = 60


class _Dimension(BaseModel):
    # Strict, so that `low: "1"` is not 1 and `log: 1` is not true.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Choices(_Dimension):
    """A list of values to choose from."""

    values: Annotated[list[Any], Field(min_length=1, max_length=64)]

    @model_validator(mode="after")
    def _distinct(self) -> "Choices":
        if len({json.dumps(value, default=str) for value in self.values}) < len(self.values):
            raise ValueError("a choice is given twice; give each once")
        return self


class Range(_Dimension):
    """All numbers between two, both included; uniform in the logarithm if `log`."""

    low: int | float
    high: int | float
    log: bool = False
    step: Annotated[int | float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) is not below high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}; with log it is above 0")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude one another; leave one of them out")
        if self.step is not None and (Decimal(str(self.high)) - Decimal(str(self.low))) % Decimal(str(self.step)):
            raise ValueError(f"steps of {self.step:g} from {self.low:g} do not reach {self.high:g}")
        return self

    def holds(self, value: object) -> bool:
        """Whether a value is in the range, apart from its steps."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The values that a sweep tries.

    Attributes:
        dimensions: dotted recipe key → its values, in the order of the file.
    """

    dimensions: Mapping[str, Choices | Range]

    def suggest(self, trial: Any) -> dict[str, object]:
        """The values of an Optuna trial, by dotted key."""
        return {key: self._suggested(trial, key, values) for key, values in self.dimensions.items()}

    def _suggested(self, trial: Any, key: str, values: Choices | Range) -> object:
        if isinstance(values, Choices):
            # As text, because Optuna stores no lists.
            return json.loads(trial.suggest_categorical(key, [json.dumps(value) for value in values.values]))
        if _KEYS[key].number is int:
            return trial.suggest_int(key, values.low, values.high, log=values.log, step=values.step or 1)
        return trial.suggest_float(key, values.low, values.high, log=values.log, step=values.step)

    def values(self, params: Mapping[str, object]) -> dict[str, object]:
        """The values of the parameters of a finished Optuna trial, by dotted key."""
        return {
            key: json.loads(str(value)) if isinstance(self.dimensions.get(key), Choices) else value
            for key, value in params.items()
        }

    def params_of(self, recipe: Recipe) -> dict[str, object] | None:
        """The Optuna parameters of a recipe; None if it is not in the space."""
        own, resolved = flat(recipe.model_dump(mode="json")), flat(recipe.record())
        params: dict[str, object] = {}
        for key, values in self.dimensions.items():
            for value in (own[key], resolved.get(key, own[key])):
                if isinstance(values, Range) and values.holds(value):
                    params[key] = value
                elif isinstance(values, Choices) and value in values.values:
                    params[key] = json.dumps(value)
        return params if len(params) == len(self.dimensions) else None

    def record(self) -> dict[str, Any]:
        """Its content, as a file has it."""
        return {
            key: values.values if isinstance(values, Choices) else values.model_dump(exclude_defaults=True)
            for key, values in self.dimensions.items()
        }

    def sha256(self) -> str:
        """Hash of its content."""
        return hashlib.sha256(json.dumps(self.record(), sort_keys=True).encode()).hexdigest()


_KEYS: Mapping[str, RecipeKey] = {key.name: key for key in recipe_keys()}


def read_space(path: Path | None, recipe: Recipe, overridden: Mapping[str, object]) -> SearchSpace:
    """The space of a sweep.

    Args:
        path: YAML file; None for the shipped space of the recipe's method.
        recipe: has the values of all other keys.
        overridden: the recipe keys that the command line sets, which the space must not.

    Raises:
        SettingsError: the file cannot be read, or has a wrong key or value; one sentence that names it.
    """
    shipped = _DATA / ("adapter.yaml" if recipe.has_adapter else "full.yaml")
    origin = "in the shipped space" if path is None else f"in {safe(str(path))}"
    values = _by_dotted_key(read_yaml(path or shipped, f"It is the space of a sweep. {_FORM}"))
    hint = f"It is set {origin}. {_FORM}"
    if not 0 < len(values) <= _MAX_KEYS:
        raise SettingsError(f"The space has {counted(len(values), 'key')}; it has 1 to {_MAX_KEYS}.", hint)
    for key in values:
        _check_key(key, hint)
        if key in overridden:
            raise SettingsError(f"{key} is set on the command line and {origin}.", "Leave it out of one of them.")
    space = SearchSpace({key: _dimension(key, value, hint) for key, value in values.items()})
    for _ in single_recipes(space, recipe, origin):
        pass
    return space


def single_recipes(space: SearchSpace, recipe: Recipe, origin: str = "in the space") -> Iterator[Recipe]:
    """The recipe with one choice, or one end of a range, of the space at a time.

    Raises:
        SettingsError: a value is not allowed, or has no effect with the recipe's method.
    """
    methods = space.dimensions.get("method")
    full_only = not recipe.has_adapter if methods is None else set(getattr(methods, "values", ())) <= {"full"}
    own = flat(recipe.model_dump())
    for key, values in space.dimensions.items():
        if key.startswith("lora.") and full_only:
            raise SettingsError(f"{key} has no effect with method: full.", f"Leave it out; it is set {origin}.")
        for value in values.values if isinstance(values, Choices) else (values.low, values.high):
            yield validate_recipe(nested(own | {key: value}), {key: origin}, "by the recipe of the sweep")


def _by_dotted_key(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a file with the keys of groups dotted, as recipes have them nested."""
    groups = {key.partition(".")[0] for key in _KEYS if "." in key}
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = flat({name: value}) if name in groups and isinstance(value, Mapping) else {str(name): value}
        found |= {FORMER_KEYS.get(key, key): each for key, each in inner.items()}
    return found


def _check_key(key: str, hint: str) -> None:
    if key not in _KEYS:
        raise SettingsError(unknown_key(safe(key)[:_MAX_SHOWN]), hint)
    if key in _FIXED_KEYS:
        raise SettingsError(f"{key} is the same for all trials of a sweep.", f"Set it in the recipe. {hint}")


def _dimension(key: str, value: object, hint: str) -> Choices | Range:
    try:
        if isinstance(value, list):
            return Choices(values=value)
        if isinstance(value, Mapping):
            found = Range.model_validate(dict(value))
            _check_numbers(key, found, hint)
            return found
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{key}: {_complaint(first)}.", hint) from error
    shown = safe(str(value))[:_MAX_SHOWN]
    raise SettingsError(f"{key}: {shown} is neither a list of choices nor a range; write [{shown}] to fix it.", hint)


def _check_numbers(key: str, values: Range, hint: str) -> None:
    if _KEYS[key].number is None:
        raise SettingsError(f"{key} has no range: it is {_KEYS[key].allowed}. List the choices.", hint)
    if _KEYS[key].number is int and isinstance(values.step, float):
        raise SettingsError(f"{key}: step {values.step:g} is not allowed; it is a whole number here.", hint)


def _complaint(error: Any) -> str:
    """A pydantic error as a clause."""
    name = ".".join(str(part) for part in error["loc"][:1])
    if error["type"] == "extra_forbidden":
        return f"a range has no {safe(name)[:_MAX_SHOWN]}; it has low, high, log and step"
    if error["type"] == "missing":
        return f"the range has no {name}"
    if error["type"] == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in {"too_short", "too_long"}:
        return "a list has 1 to 64 choices"
    allowed = "true or false" if name == "log" else "a number above 0" if name == "step" else "a number"
    return f"{name}: {safe(str(error['input']))[:_MAX_SHOWN]} is not allowed; it is {allowed}"
