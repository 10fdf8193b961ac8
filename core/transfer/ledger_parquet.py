"""Export and import of the whole ledger as a Parquet table, with a row per record of `labels.exchange.records`.

The columns are `kind` and those of all kinds of records, null where a kind lacks them. The header record is in the
file's metadata.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from core.catalog.readers.parquet import Batch, TooLargeError, parquet_file
from core.errors import CoreError
from core.packages import install_hint
from labels.errors import LabelsError
from labels.exchange.files import output_file, unreadable_message
from labels.exchange.merge import MergeReport, merge_records
from labels.exchange.records import FORMAT, Anonymizer, Record, records
from labels.exchange.validation import COLUMNS
from labels.store import LabelStore

#: Key of the header record in the file's metadata.
_METADATA_KEY = b"samesku.ledger"
#: Rows per row group.
_ROW_GROUP_SIZE = 10_000
_INTEGERS = {
    "seq", "blind", "closes", "look_ms", "rank", "seed", "version", "drawn", "number", "queries",
}  # fmt: skip
_REALS = {"similarity", "probability", "weight"}
#: Format version → column names.
_COLUMNS_BY_FORMAT = {
    number: ["kind", *dict.fromkeys(name for names in kinds.values() for name in names)]
    for number, kinds in COLUMNS.items()
}
_COLUMNS = _COLUMNS_BY_FORMAT[FORMAT]


def export_parquet(
    store: LabelStore, path: Path, disguise: Anonymizer | None = None, progress: Callable[[int], None] | None = None
) -> int:
    """Write all events, including undone ones, and all draws.

    Args:
        store: the ledger.
        path: the file.
        disguise: pseudonyms and removal of comments; None to write everything as it is.
        progress: called with the number of events written so far.

    Returns:
        The number of events.

    Raises:
        CoreError: pyarrow is not installed.
        LabelsError: the file cannot be written, or the ledger cannot be read.
    """
    pa, pq = _pyarrow()
    types = {
        name: pa.int64() if name in _INTEGERS else pa.float64() if name in _REALS else pa.string() for name in _COLUMNS
    }
    with output_file(path) as out, closing(records(store, disguise, progress)) as found:
        header = next(found)
        schema = pa.schema(types, metadata={_METADATA_KEY: json.dumps(header)})
        with pq.ParquetWriter(out, schema) as writer:
            while rows := list(islice(found, _ROW_GROUP_SIZE)):
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return int(str(header["event"]))


def is_ledger(path: Path) -> bool:
    """Whether a Parquet file is an exported ledger; also true for a damaged file, which may be one.

    Raises:
        CoreError: pyarrow is not installed.
    """
    pa, _ = _pyarrow()
    try:
        with parquet_file(path) as (schema, _):
            return _METADATA_KEY in (schema.metadata or {}) or {"kind", "seq"} <= set(schema.names)
    except (OSError, ValueError, RecursionError, MemoryError, pa.ArrowException):
        return True


def import_parquet(store: LabelStore, path: Path) -> MergeReport:
    """Import a file of `export_parquet`.

    Raises:
        CoreError: pyarrow is not installed.
        LabelsError: there is no such file, or a row is invalid; nothing is changed then.
    """
    return merge_records(store, str(path), _read(path))


def _read(path: Path) -> Iterator[tuple[str, Record]]:
    pa, _ = _pyarrow()
    try:
        with parquet_file(path) as (schema, batches):
            yield "its metadata", _header(schema, path)
            yield from _numbered(_rows(batches))
    except (OSError, ValueError, RecursionError, MemoryError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno:
            raise LabelsError(*unreadable_message(path, error)) from error
        raise LabelsError(
            f"{path} cannot be read as Parquet: {str(error).splitlines()[0] if str(error) else 'it is damaged'}.",
            "Nothing was imported.",
        ) from error


def _rows(batches: Iterable[Batch]) -> Iterator[Record]:
    for batch in batches:
        if batch.too_long:
            raise TooLargeError("a row is too long")
        yield from batch.rows.to_pylist()


def _header(schema: Any, path: Path) -> Record:
    if sorted(schema.names) not in map(sorted, _COLUMNS_BY_FORMAT.values()):
        raise LabelsError(f"{path} does not have the columns of exported events.", "Nothing was imported.")
    header = json.loads((schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    return header if isinstance(header, dict) else {}


def _numbered(rows: Iterable[Record]) -> Iterator[tuple[str, Record]]:
    for number, row in enumerate(rows, 1):
        kind = row.get("kind")
        own = COLUMNS[FORMAT].get(kind, ()) if isinstance(kind, str) else ()
        # A value in a column of another kind is kept, so that the record is refused as invalid.
        yield f"row {number}", {name: value for name, value in row.items() if value is not None or name in own}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CoreError("Parquet needs pyarrow, which is not installed.", install_hint("train")) from error
    return pa, pq
