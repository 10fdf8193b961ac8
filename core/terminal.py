"""What the terminal can do, as far as its environment tells."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

TRUE_COLOUR = 2**24

#: Terminals that cannot move the cursor, or are none.
_NONE = {"", "dumb", "unknown"}


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that this process was started in.

    Attributes:
        name: `$TERM`.
        colours: how many there are; 0 where there are none, or the cursor cannot be moved.
        no_colour: whether its owner wants none (https://no-color.org).
        light: whether it says that its background is light; most do not say.
        inside: the program that runs it in a window of its own: tmux, screen, or nothing.
    """

    name: str
    colours: int
    no_colour: bool = False
    light: bool = False
    inside: str = ""

    @property
    def few_colours(self) -> bool:
        """Whether it is drawn with its owner's sixteen colours or fewer."""
        return self.no_colour or self.colours <= 16

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The terminal as these names of the environment describe it."""
        background = environ.get("COLORFGBG", "").rpartition(";")[2]
        return cls(
            name=environ.get("TERM", ""),
            colours=_colours(environ),
            no_colour=bool(environ.get("NO_COLOR")),
            # Of the sixteen colours, 7 and 9 to 15 are light; 8 is dark grey.
            light=background.isdecimal() and int(background) in {7, *range(9, 16)},
            inside="tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else "",
        )

    def __str__(self) -> str:
        """In words, such as `xterm-256color, 256 colours, in tmux`."""
        many = {0: "no colours", TRUE_COLOUR: "true colour"}.get(self.colours, f"{self.colours} colours")
        parts = [self.name or "TERM is not set", many]
        if self.no_colour:
            parts.append("NO_COLOR")
        if self.inside:
            parts.append(f"in {self.inside}")
        return ", ".join(parts)


def _colours(environ: Mapping[str, str]) -> int:
    """As many as the desk's library will use, by the same rules, so that both are of one mind."""
    if environ.get("TEXTUAL_COLOR_SYSTEM") == "truecolor":
        return TRUE_COLOUR
    name = environ.get("TERM", "").strip().casefold()
    if name in _NONE or not _has_colours(name):
        return 0
    if environ.get("COLORTERM", "").strip().casefold() in {"truecolor", "24bit"}:
        return TRUE_COLOUR
    return 256 if name.endswith(("-256color", "-kitty")) else 16


def _has_colours(name: str) -> bool:
    """Whether the terminal database gives it colours; one that it does not know is a newer one.

    The answer is about the first terminal that this process asks about: curses looks no other up.
    """
    try:
        import curses  # noqa: PLC0415 - not everywhere
    except ImportError:
        return True
    try:
        curses.setupterm(name, 1)
        return curses.tigetnum("colors") >= 8
    except curses.error:
        return True
