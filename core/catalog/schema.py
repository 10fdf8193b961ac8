"""catalog.db as a file: how it is opened, what tables it has, and which versions are understood."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.catalog import full_text
from core.catalog.gtin import normalize_gtin
from core.errors import CatalogError
from core.sqlite_cache import is_damage
from labels import files
from labels.database import way_out
from labels.files import make_shared, require_regular
from labels.quarantine import COMPANIONS

# The key is an explicit INTEGER PRIMARY KEY: the full-text index points at it, and SQLite may renumber
# implicit rowids. The index over `source` alone carries the key too, so it gives a source's products
# in the order of their import without sorting.
_VERSION_1 = (
    """
    CREATE TABLE sources (
        name TEXT PRIMARY KEY NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('query', 'catalog'))
    )
    """,
    """
    CREATE TABLE products (
        key INTEGER PRIMARY KEY,
        source TEXT NOT NULL REFERENCES sources (name),
        id TEXT NOT NULL,
        title TEXT NOT NULL,
        brand TEXT NOT NULL,
        category TEXT NOT NULL,
        model TEXT NOT NULL,
        price REAL,
        upc TEXT NOT NULL,
        extra TEXT NOT NULL,
        hash TEXT NOT NULL,
        UNIQUE (source, id)
    )
    """,
    "CREATE INDEX products_by_source ON products (source)",
    """
    CREATE VIRTUAL TABLE products_fts USING fts5 (
        title, brand, model, category,
        content = 'products', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TRIGGER products_added AFTER INSERT ON products BEGIN
        INSERT INTO products_fts (rowid, title, brand, model, category)
        VALUES (new.key, new.title, new.brand, new.model, new.category);
    END
    """,
    """
    CREATE TRIGGER products_removed AFTER DELETE ON products BEGIN
        INSERT INTO products_fts (products_fts, rowid, title, brand, model, category)
        VALUES ('delete', old.key, old.title, old.brand, old.model, old.category);
    END
    """,
    """
    CREATE TRIGGER products_changed AFTER UPDATE OF title, brand, model, category ON products BEGIN
        INSERT INTO products_fts (products_fts, rowid, title, brand, model, category)
        VALUES ('delete', old.key, old.title, old.brand, old.model, old.category);
        INSERT INTO products_fts (rowid, title, brand, model, category)
        VALUES (new.key, new.title, new.brand, new.model, new.category);
    END
    """,
)

# Who searches as they type begins with one letter: without an index of beginnings, every word that begins with it
# would be read first, a second's work among a million products.
_VERSION_2 = (
    "DROP TABLE products_fts",
    """
    CREATE VIRTUAL TABLE products_fts USING fts5 (
        title, brand, model, category,
        content = 'products', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
    )
    """,
    "INSERT INTO products_fts (products_fts) VALUES ('rebuild')",
)

# Products of two retailers that carry one trade item number are found by it, whatever their titles say.
_VERSION_3 = (
    "ALTER TABLE products ADD COLUMN gtin TEXT NOT NULL DEFAULT ''",
    "UPDATE products SET gtin = normalize_gtin(upc) WHERE upc <> ''",
    "CREATE INDEX products_by_gtin ON products (gtin, source) WHERE gtin <> ''",
    "CREATE INDEX products_by_id ON products (id)",
)

# Two prices are compared where they are of one currency. What an import makes of a file's text changes now and then:
# the version that last imported a source tells why products changed although their file did not.
_VERSION_4 = (
    "ALTER TABLE products ADD COLUMN currency TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sources ADD COLUMN reader_version INTEGER NOT NULL DEFAULT 0",
)

# What a listing said while its id was of another article, or before it was removed: labels given then say nothing of
# what is there now. And a mark of the content, another one after every change, by which an index run is known to be
# out of date.
_VERSION_5 = (
    """
    CREATE TABLE IF NOT EXISTS former_articles (
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        until REAL NOT NULL,
        title TEXT NOT NULL,
        brand TEXT NOT NULL,
        model TEXT NOT NULL,
        upc TEXT NOT NULL,
        PRIMARY KEY (source, id, until)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS content (id INTEGER PRIMARY KEY CHECK (id = 1), mark TEXT NOT NULL)",
)

# Words inside runs that are written without spaces (core.catalog.full_text).
_VERSION_6 = (*full_text.SCHEMA, full_text.index_all_grams)

_Step = str | Callable[[sqlite3.Connection], None]
# A file of version n has had the first n of these applied to it.
_VERSIONS: tuple[tuple[_Step, ...], ...] = (
    _VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6,
)  # fmt: skip


#: The full-text indexes, and how each is made.
_INDEXES = {"products_fts": _VERSION_2[1], "grams_fts": full_text.SCHEMA[1]}

#: The way out of a damaged catalogue.
REIMPORT_HINT = (
    "Move this file away and import your products again; nothing of the labels is lost: they are in labels.db. Only"
    " which labelled products were replaced by others stands nowhere else."
)


def connect(path: Path) -> sqlite3.Connection:
    """Open catalog.db, making or upgrading it where needed.

    The connection is in autocommit mode: a write goes through `transaction`.

    Raises:
        CatalogError: the file cannot be opened, is not a samesku catalogue, or is of a newer samesku
            (and then has not been touched).
    """
    connection: sqlite3.Connection | None = None
    try:
        for ending in ("", *COMPANIONS):
            require_regular(path.with_name(path.name + ending))
        make_shared(path)
        # Threads take turns through the store's own lock.
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        _upgrade(connection, path)
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        raise unusable(path, error) from error
    except CatalogError:
        if connection is not None:
            connection.close()
        raise
    return connection


def unusable(path: Path, error: sqlite3.Error | OSError) -> CatalogError:
    """Why a catalogue cannot be read or written, and the way out: only an import can make it again."""
    if isinstance(error, OSError):
        if error.errno != errno.EINVAL:
            return CatalogError(
                f"The catalogue {path} cannot be opened: {error.strerror}.",
                files.way_out(error, "Is the folder there and writable?"),
            )
        # It may be a file that SQLite keeps beside the database.
        path, reason = Path(error.filename or path), str(error.strerror)
    elif isinstance(error, sqlite3.ProgrammingError) or not is_damage(error):
        return CatalogError(
            f"The catalogue {path} cannot be used: {error}.",
            "Another samesku is importing: try again in a moment."
            if "locked" in str(error)
            else way_out(error, "`samesku doctor` tells more."),
        )
    else:
        reason = str(error)
    return CatalogError(f"The catalogue {path} is damaged: {reason}.", REIMPORT_HINT)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside is there afterwards, or, after any exception, none of it.

    The write lock is taken at once: a transaction that begins by reading fails outright when it wants
    to write while another process does, instead of waiting its turn. Inside another one it is a part of that.
    """
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def full_text_is_intact(connection: sqlite3.Connection) -> bool:
    """Whether the full-text index says what the products say, as far as it can be looked at; 10 ms for 2,000."""
    try:
        for index in _INDEXES:
            connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")  # noqa: S608 - our own names
    except sqlite3.DatabaseError as error:
        return not is_damage(error)  # another process imports
    return True


def rebuild_full_text(connection: sqlite3.Connection) -> None:
    """Make the full-text indexes again from the products.

    Raises:
        sqlite3.Error: the products cannot be read, or the file cannot be written.
    """
    with transaction(connection):
        for index, create in _INDEXES.items():
            try:
                connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608 - our own names
            except sqlite3.DatabaseError:
                _drop_full_text(connection, index)
                connection.execute(create)
                connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608 - our own names


def _drop_full_text(connection: sqlite3.Connection, index: str) -> None:
    """Drop a full-text index table by table: SQLite itself drops none that it cannot open."""
    for part in ("data", "idx", "docsize", "config", "content"):
        connection.execute(f"DROP TABLE IF EXISTS {index}_{part}")
    connection.execute("PRAGMA writable_schema = ON")
    try:
        connection.execute("DELETE FROM sqlite_master WHERE type = 'table' AND name = ?", (index,))
    finally:
        connection.execute("PRAGMA writable_schema = RESET")


def is_catalogue(tables: set[str]) -> bool:
    """Whether a database with tables of these names is a catalogue."""
    return tables >= {"sources", "products"}


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    if _understood(connection, path) == len(_VERSIONS):
        return
    connection.create_function("normalize_gtin", 1, normalize_gtin, deterministic=True)
    with transaction(connection):
        # Another process may have done it while this one waited for the lock.
        done = _understood(connection, path)
        for statements in _VERSIONS[done:]:
            for step in statements:
                connection.execute(step) if isinstance(step, str) else step(connection)
        connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")


def _understood(connection: sqlite3.Connection, path: Path) -> int:
    version = _version(connection)
    if version > len(_VERSIONS):
        raise CatalogError(
            f"The catalogue {path} was written by a newer samesku (version {version} of its tables).",
            "Upgrade samesku; the file has not been touched.",
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables if version == 0 else not is_catalogue(tables):
        raise CatalogError(
            f"{path} is a database, but not a samesku catalogue.",
            "Use another folder with --home, or move this file away and import your products again;"
            " nothing of the labels is lost.",
        )
    return version
