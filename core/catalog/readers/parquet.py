"""Parquet files, read in batches of rows with bounded memory.

A file of a few kilobytes may unpack to gigabytes: in a single page, in lists with very many elements, or in rows that
all refer to one long text. The memory needs are therefore computed from the page headers before anything is unpacked.
The sizes in the footer are not reliable, since readers do not depend on them. Oversized pages and lists are refused;
for the third case, the number of rows per batch is reduced, and batches are split until they are small enough to
become Python objects.

The file format is described at https://parquet.apache.org/docs/file-format/, the encoding of page headers at
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from core.catalog.readers.rows import BadRow, Reason, Row, Table, column_names, typed_row
from core.errors import CatalogError
from core.packages import install_hint
from labels.exchange.files import MAX_COLUMNS, MAX_ROW, unreadable_message
from labels.files import open_regular
from labels.wording import counted

#: Page types of the format.
DICTIONARY_PAGE = 2
#: Type of data page → field id of its header within the page header.
_DATA_PAGES = {0: 5, 3: 8}
#: Type of data page → field id of the encoding in its header.
_ENCODING_FIELD = {0: 2, 3: 4}
#: The encoding in which a text shares a prefix with the previous one.
DELTA_BYTE_ARRAY = 7

#: Bytes read for a page header, first and second attempt: it may include the minimum and maximum value of the page.
_HEADER_BYTES = (1 << 12, 1 << 20)
_MAX_DEPTH = 16

_Fields = dict[int, Any]


class DamagedError(ValueError):
    """The file is not Parquet, or inconsistent."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a column.

    Attributes:
        kind: page type; 0 and 3 are data pages, `DICTIONARY_PAGE` has the values that they refer to.
        size: unpacked bytes.
        values: number of values, including nulls and elements of lists.
        encoding: of the values, such as `DELTA_BYTE_ARRAY`.
    """

    kind: int
    size: int
    values: int
    encoding: int


def footer_length(file: BinaryIO) -> int:
    """Size of the footer in bytes, which readers load as a whole.

    Raises:
        DamagedError: there is no footer.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 8))
    last = file.read(8)
    length = int.from_bytes(last[:4], "little")
    if last[4:] != b"PAR1" or length > end - 12:
        raise DamagedError("it has no valid footer")
    return length


def pages(file: BinaryIO, start: int, length: int, values: int) -> Iterator[Page]:
    """The pages of a column chunk, in the order in which a reader unpacks them.

    Args:
        file: the whole file.
        start: offset of the first page.
        length: bytes of all pages with their headers.
        values: number of values in the chunk; pages after that are not read.

    Raises:
        DamagedError: a page header is invalid.
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
    is_data = kind in _DATA_PAGES
    return Page(
        kind,
        _number(fields, 2),
        _number(inner, 1) if is_data else 0,
        _number(inner, _ENCODING_FIELD[kind]) if is_data else 0,
    )


def _number(fields: _Fields, place: int) -> int:
    value = fields.get(place)
    if not isinstance(value, int) or value < 0:
        raise DamagedError("the header of a page is damaged")
    return value


def _header(file: BinaryIO, at: int) -> tuple[_Fields, int]:
    """The fields of the page header at an offset, and its length."""
    for length in _HEADER_BYTES:
        file.seek(at)
        read = file.read(length)
        try:
            return _struct(read, 0)
        except IndexError:  # longer than what was read
            continue
    raise DamagedError("the header of a page has no end")


# Types of the Thrift compact protocol. For the first two, the type is the value.
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


def _struct(data: bytes, at: int, depth: int = 0) -> tuple[_Fields, int]:
    """The fields of a struct by id, with numbers and structs only, and the offset of its end."""
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
    # Page headers have no lists or maps.
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


#: Maximum bytes of one page per column, which a reader holds at a time. Usual pages have about a megabyte.
_PAGES_BYTES = 1 << 28
#: Maximum list elements in a row group, unless the file has more bytes: all of them may be in one row.
_MAX_ELEMENTS = 1 << 24
#: Maximum bytes of list elements with a fixed length.
_MAX_FIXED_BYTES = 1 << 29
#: Dictionaries up to this size count as one value; for larger ones the longest value is looked up.
_SMALL_DICTIONARY_BYTES = 1 << 13
#: Encodings that pyarrow can read as a dictionary: PLAIN, PLAIN_DICTIONARY and RLE_DICTIONARY.
_DICTIONARY_READABLE = {0, 2, 8}


class TooLargeError(ValueError):
    """The file would need too much memory or time. The message is the end of a sentence."""


@dataclass(slots=True)
class RowGroup:
    """Upper bounds of the size of a row in a row group.

    Attributes:
        width: bytes of a row's values that are stored once for many rows.
        dictionaries: path of a text column → bytes of its dictionary. Each adds up to its longest value.
        lists: paths of texts in lists that refer to a dictionary; a row may have any number of them.
    """

    width: int = 0
    dictionaries: dict[str, int] = field(default_factory=dict)
    lists: list[str] = field(default_factory=list)


class Footprint:
    """The memory needs of a file.

    Attributes:
        groups: bounds per row group.
        lists: paths of texts in lists that must be read as dictionaries.

    Raises:
        TooLargeError: a page, or the content of lists, is too large.
        DamagedError: the metadata is inconsistent.
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
                if column.length * in_lists > _MAX_FIXED_BYTES:
                    raise TooLargeError(f"the lists in {column.path} have more than {_MAX_FIXED_BYTES:,} bytes")
            if column.physical_type == "BYTE_ARRAY":
                _add_texts(found, column, read)
        if held > _PAGES_BYTES:
            raise TooLargeError(f"it needs more than {_PAGES_BYTES:,} bytes at a time")
        if elements > max(_MAX_ELEMENTS, self._size):
            raise TooLargeError(f"there are more than {_MAX_ELEMENTS:,} elements in its lists")
        return found

    def _pages(self, chunk: Any) -> list[Page]:
        length = chunk.total_compressed_size
        self._packed += length
        if length < 0 or self._packed > self._size:
            raise DamagedError("its columns are longer than the file")
        # The dictionary, if there is one, comes first.
        start = min(offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset)
        return list(pages(self._file, start, length, chunk.num_values))


