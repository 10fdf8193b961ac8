"""Nested values with dotted keys: `lora.rank`."""

from collections.abc import Mapping
from typing import Any


def nested(dotted: Mapping[str, object]) -> dict[str, Any]:
    """Values by key with dotted names as nested mappings: `{"lora.rank": 8}` is `{"lora": {"rank": 8}}`."""
    found: dict[str, Any] = {}
    for name, value in dotted.items():
        group, _, key = name.partition(".")
        if key and isinstance(inner := found.setdefault(group, {}), dict):
            inner[key] = value
        elif not key:
            found[group] = value
    return found


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `nested`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            found[str(name)] = value
    return found
