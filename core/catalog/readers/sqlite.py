"""A table of an SQLite database, opened for reading only."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from core.catalog.readers.rows import BadRow, Row, Table, typed_row, unique_names
from core.errors import CatalogError


def read_sqlite(path: Path, table: str | None) -> Table:
    """The rows of one table or view, in the database's own order.

    Args:
        path: the database; never written to.
        table: its name; None where there is only one table.

    Raises:
        CatalogError: the database is damaged, or it is not clear which table is meant.
    """
    try:
        with closing(_connect(path)) as db:
            name = _chosen(db, path, table)
            described = db.execute(_select(name) + " LIMIT 0").description
    except (sqlite3.Error, UnicodeError) as error:
        raise _unreadable(path, error) from error
    columns = unique_names(column[0] for column in described)
    return Table(columns, _rows(path, name, columns))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    # The file may come from anywhere: its views and triggers must not call what has side effects.
    db.execute("PRAGMA trusted_schema = OFF")
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return db


def _chosen(db: sqlite3.Connection, path: Path, table: str | None) -> str:
    kinds = dict(
        db.execute(
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        ).fetchall()
    )
    if table is not None and table in kinds:
        return table
    only = [name for name, kind in kinds.items() if kind == "table"] or list(kinds)
    if table is None and len(only) == 1:
        return str(only[0])
    if not kinds:
        raise CatalogError(f"{path} is a database without any table.")
    listed = ", ".join(kinds)
    if table is None:
        raise CatalogError(f"{path} has several tables: {listed}.", "Say which one with --table NAME.")
    raise CatalogError(f"{path} has no table {table!r}.", f"It has: {listed}.")


def _select(table: str) -> str:
    # A name cannot be a parameter. It is one of the file's own, and quoted.
    return 'SELECT * FROM "{}"'.format(table.replace('"', '""'))  # noqa: S608


def _rows(path: Path, table: str, columns: tuple[str, ...]) -> Iterator[Row | BadRow]:
    try:
        with closing(_connect(path)) as db:
            for number, values in enumerate(db.execute(_select(table)), start=1):
                yield typed_row(number, columns, values)
    except (sqlite3.Error, UnicodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> CatalogError:
    return CatalogError(f"The database {path} cannot be read: {error}.", "Is the file complete?")
