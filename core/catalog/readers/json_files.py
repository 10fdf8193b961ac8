"""JSON documents and JSON lines as tables.

A document may be a list of objects, alone or nested in an object (`{"data": {"products": [...]}}`); objects by id
(`{"B01": {"title": ...}}`); columns (`{"id": [...], "title": [...]}`) and the other layouts of
`pandas.DataFrame.to_json`; a list of lists with a header; or a sequence of objects. These are the formats of common
APIs, shop systems and pandas. JSON lines have one object per line; other lines are bad rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from core.catalog.columns import is_field_name
from core.catalog.readers.delimited import Line, read_lines
from core.catalog.readers.rows import (
    BadRow,
    Reason,
    Row,
    Table,
    as_text,
    displayable,
    is_broken,
    reject_row,
    within_limits,
)
from core.errors import CatalogError
from labels.exchange.files import MAX_COLUMNS, unreadable_message
from labels.files import read_bounded

#: Maximum size of a document, which is parsed as a whole and needs some ten times its size in memory.
MAX_DOCUMENT_BYTES = 1 << 28
#: Maximum nesting of the list.
_MAX_DEPTH = 6
#: Keys that wrap each product in responses of GraphQL, Elasticsearch, JSON:API and the like.
_WRAPPERS = ("node", "_source", "product", "item", "attributes", "fields")
_SHAPE = 'It should hold a list of objects, such as [{"id": "1", "title": "..."}].'

_Found = tuple[str, Sequence[object]]


class _Number(str):
    """A number as written, such as an id of twenty digits or a price of 12.50."""

    __slots__ = ()


def read_json_document(path: Path, encoding: str) -> Table:
    """Read a JSON document.

    Raises:
        CatalogError: it is larger than 256 MiB, not valid JSON, has too many columns, or has no list of objects.
    """
    try:
        text = read_bounded(path, MAX_DOCUMENT_BYTES, follow_links=True).decode(encoding, "surrogateescape")
    except OSError as error:
        message, hint = unreadable_message(path, error)
        lines = f"Put each product on a line of its own: jq -c '.[]' {path.name} > products.jsonl"
        raise CatalogError(message, lines if "it is longer than" in message else hint) from error
    try:
        values = list(_values(text.removeprefix("\ufeff")))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise CatalogError(f"{path} is not readable JSON: {reason}.", "Check that the file is complete.") from error
    where, objects = max(_lists(values[0] if len(values) == 1 else values, ""), key=lambda found: len(found[1]))
    rows = [_row(number, each) for number, each in enumerate(objects, 1)]
    notes = (f"Read from {where} in the file.",) if where else ()
    return Table(_columns(path, rows), iter(rows), notes=notes)


def is_document(line: str) -> bool:
    """Whether the only line of a file is a document with a list of products rather than a JSON line."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, Mapping):
        return isinstance(value, list)
    return bool(_columnar(value)) or (
        not any(is_field_name(name, "title") for name in value)
        and any(found != [value] for _, found in _lists(value, "") if found)
    )


def _values(text: str) -> Iterator[object]:
    """The JSON values in a text: usually one, or a sequence of several."""
    decoder = json.JSONDecoder(parse_int=_Number, parse_float=_Number)
    at = _skip_spaces(text, 0)
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        yield value
        at = _skip_spaces(text, end)


