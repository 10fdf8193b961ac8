"""The common output of all readers: tables, rows of text by column, and bad rows."""

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

#: The first columns of a list of rejected rows, before those of the imported file.
REJECT_COLUMNS = ("rejected_line", "rejected_reason")

# Undecodable bytes are represented as lone surrogates, which do not occur in decoded text.
_SURROGATE = re.compile("[\ud800-\udfff]")


class Reason(StrEnum):
    """Why a row was rejected."""

    NO_ID = "no id"
    BAD_ID = "id with control characters"
    LONG_ID = "id too long"
    NO_TITLE = "no title"
    DUPLICATE_ID = "duplicate id"
    NO_PAIR = "no two ids"
    BAD_LABEL = "no label that is known"
    BOTH_LABELS = "the pair has both labels"
    UNKNOWN_PRODUCT = "product not in the catalogue"
    SAME_PRODUCT = "a product paired with itself"
    BAD_ANNOTATOR = "not the name of an annotator"
    BAD_TASK = "no decision about a pair"
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
        line: in a text file the number of its first line, from 1 including the header; in other files the number of
            the row, from 1.
        values: column → text, unchanged except that NUL becomes U+FFFD, since terminals and SQLite's functions
            mishandle NUL.
    """

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A rejected row.

    Attributes:
        line: as in `Row`.
        reason: why it was rejected.
        raw: its text, with undecodable bytes in hexadecimal.
        values: column → text; None if it could not be parsed.
        detail: more on the reason; empty where there is nothing more to say.
    """

    line: int
    reason: Reason
    raw: str
    values: Mapping[str, str] | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table in a file.

    Attributes:
        columns: distinct column names. For JSON lines those of the first thousand lines; later rows may have others.
        rows: can be iterated once.
        header: the first line of delimited text or a sheet, which may turn out to be a row. None for other formats.
        notes: remarks for the user on how the file was read, each a sentence.
        dialect: of delimited text; None for other formats.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row | BadRow]
    header: "Header | None" = None
    notes: tuple[str, ...] = ()
    dialect: "Dialect | None" = None


class Header(NamedTuple):
    """The cells of a header line, and its line or row number."""

    line: int
    cells: tuple[str, ...]


def is_broken(text: str) -> bool:
    """Whether a text has undecodable bytes."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def without_nul(text: str) -> str:
    """The text with NUL replaced by U+FFFD."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def displayable(text: str) -> str:
    """The text with undecodable bytes as escape sequences, so that it can be encoded."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "backslashreplace")
    return without_nul(raw.decode("utf-8", "backslashreplace"))


def within_limits(row: Row | BadRow) -> Row | BadRow:
    """The row, or a bad row if it exceeds the limits of `labels.exchange.files`."""
    if isinstance(row, BadRow):
        return row
    reason = _over_limit(row.values)
    return reject_row(row, reason) if reason else row


def reject_row(row: Row, reason: Reason) -> BadRow:
    """Turn a parsed row into a rejected one."""
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
    """Distinct names for the columns of a table.

    Raises:
        CatalogError: there are too many, or one is too long.
    """
    if len(names) > MAX_COLUMNS:
        raise CatalogError(
            f"{path} has {counted(len(names), 'column')}; a table may have {MAX_COLUMNS:,}.", "Remove some."
        )
    longest = max((len(str(name)) for name in names), default=0)
    if longest > MAX_NAME:
        raise CatalogError(
            f"{path} has a column whose name is {longest:,} characters long; a name may have {MAX_NAME:,}.",
            "The first line must name the columns, such as id,title,brand,price.",
        )
    return unique_names(names)


def unique_names(names: Iterable[object]) -> tuple[str, ...]:
    """Distinct column names: stripped, with numbers for empty and repeated ones."""
    unique: dict[str, None] = {}
    for number, given in enumerate(names, start=1):
        base = displayable(str(given)).strip().removeprefix("\ufeff") or f"column {number}"
        name, repeat = base, 2
        while name in unique:
            name, repeat = f"{base} ({repeat})", repeat + 1
        unique[name] = None
    return tuple(unique)


def as_text(value: object) -> str:
    """A typed value of a Parquet file, a database or a JSON line as the text that a CSV file would have.

    None, NaN and bytes that are not UTF-8 (such as an image) become empty texts. A float loses a fraction of `.0`,
    since data frames turn whole numbers into floats in columns with missing values.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bytes):
        text = value.decode() if _is_utf8(value) else ""
    elif isinstance(value, dict | list | tuple):
        text = json.dumps(value, ensure_ascii=False, default=as_text)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return without_nul(text)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def typed_row(line: int, columns: Iterable[str], values: Iterable[object]) -> Row | BadRow:
    """A row of typed values as text, or a bad row if a text is not UTF-8."""
    texts = dict(zip(columns, map(as_text, values), strict=True))
    if any(is_broken(text) for text in texts.values()):
        return reject_row(Row(line, {name: displayable(text) for name, text in texts.items()}), Reason.UNDECODABLE)
    return Row(line, texts)
