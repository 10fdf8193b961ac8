"""All settings in force, each with its origin and description."""

import ast
import inspect
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.settings import environment_settings, file_settings, load_settings


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting.

    Attributes:
        name: the dotted key, `section.name`.
        value: its value in force, as samesku.toml would have it.
        origin: `default`, `file` or `environment`.
        help: its description; empty for a key of the section `keys`.
    """

    name: str
    value: str
    origin: str
    help: str


def settings_info(path: Path) -> list[SettingInfo]:
    """All settings of a workspace, in the order of their definition.

    Args:
        path: samesku.toml; need not exist.

    Raises:
        SettingsError: they cannot be read.
    """
    settings = load_settings(path)
    in_file, in_environment = file_settings(path), environment_settings()
    found = []
    for section in type(settings).model_fields:
        group = getattr(settings, section)
        help_texts = descriptions(type(group)) if isinstance(group, BaseModel) else {}
        for name, value in dict(group).items():
            key = f"{section}.{name}"
            origin = "file" if name in in_file.get(section, {}) else "default"
            origin = "environment" if key in in_environment else origin
            found.append(SettingInfo(key, _as_toml(value), origin, help_texts.get(name, "")))
    return found


def descriptions(section: type[BaseModel]) -> dict[str, str]:
    """Field name → docstring below the field, for a section of the settings.

    Parsed from the source on demand. pydantic's `use_attribute_docstrings` does the same when the class is created,
    which would take 20 ms at every start of the desk.
    """
    (definition,) = ast.parse(inspect.getsource(section)).body
    found: dict[str, str] = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, statement in pairwise(body):
        text = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Constant):
            found[field.target.id] = inspect.cleandoc(str(text.value))
    return found


def _as_toml(value: Any) -> str:
    if value is None:
        return "from the recipe"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_as_toml(part) for part in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_as_toml(part)}" for name, part in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
