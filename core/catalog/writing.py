"""Bringing a source up to date inside a transaction: what is new, what changed, what vanished."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from core.catalog.grams import note_grams
from core.catalog.product import Product
from core.catalog.role import Role
from core.errors import CatalogError

_WRITE = """
INSERT INTO products (source, id, title, brand, category, model, price, upc, extra, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET
    title = excluded.title, brand = excluded.brand, category = excluded.category, model = excluded.model,
    price = excluded.price, upc = excluded.upc, extra = excluded.extra, hash = excluded.hash
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
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    vanished: int = 0


def compare_source(db: sqlite3.Connection, source: str, products: Iterable[Product], *, prune: bool) -> ImportCount:
    """What `replace_source` would do with these products, each with an id of its own. Nothing but `seen` is written."""
    _forget_seen(db)
    added, changed, unchanged = _write_all(db, source, products, dry=True)
    vanished = _scalar(db, _VANISHED, (source,))
    return ImportCount(added, changed, unchanged, vanished if prune else 0, vanished)


def replace_source(
    db: sqlite3.Connection, source: str, role: Role, products: Iterable[Product], *, prune: bool
) -> ImportCount:
    """Make a source hold these products; the caller has begun a transaction.

    What was seen is noted in a temporary table, which SQLite puts on disk when it grows.

    Raises:
        CatalogError: a product of another source.
    """
    _forget_seen(db)
    db.execute(
        "INSERT INTO sources (name, role) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET role = excluded.role",
        (source, role),
    )
    added, changed, unchanged = _write_all(db, source, products)
    vanished = _scalar(db, _VANISHED, (source,))
    if prune and vanished:
        db.execute(_PRUNE, (source,))
    return ImportCount(added, changed, unchanged, vanished if prune else 0, vanished)


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
            note_grams(db, key, (product.title, product.brand, product.model, product.category))
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
        extra,
        digest,
    )


def _digest(product: Product, extra: str) -> str:
    """A fingerprint of all that a listing says; the id is not in it, it is the key."""
    said = (product.title, product.brand, product.category, product.model, product.price, product.upc, extra)
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


def _scalar(db: sqlite3.Connection, sql: str, values: Sequence[str | float | None]) -> int:
    # All rows are fetched: a statement with RETURNING is not over before its last row is read.
    return int(db.execute(sql, values).fetchall()[0][0])
