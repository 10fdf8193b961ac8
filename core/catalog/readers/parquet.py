"""Parquet files, a batch of rows at a time."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from core.catalog.readers.rows import BadRow, Reason, Row, Table, column_names, typed_row
from core.errors import CatalogError
from labels.exchange.files import MAX_COLUMNS, MAX_ROW, unreadable_message
from labels.files import open_regular
from labels.wording import counted

DICTIONARY_PAGE = 2
_DATA_PAGES = {0: 5, 3: 8}
#: The encoding in which a text names how much of the one before it repeats.
DELTA_BYTE_ARRAY = 7
#: Where the encoding stands in the header of each kind of data page.
_ENCODING_FIELD = {0: 2, 3: 4}

#: A header holds numbers, and the least and the greatest value of its page where the writer keeps them.
_HEADER_BYTES = (1 << 12, 1 << 20)
_MAX_DEPTH = 16

_Fields = dict[int, Any]


class DamagedError(ValueError):
    """The file is no Parquet file, or what it says of itself cannot be."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a column.

    Attributes:
        kind: 0 and 3 hold values, `DICTIONARY_PAGE` what they refer to.
        size: bytes when it is unpacked.
        values: how many, those that are null and those in lists included.
        encoding: of the values; `DELTA_BYTE_ARRAY` and others.
    """

    kind: int
    size: int
    values: int
    encoding: int


def footer_length(file: BinaryIO) -> int:
    """Bytes of the footer, which a reader takes into memory as a whole.

    Raises:
        DamagedError: there is none.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 8))
    last = file.read(8)
    length = int.from_bytes(last[:4], "little")
    if last[4:] != b"PAR1" or length > end - 12:
        raise DamagedError("it has no proper end")
    return length


def pages(file: BinaryIO, start: int, length: int, values: int) -> Iterator[Page]:
    """The pages of one column of one row group, as a reader would take them.

    Args:
        file: the whole file.
        start: where the first page begins.
        length: bytes of all pages with their headers.
        values: how many values they hold; what comes after is not read.

    Raises:
        DamagedError: a header is none.
    """
    at, left = start, values
    while left > 0 and at < start + length:
        fields, size = _header(file, at)
        page = _page(fields)
        at += size + _number(fields, 3)
        left -= page.values if page.kind in _DATA_PAGES else 0
        yield page


def _page(fields: _Fields) -> Page:
    kind = _number(fields, 1)
    inner = fields.get(7 if kind == DICTIONARY_PAGE else _DATA_PAGES.get(kind, 0), {})
    if not isinstance(inner, dict):
        raise DamagedError("the header of a page is damaged")
    holds = kind in _DATA_PAGES
    return Page(
        kind,
        _number(fields, 2),
        _number(inner, 1) if holds else 0,
        _number(inner, _ENCODING_FIELD[kind]) if holds else 0,
    )


def _number(fields: _Fields, place: int) -> int:
    value = fields.get(place)
    if not isinstance(value, int) or value < 0:
        raise DamagedError("the header of a page is damaged")
    return value


def _header(file: BinaryIO, at: int) -> tuple[_Fields, int]:
    """The fields of the header at a place, and its length."""
    for length in _HEADER_BYTES:
        file.seek(at)
        read = file.read(length)
        try:
            return _struct(read, 0)
        except IndexError:  # it goes on behind what was read
            continue
    raise DamagedError("the header of a page has no end")


# Types of the compact protocol; inside a struct the first two are the value itself.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


def _struct(data: bytes, at: int, depth: int = 0) -> tuple[_Fields, int]:
    """The numbers and structs among the fields of a struct, by their ids, and where it ends."""
    if depth > _MAX_DEPTH:
        raise DamagedError("the header of a page is damaged")
    fields: _Fields = {}
    last = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            last += head >> 4
        else:
            last, at = _integer(data, at)
        fields[last], at = _value(data, at, head & 15, depth)
    return fields, at + 1


