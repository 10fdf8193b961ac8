"""Where the lines of the plain desk go: whole to a pipe, broken between words to a terminal."""

import os
from typing import TextIO

from textual.content import Content

#: Of a narrower terminal nobody knows the width.
_NARROWEST = 10


class Voice:
    """Says one thing a call."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, text: str) -> None:
        """Say it; a line break begins another line."""
        width = self._width()
        for line in text.split("\n"):
            # A terminal breaks words wherever they reach its edge, and a screen reader reads what stands there.
            for part in Content(line).wrap(width) if len(line) * 2 > width >= _NARROWEST else [line]:
                self._out.write(str(part).rstrip() + "\n")

    def flush(self) -> None:
        """What was said is heard from now on, at the latest."""
        self._out.flush()

    def _width(self) -> int:
        """Of the terminal as it is now, in cells; 0 where there is none."""
        try:
            return os.get_terminal_size(self._out.fileno()).columns if self._out.isatty() else 0
        except OSError:
            return 0
