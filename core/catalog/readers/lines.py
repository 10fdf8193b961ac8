"""Physical lines of a text file, numbered, with what could not be decoded marked."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.catalog.readers.rows import is_broken, without_nul
from core.errors import CatalogError
from labels.exchange.limits import MAX_ROW
from labels.exchange.text_input import unreadable
from labels.files import open_regular


class Line(NamedTuple):
    """A line with its end: a line feed, a carriage return, or both.

    Attributes:
        number: from 1.
        text: at most `MAX_ROW` characters; what could not be decoded is lone surrogates.
        broken: whether there are such.
        cut: whether the line was longer.
    """

    number: int
    text: str
    broken: bool
    cut: bool


def read_lines(path: Path, encoding: str) -> Iterator[Line]:
    """The lines of the file, one after the other.

    Raises:
        CatalogError: the file cannot be read.
    """
    try:
        with io.TextIOWrapper(open_regular(path), encoding=encoding, errors=_ESCAPE, newline="") as handle:
            number = 0
            while text := handle.readline(MAX_ROW):
                number += 1
                cut = len(text) == MAX_ROW and text[-1] not in "\r\n"
                rest = cut
                while rest:
                    piece = handle.readline(MAX_ROW)
                    rest = bool(piece) and piece[-1] not in "\r\n"
                yield Line(number, without_nul(text), is_broken(text), cut)
    except OSError as error:
        raise CatalogError(*unreadable(path, error)) from error


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Like Python's `surrogateescape`, which however gives up on the small bytes of UTF-16."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 | max(byte, 0x80)) for byte in wrong), error.end


_ESCAPE = "samesku.escape"
codecs.register_error(_ESCAPE, _escape)
