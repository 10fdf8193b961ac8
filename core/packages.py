"""Packages of an extra: how they are installed, and whether they are, without importing them."""

from collections.abc import Iterable
from importlib.util import find_spec

from core.errors import CoreError


def install_hint(*extras: str) -> str:
    """How to install extras: from the project's folder, since it is in no package index."""
    return f"In samesku's folder: pip install -c constraints.txt -e '.[{','.join(extras)}]'"


def require_packages(need: str, names: Iterable[str], hint: str, error: type[CoreError] = CoreError) -> None:
    """Require that packages are installed.

    Args:
        need: what needs them, as the beginning of a sentence: `An export to ONNX needs`.
        names: of their modules.
        hint: how to install them.
        error: the type of the error.

    Raises:
        CoreError: of that type; some are missing.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise error(f"{need} packages that are not installed: {', '.join(missing)}.", hint)
