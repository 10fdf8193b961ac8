"""The products of a workspace: catalog.db, which can be imported into, listed and searched."""

import errno
import json
import math
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from core.catalog.full_text import (
    Range,
    grams_expression,
    gtin_ranges,
    id_ranges,
    looks_like_identifier,
    match_expression,
    ranked,
    search_words,
)
from core.catalog.product import MAX_LISTINGS, Product, Role, as_role
from core.catalog.schema import connect, full_text_is_intact, rebuild_full_text, transaction, unusable
from core.catalog.upsert import ImportCount, ImportRules, compare_source, replace_source
from core.errors import CatalogError
from core.sqlite_cache import is_damage
from labels.model import ProductRef
from labels.quarantine import identity

__all__ = ["CatalogStore", "FormerArticle", "ImportCount", "ImportRules", "Source"]

Found = TypeVar("Found")

_PAGE = 1000
_CHUNK = 500

_ONE_PAGE = """
SELECT key, source, id, title, brand, category, model, price, upc, extra, currency FROM products
WHERE source = ? AND key > ? ORDER BY key LIMIT ?
"""
_BY_IDS = """
SELECT key, source, id, title, brand, category, model, price, upc, extra, currency FROM products
WHERE source = ? AND id IN (SELECT value FROM json_each(?))
"""
# No order: the index is read only as far as there are enough, however many there are.
_SEARCH = """
SELECT key, source, id, p.title, p.brand, p.category, p.model, price, upc, extra, currency
FROM products_fts JOIN products AS p ON p.key = products_fts.rowid
WHERE products_fts MATCH ? AND (? IS NULL OR source IN (SELECT name FROM sources WHERE role = ?)) LIMIT ?
"""
_IN_RANGES = """
SELECT p.key, source, p.id, title, brand, category, model, price, upc, extra, currency
FROM json_each(?) AS range
JOIN products AS p ON p.{column} >= json_extract(range.value, '$[0]') AND p.{column} < json_extract(range.value, '$[1]')
WHERE p.{column} <> '' AND (? IS NULL OR source IN (SELECT name FROM sources WHERE role = ?)) LIMIT ?
"""
_BY_ID = _IN_RANGES.format(column="id")
# The index has only products with a GTIN, and SQLite takes it only where the condition says so.
_BY_GTIN = _IN_RANGES.format(column="gtin")
# A GTIN on too many listings of one source is a default that somebody typed.
_SHARED_GTINS = """
SELECT source, id, gtin FROM products WHERE gtin IN
    (SELECT gtin FROM products WHERE gtin <> '' GROUP BY gtin HAVING count(*) > 1)
AND gtin NOT IN (SELECT gtin FROM products WHERE gtin <> '' GROUP BY gtin, source HAVING count(*) > ?)
"""
_WITH_SAME_GTIN = """
WITH wanted AS (
    SELECT DISTINCT gtin FROM json_each(?) AS j JOIN products AS p
        ON (p.source, p.id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
    WHERE gtin <> ''
)
SELECT source, id FROM products WHERE gtin <> '' AND gtin IN (
    SELECT gtin FROM wanted WHERE NOT EXISTS (
        SELECT 1 FROM products AS p WHERE p.gtin <> '' AND p.gtin = wanted.gtin GROUP BY p.source HAVING count(*) > ?
    )
)
"""
_SEARCH_INSIDE = _SEARCH.replace("products_fts", "grams_fts")
#: So many are read and put in order. Whoever finds more than that types another word.
_RANKED = 300

_KEYS_HOLDING = "SELECT rowid FROM products_fts WHERE products_fts MATCH ? LIMIT ?"
_KEYS_INSIDE = "SELECT rowid FROM grams_fts WHERE grams_fts MATCH ? LIMIT ?"
_BY_KEYS = "SELECT source, p.id FROM json_each(?) AS j JOIN products AS p ON p.key = j.value"
_BY_START = "SELECT source, id FROM products WHERE source = ? AND id >= ? AND id < ? LIMIT ?"
_TITLES = """
SELECT p.source, p.id, p.title FROM json_each(?) AS j JOIN products AS p
    ON (p.source, p.id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A retailer's catalogue, and how many products of it there are."""

    name: str
    role: Role
    products: int


@dataclass(frozen=True, slots=True)
class FormerArticle:
    """What a listing said before its id went to another article, or before it was removed.

    Attributes:
        until: when it said so last, in seconds since the epoch.
        product: title, brand, model number and UPC; nothing else was kept.
    """

    until: float
    product: Product


