"""The commands of the command line, each loaded."""

from collections.abc import Callable, Sequence
from typing import Any

import typer

from core.cli.app import make_app
from core.cli.verbs import load_all


def root_command(first: Sequence[Callable[..., None]] = ()) -> Any:
    """The program's own command; its verbs are loaded."""
    return load_all(typer.main.get_command(make_app(first)))
