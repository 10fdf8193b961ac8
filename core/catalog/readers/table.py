"""Detection of a file's format by its content, and the choice of the reader."""

import json
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path

from core.catalog.readers.delimited import read_delimited, read_lines
from core.catalog.readers.encoding import encoding_by_head, encoding_of
from core.catalog.readers.excel import is_workbook, read_workbook, refusal
from core.catalog.readers.json_files import is_document, read_json_document, read_jsonl
from core.catalog.readers.parquet import read_parquet
from core.catalog.readers.rows import REJECT_COLUMNS, BadRow, Header, Row, Table, within_limits
from core.catalog.readers.sqlite import read_sqlite
from core.errors import CatalogError
from labels.exchange.fields import restore_cell
from labels.exchange.files import unreadable_message
from labels.files import open_regular

#: Bytes from which the format is detected.
_HEAD_BYTES = 1 << 16
_SQLITE = b"SQLite format 3\0"
_PARQUET = b"PAR1"
_ZIP = b"PK\x03\x04"
_KINDS = "CSV, TSV, JSON, Excel (.xlsx), Parquet or SQLite"
_UNPACK_HINT = "Unpack it first."
_SAVE_HINT = f"Save the table as {_KINDS}."
#: First bytes of unsupported formats, with a description and a hint.
_UNSUPPORTED = (
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel file, or one with a password",
        "Save the sheet as .xlsx without one, or as CSV.",
    ),
    (b"\x1f\x8b", "compressed with gzip", _UNPACK_HINT),
    (b"BZh", "compressed with bzip2", _UNPACK_HINT),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK_HINT),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK_HINT),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK_HINT),
    (b"%PDF", "a PDF document", _SAVE_HINT),
    (b"\x89PNG", "an image", _SAVE_HINT),
    (b"\xff\xd8\xff", "an image", _SAVE_HINT),
    (b"GIF8", "an image", _SAVE_HINT),
)
_WEB_PAGE = re.compile(r"\s*(<!doctype\s+html|<html|<head)", re.IGNORECASE)
# A CSV header does not begin like one of these.
_OBJECT = re.compile(r'\{\s*["}]')
_LIST = re.compile(r"\[\s*[{\[]")
_JSON_LINES = {".jsonl", ".ndjson"}


def read_table(path: Path, table: str | None = None) -> Table:
    """Read a table in any supported format, which is detected by content, not by file name.

    Rows that exceed the limits of `labels.exchange.files` are bad rows.

    Args:
        path: the file; `FILE#NAME` also names a table or sheet, unless a file of that name exists.
        table: the table of a SQLite database, or the sheet of a workbook; ignored for other formats.

    Returns:
        The table. Iterating its rows may raise CatalogError as well, if the file is truncated.

    Raises:
        CatalogError: the file is missing, not regular, unreadable, empty, not a table, or has too many columns.
    """
    if table is None and "#" in path.name and not path.exists():
        name, _, table = path.name.partition("#")
        path = path.with_name(name) if name and table else path
    found = _without_reject_columns(_read(path, table or None))
    return replace(found, rows=map(within_limits, found.rows))


def _without_reject_columns(table: Table) -> Table:
    """Turn a list of rejected rows back into the original table, so that it can be corrected and imported."""
    count = len(REJECT_COLUMNS)
    if table.columns[:count] != REJECT_COLUMNS:
        return table
    header = table.header and Header(table.header.line, table.header.cells[count:])
    delimiter = table.dialect.delimiter if table.dialect else ","

    def original(row: Row | BadRow) -> Row | BadRow:
        if isinstance(row, BadRow):
            return replace(row, raw=row.raw.split(delimiter, count)[-1])
        return Row(row.line, {name: restore_cell(row.values.get(name, "")) for name in table.columns[count:]})

    return replace(table, columns=table.columns[count:], rows=map(original, table.rows), header=header)


def _read(path: Path, table: str | None) -> Table:
    head = _head(path)
    if head.startswith(_SQLITE):
        return read_sqlite(path, table)
    if head.startswith(_PARQUET):
        return read_parquet(path)
    if head.startswith(_ZIP):
        if is_workbook(path):
            return read_workbook(path, table)
        raise refusal(path)
    for mark, what, hint in _UNSUPPORTED:
        if head.startswith(mark):
            raise CatalogError(f"{path} is {what}, not a table.", hint)
    return _read_text(path, head)


def _head(path: Path) -> bytes:
    try:
        with open_regular(path) as handle:
            head = handle.read(_HEAD_BYTES)
    except OSError as error:
        raise CatalogError(*unreadable_message(path, error)) from error
    if not head.strip():
        raise CatalogError(f"{path} is empty.", "Check that it was written or downloaded completely.")
    return head


def _read_text(path: Path, head: bytes) -> Table:
    # Checked before the whole file is read for its encoding, since a disk image or a sparse file may be very large.
    if _is_binary(head.decode(encoding_by_head(head) or "latin-1", "replace")):
        raise CatalogError(f"{path} is not text, and not a table in a supported format.", _SAVE_HINT)
    try:
        encoding = encoding_of(path, head)
    except OSError as error:
        raise CatalogError(*unreadable_message(path, error)) from error
    text = head.decode(encoding, "replace")
    if _WEB_PAGE.match(text):
        raise CatalogError(
            f"{path} is a web page, not a table.",
            "A download that requires a login often returns one: open it in a browser.",
        )
    start = text.removeprefix("\ufeff").lstrip()
    ending = path.suffix.lower()
    if not (ending in {".json", *_JSON_LINES} or _OBJECT.match(start) or _LIST.match(start)):
        return read_delimited(path, encoding)
    return read_json_document(path, encoding) if _is_one_document(path, encoding, start) else read_jsonl(path, encoding)


def _is_one_document(path: Path, encoding: str, start: str) -> bool:
    """Whether a JSON file is one document, or has objects over several lines, rather than JSON lines."""
    if _LIST.match(start):
        return True
    if not _OBJECT.match(start):
        return path.suffix.lower() not in _JSON_LINES
    lines = [line.text for line in islice((line for line in read_lines(path, encoding) if line.text.strip()), 2)]
    if _is_json(lines[0]):
        return len(lines) == 1 and is_document(lines[0])
    is_cut = lines[0].rstrip().endswith(("{", "[", ","))
    return is_cut or (path.suffix.lower() not in _JSON_LINES and not (len(lines) > 1 and _is_json(lines[1])))


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_binary(text: str) -> bool:
    """Whether a text has more control characters than a few stray NULs."""
    control = sum(1 for character in text if character < " " and character not in "\t\n\r\f\v\x1a")
    return control > max(len(text) // 20, 3)
