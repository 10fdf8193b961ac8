"""Titles made to fit, so that what tells variants apart stays."""

import re
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from tui.diff import strong_spans

#: Every abbreviated title begins with so many of its words: people recognise a product by how it begins.
_OPENING = 2


def abbreviated(text: str, width: int) -> str:
    """The text in at most so many cells, an ellipsis wherever words were left out.

    Kept are, while there is room: the first words, then numbers, measures and model numbers (candidates for one
    query often differ in nothing else), then the other words from the left.
    """
    if cell_len(text) <= width:
        return text
    words = [found.span() for found in re.finditer(r"\S+", text)]
    strong = strong_spans(text)
    telling = [i for i, (start, end) in enumerate(words) if any(s < end and start < e for s, e in strong)]
    chosen: set[int] = set()
    for i in [*range(min(_OPENING, len(words))), *telling, *range(len(words))]:
        if cell_len(_rendered(text, words, chosen | {i})) <= width:
            chosen.add(i)
        elif i not in telling and i >= _OPENING:
            break
    # A single word that is wider than the column.
    return _rendered(text, words, chosen) if chosen else set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def _rendered(text: str, words: Sequence[tuple[int, int]], chosen: set[int]) -> str:
    parts: list[str] = []
    before = -1
    for i in sorted(chosen):
        if i > before + 1:
            parts.append("…")
        elif parts:
            parts.append(" ")
        parts.append(text[slice(*words[i])].rstrip(",;|-") if i + 1 not in chosen else text[slice(*words[i])])
        before = i
    if before < len(words) - 1:
        parts.append("…")
    return "".join(parts)
