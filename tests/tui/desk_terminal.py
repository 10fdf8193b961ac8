"""The real desk in a pseudo-terminal: when it can be typed to."""

import re

from tests.bench.terminal import Terminal

_SECOND_ROW = re.compile(r"[ ▌]2 +\S")


def is_painted(terminal: Terminal) -> bool:
    """Whether rows of the list are on the screen."""
    return any("/10 ─" in line for line in terminal.lines) and any(map(_SECOND_ROW.match, terminal.lines))


def ready(terminal: Terminal, seconds: float = 120) -> bool:
    """Wait until the desk takes decisions.

    It ignores them until the list has its final height, which the screen does not show: the first frame may be the
    same. Moving down and up again takes two frames that come after it.
    """
    if not terminal.wait_for(is_painted, seconds):
        return False
    for key, row in (("j", "2"), ("k", "1")):
        terminal.send(key)
        if not terminal.wait_for(lambda t, row=row: any(line.startswith(f"▌{row}") for line in t.lines), seconds):
            return False
    return True
