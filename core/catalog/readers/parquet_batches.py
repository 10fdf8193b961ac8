"""Any Parquet file in batches of rows that take a bounded amount of memory, however well it is packed.

A file of some kilobytes may unpack to gigabytes: in one page, by naming one long text again and again, by lists without
end. So the headers of all pages are looked at first (`parquet_pages`), a text that is named again is kept once, and a
batch is cut until what it holds is small enough to become Python's objects.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from core.catalog.readers.parquet_pages import (
    DELTA_BYTE_ARRAY,
    DICTIONARY_PAGE,
    DamagedError,
    Page,
    footer_length,
    pages,
)
from labels.exchange.limits import MAX_COLUMNS, MAX_ROW
from labels.files import open_regular

_ROWS = 1000
#: Bytes that a batch may take as Python's objects, unless it is a single row.
_BATCH_BYTES = 1 << 26
#: Bytes of an object that is no text, and of what surrounds a text.
_OBJECT_BYTES = 64
_FOOTER_BYTES = 1 << 24
#: Bytes of one page of every column at once, which is what a reader holds. Writers make pages of a megabyte or so.
_PAGES_BYTES = 1 << 28
#: Elements of lists in a row group, unless the file has more bytes: all of them may be in one row.
_ELEMENTS = 1 << 24
#: How many times its size a file may unpack to, and what any file may.
_RATIO, _UNPACKED_BYTES = 1000, 1 << 28


class TooLargeError(ValueError):
    """The file would take too much memory or time; which part of it, as the end of a sentence."""


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
    from pyarrow import parquet  # noqa: PLC0415 - heavy, and not always installed

    with open_regular(path) as file:
        if footer_length(file) > _FOOTER_BYTES:
            raise TooLargeError(f"its footer is longer than {_FOOTER_BYTES:,} bytes")
        metadata = parquet.read_metadata(file)
        if metadata.num_columns > MAX_COLUMNS:
            raise TooLargeError(f"it has {metadata.num_columns:,} columns, and a table may have {MAX_COLUMNS:,}")
        found = _Pages(file, metadata)
        opened = parquet.ParquetFile(
            file, metadata=metadata, read_dictionary=found.dictionary, buffer_size=1 << 16, pre_buffer=False
        )
        rows = max(1, min(_ROWS, _BATCH_BYTES // max(found.largest, 1)))
        batches = opened.iter_batches(batch_size=rows, use_threads=False)
        yield opened.schema_arrow, _cut(batches, max(_UNPACKED_BYTES, _RATIO * file.seek(0, 2)))


class _Pages:
    """What the headers of all pages say of a file's columns.

    Attributes:
        texts: the columns whose values can be kept once each, by their numbers.
        largest: bytes of the largest value that may be repeated without being kept once.

    Raises:
        TooLargeError: a page, or what is in lists, is too large.
    """

    def __init__(self, file: BinaryIO, metadata: Any) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._packed = 0
        self._columns = [metadata.schema.column(number) for number in range(metadata.num_columns)]
        kinds = [column.physical_type for column in self._columns]
        self.texts = {number for number, kind in enumerate(kinds) if kind == "BYTE_ARRAY"}
        fixed = zip(self._columns, kinds, strict=True)
        self.largest = max((column.length for column, kind in fixed if kind == "FIXED_LEN_BYTE_ARRAY"), default=0)
        for number in range(metadata.num_row_groups):
            self._look_at(metadata.row_group(number))

    @property
    def dictionary(self) -> list[str]:
        """The names of `texts`."""
        return [self._columns[number].path for number in sorted(self.texts)]

    def _look_at(self, group: Any) -> None:
        held = elements = 0
        for number in range(len(self._columns)):
            chunk = group.column(number)
            self._packed += chunk.total_compressed_size
            if self._packed > self._size or chunk.total_compressed_size < 0:
                raise DamagedError("its columns are longer than it is")
            found = list(pages(self._file, _start(chunk), chunk.total_compressed_size, chunk.num_values))
            held += sum(_largest(found, dictionary=kind) for kind in (False, True))
            elements += max(0, sum(page.values for page in found) - group.num_rows)
            if any(page.encoding == DELTA_BYTE_ARRAY for page in found):
                self._repeats(number, _largest(found, dictionary=False))
        if held > _PAGES_BYTES:
            raise TooLargeError(f"it takes more than {_PAGES_BYTES:,} bytes at a time")
        if elements > max(_ELEMENTS, self._size):
            raise TooLargeError(f"there are more than {_ELEMENTS:,} elements in its lists")

    def _repeats(self, number: int, size: int) -> None:
        """A column is packed so that every value may be as large as the page, and cannot be kept once."""
        column = self._columns[number]
        if column.max_repetition_level:
            raise TooLargeError(f"the lists in {column.path} are packed as DELTA_BYTE_ARRAY, which is not read")
        self.texts.discard(number)
        self.largest = max(self.largest, size)


def _largest(found: Iterable[Page], *, dictionary: bool) -> int:
    """Bytes of the largest page that is a dictionary, or that is none."""
    return max((page.size for page in found if (page.kind == DICTIONARY_PAGE) == dictionary), default=0)


def _start(chunk: Any) -> int:
    """Where the pages of a column begin: with its dictionary, where it has one."""
    offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
    return int(min(offset for offset in offsets if offset))


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
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(values.type, pa.BaseExtensionType):
        return _bytes(values.storage)
    return _OBJECT_BYTES * len(values) + _text_bytes(values) + sum(map(_bytes, _inside(values)))


def _text_bytes(values: Any) -> int:
    from pyarrow import compute, types  # noqa: PLC0415

    if types.is_dictionary(values.type):
        # Only texts are asked to be read as dictionaries; what else a writer made into one is small.
        named = values.dictionary if _is_text(values.type.value_type) else []
        lengths = compute.binary_length(named).take(values.indices) if len(named) else None
    else:
        lengths = compute.binary_length(values) if _is_text(values.type) else None
    return 0 if lengths is None else compute.sum(lengths).as_py() or 0


def _inside(values: Any) -> list[Any]:
    """What a nested array is made of, without what lies outside its slice."""
    from pyarrow import types  # noqa: PLC0415

    if types.is_struct(values.type):
        return list(values.flatten())
    if types.is_map(values.type):
        first, last = values.offsets[0].as_py(), values.offsets[-1].as_py()
        return [part.slice(first, last - first) for part in (values.keys, values.items)]
    return [values.flatten()] if types.is_nested(values.type) else []


def _is_text(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415

    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
    )  # fmt: skip
