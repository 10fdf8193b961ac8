"""What every reader yields: a row of text by column name, or a row that could not be read."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.errors import CatalogError
from labels.exchange.files import MAX_COLUMNS, MAX_NAME, MAX_ROW, MAX_VALUE
from labels.wording import counted

if TYPE_CHECKING:
    from core.catalog.readers.delimited import Dialect

#: The first columns of a list of rejected rows, before those of the file that it was made from.
REJECT_COLUMNS = ("rejected_line", "rejected_reason")

# Bytes that could not be decoded are carried as lone surrogates, which no decoded text can hold.
_SURROGATE = re.compile("[\ud800-\udfff]")


class Reason(StrEnum):
    """Why a row was kept out."""

    NO_ID = "no id"
    BAD_ID = "control characters in the id"
    LONG_ID = "id too long"
    NO_TITLE = "no title"
    DUPLICATE_ID = "duplicate id"
    NO_PAIR = "no two ids"
    BAD_LABEL = "no label that is known"
    BOTH_LABELS = "the pair has both labels"
    UNKNOWN_PRODUCT = "product not in the catalogue"
    BAD_ANNOTATOR = "not the name of an annotator"
    WRONG_COLUMN_COUNT = "wrong column count"
    UNDECODABLE = "undecodable bytes"
    BROKEN_QUOTING = "broken quoting"
    NOT_AN_OBJECT = "not a JSON object"
    TOO_LONG = "row too long"
    LONG_VALUE = "value too long"
    TOO_MANY_COLUMNS = "too many columns"
    LONG_COLUMN = "column name too long"


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
    """A row that is none.

    Attributes:
        line: as of a `Row`.
        reason: why it is none.
        raw: its text as far as it can be shown (bytes as hexadecimal).
        values: its text by column name, where it could be taken apart.
    """

    line: int
    reason: Reason
    raw: str
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a file: the names of its columns, and its rows, which can be read once.

    JSON lines have no header: there the columns are those of the first thousand lines, and later rows
    may have others.

    Attributes:
        header: the first line of delimited text or a sheet as it stands there, its cells by their places: where it is
            no header at all, it is the first row. None in other formats.
        notes: what a person should know of how the file was read, each a sentence.
        dialect: of delimited text; None in other formats.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]
    header: "Header | None" = None
    notes: tuple[str, ...] = ()
    dialect: "Dialect | None" = None


class Header(NamedTuple):
    """The cells of a header, and the number of its line or row."""

    line: int
    cells: tuple[str, ...]


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


def within_limits(row: Row | BadRow) -> Row | BadRow:
    """The row, or a bad row where it is larger than any is that people have use for."""
    if isinstance(row, BadRow):
        return row
    reason = _over_limit(row.values)
    return rejected(row, reason) if reason else row


def rejected(row: Row, reason: Reason) -> BadRow:
    """A row that was read, and is none all the same."""
    return BadRow(row.line, reason, ",".join(row.values.values()), row.values)


def _over_limit(values: Mapping[str, str]) -> Reason | None:
    if len(values) > MAX_COLUMNS:
        return Reason.TOO_MANY_COLUMNS
    lengths = [len(text) for text in values.values()]
    if sum(lengths) > MAX_ROW:
        return Reason.TOO_LONG
    if max(lengths, default=0) > MAX_VALUE:
        return Reason.LONG_VALUE
    return Reason.LONG_COLUMN if any(len(name) > MAX_NAME for name in values) else None


def column_names(path: Path, names: Sequence[object]) -> tuple[str, ...]:
    """The names of a table's columns, each of its own.

    Raises:
        CatalogError: there are too many, or one of them is too long.
    """
    if len(names) > MAX_COLUMNS:
        raise CatalogError(
            f"{path} has {counted(len(names), 'column')}; a table may have {MAX_COLUMNS:,}.", "Leave some out."
        )
    longest = max((len(str(name)) for name in names), default=0)
    if longest > MAX_NAME:
        raise CatalogError(
            f"{path} has a column whose name is {longest:,} characters long; a name may have {MAX_NAME:,}.",
            "The first line must name the columns, such as id,title,brand,price.",
        )
    return unique_names(names)


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
        return rejected(Row(line, {name: displayable(text) for name, text in texts.items()}), Reason.UNDECODABLE)
    return Row(line, texts)