def _skip_spaces(text: str, at: int) -> int:
    """The position of the next character that is not white space."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _lists(value: object, where: str, depth: int = 0) -> Iterator[_Found]:
    """(path, objects) of every list of objects in a document; at least one, which may be empty."""
    if depth == 0:
        yield "", []
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        yield where, _table(value)
    elif isinstance(value, Mapping):
        found = _columnar(value) or _by_id(value)
        if found:
            yield where, found
            return
        inner = [each for name, part in value.items() for each in _lists(part, f"{where}.{name}", depth + 1)]
        yield from inner
        if depth == 0 and not any(objects for _, objects in inner):
            yield where, [value]


def _table(rows: Sequence[object]) -> Sequence[object]:
    """The objects in a list; in a list of lists, the first one has the names."""
    if rows and isinstance(rows[0], list) and all(isinstance(row, list) for row in rows):
        return _named([as_text(name) for name in rows[0]], rows[1:])
    return rows if any(isinstance(row, Mapping) for row in rows) else []


def _named(names: Sequence[str], rows: Sequence[object]) -> Sequence[object]:
    return [dict(zip(names, row, strict=False)) if isinstance(row, list) else row for row in rows]


def _columnar(value: Mapping[str, object]) -> Sequence[object]:
    """The rows of a table that is stored by column, or with separate column names; empty if it is not."""
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
        return _named([as_text(name) for name in names], rows)
    if not any(is_field_name(name, "title") for name in value):
        return []
    columns = list(value.values())
    if all(isinstance(column, list) for column in columns):
        return [dict(zip(value, row, strict=False)) for row in zip(*columns, strict=False)]
    if all(isinstance(column, Mapping) for column in columns):
        keys = dict.fromkeys(key for column in columns if isinstance(column, Mapping) for key in column)
        return [{n: c.get(key) for n, c in value.items() if isinstance(c, Mapping)} for key in keys]
    return []


def _by_id(value: Mapping[str, object]) -> Sequence[object]:
    """The products of an object that maps ids to products; empty if it is not one."""
    inner = [each for each in value.values() if isinstance(each, Mapping)]
    if not inner or len(inner) < len(value) or not any(is_field_name(name, "title") for name in inner[0]):
        return []
    has_id = any(is_field_name(name, "id") for name in inner[0])
    return inner if has_id else [{"id": key, **each} for key, each in zip(value, inner, strict=True)]


def _row(number: int, value: object) -> Row | BadRow:
    if not isinstance(value, Mapping):
        return BadRow(number, Reason.NOT_AN_OBJECT, displayable(as_text(value)))
    for name in _WRAPPERS:
        inner = value.get(name)
        if isinstance(inner, Mapping) and not any(is_field_name(each, "title") for each in value):
            value = {**{each: part for each, part in value.items() if each != name}, **inner}
    texts = {as_text(name): as_text(_typed(part)) for name, part in value.items()}
    if any(is_broken(name + text) for name, text in texts.items()):
        return reject_row(Row(number, {name: displayable(text) for name, text in texts.items()}), Reason.UNDECODABLE)
    return Row(number, texts)


def _typed(value: object) -> object:
    """A nested value with real numbers; a number on the top level stays as written."""
    if isinstance(value, list):
        return [_number(part) for part in value]
    return {name: _number(part) for name, part in value.items()} if isinstance(value, Mapping) else value


def _number(value: object) -> object:
    if not isinstance(value, _Number):
        return _typed(value)
    try:
        return int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:  # more digits than Python converts
        return str(value)


def _columns(path: Path, rows: Sequence[Row | BadRow]) -> tuple[str, ...]:
    columns: dict[str, None] = {}
    for row in map(within_limits, rows):
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
        if len(columns) > MAX_COLUMNS or (isinstance(row, BadRow) and row.reason is Reason.TOO_MANY_COLUMNS):
            raise CatalogError(f"{path}: there are more than {MAX_COLUMNS:,} columns.", _SHAPE)
    if not columns:
        raise CatalogError(f"{path} holds no list of objects with something in it.", _SHAPE)
    return tuple(columns)


#: Lines from which the columns of a JSON lines file are collected.
_SAMPLE_LINES = 1000
_JSONL_SHAPE = 'Each line must be a JSON object, such as {"id": "1", "title": "..."}.'


def read_jsonl(path: Path, encoding: str) -> Table:
    """Read a JSON lines file. Nested objects and lists become JSON text.

    Raises:
        CatalogError: none of the first thousand lines is a JSON object, or they have too many columns.
    """
    columns: dict[str, None] = {}
    bad: BadRow | None = None
    for row in map(within_limits, islice(_jsonl_rows(path, encoding), _SAMPLE_LINES)):
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
        else:
            bad = bad or row
        if len(columns) > MAX_COLUMNS or (isinstance(row, BadRow) and row.reason is Reason.TOO_MANY_COLUMNS):
            raise CatalogError(f"{path}, line {row.line}: there are more than {MAX_COLUMNS:,} columns.", _JSONL_SHAPE)
    if not columns:
        why = f" (line {bad.line}: {bad.reason})" if bad else ""
        raise CatalogError(f"No line of {path} is a JSON object with something in it{why}.", _JSONL_SHAPE)
    return Table(tuple(columns), _jsonl_rows(path, encoding))


def _jsonl_rows(path: Path, encoding: str) -> Iterator[Row | BadRow]:
    for line in read_lines(path, encoding):
        if line.text.strip():
            yield _jsonl_row(line)


def _jsonl_row(line: Line) -> Row | BadRow:
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
            # `\ud800` is valid JSON but not encodable text.
            reason = Reason.UNDECODABLE
    return BadRow(line.number, reason, displayable(line.text))


def _object(text: str) -> dict[str, str] | None:
    """The values of a JSON object as text, with numbers as written; None if the text is not an object."""
    values: Any = json.loads(text, parse_float=str, parse_int=str)
    if not isinstance(values, dict):
        return None
    if any(isinstance(value, dict | list) for value in values.values()):
        typed = json.loads(text)
        values = {key: typed[key] if isinstance(value, dict | list) else value for key, value in values.items()}
    return {as_text(key): as_text(value) for key, value in values.items()}
