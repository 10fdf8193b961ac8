"""One sheet of an Excel workbook (.xlsx, .xlsm), a row at a time, with what its formulas gave when it was saved."""

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
from labels.exchange.files import MAX_COLUMNS, unreadable
from labels.files import open_regular

#: Bytes that the parts of a workbook which are held in memory may unpack to: its texts, and all that is no sheet.
_HELD_BYTES = 1 << 28
#: How many times its size a workbook may unpack to, and what any may: sheets are read a row at a time. Sheets of real
#: catalogues pack some ten to thirty times.
_RATIO, _UNPACKED_BYTES = 200, 1 << 28
#: Titles and notes that may stand above the header.
_ABOVE_HEADER = 20
#: A number format of zeros alone shows that many digits: 00121 for 121.
_DIGITS = re.compile(r"0{2,}")
#: A currency in a number format, https://support.microsoft.com/office/review-guidelines-for-customizing-a-number-format:
#: [$€-407], [$USD], "$", or the sign itself.
_CURRENCY = re.compile(r"\[\$([^\]-]+)[^\]]*\]|\"([$€£¥])\"|\\?([$€£¥])(?![^\[]*\])")
_NOT_READ = "Save the sheet as .xlsx or CSV."


def is_workbook(path: Path) -> bool:
    """Whether a file that begins like a ZIP archive is a workbook of Excel 2007 or later."""
    return "xl/workbook.xml" in _members(path)


def refusal(path: Path) -> CatalogError:
    """Why a ZIP archive that is no such workbook is not read."""
    members = _members(path)
    if "xl/workbook.bin" in members:
        return CatalogError(f"{path} is a binary Excel workbook, not a table.", _NOT_READ)
    if "content.xml" in members:
        return CatalogError(f"{path} is an OpenDocument file, not a table.", _NOT_READ)
    return CatalogError(
        f"{path} is a ZIP archive or a damaged spreadsheet, not a table.", "Unpack it, or save the sheet as CSV."
    )


def read_workbook(path: Path, sheet: str | None) -> Table:
    """The table on a sheet: its header is the first row with more than one value.

    Numbers that are whole have no fraction, and none is in scientific notation; a number keeps the leading zeros and
    the currency that its format shows.

    Args:
        path: the workbook.
        sheet: its name; None for the first that is not hidden.

    Raises:
        CatalogError: openpyxl is not installed, the file is damaged or unpacks to too much, there is no such sheet, or
            it has no header.
    """
    with _opened(path) as book:
        chosen, others = _chosen(book, path, sheet)
        header = next(_filled(_sheet_rows(book[chosen])), None)
    if header is None:
        raise CatalogError(f"{path}: the sheet {chosen} is empty.", _other_sheets(others))
    names = _trimmed(header[1])
    columns = column_names(path, ["" if name is None else name for name in names])
    notes = (
        (f"Read from the sheet {chosen}; not from {format_names(others)} ({path.name}#NAME).",)
        if others and not sheet
        else ()
    )
    cells = tuple("" if name is None else str(name) for name in names)
    return Table(columns, _rows(path, chosen, header[0], columns), Header(header[0], cells), notes)


def _rows(path: Path, sheet: str, header: int, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    with _opened(path) as book:
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
    """The values of every row, by its number. What a sheet says of its own size is often wrong, and not asked."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [_value(cell) for cell in cells]


def _value(cell: Any) -> object:
    """A cell's value; a number as its format shows it, where that says more than the number."""
    value = cell.value
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    shown = str(cell.number_format or "")
    if _DIGITS.fullmatch(shown) and value == int(value):
        return str(int(value)).zfill(len(shown))
    currency = _CURRENCY.search(shown)
    # Floats carry the dust of binary fractions: 12.990000000000002.
    number = round(value, 6) if isinstance(value, float) else value
    return f"{next(filter(None, currency.groups()))} {number}" if currency else number


def _trimmed(values: Sequence[object]) -> list[object]:
    """The values without the empty ones behind the last."""
    width = max((place for place, value in enumerate(values, 1) if value is not None and str(value).strip()), default=0)
    return list(values[:width])


def _filled(rows: Iterator[tuple[int, list[object]]]) -> Iterator[tuple[int, list[object]]]:
    """The header: the first row with several values among the first ones that have any, or else the first of these."""
    found = list(islice(((number, values) for number, values in rows if _trimmed(values)), _ABOVE_HEADER))
    several = (each for each in found if sum(value is not None for value in each[1]) > 1)
    yield from islice([*several, *found], 1)


def _chosen(book: Any, path: Path, wanted: str | None) -> tuple[str, list[str]]:
    """The sheet to read, and the others."""
    sheets = {sheet.title: sheet.sheet_state == "visible" for sheet in book.worksheets}
    if not sheets:
        raise CatalogError(f"{path} has no sheet with cells.", _NOT_READ)
    if wanted is not None:
        found = next((name for name in sheets if name.casefold() == wanted.strip().casefold()), None)
        if found is None:
            raise CatalogError(f"{path} has no sheet {wanted!r}.", f"It has: {format_names(list(sheets))}.")
        return found, []
    chosen = next((name for name, visible in sheets.items() if visible), next(iter(sheets)))
    return chosen, [name for name in sheets if name != chosen]


def _other_sheets(others: Sequence[str]) -> str:
    return (
        f"Name another sheet behind the file, as in FILE#{others[0]}."
        if others
        else "Is the table on a sheet of cells?"
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The workbook, its cells read as they are asked for.

    Raises:
        CatalogError: as `read_workbook`.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise CatalogError(
            f"Reading {path} takes openpyxl, which is not installed.", "pip install openpyxl; or save the sheet as CSV."
        ) from error
    try:
        with open_regular(path) as file:
            _check_size(path, file)
            with warnings.catch_warnings():
                # Of parts that it does not know, such as styles and data validation: they hold no product.
                warnings.simplefilter("ignore")
                book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            with closing(book):
                yield book
    except CatalogError:
        raise
    except OSError as error:
        raise CatalogError(*unreadable(path, error)) from error
    # Whatever a damaged part makes of the library: it has no errors of its own for that.
    except Exception as error:
        reason = (str(error).partition("\n")[0] or type(error).__name__)[:200].rstrip(".")
        raise CatalogError(f"{path} is not a workbook that can be read: {reason}.", _NOT_READ) from error


def _check_size(path: Path, file: IO[bytes]) -> None:
    """Refuse what unpacks to more than a catalogue does. No part gives more than its entry in the archive says."""
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
        raise CatalogError(*unreadable(path, error)) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return set()
