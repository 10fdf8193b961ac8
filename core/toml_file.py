"""TOML files that people write: settings, vocabulary, recipes. Each is small, and a regular file or a link to one."""

import tomllib
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from labels.exchange.text_input import settings_text
from labels.files import way_out

_HINT = "Mend it, or move it away."


def read_toml(path: Path, hint: str = _HINT) -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: the file.
        hint: the way out where it cannot be read.

    Raises:
        FileNotFoundError: there is no such file.
        SettingsError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(toml_text(path, hint))
    except RecursionError as error:
        raise SettingsError(f"{path} cannot be read: it is nested too deeply.", hint) from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint) from error


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
