"""A kiosk: somebody comes in over SSH by a ForceCommand, and the desk is all that there is for them.

Who they are is what the system says, and which workspace and which settings hold is what its lead has written: an SSH
client may send environment variables, and none of them counts here (`tui.isolation`). What the screens must not offer
stands in `tui.kiosk`. People who can log in to the machine in another way are SSH's concern, not this module's.
"""

import os
import pwd
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tui.app import DeskApp
from tui.isolation import NO_ACCOUNT, NO_ACCOUNT_HINT

if TYPE_CHECKING:
    from core.cli.context import Context


_DEBUG = "--debug"
#: More of a command need not be repeated.
_LONGEST = 60

WITHOUT_TERMINAL = "Connect with `ssh -t`; files and commands are not taken here."


def enclosed(context: "Context") -> "Context":
    """The context of a kiosk: the account's own name, and a workspace that was named.

    Raises:
        CoreError: the command line asks for what a kiosk does not grant.
    """
    from core.errors import CoreError  # noqa: PLC0415 - only needed in a kiosk

    if not sys.flags.isolated:
        raise CoreError("A kiosk runs isolated from its environment.", "Start `samesku --home DIR review --kiosk`.")
    if _DEBUG in sys.argv:
        raise CoreError("A kiosk shows nobody the inside of a fault.", f"Leave {_DEBUG} out.")
    if context.home is None:
        raise CoreError(
            "A kiosk needs its workspace named: samesku --home DIR review --kiosk.",
            "What the environment says counts for nothing here: an SSH client may have set it.",
        )
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        raise CoreError(NO_ACCOUNT.format(os.getuid()), NO_ACCOUNT_HINT) from error
    if context.annotator_name not in {None, login}:
        raise CoreError(f"In a kiosk everybody is who they logged in as, here {login}.", "Leave --as out.")
    return replace(context, annotator_name=login, announce=False)


def unheard() -> str:
    """What an SSH client asked for besides a terminal, and does not get; empty where it asked for nothing."""
    command = os.environ.get("SSH_ORIGINAL_COMMAND", "").strip()
    return f"You asked for “{_shortened(command)}”; here there is only the desk." if command else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


class KioskApp(DeskApp):
    """Offers no browser, no file beside the workspace's own, and no way to the shell that it was started from."""

    def open_url(self, *_: Any, **__: Any) -> None:
        """A browser in this terminal would lead anywhere."""
        self.notify("Links cannot be opened here.", severity="warning", markup=False)

    def action_suspend_process(self) -> None:
        """There is nothing behind the desk."""
        self.notify("Here there is only the desk; q leaves.", markup=False)

    def action_screenshot(self, *_: Any, **__: Any) -> None:
        """A picture would be a file in somebody's home."""

    def deliver_text(self, *_: Any, **__: Any) -> None:
        """As above, for any file."""

    def deliver_binary(self, *_: Any, **__: Any) -> None:
        """As above, for any file."""
