"""The store of products, catalog.db: import, iteration, look-up and search."""

import errno
import json
import math
import os
import sqlite3
import sys
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
    rank_products,
    search_words,
)
from core.catalog.product import MAX_LISTINGS, SIDES, DefaultGtins, Product, Role, as_role, has_role
from core.catalog.schema import connect, full_text_is_intact, rebuild_full_text, transaction, unusable
from core.catalog.upsert import ImportCount, ImportRules, compare_source, replace_source
from core.errors import CatalogError
from core.sqlite_cache import is_damage
from labels.model import ProductRef
from labels.quarantine import identity

__all__ = ["CatalogStore", "FormerArticle", "ImportCount", "ImportRules", "Source"]

Found = TypeVar("Found")

#: Products per page of an iteration.
_PAGE_SIZE = 1000
#: Ids per query of a look-up.
_CHUNK_SIZE = 500
#: Results of the full-text index that are ranked.
_MAX_RANKED = 300

_ONE_PAGE = """
SELECT key, source, id, title, brand, category, model, price, upc, extra, currency, hash FROM products
WHERE source = ? AND key > ? ORDER BY key LIMIT ?
"""
_BY_IDS = """
SELECT key, source, id, title, brand, category, model, price, upc, extra, currency FROM products
WHERE source = ? AND id IN (SELECT value FROM json_each(?))
"""
# Without ORDER BY, so that the index is read only until the limit is reached.
_SEARCH = """
SELECT key, source, id, p.title, p.brand, p.category, p.model, price, upc, extra, currency
FROM products_fts JOIN products AS p ON p.key = products_fts.rowid
WHERE products_fts MATCH ? AND (? IS NULL OR source IN (SELECT name FROM sources WHERE role IN (?, 'both'))) LIMIT ?
"""
_IN_RANGES = """
SELECT p.key, source, p.id, title, brand, category, model, price, upc, extra, currency
FROM json_each(?) AS range
JOIN products AS p ON p.{column} >= json_extract(range.value, '$[0]') AND p.{column} < json_extract(range.value, '$[1]')
WHERE p.{column} <> '' AND (? IS NULL OR source IN (SELECT name FROM sources WHERE role IN (?, 'both'))) LIMIT ?
"""
_BY_ID = _IN_RANGES.format(column="id")
# The condition `gtin <> ''` lets SQLite use the partial index on GTINs.
_BY_GTIN = _IN_RANGES.format(column="gtin")
# Without GTINs on too many listings of a source, which are default values.
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
_DEFAULT_GTINS = """
SELECT source, gtin FROM products WHERE gtin <> '' AND (:gtins IS NULL OR gtin IN (SELECT value FROM json_each(:gtins)))
GROUP BY gtin, source HAVING count(*) > :most
"""
_SEARCH_GRAMS = _SEARCH.replace("products_fts", "grams_fts")

_KEYS_BY_WORD = "SELECT rowid FROM products_fts WHERE products_fts MATCH ? LIMIT ?"
_KEYS_BY_GRAMS = "SELECT rowid FROM grams_fts WHERE grams_fts MATCH ? LIMIT ?"
_BY_KEYS = "SELECT source, p.id FROM json_each(?) AS j JOIN products AS p ON p.key = j.value"
_BY_ID_PREFIX = "SELECT source, id FROM products WHERE source = ? AND id >= ? AND id < ? LIMIT ?"
_TITLES = """
SELECT p.source, p.id, p.title FROM json_each(?) AS j JOIN products AS p
    ON (p.source, p.id) = (json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'))
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A retailer's catalogue and its number of products."""

    name: str
    role: Role
    products: int


@dataclass(frozen=True, slots=True)
class FormerArticle:
    """Earlier content of a listing whose id was reused for another article, or which was removed.

    Attributes:
        until: when it was replaced, in seconds since the epoch.
        product: with title, brand, model number and UPC only.
    """

    until: float
    product: Product


