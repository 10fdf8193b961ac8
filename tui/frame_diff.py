"""Frame differencing: send only the cells that changed since the last frame, in as few bytes as possible.

Textual sends every refreshed widget in full, each piece of text with all of its colours; over SSH that is most of the
cost of a key press. Here each frame is compared with a model of what the terminal shows. Unchanged cells are not sent,
and SGR sequences are sent only where colours change. After a wide character or a cluster of several code points, the
cursor is positioned explicitly, so that a terminal that measures it differently still places the rest correctly. From
the first character whose width terminals disagree on (combining marks, joined emoji, flags), a changed line is
rewritten to its end instead of cell by cell.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from tui.textual_compat import CompositorUpdate, Update, update_lines

#: Up to this many unchanged cells between two changes, sending them again is shorter than `ESC [ n C`.
_MAX_GAP = 4

#: ECMA-48, SGR: attribute, code that switches it on, code that switches it off.
_ATTRIBUTES = (
    ("bold", "1", "22"), ("dim", "2", "22"), ("italic", "3", "23"), ("underline", "4", "24"), ("blink", "5", "25"),
    ("reverse", "7", "27"), ("strike", "9", "29"),
)  # fmt: skip
_OFF = {on: off for _, on, off in _ATTRIBUTES}


class Pen(NamedTuple):
    """How a cell is drawn, as SGR parameters; an empty colour is the terminal's default."""

    attributes: frozenset[str] = frozenset()
    foreground: str = ""
    background: str = ""


#: (text, pen) of a cell; the second half of a wide character has no text; None: unknown. A plain tuple, because a key
#: press makes thousands.
Cell = tuple[str, Pen] | None

_PLAIN = Pen()


class FrameDiff:
    """Keeps a model of the terminal's cells and turns frames into the escape sequences that update it."""

    def __init__(self) -> None:
        self._size = Size(0, 0)
        self._shown: list[list[Cell]] = []

    def invalidate(self) -> None:
        """Send the next frame in full, because the terminal's content is unknown, as after a resize."""
        self._size = Size(0, 0)

    def frame(self, update: Update, size: Size) -> "Frame":
        """Wrap an update of Textual's; it is compared with the terminal's content when it is rendered."""
        return Frame(self, update, size)

    def difference(self, update: Update, size: Size, colors: ColorSystem) -> str:
        """Text to send for an update of a screen of this size; records it as shown."""
        if size != self._size:
            self._size = size
            self._shown = [[None] * size.width for _ in range(size.height)]
        out = _Output()
        for y, pieces in update_lines(update):
            if 0 <= y < size.height:
                self._update_line(out, y, pieces, colors)
        return out.text()

    def _update_line(self, out: "_Output", y: int, pieces: Iterable[tuple[int, Strip]], colors: ColorSystem) -> None:
        shown = self._shown[y]
        wanted = list(shown)
        for x, strip in pieces:
            _overlay(wanted, x, _cells(strip, colors))
        if wanted != shown:
            self._shown[y] = wanted
            ambiguous = min(_first_ambiguous(shown), _first_ambiguous(wanted))
            for start, end in _changed_ranges(shown, wanted):
                if end > ambiguous:
                    out.rewrite(_character_start(wanted, min(start, ambiguous)), y, wanted)
                    break
                out.write(start, y, wanted[start:end])


def _first_ambiguous(line: Sequence[Cell]) -> int:
    """Index of the first cell of ambiguous width; the line's length where there is none."""
    return next((at for at, cell in enumerate(line) if cell and _is_ambiguous(cell[0])), len(line))


def _character_start(line: Sequence[Cell], at: int) -> int:
    """The first cell of the character at a cell: half of a wide character cannot be sent."""
    while at and (cell := line[at]) and not cell[0]:
        at -= 1
    return at


def _overlay(line: list[Cell], x: int, cells: Sequence[Cell]) -> None:
    """Write cells over a line from `x` on; a wide character that is half covered becomes a space."""
    end = min(len(line), x + len(cells))
    line[x:end] = cells[: end - x]
    if 0 < x < end and (first := line[x]) and first[0] and (before := line[x - 1]) and cell_len(before[0]) > 1:
        line[x - 1] = (" ", before[1])
    if end < len(line) and (after := line[end]) and not after[0]:
        line[end] = (" ", after[1])


class Frame(CompositorUpdate):
    """An update that Textual's app renders once, when it is sent."""

    def __init__(self, frame_diff: FrameDiff, update: Update, size: Size) -> None:
        self._frame_diff, self._update, self._size = frame_diff, update, size

    def render_segments(self, console: Console) -> str:
        """Text to send."""
        name = console.color_system
        colors = ColorSystem.TRUECOLOR if name is None else _SYSTEMS[name]
        return self._frame_diff.difference(self._update, self._size, colors)


