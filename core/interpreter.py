"""Command lines that run modules of this program in a subprocess."""

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in this interpreter, isolated from the environment if this process is.

    `python -I` keeps `PYTHON*` variables and the current folder from deciding which code runs. Subprocesses inherit
    the flag.

    Args:
        module: its dotted name.
        arguments: those of the module.
    """
    isolation = ["-I"] if sys.flags.isolated else []
    return [sys.executable, *isolation, "-m", module, *arguments]
