"""Delimited text such as CSV and TSV: detection of the dialect, and tolerant parsing of malformed rows.

`csv.Sniffer` is not used, since it takes letters for delimiters and fails on quoted text.
"""

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
    """A physical line including its line ending (LF, CR or CRLF).

    Attributes:
        number: from 1.
        text: at most `MAX_ROW` characters; undecodable bytes are lone surrogates.
        broken: whether it has undecodable bytes.
        cut: whether the line was truncated.
    """

    number: int
    text: str
    broken: bool
    cut: bool


def read_lines(path: Path, encoding: str) -> Iterator[Line]:
    """Iterate over the lines of a file.

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
    """Like Python's `surrogateescape`, which however cannot represent bytes below 0x80, as in UTF-16."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 | max(byte, 0x80)) for byte in wrong), error.end


_ESCAPE = "samesku.escape"
codecs.register_error(_ESCAPE, _escape)


_DELIMITERS = ",;\t|"
_QUOTES = "\"'"
#: Number of lines from which the dialect is detected.
_SAMPLE_LINES = 50
#: Number of lines with an escaped quote to collect from the whole file.
_MAX_ESCAPED_LINES = 200
_CHUNK_BYTES = 1 << 20
#: Minimum share of rows with a single-quoted cell in a file that uses single quotes.
_MIN_QUOTED_SHARE = 0.8
#: The line with the delimiter that spreadsheets may write before the header.
_DECLARATION = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
#: Replaces an escaped quote while a line is parsed: a noncharacter, which does not occur in text
#: (https://www.unicode.org/faq/private_use.html#noncharacters).
_PROTECTED = "\ufdd0"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect of delimited text.

    Attributes:
        delimiter: between cells.
        quote: around cells.
        escaped: whether a backslash escapes a quote, as in the output of Spark and MySQL. Doubled quotes always count.
        skipped: number of lines before the header.
    """

    delimiter: str = ","
    quote: str = '"'
    escaped: bool = False
    skipped: int = 0

    def joined(self, cells: Sequence[str]) -> str:
        """Format cells as a line in this dialect, without line ending."""
        return self.delimiter.join(map(self._quoted, cells))

    def _quoted(self, cell: str) -> str:
        signs = (self.delimiter, self.quote, "\n", "\r")
        # Single quotes are recognised only if most rows have them, so every cell is quoted then.
        if self.quote == '"' and cell == cell.strip() and not any(sign in cell for sign in signs):
            return cell
        if self.escaped:
            inner = re.sub(rf"(\\+)(?={self.quote}|$)", r"\1\1", cell).replace(self.quote, "\\" + self.quote)
        else:
            inner = cell.replace(self.quote, self.quote * 2)
        return f"{self.quote}{inner}{self.quote}"

    def protect(self, line: str) -> str:
        """The line with escaped quotes replaced, for csv.reader. Backslashes count only before a quote."""
        if not self.escaped or "\\" not in line:
            return line
        return re.sub(rf"(\\+){self.quote}", self._unescaped, line)

    def _unescaped(self, found: re.Match[str]) -> str:
        backslashes = len(found[1])
        return "\\" * (backslashes // 2) + (_PROTECTED if backslashes % 2 else self.quote)

    def restore(self, cells: list[str], lines: Sequence[str]) -> list[str]:
        """The cells of a row with protected quotes restored and stray quotes repaired.

        Args:
            cells: the result of csv.reader.
            lines: the lines of the row in the file.
        """
        if self.escaped:
            cells = [cell.replace(_PROTECTED, self.quote) for cell in cells]
        if len(lines) == 1 and any(self.quote in cell for cell in cells) and not self.is_well_quoted(lines):
            # `"Sony 55" TV",Sony`: an unescaped quote ends a cell only before a delimiter.
            repaired = self._split_leniently(lines[0])
            return repaired if len(repaired) <= len(cells) else cells
        return cells

    def is_well_quoted(self, lines: Sequence[str]) -> bool:
        """Whether every quote of a row closes before a delimiter, so that several lines are one row on purpose."""
        return _is_strict(map(self.protect, lines), self)

    def _split_leniently(self, line: str) -> list[str]:
        mark = re.escape(self.delimiter)
        end = rf"\s*(?:{mark}|$)"
        cell = re.compile(
            rf"{self.quote}((?:[^{self.quote}]|{self.quote}(?!{end}))*){self.quote}(?={end})\s*?(?={mark}|$)|([^{mark}]*)"
        )
        text, at, cells = self.protect(line.rstrip("\r\n")), 0, []
        while True:
            found = cell.match(text, at)
            assert found is not None  # noqa: S101 - the second alternative always matches
            cells.append(found[2] if found[1] is None else found[1].replace(self.quote * 2, self.quote))
            at = found.end() + 1
            if at > len(text):
                return [each.replace(_PROTECTED, self.quote) for each in cells]


def find_dialect(path: Path, encoding: str) -> Dialect:
    """Detect the dialect of a file: the one in which most rows have as many columns as the header.

    Raises:
        CatalogError: the file cannot be read.
    """
    sample = _sample(read_lines(path, encoding))
    declaration = _DECLARATION.fullmatch(sample[0].text) if sample else None
    lines = [line.text for line in (sample[1:] if declaration else sample)]
    escaped = _escaped_lines(path, encoding) if lines else []
    delimiters = declaration.group(1) if declaration else _DELIMITERS
    candidates = [
        Dialect(delimiter, quote, escape, skipped=1 if declaration else 0)
        for quote in _QUOTES
        for delimiter in delimiters
        for escape in ((False, True) if escaped else (False,))
        if quote == '"' or _is_single_quoted(lines, delimiter)
    ]
    return max(candidates, key=lambda dialect: (_score(lines, dialect), _escape_score(lines[:1] + escaped, dialect)))


def _sample(lines: Iterator[Line]) -> list[Line]:
    """The first lines; beyond the first, at most as many characters as a row may have."""
    sample: list[Line] = []
    size = 0
    for line in islice(lines, _SAMPLE_LINES):
        size += len(line.text)
        if sample and size > MAX_ROW:
            break
        sample.append(line)
    return sample


def _escaped_lines(path: Path, encoding: str) -> list[str]:
    """The first lines of a file with a backslash before a quotation mark."""
    marks = tuple(f"\\{quote}".encode(encoding.removesuffix("-sig")) for quote in _QUOTES)
    if encoding not in {"utf-16", "utf-32"} and not _contains_any(path, marks):
        return []
    found = (line.text for line in read_lines(path, encoding) if '\\"' in line.text or "\\'" in line.text)
    return list(islice((text for text in found if len(text) < MAX_ROW), _MAX_ESCAPED_LINES))


def _contains_any(path: Path, marks: Sequence[bytes]) -> bool:
    """Whether a file contains one of some byte sequences; much faster than reading its lines."""
    end = b""
    with open_regular(path) as handle:
        while piece := handle.read(_CHUNK_BYTES):
            if any(mark in end + piece for mark in marks):
                return True
            end = piece[-8:]
    return False


def _score(lines: Sequence[str], dialect: Dialect) -> float:
    """Number of columns of the header, times the share of rows with as many; 0 for a single column."""
    rows = csv.reader(map(dialect.protect, lines), delimiter=dialect.delimiter, quotechar=dialect.quote)
    widths = []
    try:
        for cells in rows:
            if len(cells) > 1 or any(cells):
                filled = max((place for place, cell in enumerate(cells, 1) if cell.strip()), default=0)
                widths.append((len(cells), filled))
    except csv.Error:
        return 0.0
    header = widths[0][0] if widths else 0
    if header < 2:
        return 0.0
    # The last row may be truncated by the end of the sample.
    following = widths[1:-1] or widths[1:]
    agreeing = sum(filled <= header <= width for width, filled in following)
    return header * (0.1 + (agreeing / len(following) if following else 1.0))


def _escape_score(lines: Sequence[str], dialect: Dialect) -> tuple[int, bool]:
    """How many lines are properly quoted rows, and whether the use of backslashes agrees with the dialect."""
    width = len(next(csv.reader(lines[:1], delimiter=dialect.delimiter, quotechar=dialect.quote), []))
    well = sum(_is_strict([dialect.protect(line)], dialect, width) for line in lines[1:])
    end = rf"\s*(?:{re.escape(dialect.delimiter)}|$)"
    inside = any(re.search(rf"(?<!\\)(?:\\\\)*\\{dialect.quote}(?!{end})", line) for line in lines[1:])
    return well, inside == dialect.escaped


def _is_strict(lines: Iterator[str] | Sequence[str], dialect: Dialect, width: int = 0) -> bool:
    """Whether lines are a row (of at most `width` cells) in which every opening quote closes before a delimiter."""
    try:
        rows = list(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True))
    except csv.Error:
        return False
    return not width or (len(rows) == 1 and len(rows[0]) <= width)


def _is_single_quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether most lines have a single-quoted cell, and none a double-quoted one."""
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
    return found > 0 and found >= _MIN_QUOTED_SHARE * len(following) and not any(double.search(line) for line in filled)


