"""Which encoding a text file is in, decided from all of its bytes."""

import codecs
from pathlib import Path

from labels.files import open_regular

_MARKS = (
    # UTF-32's mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_PIECE = 1 << 20


def encoding_of(path: Path, head: bytes) -> str:
    """The name of the codec to read a text file with.

    A byte-order mark decides. Without one the file is UTF-8 unless that fails: it is then cp1252, what
    Windows and older spreadsheets write, if more lines make sense as cp1252 than hold proper UTF-8
    beyond ASCII. Otherwise it stays UTF-8, and its few broken lines are for the reader to reject.

    Args:
        path: the file; read to its end.
        head: its first bytes, at least four where there are as many.
    """
    return encoding_by_head(head) or _by_lines(path)


def encoding_by_head(head: bytes) -> str:
    """The same as far as the first bytes say; nothing where each byte may be a character, in ASCII or beyond."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    return _utf16_without_mark(head)


def _utf16_without_mark(head: bytes) -> str:
    """UTF-16 of Western text is recognised by every other byte being zero."""
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > 0.7 * pairs and head[0::2].count(0) < 0.1 * pairs:
        return "utf-16-le"
    if pairs and head[0::2].count(0) > 0.7 * pairs and head[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return ""


def _by_lines(path: Path) -> str:
    proper = western = 0
    with open_regular(path) as handle:
        while piece := handle.readline(_PIECE):
            if piece.isascii():
                continue
            try:
                piece.decode("utf-8")
                proper += 1
            except UnicodeDecodeError:
                western += _looks_western(piece)
    return "cp1252" if western > proper else "utf-8"


def _looks_western(line: bytes) -> bool:
    """Whether a line that is not UTF-8 reads like cp1252: `café`, `½"`, `“quoted”`, not `Ã¿þ`.

    Against it speak: a byte that cp1252 does not have, ÿ and þ (0xFF and 0xFE, the classic garbage), a
    capital right after a small letter (the first half of a broken UTF-8 character), and three or more
    such characters in a row.
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