_SYSTEMS = {
    "standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}  # fmt: skip


def _cells(strip: Strip, colors: ColorSystem) -> list[Cell]:
    """The cells of a strip, as many as it is wide."""
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        pen = _PLAIN if style is None else _pen(style, colors)
        if text.isascii():
            cells += [(character, pen) for character in text]
        else:
            _append_graphemes(cells, text, pen)
    return cells


def _append_graphemes(cells: list[Cell], text: str, pen: Pen) -> None:
    """Append text with wide characters and clusters; a zero-width cluster joins the character before it."""
    before = ""
    for start, end, width in split_graphemes(text)[0]:
        cluster = text[start:end]
        flag = _is_regional_indicator(cluster) and _is_regional_indicator(before)
        at = next((at for at in range(len(cells) - 1, -1, -1) if (cell := cells[at]) and cell[0]), -1)
        if width and (at < 0 or not (flag or _is_spacing_mark(cluster))):
            cells.append((cluster, pen))
            cells += [("", pen)] * (width - 1)
        elif at >= 0 and (last := cells[at]):
            cells[at] = (last[0] + cluster, pen)
            cells += [("", pen)] * width
        # A flag is exactly two regional indicators.
        before = "" if flag else cluster


def _is_spacing_mark(cluster: str) -> bool:
    """Whether it begins with a spacing mark (category Mc), which has its own cell but belongs to the letter before."""
    return unicodedata.category(cluster[0]) == "Mc"


def _is_regional_indicator(cluster: str) -> bool:
    """Whether it is half of a flag."""
    return "\U0001f1e6" <= cluster[:1] <= "\U0001f1ff"


@lru_cache(maxsize=4096)
def _is_ambiguous(text: str) -> bool:
    """Whether terminals disagree on its width: marks, joined emoji, variants and skin tones, flags."""
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


def _changed_ranges(shown: Sequence[Cell], wanted: Sequence[Cell]) -> Iterator[tuple[int, int]]:
    """Where a line differs, as (start, end); ranges at most `_MAX_GAP` cells apart are merged."""
    start = end = -1
    for at, (old, new) in enumerate(zip(shown, wanted, strict=True)):
        if old == new:
            continue
        if start < 0:
            start = at
        elif at - end > _MAX_GAP:
            yield start, end
            start = at
        end = at + 1
        start = _character_start(wanted, start)
    if start >= 0:
        yield start, end


class _Output:
    """Builds text with escape sequences; tracks the cursor and the pen."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pen = _PLAIN
        self._at: tuple[int, int] | None = None

    def write(self, x: int, y: int, cells: Iterable[Cell]) -> None:
        """Write cells from (x, y) on."""
        self._move(x, y)
        for cell in cells:
            if cell is not None and cell[0]:
                text, pen = cell
                if self._at != (x, y):
                    self._move(x, y)
                if pen is not self._pen:
                    self._parts.append(_pen_change(self._pen, pen))
                    self._pen = pen
                self._parts.append(text)
                single_cell = text.isascii() or (cell_len(text) == len(text) == 1 and not _is_ambiguous(text))
                self._at = (x + 1, y) if single_cell else None
            x += 1

    def rewrite(self, x: int, y: int, line: Sequence[Cell]) -> None:
        """Write a line from `x` to its end, over spaces: a terminal may draw a character in fewer cells than it has."""
        self.write(x, y, [(" ", cell[1]) if cell else None for cell in line[x:]])
        self.write(x, y, line[x:])

    def _move(self, x: int, y: int) -> None:
        if self._at is not None and self._at[1] == y and self._at[0] < x:
            step = x - self._at[0]
            self._parts.append(f"\x1b[{step}C" if step > 1 else "\x1b[C")
        elif self._at != (x, y):
            self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        self._at = (x, y)

    def text(self) -> str:
        """All that was written, with the pen reset at the end."""
        if self._pen != _PLAIN:
            self._parts.append("\x1b[m")
        return "".join(self._parts)


@lru_cache(maxsize=4096)
def _pen_change(before: Pen, after: Pen) -> str:
    """The shorter SGR sequence from one pen to another: the changes alone, or a reset and all of the new pen."""
    removed, added = before.attributes - after.attributes, after.attributes - before.attributes
    off = {_OFF[on] for on in removed}
    # Code 22 switches off bold and dim together.
    added |= {on for on in after.attributes if _OFF[on] in off}
    change = [*sorted(off), *sorted(added)]
    if before.foreground != after.foreground:
        change.append(after.foreground or "39")
    if before.background != after.background:
        change.append(after.background or "49")
    reset = ["", *sorted(after.attributes), *(color for color in (after.foreground, after.background) if color)]
    return f"\x1b[{min(';'.join(change), ';'.join(reset), key=len)}m" if change else ""
