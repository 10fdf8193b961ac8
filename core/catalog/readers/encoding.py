"""Detection of a text file's encoding from all of its bytes."""

import codecs
from pathlib import Path

from labels.files import open_regular

_BYTE_ORDER_MARKS = (
    # UTF-32 first, since its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_PIECE = 1 << 20


def encoding_of(path: Path, head: bytes) -> str:
    """The codec of a text file.

    A byte-order mark decides. Without one, the file is cp1252, the encoding of Windows and older spreadsheets, if more
    lines are plausible cp1252 than valid non-ASCII UTF-8. Otherwise it is UTF-8, and the reader rejects invalid lines.

    Args:
        path: the file, which is read completely.
        head: its first bytes, at least four if there are as many.
    """
    return encoding_by_head(head) or _by_lines(path)


def encoding_by_head(head: bytes) -> str:
    """The codec as determined by the first bytes; empty for an encoding with one byte per ASCII character."""
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    return _utf16_without_mark(head)


def _utf16_without_mark(head: bytes) -> str:
    """The byte order of UTF-16 without a mark, in which every other byte of Western text is zero; else empty."""
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > 0.7 * pairs and head[0::2].count(0) < 0.1 * pairs:
        return "utf-16-le"
    if pairs and head[0::2].count(0) > 0.7 * pairs and head[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return ""


def _by_lines(path: Path) -> str:
    valid = western = 0
    with open_regular(path) as handle:
        while piece := handle.readline(_PIECE):
            if piece.isascii():
                continue
            try:
                piece.decode("utf-8")
                valid += 1
            except UnicodeDecodeError:
                western += _looks_western(piece)
    return "cp1252" if western > valid else "utf-8"


def _looks_western(line: bytes) -> bool:
    """Whether a line that is not UTF-8 is plausible cp1252: `café`, `½"`, `“quoted”`, but not `Ã¿þ`.

    It is not if it has a byte that is undefined in cp1252, ÿ or þ (0xFF and 0xFE), a non-ASCII capital after a small
    letter (the first half of a broken UTF-8 character), or more than two non-ASCII characters in a row.
    """
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        return False
    run, before = 0, ""
    for character in text:
        run = 0 if character.isascii() else run + 1
        broken_start = run and character.isupper() and before.islower()
        if run > 2 or character in "ÿþ" or broken_start:
            return False
        before = character
    return True
