"""Quiet on the wire: of each frame, only the cells that changed are sent, by the shortest way.

Textual sends every widget that was refreshed, each piece of text with all of its colours. Over SSH that is most of
what a key costs. Here a frame is laid over what the terminal shows already: what is the same is not sent again, and
colours are sent where they change. A wide character, or one made of several, is followed by the cursor's place, so
that a terminal that gives it another width still shows what comes after it where it belongs. Where terminals differ in
widths (marks that combine, joined emoji, flags), a line is written again from there on rather than cell by cell.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

#: So many cells that stay as they are cost less to send again than to jump over (`ESC [ n C`).
_BRIDGE = 4

#: ECMA-48, SGR: what switches an attribute on, and off again.
_ATTRIBUTES = (
    ("bold", "1", "22"), ("dim", "2", "22"), ("italic", "3", "23"), ("underline", "4", "24"), ("blink", "5", "25"),
    ("reverse", "7", "27"), ("strike", "9", "29"),
)  # fmt: skip
_OFF = {on: off for _, on, off in _ATTRIBUTES}


class Pen(NamedTuple):
    """How a cell is drawn, as SGR parameters; empty where the terminal's own colour is meant."""

    attributes: frozenset[str] = frozenset()
    foreground: str = ""
    background: str = ""


#: The text of a cell, and how it is drawn; the second half of a wide character has no text. A plain tuple, as
#: thousands are made for every key. None: nobody knows what is there.
Cell = tuple[str, Pen] | None

_PLAIN = Pen()


class FrameDiff:
    """Knows what the terminal shows, and what to send so that it shows something else."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._shown: list[list[Cell]] = []

    def forget(self) -> None:
        """The terminal may show anything now, as after a resize: send the next frame whole."""
        self._size = Size(0, 0)

    def frame(self, update: LayoutUpdate | ChopsUpdate, size: Size) -> "Frame":
        """A frame of Textual's, to be sent as a difference to what is shown when it is its turn."""
        return Frame(self, update, size)

    def difference(self, update: LayoutUpdate | ChopsUpdate, size: Size, colors: ColorSystem) -> str:
        """What to send for a frame of a screen of this size; from then on it counts as shown."""
        if size != self._size:
            self._size = size
            self._shown = [[None] * size.width for _ in range(size.height)]
        out = _Output()
        for y, pieces in _lines(update):
            if 0 <= y < size.height:
                self._line(out, y, pieces, colors)
        return out.ended()

    def _line(self, out: "_Output", y: int, pieces: Iterable[tuple[int, Strip]], colors: ColorSystem) -> None:
        shown = self._shown[y]
        wanted = list(shown)
        for x, strip in pieces:
            cells = _cells(strip, colors)
            _overlay(wanted, x, cells)
        if wanted != shown:
            self._shown[y] = wanted
            doubtful = min(_first_doubtful(shown), _first_doubtful(wanted))
            for start, end in _changed(shown, wanted):
                if end > doubtful:
                    out.rewrite(_begin(wanted, min(start, doubtful)), y, wanted)
                    break
                out.write(start, y, wanted[start:end])


def _first_doubtful(line: Sequence[Cell]) -> int:
    """Where the first cell is whose width terminals differ in; the line's length where there is none."""
    return next((at for at, cell in enumerate(line) if cell and _is_doubtful(cell[0])), len(line))


def _begin(line: Sequence[Cell], at: int) -> int:
    """The first cell of the character that has this cell: half of a wide one cannot be sent."""
    while at and (cell := line[at]) and not cell[0]:
        at -= 1
    return at


def _overlay(line: list[Cell], x: int, cells: Sequence[Cell]) -> None:
    """Put cells over a line from `x` on; a wide character of which half is covered leaves a space."""
    end = min(len(line), x + len(cells))
    line[x:end] = cells[: end - x]
    if 0 < x < end and (first := line[x]) and first[0] and (before := line[x - 1]) and cell_len(before[0]) > 1:
        line[x - 1] = (" ", before[1])
    if end < len(line) and (after := line[end]) and not after[0]:
        line[end] = (" ", after[1])


class Frame(CompositorUpdate):
    """A frame as Textual's app writes it: asked for its text once, when it is sent."""

    def __init__(self, wire: FrameDiff, update: LayoutUpdate | ChopsUpdate, size: Size) -> None:
        self._wire, self._update, self._size = wire, update, size

    def render_segments(self, console: Console) -> str:
        """The text to send."""
        name = console.color_system
        colors = ColorSystem.TRUECOLOR if name is None else _SYSTEMS[name]
        return self._wire.difference(self._update, self._size, colors)


