"""A kiosk: somebody comes in over SSH by a ForceCommand, and the desk is all that there is for them.

Who they are is what the system says, and which workspace and which settings hold is what its lead has written: an SSH
client may send environment variables, and none of them counts here. What the screens must not offer stands in
`tui.kiosk_app`. No more than SSH itself does this guard against whoever may log in by another way.
"""

import os
import pwd
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.cli.context import Context

#: What these set is for others to decide: workspace and settings, Textual's log files and drivers, Python's own ways.
_UNHEARD = ("SAMESKU_", "TEXTUAL", "PYTHON")
_DEBUG = "--debug"
#: More of a command need not be repeated.
_LONGEST = 60

WITHOUT_TERMINAL = "Connect with `ssh -t`; files and commands are not taken here."


def shut_in(arguments: Sequence[str]) -> list[str]:
    """Close this process to whoever started it, before anything else is loaded. Returns the arguments that count."""
    for name in [name for name in os.environ if name.startswith(_UNHEARD)]:
        del os.environ[name]
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    # What is made here is for the whole group, whatever the umask of this account.
    os.umask(0o007)
    return [argument for argument in arguments if argument != _DEBUG]


def enclosed(context: "Context") -> "Context":
    """The context of a kiosk: the account's own name, and a workspace that was named.

    Raises:
        CoreError: the command line asks for what a kiosk does not grant.
    """
    from core.errors import CoreError  # noqa: PLC0415 - not before the process is closed

    if _DEBUG in sys.argv:
        raise CoreError("A kiosk shows nobody the inside of a fault.", f"Leave {_DEBUG} out.")
    if context.home is None:
        raise CoreError(
            "A kiosk needs its workspace named: samesku --home DIR review --kiosk.",
            "What the environment says counts for nothing here: an SSH client may have set it.",
        )
    login = pwd.getpwuid(os.getuid()).pw_name
    if context.annotator_name not in {None, login}:
        raise CoreError(f"In a kiosk everybody is who they logged in as, here {login}.", "Leave --as out.")
    return replace(context, annotator_name=login)


def unheard() -> str:
    """What an SSH client asked for besides a terminal, and does not get; empty where it asked for nothing."""
    command = os.environ.get("SSH_ORIGINAL_COMMAND", "").strip()
    return f"You asked for “{_shortened(command)}”; here there is only the desk." if command else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