class CatalogStore:
    """catalog.db. Thread-safe: a lock serializes all access.

    Every method raises CatalogError if the file cannot be read or written, or if another process has it locked for more
    than five seconds.

    Args:
        path: the file; created if missing.

    Raises:
        CatalogError: the file is not a samesku catalogue, or was written by a newer version (and is left unchanged).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = connect(path)
        self._opened = identity(path)

    def close(self) -> None:
        """Close the file; may be called twice."""
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
        """Insert or update the products of a source, in one transaction; unchanged products are not written.

        Any exception, also one raised by `products`, leaves the catalogue unchanged. Of products with the same id the
        first counts.

        Args:
            source: the retailer's name, the same in every product.
            role: the source's side of pairs.
            products: iterated once, and not held in memory.
            prune: remove products of the source that are not in `products`.
            rules: restrictions on an existing source; the defaults if None.

        Raises:
            CatalogError: the role is unknown, a product has another source, or the rules forbid the change.
        """
        as_role(role)
        with self._guarded() as db, transaction(db):
            return replace_source(db, source, role, products, rules or ImportRules(), prune=prune)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction for several calls of `replace`."""
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
        """What `replace` would change, without a write lock. A large prune is counted, not refused.

        Arguments and errors are those of `replace`; the ids in `products` must be distinct.
        """
        as_role(role)
        with self._guarded() as db:
            return compare_source(db, source, role, products, rules or ImportRules(), prune=prune)

    def role_of(self, source: str) -> Role | None:
        """The role of a source; None if there is no such source."""
        return self._roles().get(source)

    def other_side_currencies(self, role: Role, source: str) -> dict[str, frozenset[str]]:
        """Currencies of the prices in the other role, by source; the empty text for prices without one.

        Args:
            role: that of the source; with both roles, all other sources are its other side.
            source: left out, as a preview of another role has not changed what is stored.
        """
        with self._guarded() as db:
            rows = db.execute(
                "SELECT DISTINCT source, currency FROM products JOIN sources ON name = source"
                " WHERE (role != :role OR role = 'both') AND source != :source AND price IS NOT NULL ORDER BY source",
                {"role": role, "source": source},
            )
            found: dict[str, set[str]] = {}
            for name, currency in rows:
                found.setdefault(_text(name), set()).add(_text(currency))
            return {name: frozenset(currencies) for name, currencies in found.items()}

    @property
    def mark(self) -> str:
        """A random text that changes with every import that changes the content; empty before the first one."""
        with self._guarded() as db:
            row = db.execute("SELECT mark FROM content").fetchone()
        return _text(row[0]) if row else ""

    def digests(self) -> dict[ProductRef, tuple[Role, str]]:
        """Role and content digest of every product."""
        with self._guarded() as db:
            rows = db.execute("SELECT source, p.id, role, hash FROM products AS p JOIN sources ON name = source")
            return {ProductRef(source, id_): (role, digest) for source, id_, role, digest in rows}

    def former_articles(self) -> dict[ProductRef, list[FormerArticle]]:
        """Product → the articles that had its id before, the oldest first; without products that have none."""
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
        """The products that are not in the catalogue."""
        wanted = set(refs)
        return wanted - self.titles(wanted).keys()

    def get(self, ref: ProductRef) -> Product | None:
        """The product; None if there is none."""
        return self.get_many([ref]).get(ref)

    def get_many(self, refs: Iterable[ProductRef]) -> dict[ProductRef, Product]:
        """The existing ones of these products, in the given order."""
        wanted = list(dict.fromkeys(ProductRef(*ref) for ref in refs))
        ids_by_source: dict[str, list[str]] = {}
        for ref in wanted:
            ids_by_source.setdefault(ref.source, []).append(ref.id)
        found: dict[ProductRef, Product] = {}
        for source, ids in ids_by_source.items():
            if not _storable(source):
                continue
            for start in range(0, len(ids), _CHUNK_SIZE):
                for product in self._products(_BY_IDS, (source, json.dumps(ids[start : start + _CHUNK_SIZE]))):
                    found[product.ref] = product
        return {ref: found[ref] for ref in wanted if ref in found}

    def iter(self, *, role: Role | None = None, source: str | None = None) -> Iterator[Product]:
        """All products, or those in a role, by source and then in import order.

        Read in pages, so that a slow consumer does not block writers. Concurrent imports may or may not be visible.
        """
        for each in self.sources():
            if (role is None or has_role(each.role, role)) and (source is None or each.name == source):
                yield from (product for product, _ in self._pages(each.name))

    def iter_with_digests(self, source: str) -> Iterator[tuple[Product, str]]:
        """The products of a source with the content digests stored at import, in the order of `iter`."""
        return self._pages(source)

    def categories(self, role: Role) -> dict[ProductRef, str]:
        """The category of each product in a role, in the order of `iter`."""
        found: dict[ProductRef, str] = {}
        for source in self.sources_in(role):
            with self._guarded() as db:
                rows = db.execute("SELECT id, category FROM products WHERE source = ? ORDER BY key", (source,))
                found |= {ProductRef(source, _text(id_)): _text(category) for id_, category in rows}
        return found

    def shared_gtins(self) -> dict[ProductRef, str]:
        """Product → GTIN, for GTINs of several products; without those on too many listings of a source."""
        with self._guarded() as db:
            rows = db.execute(_SHARED_GTINS, (MAX_LISTINGS,)).fetchall()
        return {ProductRef(source, id_): gtin for source, id_, gtin in rows}

    def with_same_gtin(self, refs: Iterable[ProductRef]) -> frozenset[ProductRef]:
        """All products with a GTIN of these, including them; without GTINs on too many listings of a source."""
        with self._guarded() as db:
            rows = db.execute(_WITH_SAME_GTIN, (json.dumps(list(dict.fromkeys(refs))), MAX_LISTINGS)).fetchall()
        return frozenset(ProductRef(*map(_text, row)) for row in rows)

    def default_gtins(self, gtins: Iterable[str] | None = None) -> DefaultGtins:
        """As `product.default_gtins` of all products; of these GTINs only, if some are given."""
        wanted = None if gtins is None else json.dumps(sorted(set(gtins)))
        with self._guarded() as db:
            rows = db.execute(_DEFAULT_GTINS, {"gtins": wanted, "most": MAX_LISTINGS}).fetchall()
        return frozenset((_text(source), _text(gtin)) for source, gtin in rows)

    @property
    def is_empty(self) -> bool:
        """Whether there are no products."""
        with self._guarded() as db:
            return db.execute("SELECT 1 FROM products LIMIT 1").fetchone() is None

    def count(self, role: Role | None = None) -> int:
        """Number of products in a role; in any if None."""
        return sum(each.products for each in self.sources() if role is None or has_role(each.role, role))

    def sources(self) -> list[Source]:
        """All sources, sorted by name."""
        with self._guarded() as db:
            rows = db.execute(
                "SELECT name, role, (SELECT count(*) FROM products WHERE source = name) FROM sources ORDER BY name"
            ).fetchall()
        return [Source(name, as_role(role), products) for name, role, products in rows]

    @property
    def has_shared_roles(self) -> bool:
        """Whether a role has several sources with products, so that an id may be ambiguous."""
        roles = [each.role for each in self.sources() if each.products]
        return any(sum(has_role(each, role) for each in roles) > 1 for role in SIDES)

    def sources_in(self, role: Role) -> list[str]:
        """Names of the sources in a role, sorted; cheaper than `sources`, which counts products."""
        return [name for name, of in self._roles().items() if has_role(of, role)]

    def _roles(self) -> dict[str, Role]:
        with self._guarded() as db:
            return {
                _text(name): as_role(role) for name, role in db.execute("SELECT name, role FROM sources ORDER BY name")
            }

    def search(self, text: str, role: Role | None = None, limit: int = 20) -> list[Product]:
        """The products that contain all words of a text, best first; the last word counts as a prefix.

        Searches title, brand, model and category, and the beginnings of ids and GTINs. Products with exactly this id or
        GTIN come first. Any text is allowed; operators have no effect. Of very many results, only those imported first
        are ranked.

        Args:
            text: the search.
            role: search only the sources in this role.
            limit: maximum number of results.
        """
        expression = match_expression(text)
        if not expression:
            return []
        by_words = self._search_words(text, expression, role, limit)
        by_number = self._search_numbers(text, role, max(limit, 0))
        found = [*by_number, *by_words] if looks_like_identifier(text) else [*by_words, *by_number]
        exact = {text.strip(), *(start for start, _ in gtin_ranges(text))}
        found.sort(key=lambda product: not {product.id, product.gtin} & exact)
        return list({product.ref: product for product in found}.values())[: max(limit, 0)]

    def _search_words(self, text: str, expression: str, role: Role | None, limit: int) -> list[Product]:
        """The products that contain the words of the text, best first."""
        rest = (role, role, max(limit, _MAX_RANKED))
        found = self._with_repair(lambda: self._products(_SEARCH, (expression, *rest)))
        if grams := grams_expression(search_words(text)):
            found += self._with_repair(lambda: self._products(_SEARCH_GRAMS, (grams, *rest)))
        return rank_products({product.ref: product for product in found}.values(), text)

    def _search_numbers(self, text: str, role: Role | None, limit: int) -> list[Product]:
        """The products whose id or GTIN begins with the text."""

        def within(sql: str, ranges: list[Range]) -> list[Product]:
            return self._products(sql, (json.dumps(ranges), role, role, limit)) if ranges else []

        return [*within(_BY_GTIN, gtin_ranges(text)), *within(_BY_ID, id_ranges(text))]

    def with_word_prefix(self, word: str, limit: int) -> list[ProductRef] | None:
        """All products with a title word, or an id, that begins with a text; None if there are more than `limit`.

        In scripts without spaces between words, products with the text in another field may be included.
        """
        expression = match_expression(word)
        return self._with_repair(lambda: self._with_prefix(word, expression, limit)) if expression else []

    def _with_prefix(self, word: str, expression: str, limit: int) -> list[ProductRef] | None:
        with self._guarded() as db:
            keys = set(db.execute(_KEYS_BY_WORD, (f"title : ({expression})", limit + 1)))
            if grams := grams_expression(search_words(word)):
                keys.update(db.execute(_KEYS_BY_GRAMS, (grams, limit + 1)))
            if len(keys) > limit:
                return None
            found = db.execute(_BY_KEYS, (json.dumps([key for (key,) in keys]),)).fetchall()
            for (source,) in db.execute("SELECT name FROM sources").fetchall():
                for start in {word, word.upper(), word.lower()}:
                    found += db.execute(_BY_ID_PREFIX, (source, start, start + "\U0010ffff", limit + 1)).fetchall()
            return [ProductRef(*map(_text, row)) for row in found] if len(found) <= limit else None

    def repair_search(self) -> bool:
        """Rebuild the full-text indexes if they disagree with the products. Returns whether they did."""
        with self._guarded() as db:
            if full_text_is_intact(db):
                return False
            rebuild_full_text(db)
            return True

    def _with_repair(self, search: Callable[[], Found]) -> Found:
        """Run a full-text search; if the index is damaged, rebuild it and search again."""
        try:
            return search()
        except CatalogError as error:
            if not (isinstance(error.__cause__, (sqlite3.Error, UnicodeDecodeError)) and is_damage(error.__cause__)):
                raise
            with self._guarded() as db:
                rebuild_full_text(db)
            return search()

    def titles(self, refs: Iterable[ProductRef]) -> dict[ProductRef, str]:
        """The titles of the existing ones of these products; cheaper than `get_many`."""
        with self._guarded() as db:
            rows = db.execute(_TITLES, (json.dumps(list(dict.fromkeys(refs))),))
            return {ProductRef(*map(_text, row[:2])): _text(row[2]) for row in rows}

    def _pages(self, source: str) -> Iterator[tuple[Product, str]]:
        last = -1
        while True:
            with self._guarded() as db:
                rows = db.execute(_ONE_PAGE, (source, last, _PAGE_SIZE)).fetchall()
                products = [(_product(row[:-1]), _text(row[-1])) for row in rows]
            if not rows:
                return
            last = rows[-1][0]
            yield from products

    def _products(self, sql: str, values: Sequence[str | int | None]) -> list[Product]:
        with self._guarded() as db:
            return [_product(row) for row in db.execute(sql, values).fetchall()]

    def _reopen_if_replaced(self) -> None:
        """Reopen the file if it was replaced, such as after a damaged one was moved away.

        If that fails, the next use tries again.
        """
        current = identity(self.path)
        if self._opened is not None and (current in {None, self._opened} or self._connection.in_transaction):
            return
        if current is None:  # connect() would create an empty file
            raise unusable(self.path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        self._connection.close()
        self._opened = None
        self._connection = connect(self.path)
        self._opened = current

    @contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._reopen_if_replaced()
                yield self._connection
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise unusable(self.path, error) from error


def _product(row: Sequence[Any]) -> Product:
    """Convert a row to a product.

    Raises:
        sqlite3.DatabaseError: a value has the wrong type, so that the file must be damaged.
    """
    _, source, key, title, brand, category, model, price, upc, extra_json, currency = row
    try:
        extra = json.loads(extra_json) if extra_json != "{}" else {}
    except (ValueError, TypeError, RecursionError) as error:
        raise sqlite3.DatabaseError("the attributes of a product are not JSON") from error
    if not isinstance(extra, dict):
        raise sqlite3.DatabaseError("the attributes of a product are not a JSON object")
    # Without a call for each: an index run reads every product.
    if {*map(type, (source, key, title, brand, category, model, upc, currency, *extra.values()))} != {str}:
        raise sqlite3.DatabaseError("a field of a product is not a text")
    if not (price is None or (isinstance(price, float) and math.isfinite(price))):
        raise sqlite3.DatabaseError("the price of a product is not a number")
    # Of texts that many products have, one object for all: a fifth of the memory of a catalogue.
    source, brand, category, currency = map(sys.intern, (source, brand, category, currency))
    return Product(source, key, title, brand, category, model, price, upc, extra, currency)


def _text(value: object) -> str:
    """The value, if it is a text; otherwise raise sqlite3.DatabaseError, since the file must be damaged."""
    if not isinstance(value, str):
        raise sqlite3.DatabaseError("a field of a product is not a text")
    return value


def _storable(text: str) -> bool:
    """Whether SQLite can store a text: lone surrogates cannot be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
