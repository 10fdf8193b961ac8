"""The real desk in a pseudo-terminal: when it can be typed to."""

import re

from tests.bench.terminal import Terminal

_SECOND_ROW = re.compile(r"[ ▌]2 +\S")


def is_painted(terminal: Terminal) -> bool:
    """Whether rows of the list are on the screen: keys that decide do nothing before."""
    return any("/10 ─" in line for line in terminal.lines) and any(map(_SECOND_ROW.match, terminal.lines))
