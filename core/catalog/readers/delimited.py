"""CSV, TSV and their like: any of four delimiters, quoted newlines, and rows that went wrong."""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.catalog.readers.lines import Line, read_lines
from core.catalog.readers.rows import BadRow, Reason, Row, Table, column_names, displayable
from core.errors import CatalogError
from labels.exchange.limits import MAX_ROW

_DELIMITERS = ",;\t|"
_SAMPLE = 50
# What a spreadsheet puts in front of the header to say which delimiter it used.
_DECLARED = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
# A row with a stray quote swallows the lines after it, and these are then read once more. A file made of
# nothing else must not take for ever: past this many characters such rows are given up as a whole.
_READ_TWICE = 1 << 26

_Cells = tuple[list[Line], list[str]]


class _RunawayError(Exception):
    """A row goes on and on: most likely its closing quote is missing."""


class _Feed:
    """Gives csv.reader its lines, knows which ones the current row took, and can take some back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
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
        return line.text

    def start_row(self) -> None:
        self.taken, self.ended, self._size = [], False, 0

    def take_back_all_but_first(self) -> None:
        if self._size <= self._left:
            self._left -= self._size
            self._again.extendleft(reversed(self.taken[1:]))


def read_delimited(path: Path, encoding: str) -> Table:
    """The table in a delimited text file; its first line that is not blank is the header.

    Raises:
        CatalogError: there is no header that could be read.
    """
    # The limit is one for the whole process; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))
    lines = read_lines(path, encoding)
    sample = _sampled(lines)
    declared = _DECLARED.fullmatch(sample[0].text) if sample else None
    skipped = 1 if declared else 0
    delimiter = declared.group(1) if declared else _delimiter(sample)

    header = next(_rows(islice(read_lines(path, encoding), skipped, None), delimiter), None)
    if header is None or isinstance(header, BadRow):
        why = f"line {header.line}: {header.reason}" if header else "there is no line in it"
        raise CatalogError(
            f"{path} has no header that could be read ({why}).",
            "The first line must name the columns, such as id,title,brand,price.",
        )
    columns = column_names(path, header[1])
    lines = islice(read_lines(path, encoding), skipped, None)
    return Table(columns, _table_rows(_rows(lines, delimiter), columns))


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


def _delimiter(sample: Sequence[Line]) -> str:
    """The delimiter that cuts the header into columns, and the lines after it into as many.

    csv.Sniffer is not asked: it takes letters for delimiters and gives up on quoted text.
    """
    scores = {candidate: _score(sample, candidate) for candidate in _DELIMITERS}
    return max(_DELIMITERS, key=scores.__getitem__)


def _score(sample: Sequence[Line], delimiter: str) -> float:
    """Columns of the header, times the share of rows that have as many; 0 for a single column."""
    cut = csv.reader((line.text for line in sample), delimiter=delimiter)
    widths = [len(cells) for cells in cut if len(cells) > 1 or any(cells)]
    if not widths or widths[0] < 2:
        return 0.0
    # The last row may have been cut off by the end of the sample, and counts for nothing.
    following = widths[1:-1] or widths[1:]
    agreeing = sum(width == widths[0] for width in following) / len(following) if following else 1.0
    return widths[0] * (0.1 + agreeing)


def _table_rows(rows: Iterator[_Cells | BadRow], columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    next(rows)
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        lines, cells = row
        if len(cells) == len(columns):
            yield Row(lines[0].number, dict(zip(columns, cells, strict=True)))
        else:
            yield _bad(lines, Reason.WRONG_COLUMN_COUNT)


def _bad(lines: Sequence[Line], reason: Reason) -> BadRow:
    raw = "".join(line.text for line in lines)
    return BadRow(lines[0].number, reason, displayable(raw.rstrip("\r\n")))


def _rows(lines: Iterator[Line], delimiter: str) -> Iterator[_Cells | BadRow]:
    """Rows that could be read, with the lines they are on, and those that could not; no blank lines."""
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter)
    while True:
        feed.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_RunawayError, csv.Error):
            yield _give_up(feed)
            continue
        # The end of the file inside a row is the end of the file inside quotes.
        if feed.ended or (len(feed.taken) > 1 and not _properly_quoted(feed.taken, delimiter)):
            yield _give_up(feed)
        elif any(line.broken for line in feed.taken):
            yield _bad(feed.taken, Reason.UNDECODABLE)
        elif len(cells) > 1 or any(cell.strip() for cell in cells):
            yield feed.taken, cells


def _give_up(feed: _Feed) -> BadRow:
    """Reject the first line alone; those it swallowed were good rows, more likely than not."""
    first = feed.taken[0]
    reason = Reason.TOO_LONG if first.cut else Reason.BROKEN_QUOTING
    if first.broken:
        reason = Reason.UNDECODABLE
    feed.take_back_all_but_first()
    return _bad([first], reason)


def _properly_quoted(lines: Sequence[Line], delimiter: str) -> bool:
    """Whether a row over several lines was meant to be one: every quote closes before a delimiter."""
    try:
        list(csv.reader((line.text for line in lines), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True
