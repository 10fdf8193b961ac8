"""A CSV file that names a pair a line, by two ids: its columns by their names, without a header by their places."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.cells import restored
from labels.exchange.limits import MAX_COLUMNS, MAX_NAME, MAX_ROW
from labels.exchange.text_input import numbered_lines

#: What such a file looks like.
SHAPE = "A line is a query's id and a candidate's id, as in 17,20431; a header may name them: query_id,candidate_id."
#: The columns that say whose ids they are, where several sources may be meant.
SOURCE_COLUMNS = ("query_source", "candidate_source")

#: What the columns may be called; first the benchmark's name.
_QUERY = ("ltable_id", "query_id", "query")
_CANDIDATE = ("rtable_id", "candidate_id", "candidate")
_LABEL = ("label",)


@dataclass(frozen=True, slots=True)
class PairLine:
    """A line of a file of pairs.

    Attributes:
        number: of the line in the file, from 1.
        query, candidate: the ids.
        label: what the column of this name says; None where there is none.
        query_source, candidate_source: whose ids they are; None where the file does not say.
    """

    number: int
    query: str
    candidate: str
    label: str | None = None
    query_source: str | None = None
    candidate_source: str | None = None

    @property
    def names(self) -> tuple[str | None, str, str | None, str]:
        """What the line calls the pair: two lines of one file with the same names are about the same pair."""
        return self.query_source, self.query, self.candidate_source, self.candidate


def pair_lines(path: Path) -> Sequence[PairLine]:
    """The pairs of a file, in its order; one at least.

    Raises:
        LabelsError: no such file, a column is missing, a line has no two ids, or there is none; the message says which.
    """
    places: _Places | None = None
    found = []
    for number, row in _rows(path):
        if places is None:
            places = _places(path, row)
            if places.header:
                continue
        label, *sources = (None if at is None else _cell(row, at) for at in (places.label, *places.sources))
        line = PairLine(
            number, _cell(row, places.query), _cell(row, places.candidate), label, *(each or None for each in sources)
        )
        found.append(_checked(path, line))
    if not found:
        raise LabelsError(f"{path} holds no pairs.", SHAPE)
    return found


def labelled_lines(path: Path) -> dict[PairLine, bool]:
    """The pairs of a file whose header names a `label`, 1 for a match and 0 for none.

    Raises:
        LabelsError: as `pair_lines`; or a line is no label, or two lines say different things of one pair.
    """
    lines = pair_lines(path)
    said: dict[tuple[str | None, ...], str] = {}
    for line in lines:
        if line.label is None:
            raise LabelsError(f"{path} has no column label.", "Its first line should be ltable_id,rtable_id,label.")
        if line.label not in {"0", "1"}:
            raise LabelsError(
                f"{path}, line {line.number}: a label is two ids and 0 or 1.",
                "Mend the line; nothing of the file was taken.",
            )
        if said.setdefault(line.names, line.label) != line.label:
            raise LabelsError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines; nothing of the file was taken.",
            )
    return {line: line.label == "1" for line in lines}


@dataclass(frozen=True, slots=True)
class _Places:
    """Which column is which, and whether the first row only says so."""

    query: int = 0
    candidate: int = 1
    label: int | None = None
    sources: tuple[int | None, int | None] = (None, None)
    header: bool = False


def _places(path: Path, first: Sequence[str]) -> _Places:
    header = [name.strip().lower() for name in first]
    if {*_QUERY, *_CANDIDATE, *_LABEL}.isdisjoint(header):
        return _Places()
    query, candidate = (_place(header, names) for names in (_QUERY, _CANDIDATE))
    if query is None or candidate is None:
        missing = [names[0] for names, place in ((_QUERY, query), (_CANDIDATE, candidate)) if place is None]
        raise LabelsError(f"{path} has no column {', '.join(missing)}.", SHAPE)
    query_source, candidate_source = (_place(header, [name]) for name in SOURCE_COLUMNS)
    return _Places(query, candidate, _place(header, _LABEL), (query_source, candidate_source), header=True)


def _checked(path: Path, line: PairLine) -> PairLine:
    if not line.query or not line.candidate:
        raise LabelsError(f"{path}, line {line.number}: a pair is two ids.", SHAPE)
    if max(len(line.query), len(line.candidate)) > MAX_NAME:
        raise LabelsError(f"{path}, line {line.number}: an id has at most {MAX_NAME:,} characters.", SHAPE)
    return line


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, each with its number."""
    # The limit is one for the whole process; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))
    lines = _Lines(path)
    reader = csv.reader(lines)
    try:
        for row in reader:
            if len(row) > MAX_COLUMNS:
                raise LabelsError(f"{path}, line {reader.line_num}: it has more than {MAX_COLUMNS:,} columns.", SHAPE)
            if row:
                yield reader.line_num, row
            lines.end_row()
    except csv.Error as error:
        raise LabelsError(f"{path} is no CSV that can be read as pairs: {error}.", SHAPE) from error


class _Lines:
    """The lines of a file; a row that goes on for ever, most likely for want of a closing quote, is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = numbered_lines(path, SHAPE)
        self._first = 1
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        self._first = self._first if self._size else number
        self._size += len(line)
        if self._size > MAX_ROW:
            raise LabelsError(
                f"{self._path}, line {self._first}: the row is longer than {MAX_ROW:,} characters.",
                "A quotation mark that is opened there may not be closed.",
            )
        return line

    def end_row(self) -> None:
        """What is read from here on belongs to another row."""
        self._size = 0


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _cell(row: Sequence[str], place: int) -> str:
    return restored(row[place].strip()) if place < len(row) else ""
