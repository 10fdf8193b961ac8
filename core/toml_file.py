"""TOML files that people write: settings, vocabulary, recipes. Each is small, and a regular file or a link to one."""

import re
import tomllib
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from labels.exchange.files import settings_text
from labels.files import way_out

_HINT = "Mend it, or move it away."
#: Levels of tables and lists; settings need four.
_MAX_DEPTH = 64
#: Parts of a dotted key. The parser's time grows with their square: 40,000, in 80 kB, take it a minute.
_MAX_PARTS = 32
#: A key of more parts: bare or quoted, with dots between (https://toml.io/en/v1.0.0#keys). A text that reads like one
#: is refused too. It begins at the beginning of a part, so that a long word is gone through once.
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{_MAX_PARTS},}}")


def read_toml(path: Path, hint: str = _HINT) -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: the file.
        hint: the way out where it cannot be read.

    Raises:
        FileNotFoundError: there is no such file.
        SettingsError: it cannot be read, or is no TOML.
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
    """The text of a TOML file, which need not be TOML.

    Raises:
        FileNotFoundError, SettingsError: as `read_toml`.
    """
    try:
        return settings_text(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", way_out(error, hint)) from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint) from error
