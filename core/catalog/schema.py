"""catalog.db as a file: how it is opened, what tables it has, and which versions are understood."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import CatalogError
from labels.files import make_shared, require_regular

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

# A file of version n has had the first n of these applied to it.
_VERSIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2)


def connect(path: Path) -> sqlite3.Connection:
    """Open catalog.db, making or upgrading it where needed.

    The connection is in autocommit mode: a write goes through `transaction`.

    Raises:
        CatalogError: the file cannot be opened, is not a samesku catalogue, or is of a newer samesku
            (and then has not been touched).
    """
    connection: sqlite3.Connection | None = None
    try:
        require_regular(path)
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
        reason = error.strerror if isinstance(error, OSError) else error
        raise CatalogError(
            f"The catalogue {path} cannot be opened: {reason}.",
            "Is the folder there and writable? catalog.db holds only what was imported: "
            "if the file is damaged, move it away and import again.",
        ) from error
    except CatalogError:
        if connection is not None:
            connection.close()
        raise
    return connection


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


def _version(connection: sqlite3.Connection) -> int:
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    if _understood(connection, path) == len(_VERSIONS):
        return
    with transaction(connection):
        # Another process may have done it while this one waited for the lock.
        done = _understood(connection, path)
        for statements in _VERSIONS[done:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(_VERSIONS)}")


def _understood(connection: sqlite3.Connection, path: Path) -> int:
    version = _version(connection)
    if version > len(_VERSIONS):
        raise CatalogError(
            f"The catalogue {path} was written by a newer samesku (version {version} of its tables).",
            "Upgrade samesku; the file has not been touched.",
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise CatalogError(
            f"{path} is a database, but not a samesku catalogue.",
            "Use another folder with --home, or bring its rows in with `import products`.",
        )
    return version