_SYSTEMS = {
    "standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}  # fmt: skip


def _lines(update: LayoutUpdate | ChopsUpdate) -> Iterator[tuple[int, list[tuple[int, Strip]]]]:
    """The lines that a frame touches, each with its pieces and where they begin."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x, pieces = update.region.x, []
            for strip in strips:
                pieces.append((x, strip))
                x += strip.cell_length
            yield y, pieces
        return
    for y, begin, end in update.spans:
        ends = update.chop_ends[y]
        yield (
            y,
            [
                (x, strip if stop <= end else strip.crop(0, end - x))
                for stop, (x, strip) in zip(ends, update.chops[y].items(), strict=False)
                if strip is not None and x < end and stop > begin
            ],
        )


def _cells(strip: Strip, colors: ColorSystem) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        pen = _PLAIN if style is None else _pen(style, colors)
        if text.isascii():
            cells += [(character, pen) for character in text]
        else:
            _add_wide(cells, text, pen)
    return cells


def _add_wide(cells: list[Cell], text: str, pen: Pen) -> None:
    """Add text that may hold wide characters and clusters of several; what has no width goes with the one before."""
    before = ""
    for start, end, width in split_graphemes(text)[0]:
        cluster = text[start:end]
        flag = _is_regional(cluster) and _is_regional(before)
        at = next((at for at in range(len(cells) - 1, -1, -1) if (cell := cells[at]) and cell[0]), -1)
        if width and (at < 0 or not (flag or _is_spacing_mark(cluster))):
            cells.append((cluster, pen))
            cells += [("", pen)] * (width - 1)
        elif at >= 0 and (known := cells[at]):
            cells[at] = (known[0] + cluster, pen)
            cells += [("", pen)] * width
        # A flag is two letters, and no more.
        before = "" if flag else cluster


def _is_spacing_mark(cluster: str) -> bool:
    """Whether it is a vowel sign or the like that has a cell of its own, and belongs to the letter before."""
    return unicodedata.category(cluster[0]) == "Mc"


def _is_regional(cluster: str) -> bool:
    """Whether it is half of a flag."""
    return "\U0001f1e6" <= cluster[:1] <= "\U0001f1ff"


@lru_cache(maxsize=4096)
def _is_doubtful(text: str) -> bool:
    """Whether terminals differ in how many cells it has: marks, joined emoji, variants and skin tones, flags."""
    return not text.isascii() and any(
        unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}
        or "\U0001f1e6" <= character <= "\U0001f1ff"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        for character in text
    )


@lru_cache(maxsize=1024)
def _pen(style: Style, colors: ColorSystem) -> Pen:
    color, background = style.color, style.bgcolor
    return Pen(
        frozenset(on for name, on, _ in _ATTRIBUTES if getattr(style, name)),
        ";".join(color.downgrade(colors).get_ansi_codes()) if color else "",
        ";".join(background.downgrade(colors).get_ansi_codes(foreground=False)) if background else "",
    )


def _changed(shown: Sequence[Cell], wanted: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Where a line differs, as (start, end); differences that lie close together are one."""
    start = end = -1
    for at, (old, new) in enumerate(zip(shown, wanted, strict=True)):
        if old == new:
            continue
        if start < 0:
            start = at
        elif at - end > _BRIDGE:
            yield start, end
            start = at
        end = at + 1
        start = _begin(wanted, start)
    if start >= 0:
        yield start, end


class _Output:
    """Text with escape sequences, and where the cursor and which pen is in it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pen = _PLAIN
        self._at: tuple[int, int] | None = None

    def write(self, x: int, y: int, cells: Iterable[Cell]) -> None:
        """Write cells from a place on."""
        self._move(x, y)
        for cell in cells:
            if cell is not None and cell[0]:
                text, pen = cell
                if self._at != (x, y):
                    self._move(x, y)
                if pen is not self._pen:
                    self._parts.append(_turned(self._pen, pen))
                    self._pen = pen
                self._parts.append(text)
                known = text.isascii() or (cell_len(text) == len(text) == 1 and not _is_doubtful(text))
                self._at = (x + 1, y) if known else None
            x += 1

    def rewrite(self, x: int, y: int, line: Sequence[Cell]) -> None:
        """Write a line from a place to its end, on spaces: a terminal may give a character fewer cells than it has."""
        self.write(x, y, [(" ", cell[1]) if cell else None for cell in line[x:]])
        self.write(x, y, line[x:])

    def _move(self, x: int, y: int) -> None:
        if self._at is not None and self._at[1] == y and self._at[0] < x:
            step = x - self._at[0]
            self._parts.append(f"\x1b[{step}C" if step > 1 else "\x1b[C")
        elif self._at != (x, y):
            self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        self._at = (x, y)

    def ended(self) -> str:
        """All of it; the pen is put down, for whatever is written next."""
        if self._pen != _PLAIN:
            self._parts.append("\x1b[m")
        return "".join(self._parts)


@lru_cache(maxsize=4096)
def _turned(before: Pen, after: Pen) -> str:
    """The shorter of two ways from one pen to another: what changes, or all of it anew."""
    gone, new = before.attributes - after.attributes, after.attributes - before.attributes
    off = {_OFF[on] for on in gone}
    # Bold and dim are switched off together.
    new |= {on for on in after.attributes if _OFF[on] in off}
    change = [*sorted(off), *sorted(new)]
    if before.foreground != after.foreground:
        change.append(after.foreground or "39")
    if before.background != after.background:
        change.append(after.background or "49")
    anew = ["", *sorted(after.attributes), *(color for color in (after.foreground, after.background) if color)]
    return f"\x1b[{min(';'.join(change), ';'.join(anew), key=len)}m" if change else ""
