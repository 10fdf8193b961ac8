"""The whole ledger as one Parquet table, both ways: a row for each record of labels.exchange.records.

The columns are those of all kinds of records, empty where a kind has none, and `kind`. What the ledger's own record
says stands in the file's metadata.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from core.catalog.readers.parquet import Batch, TooLargeError, parquet_file
from core.errors import CoreError
from labels.errors import LabelsError
from labels.exchange.files import output_file, unreadable_message
from labels.exchange.merge import MergeReport, merge_records
from labels.exchange.records import FORMAT, Anonymizer, Record, records
from labels.exchange.validation import COLUMNS
from labels.store import LabelStore

#: The metadata's key.
_KEY = b"samesku.ledger"
_ROWS = 10_000
_INTEGERS = {
    "seq", "blind", "closes", "look_ms", "rank", "seed", "version", "drawn", "number", "queries",
}  # fmt: skip
_REALS = {"similarity", "probability", "weight"}
_NAMES_BY_FORMAT = {
    number: ["kind", *dict.fromkeys(name for names in kinds.values() for name in names)]
    for number, kinds in COLUMNS.items()
}
_NAMES = _NAMES_BY_FORMAT[FORMAT]


def export_parquet(
    store: LabelStore, path: Path, disguise: Anonymizer | None = None, told: Callable[[int], None] | None = None
) -> int:
    """Write every event, undone ones too, and every draw, telling how far it is. Returns how many events.

    Raises:
        CoreError: pyarrow is not installed.
        LabelsError: the file cannot be written, or the ledger cannot be read.
    """
    pa, pq = _pyarrow()
    types = {
        name: pa.int64() if name in _INTEGERS else pa.float64() if name in _REALS else pa.string() for name in _NAMES
    }
    with output_file(path) as out, closing(records(store, disguise, told)) as found:
        header = next(found)
        schema = pa.schema(types, metadata={_KEY: json.dumps(header)})
        with pq.ParquetWriter(out, schema) as writer:
            while rows := list(islice(found, _ROWS)):
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return int(str(header["event"]))


def is_ledger(path: Path) -> bool:
    """Whether a Parquet file is an export of a ledger, or damaged so that it may be one.

    Raises:
        CoreError: pyarrow is not installed.
    """
    pa, _ = _pyarrow()
    try:
        with parquet_file(path) as (schema, _):
            return _KEY in (schema.metadata or {}) or {"kind", "seq"} <= set(schema.names)
    except (OSError, ValueError, RecursionError, MemoryError, pa.ArrowException):
        return True


def import_parquet(store: LabelStore, path: Path) -> MergeReport:
    """Bring in what `export_parquet` wrote.

    Raises:
        CoreError: pyarrow is not installed.
        LabelsError: no such file, or a row does not fit; nothing has changed then.
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
    if sorted(schema.names) not in map(sorted, _NAMES_BY_FORMAT.values()):
        raise LabelsError(f"{path} has other columns than an export of events.", "Nothing was imported.")
    header = json.loads((schema.metadata or {}).get(_KEY, b"{}"))
    return header if isinstance(header, dict) else {}


def _numbered(rows: Iterable[Record]) -> Iterator[tuple[str, Record]]:
    for number, row in enumerate(rows, 1):
        kind = row.get("kind")
        own = COLUMNS[FORMAT].get(kind, ()) if isinstance(kind, str) else ()
        # A column of another kind belongs to the record only if something stands in it, and then it does not fit.
        yield f"row {number}", {name: value for name, value in row.items() if value is not None or name in own}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise CoreError(
            "Parquet needs pyarrow, which is not installed.", "From a clone: pip install -c constraints.txt '.[train]'"
        ) from error
    return pa, pq
