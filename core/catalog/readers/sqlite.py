"""A table of a SQLite database, opened read-only.

The file is not trusted. Only stored columns are read: views and generated columns could compute forever or produce
gigabytes, and virtual tables run code on data that may be malformed.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.catalog.columns import format_names
from core.catalog.readers.rows import BadRow, Reason, Row, Table, column_names, typed_row
from core.errors import CatalogError
from labels.exchange.files import MAX_ROW

#: How long to wait for a lock, in seconds.
_WAIT_S = 5.0
#: Maximum size of a value; a character has up to four bytes.
_MAX_VALUE_BYTES = 4 * MAX_ROW
#: Maximum SQLite virtual machine instructions per row; a row of 2,000 columns takes some thousands.
_MAX_STEPS = 10_000_000
#: Names of the rowid (https://www.sqlite.org/rowidtable.html), any of which may be taken by a column.
_ROWID_NAMES = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True, slots=True)
class _Source:
    """The table to read.

    Attributes:
        columns: the stored columns, in order.
        rowid: an available name of the rowid; empty if the table has none.
    """

    path: Path
    table: str
    columns: tuple[str, ...]
    rowid: str


def read_sqlite(path: Path, table: str | None) -> Table:
    """Read a table, in the order of its rowids.

    Args:
        path: the database.
        table: its name; None for the only table.

    Raises:
        CatalogError: the database is damaged or locked, or the table is ambiguous or missing.
    """
    try:
        with closing(_connect(path)) as db:
            name = _choose_table(_kinds(db), path, table)
            columns, rowid = _stored_columns(db, name)
    except (sqlite3.Error, UnicodeError) as error:
        raise _unreadable(path, error) from error
    names = column_names(path, columns)
    return Table(names, _rows(_Source(path, name, columns, rowid), names))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return db


def _kinds(db: sqlite3.Connection) -> dict[str, str]:
    """Name → `table`, `view` or `virtual`."""
    rows = db.execute(
        "SELECT name, CASE WHEN type = 'table' AND rootpage = 0 THEN 'virtual' ELSE type END FROM sqlite_master"
        " WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    return dict(rows)


def _choose_table(kinds: dict[str, str], path: Path, table: str | None) -> str:
    tables = [name for name, kind in kinds.items() if kind == "table"]
    if table is None and len(tables) == 1:
        return tables[0]
    if table is not None and table in tables:
        return table
    if not tables:
        raise CatalogError(
            f"{path} is a database without tables.",
            "A view is not read: copy its rows into a table." if kinds else "",
        )
    if table is None:
        raise CatalogError(
            f"{path} has several tables: {format_names(tables)}.", f"Name one after the file: {path.name}#NAME."
        )
    if table in kinds:
        what = "a view" if kinds[table] == "view" else "a virtual table"
        raise CatalogError(
            f"In {path}, {table} is {what}; only tables are read.",
            f"Its tables: {format_names(tables)}. To read it, copy its rows into a table.",
        )
    raise CatalogError(f"{path} has no table {table!r}.", f"It has: {format_names(tables)}.")


def _stored_columns(db: sqlite3.Connection, table: str) -> tuple[tuple[str, ...], str]:
    """The stored columns of a table and a name of its rowid, from pragma table_xinfo (https://sqlite.org/pragma.html)."""
    columns = db.execute(f"PRAGMA table_xinfo({_quoted(table)})").fetchall()
    taken = {name.lower() for _, name, *_ in columns}
    rowid = next((name for name in _ROWID_NAMES if name not in taken), "")
    if rowid:
        try:
            db.execute(f"SELECT {rowid} FROM {_quoted(table)} LIMIT 0")  # noqa: S608 - a constant and a quoted name
        except sqlite3.OperationalError:
            rowid = ""
    return tuple(name for _, name, *_, hidden in columns if hidden in {0, 3}), rowid


def _rows(source: _Source, names: tuple[str, ...]) -> Iterator[Row | BadRow]:
    try:
        with closing(_TableReader(source)) as reader:
            for number, values in enumerate(reader.rows(), start=1):
                yield typed_row(number, names, values) if values else BadRow(number, Reason.LONG_VALUE, "")
    except (sqlite3.Error, UnicodeError) as error:
        raise _unreadable(source.path, error) from error


class _TableReader:
    """Reads the stored rows of a table, and continues after a row that is too large.

    A damaged file may have cycles, so the total of rows and text is limited by the size of the file.
    """

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._db = _connect(source.path)
        self._budget = 2 * sum(file.stat().st_size for file in _files(source.path))
        self._has_progressed = True
        self._db.set_authorizer(_authorize)
        self._db.set_progress_handler(self._is_stuck, _MAX_STEPS)

    def close(self) -> None:
        self._db.close()

    def rows(self) -> Iterator[tuple[object, ...]]:
        """The values of every row; an empty tuple for a row that is too large."""
        columns = ", ".join([self._source.rowid or "NULL", *map(_quoted, self._source.columns)])
        last: int | None = None
        single = False
        while True:
            try:
                for rowid, *values in self._db.execute(*self._select(columns, last, single=single)):
                    self._charge(values)
                    last = rowid
                    yield tuple(values)
                if not single:
                    return
                single = False
            except sqlite3.DataError:
                # Python reads one row ahead, so the row before the oversized one may be lost: read the next row alone.
                if single:
                    last = self._rowid_after(last)
                    yield ()
                single = not single

    def _charge(self, values: Sequence[object]) -> None:
        self._has_progressed = True
        self._budget -= 1 + sum(len(value) for value in values if isinstance(value, str | bytes))
        if self._budget < 0:
            raise sqlite3.DatabaseError("it returns more data than it contains")

    def _rowid_after(self, rowid: int | None) -> int:
        """The next rowid.

        Raises:
            sqlite3.Error: the table has no rowids.
        """
        if not self._source.rowid:
            raise sqlite3.DatabaseError(f"a value in {self._source.table} is longer than {_MAX_VALUE_BYTES:,} bytes")
        return int(self._db.execute(*self._select(self._source.rowid, rowid, single=True)).fetchone()[0])

    def _select(self, columns: str, last: int | None, *, single: bool) -> tuple[str, tuple[int, ...]]:
        """The statement and its parameters for the rows after a rowid, or the next one; all rows without rowids."""
        # Names cannot be parameters, so they are quoted.
        sql = f"SELECT {columns} FROM {_quoted(self._source.table)}"  # noqa: S608
        if not self._source.rowid:
            return sql, ()
        where = "" if last is None else f" WHERE {self._source.rowid} > ?"
        limit = " LIMIT 1" if single else ""
        return f"{sql}{where} ORDER BY {self._source.rowid}{limit}", () if last is None else (last,)

    def _is_stuck(self) -> bool:
        """Whether no row was returned since the last call; True aborts the statement."""
        stuck, self._has_progressed = not self._has_progressed, False
        return stuck


def _authorize(action: int, _first: str | None, _second: str | None, _file: str | None, through: str | None) -> int:
    """Allow reading stored columns only: no functions, and nothing through a view."""
    reading = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and through is None)
    return sqlite3.SQLITE_OK if reading else sqlite3.SQLITE_DENY


def _files(path: Path) -> list[Path]:
    """The database, and its write-ahead log if it exists."""
    log = path.with_name(path.name + "-wal")
    return [path, log] if log.exists() else [path]


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _unreadable(path: Path, error: Exception) -> CatalogError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return CatalogError(f"The database {path} is locked.", "Another program is writing to it: try again later.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            # A leftover journal must be recovered first, which needs write access.
            return CatalogError(
                f"The database {path} is in use, or a program that wrote to it was interrupted: {error}.",
                "Close the program that uses it, or open and close the database in it once; then try again.",
            )
        case sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM:
            return CatalogError(
                f"The database {path} cannot be read: {error}.", "Check the disk and the file's permissions."
            )
    return CatalogError(f"The database {path} cannot be read: {error}.", "Check that the file is complete.")
