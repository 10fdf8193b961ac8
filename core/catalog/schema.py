"""The schema of catalog.db: opening, migrations, and repair of the full-text indexes."""

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

# `key` is an explicit INTEGER PRIMARY KEY, since the full-text index refers to it and SQLite may renumber implicit
# rowids. The index on `source` includes it, and so returns a source's products in import order without sorting.
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

# A prefix index for search as you type: without it, a search for one letter takes a second among a million products.
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

# GTINs, by which equal products of two retailers are found whatever their titles.
_VERSION_3 = (
    "ALTER TABLE products ADD COLUMN gtin TEXT NOT NULL DEFAULT ''",
    "UPDATE products SET gtin = normalize_gtin(upc) WHERE upc <> ''",
    "CREATE INDEX products_by_gtin ON products (gtin, source) WHERE gtin <> ''",
    "CREATE INDEX products_by_id ON products (id)",
)

# Currencies, since only prices in the same currency are compared. And the version of the reader that last imported a
# source, which explains why products changed although their file did not.
_VERSION_4 = (
    "ALTER TABLE products ADD COLUMN currency TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sources ADD COLUMN reader_version INTEGER NOT NULL DEFAULT 0",
)

# Earlier content of listings whose id was reused, or which were removed: labels from that time do not apply to the
# present article. And a random mark that changes with every import, which shows that an index is out of date.
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

# N-grams of text without spaces between words (core.catalog.full_text).
_VERSION_6 = (*full_text.SCHEMA, full_text.index_all_grams)

# The role `both`. SQLite can only change the constraint of a column by making its table again.
_VERSION_7 = (
    """
    CREATE TABLE sources_in_roles (
        name TEXT PRIMARY KEY NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('query', 'catalog', 'both')),
        reader_version INTEGER NOT NULL DEFAULT 0
    )
    """,
    "INSERT INTO sources_in_roles SELECT name, role, reader_version FROM sources",
    "DROP TABLE sources",
    "ALTER TABLE sources_in_roles RENAME TO sources",
)

_Step = str | Callable[[sqlite3.Connection], None]
# A file of version n has had the first n of these migrations.
_VERSIONS: tuple[tuple[_Step, ...], ...] = (
    _VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6, _VERSION_7,
)  # fmt: skip

#: Development versions numbered migration 5 or 6 as 3. Their files lack GTINs; both migrations can be run again.
_GTIN_VERSION = 3

#: Full-text index → its definition.
_INDEXES = {"products_fts": _VERSION_2[1], "grams_fts": full_text.SCHEMA[1]}

#: The hint of errors about a damaged catalogue.
REIMPORT_HINT = (
    "Move this file away and import your products again; no label is lost: they are in labels.db. Only the record of"
    " labelled products that were replaced by others is in this file alone."
)


def connect(path: Path) -> sqlite3.Connection:
    """Open catalog.db, creating or migrating it if necessary.

    The connection is in autocommit mode; writes go through `transaction`.

    Raises:
        CatalogError: the file cannot be opened, is not a samesku catalogue, or was written by a newer version (and is
            left unchanged then).
    """
    connection: sqlite3.Connection | None = None
    try:
        for ending in ("", *COMPANIONS):
            require_regular(path.with_name(path.name + ending))
        make_shared(path)
        # Threads are serialized by the store's lock.
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        # A migration makes a table again that others refer to.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        _upgrade(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        if connection is not None:
            connection.close()
        raise unusable(path, error) from error
    except CatalogError:
        if connection is not None:
            connection.close()
        raise
    return connection


def unusable(path: Path, error: sqlite3.Error | OSError | UnicodeDecodeError) -> CatalogError:
    """The error that a catalogue cannot be read or written, with a hint that depends on the cause."""
    if isinstance(error, OSError):
        if error.errno != errno.EINVAL:
            return CatalogError(
                f"The catalogue {path} cannot be opened: {error.strerror}.",
                files.way_out(error, "Check that the folder exists and is writable."),
            )
        # The file may be one that SQLite keeps beside the database.
        path, reason = Path(error.filename or path), str(error.strerror)
    elif not isinstance(error, UnicodeDecodeError) and (
        isinstance(error, sqlite3.ProgrammingError) or not is_damage(error)
    ):
        return CatalogError(
            f"The catalogue {path} cannot be used: {error}.",
            "Another samesku is importing: try again in a moment."
            if "locked" in str(error)
            else way_out(error, "Run `samesku doctor`."),
        )
    else:
        reason = str(error)
    return CatalogError(f"The catalogue {path} is damaged: {reason}.", REIMPORT_HINT)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed on success, rolled back on any exception. Nested ones join the outer one.

    The write lock is taken at the start, since a transaction that begins with reading cannot wait for the lock later.
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
    """Whether the full-text indexes agree with the products, if they can be checked; 10 ms for 2,000 products."""
    try:
        for index in _INDEXES:
            connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")  # noqa: S608 - our own names
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return not is_damage(error)  # such as a lock of another process that imports
    return True


def rebuild_full_text(connection: sqlite3.Connection) -> None:
    """Rebuild the full-text indexes from the products.

    Raises:
        sqlite3.Error: the products cannot be read, or the file cannot be written.
    """
    with transaction(connection):
        for index, create in _INDEXES.items():
            try:
                connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608 - our own names
            except (sqlite3.DatabaseError, UnicodeDecodeError):
                _drop_full_text(connection, index)
                connection.execute(create)
                connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608 - our own names


def _drop_full_text(connection: sqlite3.Connection, index: str) -> None:
    """Drop a full-text index table by table, since SQLite cannot drop a damaged one."""
    for part in ("data", "idx", "docsize", "config", "content"):
        connection.execute(f"DROP TABLE IF EXISTS {index}_{part}")
    connection.execute("PRAGMA writable_schema = ON")
    try:
        connection.execute("DELETE FROM sqlite_master WHERE type = 'table' AND name = ?", (index,))
    finally:
        connection.execute("PRAGMA writable_schema = RESET")


def is_catalogue(tables: set[str]) -> bool:
    """Whether these table names are those of a catalogue."""
    return tables >= {"sources", "products"}


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    if _checked_version(connection, path) == len(_VERSIONS):
        return
    connection.create_function("normalize_gtin", 1, normalize_gtin, deterministic=True)
    with transaction(connection):
        # Another process may have migrated the file while this one waited for the lock.
        done = _checked_version(connection, path)
        if done == _GTIN_VERSION and not _has_gtins(connection):
            done -= 1
        for statements in _VERSIONS[done:]:
            for step in statements:
                connection.execute(step) if isinstance(step, str) else step(connection)
        connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")


def _has_gtins(connection: sqlite3.Connection) -> bool:
    return any(column == "gtin" for _, column, *_ in connection.execute("PRAGMA table_info(products)"))


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a file; raises CatalogError if it is not a catalogue, or of a newer version."""
    version = _version(connection)
    if version > len(_VERSIONS):
        raise CatalogError(
            f"The catalogue {path} was written by a newer samesku (schema version {version}).",
            "Upgrade samesku; the file was not changed.",
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables if version == 0 else not is_catalogue(tables):
        raise CatalogError(
            f"{path} is a database, but not a samesku catalogue.",
            "Use another folder with --home, or move this file away and import your products again; no label is lost.",
        )
    return version
