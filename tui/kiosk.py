"""Kiosk mode: an SSH ForceCommand that offers the desk and nothing else.

The annotator is the login account, and workspace and settings are those of the command line in the server's
configuration: environment variables that the SSH client sends are ignored (`tui.isolation`). Accounts that can log in
in another way are out of scope.

What every command imports: the desk of a kiosk, with its screens, is `tui.kiosk_app`.
"""

import os
import pwd
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.isolation import NO_ACCOUNT, NO_ACCOUNT_HINT

if TYPE_CHECKING:
    from core.cli.context import Context


_DEBUG = "--debug"
#: Characters of a refused command that are repeated at most.
_MAX_COMMAND = 60

WITHOUT_TERMINAL = "Connect with `ssh -t`; this account accepts neither files nor commands."


def kiosk_context(context: "Context") -> "Context":
    """The context for a kiosk: the annotator is the login account, the workspace comes from `--home`.

    Raises:
        CoreError: the command line asks for something that a kiosk does not allow.
    """
    from core.errors import CoreError  # noqa: PLC0415 - only needed in a kiosk

    if not sys.flags.isolated:
        raise CoreError("A kiosk runs isolated from its environment.", "Start `samesku --home DIR review --kiosk`.")
    if _DEBUG in sys.argv:
        raise CoreError("A kiosk does not show tracebacks.", f"Leave {_DEBUG} out.")
    if context.home is None:
        raise CoreError(
            "A kiosk needs --home: samesku --home DIR review --kiosk.",
            "Environment variables are ignored here, since an SSH client may have set them.",
        )
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        raise CoreError(NO_ACCOUNT.format(os.getuid()), NO_ACCOUNT_HINT) from error
    if context.annotator_name not in {None, login}:
        raise CoreError(f"In a kiosk the annotator is the login account, here {login}.", "Leave --as out.")
    return replace(context, annotator_name=login)


def refused_command_notice() -> str:
    """A notice that the command of the SSH client was not run; empty where it sent none."""
    command = os.environ.get("SSH_ORIGINAL_COMMAND", "").strip()
    return f"The command “{_shorten(command)}” was not run: this account only opens the desk." if command else ""


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_COMMAND else text[: _MAX_COMMAND - 1] + "…"