def _value(data: bytes, at: int, type_: int, depth: int) -> tuple[Any, int]:
    if type_ in {_TRUE, _FALSE}:
        return type_ == _TRUE, at
    if type_ == _BYTE:
        return data[at], at + 1
    if type_ in {_I16, _I32, _I64}:
        return _integer(data, at)
    if type_ == _DOUBLE:
        return None, _within(data, at + 8)
    if type_ == _BINARY:
        length, at = _varint(data, at)
        return None, _within(data, at + length)
    if type_ == _STRUCT:
        return _struct(data, at, depth + 1)
    # No header of a page has lists or maps in it.
    raise DamagedError("the header of a page is damaged")


def _within(data: bytes, end: int) -> int:
    if end > len(data):
        raise IndexError
    return end


def _integer(data: bytes, at: int) -> tuple[int, int]:
    number, at = _varint(data, at)
    return (number >> 1) ^ -(number & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return number, at
        if shift > 63:
            raise DamagedError("the header of a page is damaged")


#: Bytes of one page of every column at once, which is what a reader holds. Writers make pages of a megabyte or so.
_PAGES_BYTES = 1 << 28
#: Elements of lists in a row group, unless the file has more bytes: all of them may be in one row.
_ELEMENTS = 1 << 24
#: Bytes of the elements of lists whose values have a fixed length.
_FIXED_BYTES = 1 << 29
#: The values of a dictionary of this many bytes are not looked at one by one.
_SMALL_DICTIONARY = 1 << 13
#: Encodings that pyarrow can read as a dictionary: plain, and two names of a dictionary.
_NAMEABLE = {0, 2, 8}


class TooLargeError(ValueError):
    """The file would take too much memory or time; which part of it, as the end of a sentence."""


@dataclass(slots=True)
class RowGroup:
    """How large a row may be.

    Attributes:
        width: bytes of the values that a row may have although they are stored once for many rows.
        dictionaries: columns of texts that come on top, each as large as the largest value in its dictionary; their
            paths, and the bytes of the dictionary.
        lists: paths of texts in lists that name a dictionary; how many a row has is not known.
    """

    width: int = 0
    dictionaries: dict[str, int] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)


class Footprint:
    """What is known of a file.

    Attributes:
        groups: its row groups.
        lists: paths of texts in lists that must be kept once each.

    Raises:
        TooLargeError: a page, or what is in lists, is too large.
        DamagedError: what the file says of itself cannot be.
    """

    def __init__(self, file: BinaryIO, metadata: Any) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._packed = 0
        self._columns = [metadata.schema.column(number) for number in range(metadata.num_columns)]
        self.groups = [self._group(metadata.row_group(number)) for number in range(metadata.num_row_groups)]
        self.lists = sorted({path for group in self.groups for path in group.lists})

    def _group(self, group: Any) -> RowGroup:
        found = RowGroup()
        held = elements = 0
        for number, column in enumerate(self._columns):
            read = self._pages(group.column(number))
            held += sum(_largest(read, dictionary=kind) for kind in (False, True))
            in_lists = max(0, sum(page.values for page in read) - group.num_rows)
            elements += in_lists
            if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
                found.width += column.length
                if column.length * in_lists > _FIXED_BYTES:
                    raise TooLargeError(f"the lists in {column.path} have more than {_FIXED_BYTES:,} bytes")
            if _parquet_footprint_is_text(column):
                _add_texts(found, column, read)
        if held > _PAGES_BYTES:
            raise TooLargeError(f"it takes more than {_PAGES_BYTES:,} bytes at a time")
        if elements > max(_ELEMENTS, self._size):
            raise TooLargeError(f"there are more than {_ELEMENTS:,} elements in its lists")
        return found

    def _pages(self, chunk: Any) -> list[Page]:
        length = chunk.total_compressed_size
        self._packed += length
        if length < 0 or self._packed > self._size:
            raise DamagedError("its columns are longer than it is")
        # They begin with the dictionary, where there is one.
        start = min(offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset)
        return list(pages(self._file, start, length, chunk.num_values))


