"""TOML files that people write: settings, vocabulary, recipes. Each is small, and a regular file or a link to one."""

import tomllib
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from labels.exchange.text_input import settings_text, unreadable


def read_toml(path: Path, hint: str = "Mend it, or move it away.") -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: the file.
        hint: the way out where it is no TOML.

    Raises:
        FileNotFoundError: there is no such file.
        SettingsError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(settings_text(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError(*unreadable(path, error)) from error
    except RecursionError as error:
        raise SettingsError(f"{path} cannot be read: it is nested too deeply.", hint) from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}.", hint) from error
