"""Capabilities of the terminal, as far as the environment shows them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

TRUE_COLOUR = 2**24

#: Values of $TERM for terminals without cursor movement, or no terminal at all.
_DUMB_TERMINALS = {"", "dumb", "unknown"}


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that this process was started in.

    Attributes:
        name: `$TERM`.
        colours: number of colours; 0 for a terminal without colours or cursor movement.
        no_colour: whether `$NO_COLOR` is set (https://no-color.org).
        light: whether `$COLORFGBG` reports a light background; most terminals do not set it.
        multiplexer: `tmux`, `screen` or empty.
    """

    name: str
    colours: int
    no_colour: bool = False
    light: bool = False
    multiplexer: str = ""

    @property
    def has_few_colours(self) -> bool:
        """Whether only the terminal's own sixteen colours, or fewer, are used."""
        return self.no_colour or self.colours <= 16

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The terminal as described by the environment variables."""
        background = environ.get("COLORFGBG", "").rpartition(";")[2]
        return cls(
            name=environ.get("TERM", ""),
            colours=_colours(environ),
            no_colour=bool(environ.get("NO_COLOR")),
            # Of the sixteen ANSI colours, 7 and 9 to 15 are light; 8 is dark grey.
            light=background.isdecimal() and int(background) in {7, *range(9, 16)},
            multiplexer="tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else "",
        )

    def __str__(self) -> str:
        """A description such as `xterm-256color, 256 colours, in tmux`."""
        colours = {0: "no colours", TRUE_COLOUR: "true colour"}.get(self.colours, f"{self.colours} colours")
        parts = [self.name or "TERM is not set", colours]
        if self.no_colour:
            parts.append("NO_COLOR")
        if self.multiplexer:
            parts.append(f"in {self.multiplexer}")
        return ", ".join(parts)


def _colours(environ: Mapping[str, str]) -> int:
    """Number of colours, by the rules of Rich, which draws the desk."""
    if environ.get("TEXTUAL_COLOR_SYSTEM") == "truecolor":
        return TRUE_COLOUR
    name = environ.get("TERM", "").strip().casefold()
    if name in _DUMB_TERMINALS or not _has_colours(name):
        return 0
    if environ.get("COLORTERM", "").strip().casefold() in {"truecolor", "24bit"}:
        return TRUE_COLOUR
    return 256 if name.endswith(("-256color", "-kitty")) else 16


def _has_colours(name: str) -> bool:
    """Whether terminfo lists colours for a terminal; an unknown terminal is taken for a newer one, with colours.

    curses reads terminfo once per process, so that later calls return the answer for the first terminal.
    """
    try:
        import curses  # noqa: PLC0415 - missing on some platforms
    except ImportError:
        return True
    try:
        curses.setupterm(name, 1)
        return curses.tigetnum("colors") >= 8
    except curses.error:
        return True