def _add_texts(group: RowGroup, column: Any, read: Sequence[Page]) -> None:
    """Add how long the texts of a column may be that are not each stored."""
    encodings = {page.encoding for page in read if page.kind != DICTIONARY_PAGE}
    dictionary = _largest(read, dictionary=True)
    shared = max(dictionary, _largest(read, dictionary=False) if DELTA_BYTE_ARRAY in encodings else 0)
    if shared and column.max_repetition_level:
        if not encodings <= _NAMEABLE:
            raise TooLargeError(f"lists of texts that are packed like those in {column.path} may have any length")
        group.lists.append(column.path)
    elif shared == dictionary > _SMALL_DICTIONARY and encodings <= _NAMEABLE:
        group.dictionaries[column.path] = dictionary
    else:
        group.width += shared


def _parquet_footprint_is_text(column: Any) -> bool:
    return bool(column.physical_type == "BYTE_ARRAY")


def _largest(read: Sequence[Page], *, dictionary: bool) -> int:
    """Bytes of the largest page that is a dictionary, or that is none."""
    return max((page.size for page in read if (page.kind == DICTIONARY_PAGE) == dictionary), default=0)


_ROWS = 1000
#: Bytes that a batch may take as Python's objects, unless it is a single row.
_BATCH_BYTES = 1 << 26
#: Bytes of an object that is no text, and of what surrounds a text.
_OBJECT_BYTES = 64
_FOOTER_BYTES = 1 << 24
#: How many times its size a file may unpack to, and what any file may.
_RATIO, _UNPACKED_BYTES = 1000, 1 << 28


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows.

    Attributes:
        rows: a pyarrow.RecordBatch.
        too_long: whether it is a single row, which is longer than a row may be and must not be made objects of.
    """

    rows: Any
    too_long: bool


@contextmanager
def parquet_file(path: Path) -> Iterator[tuple[Any, Iterator[Batch]]]:
    """The schema and the rows of a Parquet file. Needs pyarrow.

    Raises:
        TooLargeError: at once or on the way.
        OSError, ValueError, pyarrow.ArrowException: the file is absent, no regular file, or damaged.
    """
    from pyarrow import parquet

    with open_regular(path) as file:
        if footer_length(file) > _FOOTER_BYTES:
            raise TooLargeError(f"its footer is longer than {_FOOTER_BYTES:,} bytes")
        metadata = parquet.read_metadata(file)
        if metadata.num_columns > MAX_COLUMNS:
            raise TooLargeError(
                f"it has {counted(metadata.num_columns, 'column')}, and a table may have {MAX_COLUMNS:,}"
            )
        footprint = Footprint(file, metadata)
        opened = _opened(file, metadata, footprint.lists)
        batches = (
            batch
            for number, group in enumerate(footprint.groups)
            for batch in opened.iter_batches(
                batch_size=_rows_at_once(file, metadata, number, group), row_groups=[number], use_threads=False
            )
        )
        yield opened.schema_arrow, _cut(batches, max(_UNPACKED_BYTES, _RATIO * file.seek(0, 2)))


def _opened(file: BinaryIO, metadata: Any, dictionary: Sequence[str]) -> Any:
    """The file, its pages read as they are asked for, and the texts of some columns kept once each."""
    from pyarrow import parquet

    return parquet.ParquetFile(
        file, metadata=metadata, read_dictionary=list(dictionary), buffer_size=1 << 16, pre_buffer=False
    )


def _rows_at_once(file: BinaryIO, metadata: Any, number: int, group: RowGroup) -> int:
    """How many rows of a row group fit a batch even if all of them name the largest values."""
    width = group.width
    for column, size in group.dictionaries.items():
        first = _opened(file, metadata, [column]).iter_batches(
            batch_size=1, row_groups=[number], columns=[column], use_threads=False
        )
        # A row group may have no rows, and so no batch.
        width += max((_longest(values) for batch in islice(first, 1) for values in batch.columns), default=0) or size
    return max(1, min(_ROWS, _BATCH_BYTES // max(width, 1)))


def _longest(values: Any) -> int:
    """Bytes of the longest text in the dictionary of a column."""
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        return compute.max(compute.binary_length(values.dictionary)).as_py() or 0
    return max(map(_longest, _inside(values)), default=0)


def _cut(batches: Iterator[Any], most: int) -> Iterator[Batch]:
    unpacked = 0
    for batch in batches:
        for part in _small(batch):
            unpacked += part.rows.num_rows * _OBJECT_BYTES if part.too_long else _size(part.rows)
            if unpacked > most:
                raise TooLargeError(f"it unpacks to more than {most:,} bytes")
            yield part


def _small(batch: Any) -> Iterator[Batch]:
    """The batch, or its halves, until each is small enough."""
    size, rows = _size(batch), batch.num_rows
    if rows == 1:
        yield Batch(batch, too_long=size > 4 * MAX_ROW + _OBJECT_BYTES * batch.num_columns)
    elif size <= _BATCH_BYTES:
        yield Batch(batch, too_long=False)
    else:
        yield from _small(batch.slice(0, rows // 2))
        yield from _small(batch.slice(rows // 2))


def _size(batch: Any) -> int:
    """Bytes that the rows take as Python's objects."""
    return sum(map(_bytes, batch.columns))


