"""`samesku settings`: all settings with their values and descriptions."""

import json
import textwrap
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel

from core.cli.context import context_of
from core.errors import SettingsError
from core.settings import Settings
from core.settings_info import descriptions

_WIDTH = 80


def settings(
    ctx: typer.Context,
    section: Annotated[str, typer.Argument(help="Only this section, e.g. judge.", show_default=False)] = "",
) -> None:
    """Print every setting in the format of samesku.toml: meaning, value, and default if it differs.

    Example: samesku settings judge
    """
    context = context_of(ctx)
    values = context.settings.model_dump(mode="json")
    if section and section not in values:
        raise SettingsError(f"There is no section {section}.", f"The sections are {', '.join(values)}.")
    shown = {name: values[name] for name in values if section in {"", name}}
    for name, value in shown.items():
        context.out.print("\n".join(_section(name, value)), soft_wrap=True)
    context.answer(shown)


def _section(name: str, values: dict[str, Any]) -> Iterator[str]:
    """Lines of a section in TOML, with a comment on each key."""
    model = Settings.model_fields[name].default
    meanings = descriptions(type(model) if isinstance(model, BaseModel) else Settings)
    yield from _comment(type(model).__doc__ if isinstance(model, BaseModel) else meanings[name])
    yield f"[{name}]"
    defaults = model.model_dump(mode="json") if isinstance(model, BaseModel) else {}
    for key, value in values.items():
        choices = _choices(type(model).model_fields[key].annotation) if key in defaults else []
        yield from _comment(f"{meanings.get(key, '')} {'One of ' + ', '.join(choices) + '.' if choices else ''}")
        if value is None:
            yield f"# {key} = (from the recipe)"
            continue
        default = f"  # default {_toml(defaults[key])}" if key in defaults and value != defaults[key] else ""
        yield f"{key} = {_toml(value)}{default}"
    yield ""


def _choices(annotation: object) -> list[str]:
    """The allowed values of a setting with a `Literal` type; empty for others."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [str(value) for value in arguments]
    return [value for each in arguments for value in _choices(each)]


def _comment(text: str | None) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join((text or "").split()), _WIDTH - 2)]


def _toml(value: object) -> str:
    """A value in TOML, which is JSON except for tables."""
    if isinstance(value, dict):
        items = ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {items} }}" if items else "{}"
    return json.dumps(value, ensure_ascii=False)
