"""CSV, TSV and their like: any of four delimiters, two quotation marks, escaped quotes, and rows that went wrong."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.catalog.readers.dialect import Dialect, find_dialect
from core.catalog.readers.lines import Line, read_lines
from core.catalog.readers.rows import BadRow, Header, Reason, Row, Table, column_names, displayable
from core.errors import CatalogError
from labels.exchange.limits import MAX_ROW

# A row with a stray quote swallows the lines after it, and these are then read once more. A file made of
# nothing else must not take for ever: past this many characters such rows are given up as a whole.
_READ_TWICE = 1 << 26

_Cells = tuple[list[Line], list[str]]


class _RunawayError(Exception):
    """A row goes on and on: most likely its closing quote is missing."""


class _Feed:
    """Gives csv.reader its lines, knows which ones the current row took, and can take some back."""

    def __init__(self, lines: Iterator[Line], dialect: Dialect) -> None:
        self._lines = lines
        self._dialect = dialect
        self._again: deque[Line] = deque()
        self._left = _READ_TWICE
        self.taken: list[Line] = []
        self.ended = False
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        self._size += len(line.text)
        if line.cut or self._size > MAX_ROW:
            raise _RunawayError
        return self._dialect.protect(line.text)

    def start_row(self) -> None:
        self.taken, self.ended, self._size = [], False, 0

    def take_back_all_but_first(self) -> None:
        if self._size <= self._left:
            self._left -= self._size
            self._again.extendleft(reversed(self.taken[1:]))


def read_delimited(path: Path, encoding: str) -> Table:
    """The table in a delimited text file; its first line that is not blank is the header.

    A row may leave out its last cells, and may have empty ones too many: delimiters at the end of a line say nothing.

    Raises:
        CatalogError: there is no header that could be read.
    """
    # The limit is one for the whole process; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))
    dialect = find_dialect(path, encoding)
    header = next(_rows(islice(read_lines(path, encoding), dialect.skipped, None), dialect), None)
    if header is None or isinstance(header, BadRow):
        why = f"line {header.line}: {header.reason}" if header else "there is no line in it"
        raise CatalogError(
            f"{path} has no header that could be read ({why}).",
            "The first line must name the columns, such as id,title,brand,price.",
        )
    lines, names = header
    columns = column_names(path, names)
    rows = _rows(islice(read_lines(path, encoding), dialect.skipped, None), dialect)
    return Table(columns, _table_rows(rows, columns), Header(lines[0].number, tuple(names)), dialect=dialect)


def _table_rows(rows: Iterator[_Cells | BadRow], columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    next(rows)
    width = len(columns)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        lines, cells = row
        if len(cells) > width and not any(map(str.strip, cells[width:])):
            del cells[width:]
        if len(cells) > width:
            yield _bad(lines, Reason.WRONG_COLUMN_COUNT)
        else:
            cells += [""] * (width - len(cells))
            yield Row(lines[0].number, dict(zip(columns, cells, strict=True)))


def _bad(lines: Sequence[Line], reason: Reason) -> BadRow:
    raw = "".join(line.text for line in lines)
    return BadRow(lines[0].number, reason, displayable(raw.rstrip("\r\n")))


def _rows(lines: Iterator[Line], dialect: Dialect) -> Iterator[_Cells | BadRow]:
    """Rows that could be read, with the lines they are on, and those that could not; no blank lines."""
    feed = _Feed(lines, dialect)
    reader = csv.reader(feed, delimiter=dialect.delimiter, quotechar=dialect.quote)
    while True:
        feed.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_RunawayError, csv.Error):
            yield _give_up(feed)
            continue
        texts = [line.text for line in feed.taken]
        # The end of the file inside a row is the end of the file inside quotes.
        if feed.ended or (len(texts) > 1 and not dialect.is_well_quoted(texts)):
            yield _give_up(feed)
        elif any(line.broken for line in feed.taken):
            yield _bad(feed.taken, Reason.UNDECODABLE)
        elif len(cells) > 1 or any(cell.strip() for cell in cells):
            yield feed.taken, dialect.restore(cells, texts)


def _give_up(feed: _Feed) -> BadRow:
    """Reject the first line alone; those it swallowed were good rows, more likely than not."""
    first = feed.taken[0]
    reason = Reason.TOO_LONG if first.cut else Reason.BROKEN_QUOTING
    if first.broken:
        reason = Reason.UNDECODABLE
    feed.take_back_all_but_first()
    return _bad([first], reason)
