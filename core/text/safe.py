"""Text from outside, made safe for a terminal.

Titles, attributes and what a model says may hold anything: escape sequences that reach the clipboard, marks that
turn the reading direction round, stacks of accents that run over other lines. `safe` takes out what acts and keeps
what can be read. It knows nothing of markup: whoever shows the text must not parse it either.
"""

import re
import unicodedata

#: More marks than any script stacks on one letter (Vietnamese and Hebrew need up to three).
MOST_MARKS = 4

#: Whitespace that would break a line, a table or a status bar: a plain space instead.
_BREAKS = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]")

#: C0 and C1 controls, DEL, and the characters that reorder the text around them.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

#: Half of a surrogate pair has no encoding: writing it would end the program.
_HALVES = re.compile("[\ud800-\udfff]")


def safe(text: str) -> str:
    """The same text without anything that acts on a terminal; nothing else is changed or collapsed.

    `safe(safe(text)) == safe(text)`.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _BREAKS.sub(" ", text)
    text = _ACTING.sub("", text)
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)
    return _without_towers(text)


def _without_towers(text: str) -> str:
    """The text with at most `MOST_MARKS` combining marks in a row."""
    kept: list[str] = []
    run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if run <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)
