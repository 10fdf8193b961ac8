"""Reading hand-written TOML files (settings, vocabulary, recipes), with limits on size, nesting and key length."""

import re
import tomllib
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from labels.exchange.files import settings_text
from labels.files import way_out

_HINT = "Correct it, or move it away."
#: Maximum nesting of tables and lists; settings need four levels.
_MAX_DEPTH = 64
#: Maximum parts of a dotted key. tomllib takes quadratic time: a minute for 40,000 parts, which fit into 80 kB.
_MAX_PARTS = 32
#: A dotted key with too many parts, bare or quoted (https://toml.io/en/v1.0.0#keys). Text in a string that looks like
#: one is refused as well. The look-behind makes the search linear in the length of a word.
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{_MAX_PARTS},}}")


def read_toml(path: Path, hint: str = _HINT) -> dict[str, Any]:
    """Parse a TOML file.

    Args:
        path: the file.
        hint: the hint of the errors.

    Raises:
        FileNotFoundError: there is no such file.
        SettingsError: it cannot be read, or is not valid TOML.
    """
    text = toml_text(path, hint)
    try:
        if _LONG_KEY.search(text):
            raise ValueError(f"a key in it has more than {_MAX_PARTS} parts")
        found = tomllib.loads(text)
        if _is_too_deep(found):
            raise RecursionError
    except RecursionError as error:
        raise SettingsError(f"{path} cannot be read: it is nested too deeply.", hint) from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint) from error
    return found


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def toml_text(path: Path, hint: str = _HINT) -> str:
    """The text of a TOML file, without parsing it. Raises the errors of `read_toml`."""
    try:
        return settings_text(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", way_out(error, hint)) from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint) from error
