"""What every reader yields: a row of text by column name, or a row that could not be read."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

# Bytes that could not be decoded are carried as lone surrogates, which no decoded text can hold.
_SURROGATE = re.compile("[\ud800-\udfff]")


class Reason(StrEnum):
    """Why a row was kept out."""

    NO_ID = "no id"
    NO_TITLE = "no title"
    DUPLICATE_ID = "duplicate id"
    BAD_PRICE = "bad price"
    WRONG_COLUMN_COUNT = "wrong column count"
    UNDECODABLE = "undecodable bytes"
    BROKEN_QUOTING = "broken quoting"
    NOT_AN_OBJECT = "not a JSON object"
    TOO_LONG = "row too long"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        line: in a text file the number of the line the row starts on, from 1, the header included; in a
            Parquet file or a database the number of the row, from 1.
        values: text by column name. As it came, but for NULs: each is a U+FFFD, since neither a terminal
            nor SQLite's functions can be trusted with them.
    """

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is none, and its text as far as it can be shown (bytes as hexadecimal)."""

    line: int
    reason: Reason
    raw: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a file: the names of its columns, and its rows, which can be read once.

    JSON lines have no header: there the columns are those of the first thousand lines, and later rows
    may have others.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]


def is_broken(text: str) -> bool:
    """Whether the text holds bytes that could not be decoded."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def without_nul(text: str) -> str:
    """The text with every NUL as a U+FFFD."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def displayable(text: str) -> str:
    """The text with undecodable bytes written out, so that it can be encoded again."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "backslashreplace")
    return without_nul(raw.decode("utf-8", "backslashreplace"))


def unique_names(names: Iterable[object]) -> tuple[str, ...]:
    """Column names without blanks around them; an empty one is numbered, a repeated one too."""
    unique: dict[str, None] = {}
    for number, given in enumerate(names, start=1):
        base = displayable(str(given)).strip().removeprefix("\ufeff") or f"column {number}"
        name, repeat = base, 2
        while name in unique:
            name, repeat = f"{base} ({repeat})", repeat + 1
        unique[name] = None
    return tuple(unique)


def as_text(value: object) -> str:
    """A typed value of a Parquet file, a database or a JSON line as the text a CSV would hold.

    Nothing is an empty text; so is a float that is no number, and so are bytes that are no text (a
    picture, say). A float without a fraction loses its `.0`: whole numbers become floats wherever a
    table with gaps went through a data frame.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bytes):
        text = "" if _is_no_text(value) else value.decode()
    elif isinstance(value, dict | list | tuple):
        text = json.dumps(value, ensure_ascii=False, default=as_text)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return without_nul(text)


def _is_no_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def typed_row(line: int, columns: Iterable[str], values: Iterable[object]) -> Row | BadRow:
    """A row of typed values as text, or a bad row where a text in it is not UTF-8."""
    texts = dict(zip(columns, map(as_text, values), strict=True))
    if any(is_broken(text) for text in texts.values()):
        return BadRow(line, Reason.UNDECODABLE, displayable(",".join(texts.values())))
    return Row(line, texts)
