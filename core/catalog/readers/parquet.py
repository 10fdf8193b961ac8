"""Parquet files, a batch of rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.catalog.readers.rows import BadRow, Row, Table, typed_row, unique_names
from core.errors import CatalogError

_BATCH = 1000


def read_parquet(path: Path) -> Table:
    """The table in a Parquet file.

    Raises:
        CatalogError: pyarrow is not installed, or the file is damaged.
    """
    try:
        from pyarrow import ArrowException  # noqa: PLC0415 - heavy, and not always installed
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ImportError as error:
        raise CatalogError(
            f"Reading {path} takes pyarrow, which is not installed.",
            "From a clone: pip install -c constraints.txt '.[train]'; or save the table as CSV.",
        ) from error
    failures = (ArrowException, OSError, ValueError)
    try:
        file = ParquetFile(path)
        columns = unique_names(file.schema_arrow.names)
    except failures as error:
        raise _damaged(path, error) from error
    return Table(columns, _rows(path, file, columns, failures))


def _rows(
    path: Path, file: Any, columns: tuple[str, ...], failures: tuple[type[Exception], ...]
) -> Iterator[Row | BadRow]:
    number = 0
    try:
        with file:
            for batch in file.iter_batches(batch_size=_BATCH):
                # By position: two columns may carry one name.
                values = [_values(column) for column in batch.columns]
                for row in zip(*values, strict=True):
                    number += 1
                    yield typed_row(number, columns, row)
    except failures as error:
        raise _damaged(path, error) from error


def _values(column: Any) -> list[object]:
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        # Some text in it is not UTF-8: only these rows are lost, not the file.
        raw = column.cast("binary").to_pylist()
        values = [None if text is None else text.decode("utf-8", "surrogateescape") for text in raw]
    return values


def _damaged(path: Path, error: Exception) -> CatalogError:
    reason = str(error).partition("\n")[0]
    return CatalogError(f"{path} is not a Parquet file that can be read: {reason}", "Save it again, or as CSV.")