def _bytes(values: Any) -> int:
    """The same of a pyarrow.Array, which may be nested."""
    import pyarrow as pa

    if isinstance(values.type, pa.BaseExtensionType):
        return _bytes(values.storage)
    return _OBJECT_BYTES * len(values) + _text_bytes(values) + sum(map(_bytes, _inside(values)))


def _text_bytes(values: Any) -> int:
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        # Only texts are asked to be read as dictionaries; what else a writer made into one is small.
        named = values.dictionary if _is_text(values.type.value_type) else []
        lengths = compute.binary_length(named).take(values.indices) if len(named) else None
    else:
        lengths = compute.binary_length(values) if _is_text(values.type) else None
    return 0 if lengths is None else compute.sum(lengths).as_py() or 0


def _inside(values: Any) -> list[Any]:
    """What a nested array is made of, without what lies outside its slice."""
    from pyarrow import types

    if types.is_struct(values.type):
        return list(values.flatten())
    if types.is_map(values.type):
        first, last = values.offsets[0].as_py(), values.offsets[-1].as_py()
        return [part.slice(first, last - first) for part in (values.keys, values.items)]
    return [values.flatten()] if types.is_nested(values.type) else []


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
    )  # fmt: skip


def read_parquet(path: Path) -> Table:
    """The table in a Parquet file.

    Raises:
        CatalogError: pyarrow is not installed, the file is damaged, or it has too many columns.
    """
    with _readable(path), parquet_file(path) as (schema, _):
        columns = column_names(path, schema.names)
    return Table(columns, _rows(path, columns))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    number = 0
    with _readable(path), parquet_file(path) as (_, batches):
        for batch in batches:
            for row in _values(batch):
                number += 1
                yield BadRow(number, Reason.TOO_LONG, "") if row is None else typed_row(number, columns, row)


def _values(batch: Batch) -> Iterator[tuple[object, ...] | None]:
    """The rows; None for one that is too long."""
    if batch.too_long:
        yield None
        return
    # By position: two columns may carry one name.
    yield from zip(*map(_objects, batch.rows.columns), strict=True)


def _objects(column: Any) -> list[object]:
    # What was read as a dictionary may be taken apart: the batch was cut by how much that is.
    plain = column.dictionary_decode() if hasattr(column, "dictionary_decode") else column
    try:
        values: list[object] = plain.to_pylist()
    except UnicodeDecodeError:
        # Some text in it is not UTF-8: only these rows are lost, not the file.
        raw = plain.cast("binary").to_pylist()
        values = [None if text is None else text.decode("utf-8", "surrogateescape") for text in raw]
    return values


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        from pyarrow import ArrowException
    except ImportError as error:
        raise CatalogError(
            f"Reading {path} takes pyarrow, which is not installed.",
            "From a clone: pip install -c constraints.txt '.[train]'; or save the table as CSV.",
        ) from error
    try:
        yield
    except TooLargeError as error:
        raise CatalogError(
            f"{path} is too large to be read: {error}.", "Save it again with smaller pages or row groups, or as CSV."
        ) from error
    except (ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno:
            raise CatalogError(*unreadable_message(path, error)) from error
        reason = str(error).partition("\n")[0].rstrip(".")
        raise CatalogError(
            f"{path} is not a Parquet file that can be read: {reason}.", "Save it again, or as CSV."
        ) from error
