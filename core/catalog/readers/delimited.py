"""CSV, TSV and their like: any of four delimiters, two quotation marks, escaped quotes, and rows that went wrong."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from core.catalog.readers.rows import (
    BadRow,
    Header,
    Reason,
    Row,
    Table,
    column_names,
    displayable,
    is_broken,
    without_nul,
)
from core.errors import CatalogError
from labels.exchange.files import MAX_ROW, unreadable_message
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
        raise CatalogError(*unreadable_message(path, error)) from error


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Like Python's `surrogateescape`, which however gives up on the small bytes of UTF-16."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 | max(byte, 0x80)) for byte in wrong), error.end


_ESCAPE = "samesku.escape"
codecs.register_error(_ESCAPE, _escape)


_DELIMITERS = ",;\t|"
_QUOTES = "\"'"
_SAMPLE = 50
#: Lines with an escaped quote that are looked for in a whole file, which has few of them.
_ESCAPED_SAMPLE = 200
_PIECE = 1 << 20
#: Of the rows of a file with single quotation marks, so many have a cell between them.
_QUOTED_SHARE = 0.8
#: What a spreadsheet puts in front of the header to say which delimiter it used.
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
#: Stands for an escaped quote while a line is taken apart: a noncharacter, which no text holds
#: (https://www.unicode.org/faq/private_use.html#noncharacters).
_PROTECTED = "\ufdd0"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the lines of a file are taken apart.

    Attributes:
        quote: the quotation mark around a cell.
        escaped: whether a backslash escapes a quote inside, as Spark and MySQL write it; a doubled quote always does.
        skipped: lines before the header.
    """

    delimiter: str = ","
    quote: str = '"'
    escaped: bool = False
    skipped: int = 0

    def joined(self, cells: Sequence[str]) -> str:
        """A line of these cells, without its end, from which a reader of this dialect gets them back."""
        return self.delimiter.join(map(self._quoted, cells))

    def _quoted(self, cell: str) -> str:
        signs = (self.delimiter, self.quote, "\n", "\r")
        # Single quotation marks are only taken for such where most rows have them.
        if self.quote == '"' and cell == cell.strip() and not any(sign in cell for sign in signs):
            return cell
        if self.escaped:
            inner = re.sub(rf"(\\+)(?={self.quote}|$)", r"\1\1", cell).replace(self.quote, "\\" + self.quote)
        else:
            inner = cell.replace(self.quote, self.quote * 2)
        return f"{self.quote}{inner}{self.quote}"

    def protect(self, line: str) -> str:
        """The line for csv.reader, its escaped quotes hidden. Only backslashes before a quote escape anything."""
        if not self.escaped or "\\" not in line:
            return line
        return re.sub(rf"(\\+){self.quote}", self._unescaped, line)

    def _unescaped(self, found: re.Match[str]) -> str:
        backslashes = len(found[1])
        return "\\" * (backslashes // 2) + (_PROTECTED if backslashes % 2 else self.quote)

    def restore(self, cells: list[str], lines: Sequence[str]) -> list[str]:
        """The cells of a row as they were meant.

        Args:
            cells: what csv.reader made of the row.
            lines: the row as it stands in the file.
        """
        if self.escaped:
            cells = [cell.replace(_PROTECTED, self.quote) for cell in cells]
        if len(lines) == 1 and any(self.quote in cell for cell in cells) and not self.is_well_quoted(lines):
            # `"Sony 55" TV",Sony`: a quote that nothing escapes ends no cell unless a delimiter follows it.
            repaired = self._leniently(lines[0])
            return repaired if len(repaired) <= len(cells) else cells
        return cells

    def is_well_quoted(self, lines: Sequence[str]) -> bool:
        """Whether every quote of a row closes before a delimiter: a row over several lines was meant to be one."""
        return _is_strict(map(self.protect, lines), self)

    def _leniently(self, line: str) -> list[str]:
        mark = re.escape(self.delimiter)
        end = rf"\s*(?:{mark}|$)"
        cell = re.compile(
            rf"{self.quote}((?:[^{self.quote}]|{self.quote}(?!{end}))*){self.quote}(?={end})\s*?(?={mark}|$)|([^{mark}]*)"
        )
        text, at, cells = self.protect(line.rstrip("\r\n")), 0, []
        while True:
            found = cell.match(text, at)
            assert found is not None  # noqa: S101 - the second branch matches anything
            cells.append(found[2] if found[1] is None else found[1].replace(self.quote * 2, self.quote))
            at = found.end() + 1
            if at > len(text):
                return [each.replace(_PROTECTED, self.quote) for each in cells]


def find_dialect(path: Path, encoding: str) -> Dialect:
    """The dialect of a file: that which takes the most of its rows apart as the header.

    Raises:
        CatalogError: the file cannot be read.
    """
    sample = _sampled(read_lines(path, encoding))
    declared = _DECLARED.fullmatch(sample[0].text) if sample else None
    lines = [line.text for line in (sample[1:] if declared else sample)]
    escaped = _escaped_lines(path, encoding) if lines else []
    delimiters = declared.group(1) if declared else _DELIMITERS
    found = [
        Dialect(delimiter, quote, escape, skipped=1 if declared else 0)
        for quote in _QUOTES
        for delimiter in delimiters
        for escape in ((False, True) if escaped else (False,))
        if quote == '"' or _is_single_quoted(lines, delimiter)
    ]
    return max(found, key=lambda dialect: (_score(lines, dialect), _escape_score(lines[:1] + escaped, dialect)))


def _sampled(lines: Iterator[Line]) -> list[Line]:
    """The first lines, and no more characters of them than a row may have, but for the first."""
    sample: list[Line] = []
    size = 0
    for line in islice(lines, _SAMPLE):
        size += len(line.text)
        if sample and size > MAX_ROW:
            break
        sample.append(line)
    return sample


def _escaped_lines(path: Path, encoding: str) -> list[str]:
    """The first lines of a file in which a backslash stands before a quotation mark."""
    marks = tuple(f"\\{quote}".encode(encoding.removesuffix("-sig")) for quote in _QUOTES)
    if encoding not in {"utf-16", "utf-32"} and not _has_any(path, marks):
        return []
    found = (line.text for line in read_lines(path, encoding) if '\\"' in line.text or "\\'" in line.text)
    return list(islice((text for text in found if len(text) < MAX_ROW), _ESCAPED_SAMPLE))


def _has_any(path: Path, marks: Sequence[bytes]) -> bool:
    """Whether one of these stands in a file; far faster than reading its lines."""
    end = b""
    with open_regular(path) as handle:
        while piece := handle.read(_PIECE):
            if any(mark in end + piece for mark in marks):
                return True
            end = piece[-8:]
    return False


def _score(lines: Sequence[str], dialect: Dialect) -> float:
    """Columns of the header, times the share of rows that have as many; 0 for a single column."""
    cut = csv.reader(map(dialect.protect, lines), delimiter=dialect.delimiter, quotechar=dialect.quote)
    widths = []
    try:
        for cells in cut:
            if len(cells) > 1 or any(cells):
                filled = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
                widths.append((len(cells), filled))
    except csv.Error:
        return 0.0
    header = widths[0][0] if widths else 0
    if header < 2:
        return 0.0
    # The last row may have been cut off by the end of the sample, and counts for nothing.
    following = widths[1:-1] or widths[1:]
    agreeing = sum(filled <= header <= width for width, filled in following)
    return header * (0.1 + (agreeing / len(following) if following else 1.0))


def _escape_score(lines: Sequence[str], dialect: Dialect) -> tuple[int, bool]:
    """How many of the lines, each taken for a row, are quoted properly; and whether a backslash escapes for certain."""
    width = len(next(csv.reader(lines[:1], delimiter=dialect.delimiter, quotechar=dialect.quote), []))
    well = sum(_is_strict([dialect.protect(line)], dialect, width) for line in lines[1:])
    end = rf"\s*(?:{re.escape(dialect.delimiter)}|$)"
    inside = any(re.search(rf"(?<!\\)(?:\\\\)*\\{dialect.quote}(?!{end})", line) for line in lines[1:])
    return well, inside == dialect.escaped


def _is_strict(lines: Iterator[str] | Sequence[str], dialect: Dialect, width: int = 0) -> bool:
    """Whether lines are one row in which every quote that opens closes before a delimiter."""
    try:
        rows = list(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True))
    except csv.Error:
        return False
    return not width or (len(rows) == 1 and len(rows[0]) <= width)


def _is_single_quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether most lines have a cell between single quotation marks, and none between double ones."""
    mark = re.escape(delimiter)
    single, double = (
        re.compile(
            rf"(?:^|{mark})\s*{quote}[^{quote}]*(?:(?:{quote}{quote}|\\{quote})[^{quote}]*)*{quote}\s*(?:$|{mark})"
        )
        for quote in ("'", '"')
    )
    filled = [line.strip("\r\n") for line in lines if line.strip()]
    following = filled[1:] or filled
    found = sum(single.search(line) is not None for line in following)
    return found > 0 and found >= _QUOTED_SHARE * len(following) and not any(double.search(line) for line in filled)


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
