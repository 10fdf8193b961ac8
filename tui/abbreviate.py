"""Titles made to fit, so that what tells variants apart stays."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from tui.diff import Mark, marked, strong_spans

#: Every abbreviated title begins with so many of its words: people recognise a product by how it begins.
_OPENING = 2


@lru_cache(maxsize=256)  # a list is painted line by line, many times over
def abbreviated(text: str, width: int, other: str = "") -> str:
    """The text in at most so many cells, an ellipsis wherever words were left out.

    Kept are, while there is room: the first words; numbers, measures and model numbers (candidates for one query
    often differ in nothing else); words that `other` has not; then the rest from the left.
    """
    if cell_len(text) <= width:
        return text
    words = [found.span() for found in re.finditer(r"\S+", text)]
    telling = _overlapping(words, strong_spans(text))
    own = _overlapping(words, _own_spans(text, other)) if other else []
    chosen: set[int] = set()
    used = 0
    for i in dict.fromkeys([*range(min(_OPENING, len(words))), *telling, *own, *range(len(words))]):
        word = text[slice(*words[i])]
        # Before each word stands a space or an ellipsis, and an ellipsis after the last that is not the text's last.
        needs = cell_len(word) + 1
        ends = (0 not in chosen and i > 0) + (len(words) - 1 not in chosen and i < len(words) - 1)
        # A lone dash or bar holds words together that are not all here.
        if used + needs - 1 + ends <= width and any(character.isalnum() for character in word):
            chosen.add(i)
            used += needs
    # A single word that is wider than the column.
    return _rendered(text, words, chosen) if chosen else set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def _own_spans(text: str, other: str) -> list[tuple[int, int]]:
    """Where words stand that the other text has not."""
    spans, at = [], 0
    for stretch in marked(text, other):
        if stretch.mark is not Mark.SAME:
            spans.append((at, at + len(stretch.text)))
        at += len(stretch.text)
    return spans


def _overlapping(words: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[int]:
    return [i for i, (start, end) in enumerate(words) if any(s < end and start < e for s, e in spans)]


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
