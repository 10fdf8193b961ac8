"""The commands of the command line, each loaded."""

from collections.abc import Callable, Sequence
from typing import Any

import typer

from core.cli.app import make_app


def root_command(first: Sequence[Callable[..., None]] = ()) -> Any:
    """The program's own command; its verbs are loaded."""
    root: Any = typer.main.get_command(make_app(first))
    root.commands = {name: getattr(command, "command", command) for name, command in root.commands.items()}
    return root
