"""What kind of table a file holds, judged by its content, or why it holds none."""

import re
from pathlib import Path

from core.catalog.readers.delimited import read_delimited
from core.catalog.readers.encoding import encoding_by_head, encoding_of
from core.catalog.readers.jsonl import read_jsonl
from core.catalog.readers.parquet import read_parquet
from core.catalog.readers.rows import Table, within_limits
from core.catalog.readers.sqlite import read_sqlite
from core.errors import CatalogError
from labels.exchange.text_input import unreadable
from labels.files import open_regular

_HEAD = 1 << 16
_SQLITE = b"SQLite format 3\0"
_PARQUET = b"PAR1"
_KINDS = "CSV, TSV, JSON lines, Parquet or SQLite"
_UNPACK = "Unpack it first."
_SAVE = f"Save the table as {_KINDS}."
# First bytes of what people try to import: what it is, and the way out.
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", "Save the sheet as CSV."),
    (b"\x1f\x8b", "compressed with gzip", _UNPACK),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"%PDF", "a PDF document", _SAVE),
    (b"\x89PNG", "an image", _SAVE),
    (b"\xff\xd8\xff", "an image", _SAVE),
    (b"GIF8", "an image", _SAVE),
)
_WEB_PAGE = re.compile(r"\s*(<!doctype\s+html|<html|<head)", re.IGNORECASE)
# No header of a CSV begins like one of these.
_OBJECT = re.compile(r'\{[ \t]*["}]')
_DOCUMENT = re.compile(r"\[\s*[{\[]|\{\s*\n")


def read_table(path: Path, table: str | None = None) -> Table:
    """The table in a file, of whatever kind; the content decides, not the name.

    The limits of `labels.exchange.limits` hold in every kind: a row over them is a bad row.

    Args:
        path: the file.
        table: which table of an SQLite database; of no meaning elsewhere.

    Returns:
        The table. Reading its rows may raise CatalogError too, where the file breaks off.

    Raises:
        CatalogError: the file is missing, no regular file, unreadable, empty, not a table, or one of too many columns.
    """
    found = _read(path, table)
    return Table(found.columns, map(within_limits, found.rows))


def _read(path: Path, table: str | None) -> Table:
    head = _head(path)
    if head.startswith(_SQLITE):
        return read_sqlite(path, table)
    if head.startswith(_PARQUET):
        return read_parquet(path)
    for mark, what, hint in _OTHERS:
        if head.startswith(mark):
            raise CatalogError(f"{path} is {what}, not a table.", hint)
    return _read_text(path, head)


def _head(path: Path) -> bytes:
    try:
        with open_regular(path) as handle:
            head = handle.read(_HEAD)
    except OSError as error:
        raise CatalogError(*unreadable(path, error)) from error
    if not head.strip():
        raise CatalogError(f"{path} is empty.", "Was it written, or downloaded, to its end?")
    return head


def _read_text(path: Path, head: bytes) -> Table:
    # Before the whole file is read for its encoding: a device's image or a sparse file may be very long.
    if _is_binary(head.decode(encoding_by_head(head) or "latin-1", "replace")):
        raise CatalogError(f"{path} is not text, and no table that samesku knows.", _SAVE)
    try:
        encoding = encoding_of(path, head)
    except OSError as error:
        raise CatalogError(*unreadable(path, error)) from error
    text = head.decode(encoding, "replace")
    if _WEB_PAGE.match(text):
        raise CatalogError(
            f"{path} is a web page, not a table.",
            "A download that asks for a login often leaves one: open it in a browser to see.",
        )
    start = text.removeprefix("\ufeff").lstrip()
    if path.suffix.lower() in {".jsonl", ".ndjson"} or _OBJECT.match(start):
        return read_jsonl(path, encoding)
    if path.suffix.lower() == ".json" or _DOCUMENT.match(start):
        raise CatalogError(
            f"{path} is one JSON document, not JSON lines.",
            f"Put each product on a line of its own: jq -c '.[]' {path.name} > products.jsonl",
        )
    return read_delimited(path, encoding)


def _is_binary(text: str) -> bool:
    """Text has next to no control characters; some stray NULs are put up with."""
    control = sum(1 for character in text if character < " " and character not in "\t\n\r\f\v\x1a")
    return control > max(len(text) // 20, 3)
