"""A table of an SQLite database, opened for reading only.

The file may come from anywhere. Only columns that are stored are read: a view or a generated column computes, for ever
or into gigabytes, and a virtual table runs code that expects its own data.
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

_WAIT_S = 5.0
#: Bytes of one value; a character takes four at most.
_MAX_VALUE_BYTES = 4 * MAX_ROW
#: Steps of SQLite's machine that a row may take; one of 2,000 columns takes some thousands.
_STEPS = 10_000_000
#: Names of a table's own number, https://www.sqlite.org/rowidtable.html; a column may bear any but not all of them.
_ROWIDS = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read.

    Attributes:
        columns: those that are stored, in order.
        rowid: a name of the table's own number; empty where it has none.
    """

    path: Path
    table: str
    columns: tuple[str, ...]
    rowid: str


def read_sqlite(path: Path, table: str | None) -> Table:
    """The rows of one table, in the database's own order.

    Args:
        path: the database; never written to.
        table: its name; None where there is only one table.

    Raises:
        CatalogError: the database is damaged or locked, or it is not clear which table is meant.
    """
    try:
        with closing(_connect(path)) as db:
            name = _chosen(_kinds(db), path, table)
            columns, rowid = _stored(db, name)
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
    """What there is by name: `table`, `view` or `virtual`."""
    rows = db.execute(
        "SELECT name, CASE WHEN type = 'table' AND rootpage = 0 THEN 'virtual' ELSE type END FROM sqlite_master"
        " WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    return dict(rows)


def _chosen(kinds: dict[str, str], path: Path, table: str | None) -> str:
    tables = [name for name, kind in kinds.items() if kind == "table"]
    if table is None and len(tables) == 1:
        return tables[0]
    if table is not None and table in tables:
        return table
    if not tables:
        raise CatalogError(
            f"{path} is a database without any table.",
            "A view is not read: put its rows into a table." if kinds else "",
        )
    if table is None:
        raise CatalogError(
            f"{path} has several tables: {format_names(tables)}.", f"Name one behind the file: {path.name}#NAME."
        )
    if table in kinds:
        what = "a view" if kinds[table] == "view" else "a virtual table"
        raise CatalogError(
            f"In {path}, {table} is {what}; only tables are read.",
            f"Its tables: {format_names(tables)}. To read it all the same, put its rows into a table.",
        )
    raise CatalogError(f"{path} has no table {table!r}.", f"It has: {format_names(tables)}.")


def _stored(db: sqlite3.Connection, table: str) -> tuple[tuple[str, ...], str]:
    """The columns of a table that are not computed (https://www.sqlite.org/pragma.html#pragma_table_xinfo)."""
    described = db.execute(f"PRAGMA table_xinfo({_quoted(table)})").fetchall()
    taken = {name.lower() for _, name, *_ in described}
    rowid = next((name for name in _ROWIDS if name not in taken), "")
    if rowid:
        try:
            db.execute(f"SELECT {rowid} FROM {_quoted(table)} LIMIT 0")  # noqa: S608 - a constant and a quoted name
        except sqlite3.OperationalError:
            rowid = ""
    return tuple(name for _, name, *_, hidden in described if hidden in {0, 3}), rowid


def _rows(source: _Source, names: tuple[str, ...]) -> Iterator[Row | BadRow]:
    try:
        with closing(_Reading(source)) as reading:
            for number, values in enumerate(reading.rows(), start=1):
                yield typed_row(number, names, values) if values else BadRow(number, Reason.LONG_VALUE, "")
    except (sqlite3.Error, UnicodeError) as error:
        raise _unreadable(source.path, error) from error


class _Reading:
    """Reads a table as it is stored, and goes on behind a row that is too large to be read.

    A small damaged file may lead round in circles: no table gives more rows, or more text, than its file has bytes.
    """

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._db = _connect(source.path)
        self._left = 2 * sum(file.stat().st_size for file in _files(source.path))
        self._moved = True
        self._db.set_authorizer(_authorize)
        self._db.set_progress_handler(self._stuck, _STEPS)

    def close(self) -> None:
        self._db.close()

    def rows(self) -> Iterator[tuple[object, ...]]:
        """The values of every row; none of one that is too large."""
        columns = ", ".join([self._source.rowid or "NULL", *map(_quoted, self._source.columns)])
        last: int | None = None
        one = False
        while True:
            try:
                for number, *values in self._db.execute(*self._select(columns, last, one=one)):
                    self._count(values)
                    last = number
                    yield tuple(values)
                if not one:
                    return
                one = False
            except sqlite3.DataError:
                # Python reads one row ahead: the row before the one that is too large is lost with it, and read again.
                if one:
                    last = self._number_after(last)
                    yield ()
                one = not one

    def _count(self, values: Sequence[object]) -> None:
        self._moved = True
        self._left -= 1 + sum(len(value) for value in values if isinstance(value, str | bytes))
        if self._left < 0:
            raise sqlite3.DatabaseError("it gives more rows than it holds")

    def _number_after(self, number: int | None) -> int:
        """The number of the row behind the one of this number.

        Raises:
            sqlite3.Error: rows of this table have no numbers.
        """
        if not self._source.rowid:
            raise sqlite3.DatabaseError(f"a value in {self._source.table} is longer than {_MAX_VALUE_BYTES:,} bytes")
        return int(self._db.execute(*self._select(self._source.rowid, number, one=True)).fetchone()[0])

    def _select(self, columns: str, last: int | None, *, one: bool) -> tuple[str, tuple[int, ...]]:
        """The rows behind one, or the next of them; all where rows have no numbers."""
        # Names cannot be parameters. They are the file's own, and quoted.
        sql = f"SELECT {columns} FROM {_quoted(self._source.table)}"  # noqa: S608
        if not self._source.rowid:
            return sql, ()
        behind = "" if last is None else f" WHERE {self._source.rowid} > ?"
        limit = " LIMIT 1" if one else ""
        return f"{sql}{behind} ORDER BY {self._source.rowid}{limit}", () if last is None else (last,)

    def _stuck(self) -> bool:
        """Whether SQLite worked for a long time and no row came; ends the statement."""
        stuck, self._moved = not self._moved, False
        return stuck


def _authorize(action: int, _first: str | None, _second: str | None, _file: str | None, through: str | None) -> int:
    """Reading what is stored is all that is allowed: no function, and nothing by way of a view."""
    reading = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and through is None)
    return sqlite3.SQLITE_OK if reading else sqlite3.SQLITE_DENY


def _files(path: Path) -> list[Path]:
    """The database and its write-ahead log, where there is one."""
    log = path.with_name(path.name + "-wal")
    return [path, log] if log.exists() else [path]


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _unreadable(path: Path, error: Exception) -> CatalogError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return CatalogError(
                f"The database {path} is locked.", "Another program writes to it: try again afterwards."
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN:
            # What the last writer left beside the file has to be written into it first, and it is opened for reading.
            return CatalogError(
                f"The database {path} is in use, or a program that wrote to it was broken off: {error}.",
                "Close the program that uses it, or open and close it there once; then try again.",
            )
        case sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM:
            return CatalogError(
                f"The database {path} cannot be read: {error}.", "Check the disk, and whether you may read it."
            )
    return CatalogError(f"The database {path} cannot be read: {error}.", "Is the file complete?")
