"""A CSV file that names a pair a line, by two ids: its columns by their names, without a header by their places."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labels.errors import LabelsError
from labels.exchange.cells import restored

#: What such a file looks like.
SHAPE = "A line is a query's id and a candidate's id, as in 17,20431; a header may name them: query_id,candidate_id."

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
    """

    number: int
    query: str
    candidate: str
    label: str | None = None


def pair_lines(path: Path) -> Sequence[PairLine]:
    """The pairs of a file, in its order; one at least.

    Raises:
        LabelsError: no such file, a column is missing, a line has no two ids, or there is none; the message says which.
    """
    rows = _rows(path)
    header = [name.strip().lower() for name in rows[0][1]] if rows else []
    query, candidate, label = 0, 1, None
    if not {*_QUERY, *_CANDIDATE, *_LABEL}.isdisjoint(header):
        rows = rows[1:]
        places = [_place(header, names) for names in (_QUERY, _CANDIDATE)]
        missing = [names[0] for names, place in zip((_QUERY, _CANDIDATE), places, strict=True) if place is None]
        if missing:
            raise LabelsError(f"{path} has no column {', '.join(missing)}.", SHAPE)
        query, candidate = (place for place in places if place is not None)
        label = _place(header, _LABEL)
    if not rows:
        raise LabelsError(f"{path} holds no pairs.", SHAPE)
    found = [
        PairLine(number, _cell(row, query), _cell(row, candidate), None if label is None else _cell(row, label))
        for number, row in rows
    ]
    for line in found:
        if not line.query or not line.candidate:
            raise LabelsError(f"{path}, line {line.number}: a pair is two ids.", SHAPE)
    return found


def labelled_lines(path: Path) -> dict[PairLine, bool]:
    """The pairs of a file whose header names a `label`, 1 for a match and 0 for none.

    Raises:
        LabelsError: as `pair_lines`; or a line is no label, or two lines say different things of one pair.
    """
    lines = pair_lines(path)
    said: dict[tuple[str, str], str] = {}
    for line in lines:
        if line.label is None:
            raise LabelsError(f"{path} has no column label.", "Its first line should be ltable_id,rtable_id,label.")
        if line.label not in {"0", "1"}:
            raise LabelsError(
                f"{path}, line {line.number}: a label is two ids and 0 or 1.",
                "Mend the line; nothing of the file was taken.",
            )
        if said.setdefault((line.query, line.candidate), line.label) != line.label:
            raise LabelsError(
                f"{path}, line {line.number}: the pair {line.query},{line.candidate} has both labels.",
                "Keep one of its lines; nothing of the file was taken.",
            )
    return {line: line.label == "1" for line in lines}


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, each with its number."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines)
            return [(reader.line_num, row) for row in reader if row]
    except FileNotFoundError:
        raise LabelsError(f"There is no file {path}.", "Check the path.") from None
    except OSError as error:
        raise LabelsError(f"{path} cannot be opened: {error.strerror}.", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelsError(f"{path} cannot be read as pairs: it is no UTF-8 CSV text.", SHAPE) from error


def _place(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _cell(row: Sequence[str], place: int) -> str:
    return restored(row[place].strip()) if place < len(row) else ""
