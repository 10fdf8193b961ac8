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
    start = _cursor(terminal)
    terminal.send("j")
    if not terminal.wait_for(lambda t: _cursor(t) not in {start, None}, seconds):
        return False
    terminal.send("k")
    return terminal.wait_for(lambda t: _cursor(t) == start, seconds)


def _cursor(terminal: Terminal) -> str | None:
    """The number of the highlighted row; None if there is none."""
    return next((line[1] for line in terminal.lines if line.startswith("▌")), None)
