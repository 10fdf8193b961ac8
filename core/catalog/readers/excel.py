"""A sheet of an Excel workbook (.xlsx, .xlsm), read row by row, with the saved results of its formulas."""

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from typing import IO, Any

from core.catalog.columns import format_names
from core.catalog.readers.rows import BadRow, Header, Reason, Row, Table, as_text, column_names, typed_row, unique_names
from core.errors import CatalogError
from labels.exchange.files import MAX_COLUMNS, unreadable_message
from labels.files import open_regular

#: Maximum unpacked bytes of the parts that are held in memory: texts and everything but the sheets.
_HELD_BYTES = 1 << 28
#: Maximum ratio of unpacked to packed size, and the unpacked size that is always allowed. Sheets of real catalogues
#: have ratios of ten to thirty.
_RATIO, _UNPACKED_BYTES = 200, 1 << 28
#: Rows with titles and notes that may precede the header.
_MAX_ROWS_ABOVE_HEADER = 20
#: A number format of zeros pads numbers to that many digits: 00121 for 121.
_ZERO_PADDING = re.compile(r"0{2,}")
#: A currency in a number format, https://support.microsoft.com/office/review-guidelines-for-customizing-a-number-format:
#: [$€-407], [$USD], "$", or the sign itself.
_CURRENCY = re.compile(r"\[\$([^\]-]+)[^\]]*\]|\"([$€£¥])\"|\\?([$€£¥])(?![^\[]*\])")
_SAVE_HINT = "Save the sheet as .xlsx or CSV."


def is_workbook(path: Path) -> bool:
    """Whether a ZIP archive is a workbook of Excel 2007 or later."""
    return "xl/workbook.xml" in _members(path)


def refusal(path: Path) -> CatalogError:
    """The error for a ZIP archive that is not such a workbook."""
    members = _members(path)
    if "xl/workbook.bin" in members:
        return CatalogError(f"{path} is a binary Excel workbook, not a table.", _SAVE_HINT)
    if "content.xml" in members:
        return CatalogError(f"{path} is an OpenDocument file, not a table.", _SAVE_HINT)
    return CatalogError(
        f"{path} is a ZIP archive or a damaged spreadsheet, not a table.", "Unpack it, or save the sheet as CSV."
    )


def read_workbook(path: Path, sheet: str | None) -> Table:
    """Read a sheet; its header is the first row with more than one value.

    Whole numbers have no fraction, and no number is in scientific notation. Leading zeros and currencies from a cell's
    number format are kept.

    Args:
        path: the workbook.
        sheet: its name; None for the first visible sheet.

    Raises:
        CatalogError: openpyxl is not installed, the file is damaged or too large, there is no such sheet, or it has no
            header.
    """
    with _opened_workbook(path) as book:
        chosen, others = _choose_sheet(book, path, sheet)
        header = _find_header(_sheet_rows(book[chosen]))
    if header is None:
        raise CatalogError(f"{path}: the sheet {chosen} is empty.", _other_sheets(others))
    names = _trimmed(header[1])
    columns = column_names(path, ["" if name is None else name for name in names])
    notes = (
        (f"Read from the sheet {chosen}, not from {format_names(others)} ({path.name}#NAME).",)
        if others and not sheet
        else ()
    )
    cells = tuple("" if name is None else str(name) for name in names)
    return Table(columns, _rows(path, chosen, header[0], columns), Header(header[0], cells), notes)


def _rows(path: Path, sheet: str, header: int, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    with _opened_workbook(path) as book:
        for number, cells in _sheet_rows(book[sheet]):
            if number <= header:
                continue
            values = _trimmed(cells)
            if len(values) > len(columns):
                names = unique_names([*columns, *[""] * (min(len(values), MAX_COLUMNS) - len(columns))])
                texts = dict(zip(names, map(as_text, values), strict=False))
                yield BadRow(number, Reason.WRONG_COLUMN_COUNT, ",".join(filter(None, texts.values())), texts)
            elif values:
                yield typed_row(number, columns, [*values, *[None] * (len(columns) - len(values))])


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[object]]]:
    """(number, values) of every row. The sheet's declared dimensions are ignored, since they are often wrong."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [_value(cell) for cell in cells]


def _value(cell: Any) -> object:
    """A cell's value; a number with the leading zeros or the currency of its format."""
    value = cell.value
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number_format = str(cell.number_format or "")
    if _ZERO_PADDING.fullmatch(number_format) and value == int(value):
        return str(int(value)).zfill(len(number_format))
    currency = _CURRENCY.search(number_format)
    # Rounded to remove binary representation errors: 12.990000000000002.
    number = round(value, 6) if isinstance(value, float) else value
    return f"{next(filter(None, currency.groups()))} {number}" if currency else number


