"""Start the kiosk in a process that its user's environment cannot reach.

An SSH client may send environment variables, as far as the server accepts them. Some act on Python before any code of
a program runs (PYTHONPATH, PYTHONINSPECT), others on libraries when they are imported (TEXTUAL_DRIVER), on requests
(https_proxy) or on child processes. So the kiosk replaces its process with `python -I`, which ignores the first kind,
and an environment made of a few names whose values are checked, which has none of the others.

What acts before this module is imported is out of its reach: start it with `python -I` in the first place, and let the
SSH server accept nothing that the login shell or the dynamic linker obeys (docs/how-to/labelling-host.md).
"""

import os
import pwd
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

_DEBUG = "--debug"
#: Where programs are found; nothing that the kiosk starts is looked up in a folder that a user can write.
_PATH = "/usr/local/bin:/usr/bin:/bin"
#: A locale's name. One with a slash is a path for setlocale(3).
_LOCALE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
#: What may come from the client, and how it must look. tzset(3) takes a path in TZ for a file to read, and terminfo(5)
#: names have no slash.
_ACCEPTED = {
    "TERM": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}"),
    "COLORTERM": re.compile(r"[a-z0-9]{1,16}"),
    "COLORFGBG": re.compile(r"[a-z0-9;]{1,32}"),
    "NO_COLOR": re.compile(r"[A-Za-z0-9]{1,16}"),
    "LANG": _LOCALE,
    "LC_ALL": _LOCALE,
    "LC_CTYPE": _LOCALE,
    "TZ": re.compile(r"(?!.*\.\.)[A-Za-z0-9<][A-Za-z0-9_+,.:<>/-]{0,63}"),
    # Told to the user, never obeyed (`tui.kiosk.unheard`).
    "SSH_ORIGINAL_COMMAND": re.compile(r"(?s).{1,1000}"),
}

#: Why there is no kiosk for a user number alone, as containers have them.
NO_ACCOUNT = "A kiosk is for people whom this machine knows, and user {} has no account here."
NO_ACCOUNT_HINT = "Make one for them, or open the desk without --kiosk: samesku --home DIR --as NAME review"


def restart_isolated(arguments: Sequence[str]) -> NoReturn:
    """Replace this process with an isolated one that does the same; ends it where the system does not know its user.

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
        given: the environment of the process so far.
        account: whose kiosk it is; this says who they are, and where their home is.
    """
    accepted = {name: given[name] for name, form in _ACCEPTED.items() if form.fullmatch(given.get(name, ""))}
    return {"HOME": account.pw_dir, "LOGNAME": account.pw_name, "PATH": _PATH, "USER": account.pw_name, **accepted}


def main() -> None:
    """`python -I -m tui.isolation`: the command line, in a process that its user can neither stop nor look into."""
    if not sys.flags.isolated:
        sys.exit("Start this with `samesku --home DIR review --kiosk`.")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    # What is made here is for the whole group, whatever the umask of this account.
    os.umask(0o007)
    from tui.command_line import start  # noqa: PLC0415 - not before the signals are ignored

    try:
        start([argument for argument in sys.argv[1:] if argument != _DEBUG])
    except Exception:  # noqa: BLE001 - a traceback tells of this machine
        sys.exit("Error: The desk has a fault. Everything you decided is saved; tell your lead.")


if __name__ == "__main__":
    main()