#: Maximum characters that are parsed twice. A row with a stray quote swallows the lines after it, which are then parsed
#: again; beyond this limit, such rows are rejected with all their lines.
_MAX_REPARSED = 1 << 26

_Cells = tuple[list[Line], list[str]]


class _RunawayError(Exception):
    """A row is too long, most likely since its closing quote is missing."""


class _Feed:
    """The line source of csv.reader: tracks the lines of the current row, and can return them for parsing again."""

    def __init__(self, lines: Iterator[Line], dialect: Dialect) -> None:
        self._lines = lines
        self._dialect = dialect
        self._returned: deque[Line] = deque()
        self._budget = _MAX_REPARSED
        self.taken: list[Line] = []
        self.ended = False
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines, None)
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

    def return_all_but_first(self) -> None:
        if self._size <= self._budget:
            self._budget -= self._size
            self._returned.extendleft(reversed(self.taken[1:]))


def read_delimited(path: Path, encoding: str) -> Table:
    """Read a delimited text file; its first non-blank line is the header.

    Rows may lack cells at the end, or have additional empty ones.

    Raises:
        CatalogError: there is no readable header.
    """
    # The limit is global to the process, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))
    dialect = find_dialect(path, encoding)
    header = next(_rows(islice(read_lines(path, encoding), dialect.skipped, None), dialect), None)
    if header is None or isinstance(header, BadRow):
        why = f"line {header.line}: {header.reason}" if header else "it has no lines"
        raise CatalogError(
            f"{path} has no readable header ({why}).",
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
    """Parsed rows with their lines, and bad rows; blank lines are skipped."""
    feed = _Feed(lines, dialect)
    reader = csv.reader(feed, delimiter=dialect.delimiter, quotechar=dialect.quote)
    while True:
        feed.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_RunawayError, csv.Error):
            yield _reject_first_line(feed)
            continue
        texts = [line.text for line in feed.taken]
        # A row that ends with the file was inside quotes.
        if feed.ended or (len(texts) > 1 and not dialect.is_well_quoted(texts)):
            yield _reject_first_line(feed)
        elif any(line.broken for line in feed.taken):
            yield _bad(feed.taken, Reason.UNDECODABLE)
        elif len(cells) > 1 or any(cell.strip() for cell in cells):
            yield feed.taken, dialect.restore(cells, texts)


def _reject_first_line(feed: _Feed) -> BadRow:
    """Reject the first line of a row and parse the others again, since they are probably good rows."""
    first = feed.taken[0]
    reason = Reason.TOO_LONG if first.cut else Reason.BROKEN_QUOTING
    if first.broken:
        reason = Reason.UNDECODABLE
    feed.return_all_but_first()
    return _bad([first], reason)
