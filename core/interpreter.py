"""Commands that run this program's own modules in processes of their own."""

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in this interpreter, as isolated from its environment as this process is.

    An isolated process (`python -I`) was started so that neither `PYTHON*` variables nor the current folder decide
    what it runs; its children must not bring them back.

    Args:
        module: the module's full name.
        arguments: what stands after it.
    """
    isolation = ["-I"] if sys.flags.isolated else []
    return [sys.executable, *isolation, "-m", module, *arguments]
