"""Any Parquet file in batches of rows that take a bounded amount of memory, however well it is packed.

The more a row may take (`parquet_footprint`), the fewer rows are read at a time; and a batch is cut until what it holds
is small enough to become Python's objects.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from core.catalog.readers.parquet_footprint import Footprint, RowGroup, TooLargeError
from core.catalog.readers.parquet_pages import footer_length
from labels.exchange.limits import MAX_COLUMNS, MAX_ROW
from labels.files import open_regular
from labels.wording import counted

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
    from pyarrow import parquet  # noqa: PLC0415 - heavy, and not always installed

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
    from pyarrow import parquet  # noqa: PLC0415

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
    from pyarrow import compute, types  # noqa: PLC0415

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