def _add_texts(group: RowGroup, column: Any, read: Sequence[Page]) -> None:
    """Add the bounds of a text column's values that are not stored individually."""
    encodings = {page.encoding for page in read if page.kind != DICTIONARY_PAGE}
    dictionary = _largest(read, dictionary=True)
    shared = max(dictionary, _largest(read, dictionary=False) if DELTA_BYTE_ARRAY in encodings else 0)
    if shared and column.max_repetition_level:
        if not encodings <= _DICTIONARY_READABLE:
            raise TooLargeError(f"texts in the lists in {column.path} are encoded so that their size is not known")
        group.lists.append(column.path)
    elif shared == dictionary > _SMALL_DICTIONARY_BYTES and encodings <= _DICTIONARY_READABLE:
        group.dictionaries[column.path] = dictionary
    else:
        group.width += shared


def _largest(read: Sequence[Page], *, dictionary: bool) -> int:
    """Bytes of the largest dictionary page, or of the largest other page."""
    return max((page.size for page in read if (page.kind == DICTIONARY_PAGE) == dictionary), default=0)


#: Maximum rows of a batch.
_BATCH_ROWS = 1000
#: Maximum bytes of a batch as Python objects, unless it is a single row.
_BATCH_BYTES = 1 << 26
#: Estimated bytes of a Python object without its text.
_OBJECT_BYTES = 64
_MAX_FOOTER_BYTES = 1 << 24
#: Maximum ratio of unpacked to packed size, and the unpacked size that is always allowed.
_RATIO, _UNPACKED_BYTES = 1000, 1 << 28


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of rows.

    Attributes:
        rows: a pyarrow.RecordBatch.
        too_long: whether it is a single oversized row, which must not be converted to Python objects.
    """

    rows: Any
    too_long: bool


@contextmanager
def parquet_file(path: Path) -> Iterator[tuple[Any, Iterator[Batch]]]:
    """Open a Parquet file: yields its Arrow schema and an iterator over batches. Needs pyarrow.

    Raises:
        TooLargeError: on opening or while iterating.
        OSError, ValueError, pyarrow.ArrowException: the file is missing, not regular, or damaged.
    """
    from pyarrow import parquet

    with open_regular(path) as file:
        if footer_length(file) > _MAX_FOOTER_BYTES:
            raise TooLargeError(f"its footer is longer than {_MAX_FOOTER_BYTES:,} bytes")
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
                batch_size=_batch_size(file, metadata, number, group), row_groups=[number], use_threads=False
            )
        )
        yield opened.schema_arrow, _split_batches(batches, max(_UNPACKED_BYTES, _RATIO * file.seek(0, 2)))


def _opened(file: BinaryIO, metadata: Any, dictionary: Sequence[str]) -> Any:
    """The file with its pages read on demand, and some text columns read as dictionaries."""
    from pyarrow import parquet

    return parquet.ParquetFile(
        file, metadata=metadata, read_dictionary=list(dictionary), buffer_size=1 << 16, pre_buffer=False
    )


def _batch_size(file: BinaryIO, metadata: Any, number: int, group: RowGroup) -> int:
    """Number of rows of a row group that fit into a batch even if all refer to the longest values."""
    width = group.width
    for column, size in group.dictionaries.items():
        first = _opened(file, metadata, [column]).iter_batches(
            batch_size=1, row_groups=[number], columns=[column], use_threads=False
        )
        # A row group without rows has no batch.
        width += max((_longest(values) for batch in islice(first, 1) for values in batch.columns), default=0) or size
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(width, 1)))


def _longest(values: Any) -> int:
    """Bytes of the longest text in the dictionary of a column."""
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        return compute.max(compute.binary_length(values.dictionary)).as_py() or 0
    return max(map(_longest, _children(values)), default=0)


def _split_batches(batches: Iterator[Any], limit: int) -> Iterator[Batch]:
    """The batches in small parts; raises TooLargeError when they exceed `limit` bytes in total."""
    unpacked = 0
    for batch in batches:
        for part in _halved(batch):
            unpacked += part.rows.num_rows * _OBJECT_BYTES if part.too_long else _size(part.rows)
            if unpacked > limit:
                raise TooLargeError(f"it unpacks to more than {limit:,} bytes")
            yield part


def _halved(batch: Any) -> Iterator[Batch]:
    """The batch, halved until each part is small enough."""
    size, rows = _size(batch), batch.num_rows
    if rows == 1:
        yield Batch(batch, too_long=size > 4 * MAX_ROW + _OBJECT_BYTES * batch.num_columns)
    elif size <= _BATCH_BYTES:
        yield Batch(batch, too_long=False)
    else:
        yield from _halved(batch.slice(0, rows // 2))
        yield from _halved(batch.slice(rows // 2))


def _size(batch: Any) -> int:
    """Estimated bytes of a batch as Python objects."""
    return sum(map(_array_size, batch.columns))


def _array_size(values: Any) -> int:
    """Estimated bytes of a pyarrow.Array as Python objects."""
    import pyarrow as pa

    if isinstance(values.type, pa.BaseExtensionType):
        return _array_size(values.storage)
    return _OBJECT_BYTES * len(values) + _text_bytes(values) + sum(map(_array_size, _children(values)))


def _text_bytes(values: Any) -> int:
    from pyarrow import compute, types

    if types.is_dictionary(values.type):
        # Other dictionaries than those of texts are small.
        texts = values.dictionary if _is_text(values.type.value_type) else []
        lengths = compute.binary_length(texts).take(values.indices) if len(texts) else None
    else:
        lengths = compute.binary_length(values) if _is_text(values.type) else None
    return 0 if lengths is None else compute.sum(lengths).as_py() or 0


def _children(values: Any) -> list[Any]:
    """The child arrays of a nested array, restricted to its slice."""
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
    """Read a Parquet file.

    Raises:
        CatalogError: pyarrow is not installed, the file is damaged or too large, or has too many columns.
    """
    with _readable(path), parquet_file(path) as (schema, _):
        columns = column_names(path, schema.names)
    return Table(columns, _rows(path, columns))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    number = 0
    with _readable(path), parquet_file(path) as (_, batches):
        for batch in batches:
            for row in _row_values(batch):
                number += 1
                yield BadRow(number, Reason.TOO_LONG, "") if row is None else typed_row(number, columns, row)


def _row_values(batch: Batch) -> Iterator[tuple[object, ...] | None]:
    """The values of each row; None for a row that is too long."""
    if batch.too_long:
        yield None
        return
    # By position, since column names may repeat.
    yield from zip(*map(_objects, batch.rows.columns), strict=True)


def _objects(column: Any) -> list[object]:
    # Decoding a dictionary is safe, since batches are split by their decoded size.
    plain = column.dictionary_decode() if hasattr(column, "dictionary_decode") else column
    try:
        values: list[object] = plain.to_pylist()
    except UnicodeDecodeError:
        # Some text is not UTF-8; only its rows are rejected.
        raw = plain.cast("binary").to_pylist()
        values = [None if text is None else text.decode("utf-8", "surrogateescape") for text in raw]
    return values


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        from pyarrow import ArrowException
    except ImportError as error:
        raise CatalogError(
            f"Reading {path} needs pyarrow, which is not installed.",
            f"{install_hint('train')}; or save the table as CSV.",
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
        raise CatalogError(f"{path} is not a readable Parquet file: {reason}.", "Save it again, or as CSV.") from error
