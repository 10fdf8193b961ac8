"""All settings in force, each with its origin and description."""

import inspect
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tokenize import COMMENT, DEDENT, INDENT, NEWLINE, NL, STRING, TokenInfo, generate_tokens
from typing import Any

from pydantic import BaseModel

from core.settings import environment_settings, file_settings, load_settings

_NO_CODE = {COMMENT, DEDENT, INDENT, NL}


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

    Read from the source on demand. pydantic's `use_attribute_docstrings` does the same when the class is created,
    which would take 20 ms at every start of the desk.
    """
    # Tokens rather than `ast`: before Python 3.11.8, two threads that parse at once can fail with a SystemError
    # (python/cpython#106905), and Textual parses the actions of keys in the desk's main thread.
    found: dict[str, str] = {}
    field, statement = "", list[TokenInfo]()
    for token in generate_tokens(StringIO(inspect.getsource(section)).readline):
        if token.type in _NO_CODE:
            continue
        if token.type != NEWLINE:
            statement.append(token)
            continue
        if [part.type for part in statement] == [STRING]:
            found[field] = inspect.cleandoc(statement[0].string.strip('"'))
        is_field = len(statement) > 1 and statement[1].string == ":"
        field, statement = statement[0].string if is_field else "", []
    found.pop("", None)
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
