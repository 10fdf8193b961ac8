"""Parquet files, a batch of rows at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.catalog.readers.parquet_batches import Batch, parquet_file
from core.catalog.readers.parquet_footprint import TooLargeError
from core.catalog.readers.rows import BadRow, Reason, Row, Table, column_names, typed_row
from core.errors import CatalogError
from labels.exchange.text_input import unreadable


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
        from pyarrow import ArrowException  # noqa: PLC0415 - heavy, and not always installed
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
            raise CatalogError(*unreadable(path, error)) from error
        reason = str(error).partition("\n")[0].rstrip(".")
        raise CatalogError(
            f"{path} is not a Parquet file that can be read: {reason}.", "Save it again, or as CSV."
        ) from error
