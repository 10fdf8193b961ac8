"""JSON lines: one object a line; a line that is none is a bad row."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from core.catalog.readers.lines import Line, read_lines
from core.catalog.readers.rows import BadRow, Reason, Row, Table, as_text, displayable, is_broken, within_limits
from core.errors import CatalogError
from labels.exchange.limits import MAX_COLUMNS

_SAMPLE = 1000
_SHAPE = 'Each line must be one, such as {"id": "1", "title": "..."}.'


def read_jsonl(path: Path, encoding: str) -> Table:
    """The table in a file of JSON lines. Objects and lists inside a row become JSON text.

    Raises:
        CatalogError: none of the first thousand lines is a JSON object, or they have too many columns.
    """
    columns: dict[str, None] = {}
    bad: BadRow | None = None
    for row in map(within_limits, islice(_rows(path, encoding), _SAMPLE)):
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
        else:
            bad = bad or row
        if len(columns) > MAX_COLUMNS or (isinstance(row, BadRow) and row.reason is Reason.TOO_MANY_COLUMNS):
            raise CatalogError(f"{path}, line {row.line}: there are more than {MAX_COLUMNS:,} columns.", _SHAPE)
    if not columns:
        why = f" (line {bad.line}: {bad.reason})" if bad else ""
        raise CatalogError(f"No line of {path} is a JSON object with something in it{why}.", _SHAPE)
    return Table(tuple(columns), _rows(path, encoding))


def _rows(path: Path, encoding: str) -> Iterator[Row | BadRow]:
    for line in read_lines(path, encoding):
        if line.text.strip():
            yield _row(line)


def _row(line: Line) -> Row | BadRow:
    reason = Reason.NOT_AN_OBJECT
    if line.broken:
        reason = Reason.UNDECODABLE
    elif line.cut:
        reason = Reason.TOO_LONG
    else:
        try:
            values = _object(line.text)
        except (ValueError, RecursionError):
            values = None
        if values is not None and not any(is_broken(name + text) for name, text in values.items()):
            return Row(line.number, values)
        if values is not None:
            # `\ud800` is good JSON and no text at all.
            reason = Reason.UNDECODABLE
    return BadRow(line.number, reason, displayable(line.text))


def _object(text: str) -> dict[str, str] | None:
    # Numbers stay as they were written: an id of twenty digits, a price of 12.50.
    given: Any = json.loads(text, parse_float=str, parse_int=str)
    if not isinstance(given, dict):
        return None
    if any(isinstance(value, dict | list) for value in given.values()):
        typed = json.loads(text)
        given = {key: typed[key] if isinstance(value, dict | list) else value for key, value in given.items()}
    return {as_text(key): as_text(value) for key, value in given.items()}