class CatalogStore:
    """catalog.db. Threads may share one store: they take turns.

    Every method raises CatalogError when the file cannot be read or written, and when another process
    has kept it locked for more than five seconds.

    Args:
        path: the file; made where it is not there yet.

    Raises:
        CatalogError: not a samesku catalogue, or one of a newer samesku (left untouched).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = connect(path)
        self._opened = identity(path)

    def close(self) -> None:
        """Let go of the file. Closing twice is no error."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def replace(
        self,
        source: str,
        role: Role,
        products: Iterable[Product],
        *,
        prune: bool = False,
        rules: ImportRules | None = None,
    ) -> ImportCount:
        """Make a source hold these products; only what differs from before is written.

        All in one transaction: an exception, also one out of `products`, leaves everything as it was.
        Of two products with one id the first stays.

        Args:
            source: name of the retailer; every product must carry it.
            role: which side of a pair they are on.
            products: read once, one after the other, and never held in memory.
            prune: take out the products that are in the source but not in `products`.
            rules: what may be done to a source that is there; the defaults if None.

        Raises:
            CatalogError: an unknown role, a product of another source, or the rules forbid it.
        """
        as_role(role)
        with self._guarded() as db, transaction(db):
            return replace_source(db, source, role, products, rules or ImportRules(), prune=prune)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is replaced inside is there afterwards, or, after any exception, none of it."""
        with self._guarded() as db, transaction(db):
            yield

    def compare(
        self,
        source: str,
        role: Role,
        products: Iterable[Product],
        *,
        prune: bool = False,
        rules: ImportRules | None = None,
    ) -> ImportCount:
        """What `replace` would do, told by reading alone: nobody else has to wait. A large prune is only counted.

        Args:
            source: name of the retailer; every product must carry it.
            role: which side of a pair they would be on.
            products: read once; each with an id of its own.
            prune: count what is not in `products` as taken out.
            rules: as for `replace`.

        Raises:
            CatalogError: an unknown role, a product of another source, or a role that the rules do not let change.
        """
        as_role(role)
        with self._guarded() as db:
            return compare_source(db, source, role, products, rules or ImportRules(), prune=prune)

    def role_of(self, source: str) -> Role | None:
        """The role of a source; None where there is no such source."""
        return next((each.role for each in self.sources() if each.name == source), None)

    def other_side_currencies(self, role: Role) -> frozenset[str]:
        """The currencies of the prices on the other side of pairs; an empty one where a price names none."""
        with self._guarded() as db:
            rows = db.execute(
                "SELECT DISTINCT currency FROM products JOIN sources ON name = source"
                " WHERE role != ? AND price IS NOT NULL",
                [role],
            )
            return frozenset(_text(currency) for (currency,) in rows)

    @property
    def mark(self) -> str:
        """Another text after every import that changed something; empty before the first."""
        with self._guarded() as db:
            row = db.execute("SELECT mark FROM content").fetchone()
        return _text(row[0]) if row else ""

    def digests(self) -> dict[ProductRef, tuple[Role, str]]:
        """Role and fingerprint of every product."""
        with self._guarded() as db:
            rows = db.execute("SELECT source, p.id, role, hash FROM products AS p JOIN sources ON name = source")
            return {ProductRef(source, id_): (role, digest) for source, id_, role, digest in rows}

    def former_articles(self) -> dict[ProductRef, list[FormerArticle]]:
        """By product, the other articles that its id was of before, oldest first; of most products there are none."""
        found: dict[ProductRef, list[FormerArticle]] = {}
        with self._guarded() as db:
            for source, id_, until, title, brand, model, upc in db.execute(
                "SELECT source, id, until, title, brand, model, upc FROM former_articles ORDER BY until"
            ):
                product = Product(
                    _text(source), _text(id_), _text(title), _text(brand), "", _text(model), None, _text(upc)
                )
                found.setdefault(product.ref, []).append(FormerArticle(float(until), product))
        return found

    def missing(self, refs: Iterable[ProductRef]) -> set[ProductRef]:
        """Those of the products that are not there."""
        wanted = set(refs)
        return wanted - self.titles(wanted).keys()

    def get(self, ref: ProductRef) -> Product | None:
        """The product, or None where there is none."""
        return self.get_many([ref]).get(ref)

    def get_many(self, refs: Iterable[ProductRef]) -> dict[ProductRef, Product]:
        """The products that are there, in the order asked for; the others are left out."""
        wanted = list(dict.fromkeys(ProductRef(*ref) for ref in refs))
        ids_by_source: dict[str, list[str]] = {}
        for ref in wanted:
            ids_by_source.setdefault(ref.source, []).append(ref.id)
        found: dict[ProductRef, Product] = {}
        for source, ids in ids_by_source.items():
            if not _storable(source):
                continue
            for start in range(0, len(ids), _CHUNK):
                for product in self._products(_BY_IDS, (source, json.dumps(ids[start : start + _CHUNK]))):
                    found[product.ref] = product
        return {ref: found[ref] for ref in wanted if ref in found}

    def iter(self, *, role: Role | None = None, source: str | None = None) -> Iterator[Product]:
        """Every product, by source and then in the order of import.

        Read page by page, so that a slow consumer never keeps others from writing; what is imported
        meanwhile may or may not be seen.
        """
        for each in self.sources():
            if (role is None or each.role == role) and (source is None or each.name == source):
                yield from self._pages(each.name)

    def shared_gtins(self) -> dict[ProductRef, str]:
        """The GTINs that several products carry, by product; without those on too many listings of one source."""
        with self._guarded() as db:
            rows = db.execute(_SHARED_GTINS, (MAX_LISTINGS,)).fetchall()
        return {ProductRef(source, id_): gtin for source, id_, gtin in rows}

    def with_same_gtin(self, refs: Iterable[ProductRef]) -> frozenset[ProductRef]:
        """All products that carry the GTIN of one of these, these included; likewise."""
        with self._guarded() as db:
            rows = db.execute(_WITH_SAME_GTIN, (json.dumps(list(dict.fromkeys(refs))), MAX_LISTINGS)).fetchall()
        return frozenset(ProductRef(*map(_text, row)) for row in rows)

    @property
    def is_empty(self) -> bool:
        """Whether there is no product at all."""
        with self._guarded() as db:
            return db.execute("SELECT 1 FROM products LIMIT 1").fetchone() is None

    def count(self, role: Role | None = None) -> int:
        """How many products there are, of one role or of both."""
        return sum(each.products for each in self.sources() if role is None or each.role == role)

    def sources(self) -> list[Source]:
        """The sources by name, with their numbers of products."""
        with self._guarded() as db:
            rows = db.execute(
                "SELECT name, role, (SELECT count(*) FROM products WHERE source = name) FROM sources ORDER BY name"
            ).fetchall()
        return [Source(name, as_role(role), products) for name, role, products in rows]

    @property
    def has_shared_roles(self) -> bool:
        """Whether a role has several sources with products, so that an id may be of more than one product."""
        roles = [each.role for each in self.sources() if each.products]
        return len(set(roles)) < len(roles)

    def search(self, text: str, role: Role | None = None, limit: int = 20) -> list[Product]:
        """The products that hold every word of the text, best first; the last word may be unfinished.

        Searches title, brand, model and category, and the beginnings of ids and GTINs. The product with exactly this
        id or GTIN comes first. Any text will do: quotes, brackets and operators are looked for like everything else,
        or ignored. Where very many are found, the best of those that were imported first. Of a `role`, only the
        sources in it are searched.
        """
        expression = match_expression(text)
        if not expression:
            return []
        worded = self._worded(text, expression, role, limit)
        numbered = self._numbered(text, role, max(limit, 0))
        found = [*numbered, *worded] if looks_like_identifier(text) else [*worded, *numbered]
        exact = {text.strip(), *(start for start, _ in gtin_ranges(text))}
        found.sort(key=lambda product: not {product.id, product.gtin} & exact)
        return list({product.ref: product for product in found}.values())[: max(limit, 0)]

    def _worded(self, text: str, expression: str, role: Role | None, limit: int) -> list[Product]:
        """The products that hold the words of the text, best first."""
        rest = (role, role, max(limit, _RANKED))
        found = self._mended(lambda: self._products(_SEARCH, (expression, *rest)))
        if inside := grams_expression(search_words(text)):
            # Of what is in both, the catalogue's index comes first.
            found += self._mended(lambda: self._products(_SEARCH_INSIDE, (inside, *rest)))
        return ranked({product.ref: product for product in found}.values(), text)

    def _numbered(self, text: str, role: Role | None, limit: int) -> list[Product]:
        """The products whose id or GTIN begins with the text."""

        def within(sql: str, ranges: list[Range]) -> list[Product]:
            return self._products(sql, (json.dumps(ranges), role, role, limit)) if ranges else []

        return [*within(_BY_GTIN, gtin_ranges(text)), *within(_BY_ID, id_ranges(text))]

    def holding(self, word: str, most: int) -> list[ProductRef] | None:
        """All products whose title has a word that begins like this, or whose id does; None for more than `most`.

        Among them may be others that have it elsewhere, where it is written without spaces.
        """
        expression = match_expression(word)
        return self._mended(lambda: self._holding(word, expression, most)) if expression else []

    def _holding(self, word: str, expression: str, most: int) -> list[ProductRef] | None:
        with self._guarded() as db:
            keys = set(db.execute(_KEYS_HOLDING, (f"title : ({expression})", most + 1)))
            if inside := grams_expression(search_words(word)):
                # Wherever the product has it: a few more than asked for.
                keys.update(db.execute(_KEYS_INSIDE, (inside, most + 1)))
            if len(keys) > most:
                return None
            found = db.execute(_BY_KEYS, (json.dumps([key for (key,) in keys]),)).fetchall()
            for (source,) in db.execute("SELECT name FROM sources").fetchall():
                for start in {word, word.upper(), word.lower()}:
                    found += db.execute(_BY_START, (source, start, start + "\U0010ffff", most + 1)).fetchall()
            return [ProductRef(*map(_text, row)) for row in found] if len(found) <= most else None

    def repair_search(self) -> bool:
        """Make the full-text index again if it does not say what the products say. Returns whether it was damaged."""
        with self._guarded() as db:
            if full_text_is_intact(db):
                return False
            rebuild_full_text(db)
            return True

    def _mended(self, search: Callable[[], Found]) -> Found:
        """What is found by the full-text index, which is made again where it is damaged."""
        try:
            return search()
        except CatalogError as error:
            if not (isinstance(error.__cause__, sqlite3.Error) and is_damage(error.__cause__)):
                raise
            with self._guarded() as db:
                rebuild_full_text(db)
            return search()

    def titles(self, refs: Iterable[ProductRef]) -> dict[ProductRef, str]:
        """The titles of the products that are there; cheaper than the products themselves."""
        with self._guarded() as db:
            rows = db.execute(_TITLES, (json.dumps(list(dict.fromkeys(refs))),))
            return {ProductRef(*map(_text, row[:2])): _text(row[2]) for row in rows}

    def _pages(self, source: str) -> Iterator[Product]:
        last = -1
        while True:
            with self._guarded() as db:
                rows = db.execute(_ONE_PAGE, (source, last, _PAGE)).fetchall()
                products = [_product(row) for row in rows]
            if not rows:
                return
            last = rows[-1][0]
            yield from products

    def _products(self, sql: str, values: Sequence[str | int | None]) -> list[Product]:
        with self._guarded() as db:
            return [_product(row) for row in db.execute(sql, values).fetchall()]

    def _follow(self) -> None:
        """Open the file again where another one has taken its place: the damaged one was moved away, for instance.

        Where that fails, the next use tries again.
        """
        there = identity(self.path)
        if self._opened is not None and (there in {None, self._opened} or self._connection.in_transaction):
            return
        if there is None:  # an empty one must not be made in its place
            raise unusable(self.path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        self._connection.close()
        self._opened = None
        self._connection = connect(self.path)
        self._opened = there

    @contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._follow()
                yield self._connection
            except sqlite3.Error as error:
                raise unusable(self.path, error) from error


def _product(row: Sequence[Any]) -> Product:
    """A row as a product.

    Raises:
        sqlite3.DatabaseError: it holds what no import writes.
    """
    _, source, key, title, brand, category, model, price, upc, written, currency = row
    try:
        extra = json.loads(written)
    except (ValueError, TypeError, RecursionError) as error:
        raise sqlite3.DatabaseError("a product has attributes that are no JSON") from error
    if not isinstance(extra, dict):
        raise sqlite3.DatabaseError("a product has attributes that are no JSON object")
    for text in (source, key, title, brand, category, model, upc, currency, *extra.values()):
        _text(text)
    if not (price is None or (isinstance(price, float) and math.isfinite(price))):
        raise sqlite3.DatabaseError("a product has a price that is none")
    return Product(source, key, title, brand, category, model, price, upc, extra, currency)


def _text(value: object) -> str:
    """A value that is text.

    Raises:
        sqlite3.DatabaseError: it is not.
    """
    if not isinstance(value, str):
        raise sqlite3.DatabaseError("a product has a field that is no text")
    return value


def _storable(text: str) -> bool:
    """Whether SQLite can hold the text at all: half of a surrogate pair has no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
