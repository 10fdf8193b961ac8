"""Starts the kiosk in a process that ignores the environment of its user.

An SSH client may send environment variables, as far as the server accepts them. Some affect Python before any code of
a program runs (PYTHONPATH, PYTHONINSPECT), others libraries on import (TEXTUAL_DRIVER), requests (https_proxy) or child
processes. So the kiosk replaces its process with `python -I`, which ignores the first kind, and a new environment of a
few names with checked values, which has none of the others.

Variables that take effect before this module is imported are out of its reach: start it with `python -I`, and let the
SSH server accept none that affect the login shell or the dynamic linker (README, "On a labelling host").
"""

import os
import pwd
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

_DEBUG = "--debug"
#: The search path: no folder that a user can write to.
_PATH = "/usr/local/bin:/usr/bin:/bin"
#: Name of a locale. With a slash it would be a path for setlocale(3).
_LOCALE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
#: Accepted variables with the form of their values. tzset(3) reads a file if TZ is a path, and names in terminfo(5)
#: have no slash.
_ACCEPTED = {
    "TERM": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}"),
    "COLORTERM": re.compile(r"[a-z0-9]{1,16}"),
    "COLORFGBG": re.compile(r"[a-z0-9;]{1,32}"),
    "NO_COLOR": re.compile(r"[A-Za-z0-9]{1,16}"),
    "LANG": _LOCALE,
    "LC_ALL": _LOCALE,
    "LC_CTYPE": _LOCALE,
    "TZ": re.compile(r"(?!.*\.\.)[A-Za-z0-9<][A-Za-z0-9_+,.:<>/-]{0,63}"),
    # Shown, never run (`tui.kiosk.refused_command_notice`).
    "SSH_ORIGINAL_COMMAND": re.compile(r"(?s).{1,1000}"),
}

#: The error for a user id without an account, as in containers.
NO_ACCOUNT = "A kiosk needs an account on this machine, and user {} has none."
NO_ACCOUNT_HINT = "Create one, or open the desk without --kiosk: samesku --home DIR --as NAME review"


def restart_isolated(arguments: Sequence[str]) -> NoReturn:
    """Replace this process by an isolated one with the same arguments; exits where its user has no account.

    Args:
        arguments: the command line after the program's name.
    """
    try:
        account = pwd.getpwuid(os.getuid())
    except KeyError:
        sys.exit(f"Error: {NO_ACCOUNT.format(os.getuid())}\n{NO_ACCOUNT_HINT}")
    command = [sys.executable, "-I", "-m", "tui.isolation", *arguments]
    os.execve(sys.executable, command, clean_environment(os.environ, account))  # noqa: S606 - our own program


def clean_environment(given: Mapping[str, str], account: pwd.struct_passwd) -> dict[str, str]:
    """The environment of a kiosk.

    Args:
        given: the current environment.
        account: the login account, which sets HOME, LOGNAME and USER.
    """
    accepted = {name: given[name] for name, form in _ACCEPTED.items() if form.fullmatch(given.get(name, ""))}
    return {"HOME": account.pw_dir, "LOGNAME": account.pw_name, "PATH": _PATH, "USER": account.pw_name, **accepted}


def main() -> None:
    """`python -I -m tui.isolation`: the command line, which its user can neither interrupt nor suspend."""
    if not sys.flags.isolated:
        sys.exit("Start this with `samesku --home DIR review --kiosk`.")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    # New files are group-writable, whatever the account's umask.
    os.umask(0o007)
    from tui.command_line import start  # noqa: PLC0415 - not before the signals are ignored

    try:
        start([argument for argument in sys.argv[1:] if argument != _DEBUG])
    except Exception:  # noqa: BLE001 - a traceback would reveal paths
        sys.exit("Error: The desk stopped because of a fault in it. Everything you decided is saved; tell your lead.")


if __name__ == "__main__":
    main()
