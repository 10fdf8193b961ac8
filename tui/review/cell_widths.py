"""Cell widths of spacing marks as terminals measure them, where Rich's table differs."""

import unicodedata
from functools import cache

import rich.cells
from rich._unicode_data import load
from rich.cells import CellTable


def use_terminal_widths() -> None:
    """Replace Rich's width table in this process, so that a spacing mark such as U+093F has one cell.

    Rich gives it zero. By the C library's `wcwidth`, which tmux, xterm and VTE follow, only marks of the categories
    Mn and Me have zero cells (glibc, localedata/unicode-gen/utf8_gen.py); text after a mark of category Mc would be
    written over it. A terminal that joins the mark with its letter shows a space instead.
    """
    rich.cells.load_cell_table = _with_spacing_marks  # type: ignore[attr-defined]
    for measure in (rich.cells.get_character_cell_size, rich.cells.cached_cell_len):
        measure.cache_clear()


@cache
def _with_spacing_marks(unicode_version: str = "auto") -> CellTable:
    table = load(unicode_version)
    widths = [part for entry in table.widths for part in (_without_marks(*entry) if entry[2] == 0 else [entry])]
    return table._replace(widths=widths)


def _without_marks(first: int, last: int, width: int) -> list[tuple[int, int, int]]:
    """Split a range of the table around its spacing marks; characters in no range have one cell."""
    codes = [code for code in range(first, last + 1) if unicodedata.category(chr(code)) != "Mc"]
    parts: list[tuple[int, int, int]] = []
    for code in codes:
        if parts and parts[-1][1] == code - 1:
            parts[-1] = (parts[-1][0], code, width)
        else:
            parts.append((code, code, width))
    return parts