def _trimmed(values: Sequence[object]) -> list[object]:
    """The values without empty ones at the end."""
    width = max((place for place, value in enumerate(values, 1) if value is not None and str(value).strip()), default=0)
    return list(values[:width])


def _find_header(rows: Iterator[tuple[int, list[object]]]) -> tuple[int, list[object]] | None:
    """The first row with several values among the first non-empty rows, else the first non-empty row, else None."""
    found = list(islice(((number, values) for number, values in rows if _trimmed(values)), _MAX_ROWS_ABOVE_HEADER))
    several = (each for each in found if sum(value is not None for value in each[1]) > 1)
    return next(several, found[0] if found else None)


def _choose_sheet(book: Any, path: Path, wanted: str | None) -> tuple[str, list[str]]:
    """The name of the sheet to read, and those of the others."""
    sheets = {sheet.title: sheet.sheet_state == "visible" for sheet in book.worksheets}
    if not sheets:
        raise CatalogError(f"{path} has no worksheet.", _SAVE_HINT)
    if wanted is not None:
        found = next((name for name in sheets if name.casefold() == wanted.strip().casefold()), None)
        if found is None:
            raise CatalogError(f"{path} has no sheet {wanted!r}.", f"It has: {format_names(list(sheets))}.")
        return found, []
    chosen = next((name for name, visible in sheets.items() if visible), next(iter(sheets)))
    return chosen, [name for name in sheets if name != chosen]


def _other_sheets(others: Sequence[str]) -> str:
    return (
        f"Name another sheet after the file, as in FILE#{others[0]}."
        if others
        else "Check that the table is on a worksheet."
    )


@contextmanager
def _opened_workbook(path: Path) -> Iterator[Any]:
    """The workbook in openpyxl's read-only mode, which reads cells on demand. Errors as for `read_workbook`."""
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise CatalogError(
            f"Reading {path} needs openpyxl, which is not installed.", "pip install openpyxl; or save the sheet as CSV."
        ) from error
    try:
        with open_regular(path) as file:
            _check_size(path, file)
            with warnings.catch_warnings():
                # Warnings about unsupported parts, such as styles and data validation, do not matter.
                warnings.simplefilter("ignore")
                book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                yield book
    except CatalogError:
        raise
    except OSError as error:
        raise CatalogError(*unreadable_message(path, error)) from error
    # openpyxl has no exception of its own for damaged files.
    except Exception as error:
        reason = (str(error).partition("\n")[0] or type(error).__name__)[:200].rstrip(".")
        raise CatalogError(f"{path} is not a readable workbook: {reason}.", _SAVE_HINT) from error


def _check_size(path: Path, file: IO[bytes]) -> None:
    """Refuse archives that unpack to too much. Python's zipfile enforces the declared size of each part."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    held = sum(each.file_size for each in members if not each.filename.startswith("xl/worksheets/sheet"))
    total = sum(each.file_size for each in members)
    size = file.seek(0, 2)
    file.seek(0)
    for name, found, most in (
        ("its texts and formats unpack", held, _HELD_BYTES),
        ("it unpacks", total, max(_UNPACKED_BYTES, _RATIO * size)),
    ):
        if found > most:
            raise CatalogError(
                f"{path} is too large to be read: {name} to more than {most:,} bytes.", "Save the sheet as CSV."
            )


def _members(path: Path) -> set[str]:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return set(archive.namelist())
    except OSError as error:
        raise CatalogError(*unreadable_message(path, error)) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return set()
