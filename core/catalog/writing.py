"""Bringing a source up to date inside a transaction: what is new, what changed, what vanished."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from core.catalog.product import Product
from core.catalog.role import Role
from core.errors import CatalogError

#: What an import makes of a file's text, prices and ids: 1 cleans text, keeps currencies and takes placeholders for
#: missing values. Raised when the same file gives other products.
READER_VERSION = 1

_WRITE = """
INSERT INTO products (source, id, title, brand, category, model, price, upc, gtin, extra, hash, currency)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET
    title = excluded.title, brand = excluded.brand, category = excluded.category, model = excluded.model,
    price = excluded.price, upc = excluded.upc, gtin = excluded.gtin, extra = excluded.extra, hash = excluded.hash,
    currency = excluded.currency
RETURNING key
"""
_VANISHED = "SELECT count(*) FROM products WHERE source = ? AND key NOT IN (SELECT key FROM seen)"
_PRUNE = "DELETE FROM products WHERE source = ? AND key NOT IN (SELECT key FROM seen)"


@dataclass(frozen=True, slots=True)
class ImportCount:
    """What an import did to a source.

    Attributes:
        removed: products taken out because the file no longer has them; 0 unless that was asked for.
        vanished: products that the file no longer has, whether or not they were taken out.
        reader_changed: whether another version of the reader imported the source before: products may count as changed
            although the file is as it was.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    vanished: int = 0
    reader_changed: bool = False


def compare_source(db: sqlite3.Connection, source: str, products: Iterable[Product], *, prune: bool) -> ImportCount:
    """What `replace_source` would do with these products, each with an id of its own. Nothing but `seen` is written."""
    _forget_seen(db)
    added, changed, unchanged = _write_all(db, source, products, dry=True)
    vanished = _scalar(db, _VANISHED, (source,))
    return ImportCount(added, changed, unchanged, vanished if prune else 0, vanished, _has_other_reader(db, source))


def replace_source(
    db: sqlite3.Connection, source: str, role: Role, products: Iterable[Product], *, prune: bool
) -> ImportCount:
    """Make a source hold these products; the caller has begun a transaction.

    What was seen is noted in a temporary table, which SQLite puts on disk when it grows.

    Raises:
        CatalogError: a product of another source.
    """
    _forget_seen(db)
    reader_changed = _has_other_reader(db, source)
    db.execute(
        "INSERT INTO sources (name, role, reader_version) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET role = excluded.role, reader_version = excluded.reader_version",
        (source, role, READER_VERSION),
    )
    added, changed, unchanged = _write_all(db, source, products)
    vanished = _scalar(db, _VANISHED, (source,))
    if prune and vanished:
        db.execute(_PRUNE, (source,))
    return ImportCount(added, changed, unchanged, vanished if prune else 0, vanished, reader_changed)


def _has_other_reader(db: sqlite3.Connection, source: str) -> bool:
    """Whether a source was last imported by another version than this one's."""
    found = db.execute("SELECT reader_version FROM sources WHERE name = ?", (source,)).fetchone()
    return found is not None and found[0] != READER_VERSION


def _forget_seen(db: sqlite3.Connection) -> None:
    db.execute("CREATE TEMP TABLE IF NOT EXISTS seen (key INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM seen")


def _write_all(
    db: sqlite3.Connection, source: str, products: Iterable[Product], *, dry: bool = False
) -> tuple[int, int, int]:
    """How many are new, changed, as before; `dry` counts them only."""
    added = changed = unchanged = 0
    for product in products:
        if product.source != source:
            raise CatalogError(f"A product of {product.source!r} was given for the source {source!r}.")
        extra = json.dumps(product.extra, ensure_ascii=False, sort_keys=True)
        digest = _digest(product, extra)
        before = db.execute(
            "SELECT key, hash, key IN (SELECT key FROM seen) FROM products WHERE source = ? AND id = ?",
            (source, product.id),
        ).fetchone()
        if before is not None and before[2]:
            continue
        key = None if before is None else before[0]
        same = before is not None and before[1] == digest
        unchanged += same
        added += before is None
        changed += before is not None and not same
        if not same and not dry:
            key = _scalar(db, _WRITE, _columns(product, extra, digest))
        if key is not None:
            db.execute("INSERT INTO seen (key) VALUES (?)", (key,))
    return added, changed, unchanged


def _columns(product: Product, extra: str, digest: str) -> tuple[str | float | None, ...]:
    return (
        product.source,
        product.id,
        product.title,
        product.brand,
        product.category,
        product.model,
        product.price,
        product.upc,
        product.gtin,
        extra,
        digest,
        product.currency,
    )


def _digest(product: Product, extra: str) -> str:
    """A fingerprint of all that a listing says; the id is not in it, it is the key."""
    said = [product.title, product.brand, product.category, product.model, product.price, product.upc, extra]
    if product.currency:
        # Left out where there is none: what earlier versions imported keeps its fingerprint.
        said.append(product.currency)
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


def _scalar(db: sqlite3.Connection, sql: str, values: Sequence[str | float | None]) -> int:
    # All rows are fetched: a statement with RETURNING is not over before its last row is read.
    return int(db.execute(sql, values).fetchall()[0][0])
