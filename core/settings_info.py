"""The settings in force, one by one, with where each comes from and what it is for."""

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
        name: `section.name`, as `--set` and the environment call it.
        value: in force now, as it would be written in samesku.toml.
        origin: `default`, `file` or `environment`.
        help: what it is for; empty where its name says it.
    """

    name: str
    value: str
    origin: str
    help: str


def settings_info(path: Path) -> list[SettingInfo]:
    """All settings of a workspace, in the order in which they are written down.

    Args:
        path: samesku.toml; it may be absent.

    Raises:
        SettingsError: they cannot be read.
    """
    settings = load_settings(path)
    in_file, in_environment = file_settings(path), environment_settings()
    told = []
    for section in type(settings).model_fields:
        group = getattr(settings, section)
        words = descriptions(type(group)) if isinstance(group, BaseModel) else {}
        for name, value in dict(group).items():
            key = f"{section}.{name}"
            origin = "file" if name in in_file.get(section, {}) else "default"
            origin = "environment" if key in in_environment else origin
            told.append(SettingInfo(key, _written(value), origin, words.get(name, "")))
    return told


def descriptions(section: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of a section, by the field's name.

    Read from the source when it is asked for: pydantic's `use_attribute_docstrings` does the same as classes are made,
    which takes 20 ms of CPU at every start of the desk.
    """
    (definition,) = ast.parse(inspect.getsource(section)).body
    words: dict[str, str] = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for field, text in pairwise(body):
        said = text.value if isinstance(text, ast.Expr) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(said, ast.Constant):
            words[field.target.id] = inspect.cleandoc(str(said.value))
    return words


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_written(part) for part in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_written(part)}" for name, part in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
