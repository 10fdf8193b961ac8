"""Update of a source inside a transaction: inserts, updates, pruning, and the record of replaced articles."""

import json
import math
import re
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from core.catalog.full_text import index_grams
from core.catalog.listing_identity import is_different_article
from core.catalog.product import Product, Role
from core.catalog.readers.rows import BadRow
from core.errors import CatalogError
from labels.model import ProductRef
from labels.wording import counted

#: The share of a source that a prune may remove without confirmation.
MAX_PRUNE_SHARE = 0.1

#: Version of the reader, raised when the same file gives other products: 1 cleans text, keeps currencies and treats
#: placeholders as missing values, 2 knows more placeholders, 3 removes escape sequences.
READER_VERSION = 3

_DELIMITERS = ",;\t|"
_KEY = "SELECT key FROM products WHERE (source, id) = (?, ?)"
_MARK_SEEN = f"INSERT OR IGNORE INTO seen (key) {_KEY}"


class LargePruneError(CatalogError):
    """A prune would remove more than a tenth of a source and was not confirmed. Nothing was changed.

    Attributes:
        removed: number of products that it would remove.
        products: number of products of the source.
    """

    def __init__(self, source: str, removed: int, products: int) -> None:
        super().__init__(
            f"Pruning would remove {removed:,} of the {counted(products, 'product')} of {source}, more than a"
            " tenth. Nothing was changed.",
            "If the file is complete, confirm with --yes; --dry-run shows what would change.",
        )
        self.removed = removed
        self.products = products


@dataclass(slots=True)
class RejectedIds:
    """Ids of the rejected rows of a file: their products are in the file and must not be pruned.

    Attributes:
        ids: ids of parsed rows.
        guesses: possible ids of each row that could not be parsed.
        unknown: number of rows without an id.
        read: ids of the accepted rows, to which an unparsable row may belong as well.
    """

    ids: set[str] = field(default_factory=set)
    guesses: list[tuple[str, ...]] = field(default_factory=list)
    unknown: int = 0
    read: set[str] = field(default_factory=set)

    def add(self, id_: str) -> None:
        """Add a parsed row by its id, which may be empty."""
        if id_:
            self.ids.add(id_)
        else:
            self.unknown += 1

    def guess(self, row: BadRow, columns: Sequence[str], id_column: str, normalize: Callable[[str], str]) -> None:
        """Add a row that could not be parsed.

        Args:
            row: the row.
            columns: the columns of the file.
            id_column: the column of the id.
            normalize: converts a cell to an id.
        """
        found = map(normalize, _ids_in(row.raw, columns.index(id_column), id_column))
        self.guesses.append(tuple(dict.fromkeys(found)))


def _ids_in(raw: str, place: int, name: str) -> Iterator[str]:
    """Possible ids in the text of a row: the cell at the column's position, or the value of the JSON key."""
    for delimiter in _DELIMITERS:
        cells = raw.split(delimiter, place + 1)
        if len(cells) > place + 1:
            yield cells[place].strip().strip("\"'").strip()
    for value in re.findall(rf'"{re.escape(name)}"\s*:\s*("[^"]*"|[^\s,}}]+)', raw):
        yield value.strip('"')


def mark_present(db: sqlite3.Connection, source: str, rejected: RejectedIds) -> int:
    """Add the products of rejected rows to the table `seen`.

    Returns:
        The number of rows that may belong to any product, since their id is unknown.
    """
    db.executemany(_MARK_SEEN, ((source, id_) for id_ in rejected.ids))
    unread = rejected.unknown
    for guess in rejected.guesses:
        keys = [row for id_ in guess for row in db.execute(_KEY, (source, id_)).fetchall()]
        db.executemany("INSERT OR IGNORE INTO seen (key) VALUES (?)", keys)
        unread += not keys and rejected.read.isdisjoint(guess)
    return unread


_WRITE = """
INSERT INTO products (source, id, title, brand, category, model, price, upc, gtin, extra, hash, currency)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, id) DO UPDATE SET
    title = excluded.title, brand = excluded.brand, category = excluded.category, model = excluded.model,
    price = excluded.price, upc = excluded.upc, gtin = excluded.gtin, extra = excluded.extra, hash = excluded.hash,
    currency = excluded.currency
RETURNING key
"""
_BEFORE = """
SELECT key, hash, key IN (SELECT key FROM seen), title, brand, category, model, price, upc
FROM products WHERE (source, id) = (?, ?)
"""
#: Fields that a product may lack.
_OPTIONAL = ("brand", "category", "model", "price", "upc")
_UNSEEN = "source = ? AND key NOT IN (SELECT key FROM seen)"
_VANISHED = f"SELECT count(*) FROM products WHERE {_UNSEEN}"  # noqa: S608 - constants only
_VANISHED_PRODUCTS = f"SELECT id, title, brand, model, upc FROM products WHERE {_UNSEEN}"  # noqa: S608 - constants only
_PRUNE = f"DELETE FROM products WHERE {_UNSEEN}"  # noqa: S608 - constants only
_COUNT = "SELECT count(*) FROM products WHERE source = ?"
_FORMER = """
INSERT OR REPLACE INTO former_articles (source, id, until, title, brand, model, upc) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class ReplacedArticle:
    """A labelled product whose id now belongs to another article, or which was removed.

    Attributes:
        before: its previous title.
        after: its new title; None if the product was removed.
    """

    ref: ProductRef
    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class ImportCount:
    """The changes of an import to a source.

    Attributes:
        removed: number of pruned products.
        vanished: number of products that are missing from the file, whether pruned or not.
        reader_changed: whether another reader version imported the source before, so that products may count as changed
            although the file is the same.
        unread: number of rows without a readable id, which may belong to vanished products; 0 if none vanished. A
            cautious import does not prune if there are any.
        replaced: labelled products that now are other articles, or were removed.
        emptied: field → number of products that had a value and have none now.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    vanished: int = 0
    reader_changed: bool = False
    unread: int = 0
    replaced: tuple[ReplacedArticle, ...] = ()
    emptied: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ImportRules:
    """Restrictions on an import into an existing source.

    Attributes:
        cautious: do not prune if rows have no readable id, and refuse to prune more than a tenth of the source.
        change_role: allow another role.
        rejected: ids of rejected rows; read after the last product.
        labelled: the labelled products, whose content is recorded when they become other articles or are removed. None
            records it for all products.
    """

    cautious: bool = False
    change_role: bool = False
    rejected: RejectedIds | None = None
    labelled: Container[ProductRef] | None = None


def compare_source(
    db: sqlite3.Connection, source: str, role: Role, products: Iterable[Product], rules: ImportRules, *, prune: bool
) -> ImportCount:
    """What `replace_source` would change. Only the temporary table `seen` is written, and a large prune is counted.

    Raises:
        CatalogError: as for `replace_source`.
    """
    _require_role(db, source, role, rules)
    counts = _Update(db, source, rules, dry=True).run(products, prune=prune)
    return replace(counts, reader_changed=_has_other_reader(db, source))


def replace_source(
    db: sqlite3.Connection, source: str, role: Role, products: Iterable[Product], rules: ImportRules, *, prune: bool
) -> ImportCount:
    """Insert and update the products of a source; the caller has begun a transaction.

    The keys of the products in the file are collected in a temporary table, which SQLite moves to disk when it grows.

    Raises:
        CatalogError: a product has another source, or the rules forbid a change of the role.
        LargePruneError: more than a tenth of the source would be removed, and the rules are cautious.
    """
    before, reader_changed = _require_role(db, source, role, rules), _has_other_reader(db, source)
    db.execute(
        "INSERT INTO sources (name, role, reader_version) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET role = excluded.role, reader_version = excluded.reader_version",
        (source, role, READER_VERSION),
    )
    counts = replace(_Update(db, source, rules).run(products, prune=prune), reader_changed=reader_changed)
    if counts.added or counts.changed or counts.removed or before != role:
        db.execute("INSERT OR REPLACE INTO content VALUES (1, ?)", (secrets.token_hex(16),))
    return counts


def _has_other_reader(db: sqlite3.Connection, source: str) -> bool:
    """Whether another version of the reader imported the source before."""
    found = db.execute("SELECT reader_version FROM sources WHERE name = ?", (source,)).fetchone()
    return found is not None and found[0] != READER_VERSION


def _require_role(db: sqlite3.Connection, source: str, role: Role, rules: ImportRules) -> Role | None:
    """The source's present role; None for a new source.

    Raises:
        CatalogError: the rules forbid a change of the role.
    """
    found = db.execute("SELECT role FROM sources WHERE name = ?", (source,)).fetchone()
    before: Role | None = found and found[0]
    if before not in {None, role} and not rules.change_role:
        raise CatalogError(
            f"The products of {source} have the role {before}, not {role}. Nothing was changed.",
            "Without --role the role stays. To change it:"
            f" samesku import products FILE --source NAME --role {role} --change-role",
        )
    return before


class _Update:
    """The update of one source; with `dry`, changes are only counted."""

    def __init__(self, db: sqlite3.Connection, source: str, rules: ImportRules, *, dry: bool = False) -> None:
        self._db = db
        self._source = source
        self._rules = rules
        self._dry = dry
        # In milliseconds like the ledger's times, so that a decision right after the import is not earlier.
        self._until = math.floor(time.time() * 1000) / 1000
        self._replaced: list[ReplacedArticle] = []
        self._emptied: Counter[str] = Counter()
        db.execute("CREATE TEMP TABLE IF NOT EXISTS seen (key INTEGER PRIMARY KEY)")
        db.execute("DELETE FROM seen")

    def run(self, products: Iterable[Product], *, prune: bool) -> ImportCount:
        """Write all products, then prune if requested."""
        size = _scalar(self._db, _COUNT, (self._source,))
        added, changed, unchanged = self._write_all(products)
        rejected = self._rules.rejected
        unread = mark_present(self._db, self._source, rejected) if rejected else 0
        vanished = _scalar(self._db, _VANISHED, (self._source,))
        unread = unread if vanished else 0
        pruned = prune and not (self._rules.cautious and unread)
        if pruned and vanished:
            self._prune(vanished, size)
        removed = vanished if pruned else 0
        return ImportCount(
            added, changed, unchanged, removed, vanished,
            unread=unread, replaced=tuple(self._replaced), emptied=dict(self._emptied),
        )  # fmt: skip

    def _prune(self, vanished: int, size: int) -> None:
        if self._rules.cautious and vanished > MAX_PRUNE_SHARE * size and not self._dry:
            raise LargePruneError(self._source, vanished, size)
        for id_, title, brand, model, upc in self._db.execute(_VANISHED_PRODUCTS, (self._source,)).fetchall():
            self._record_former(Product(self._source, id_, title, brand, model=model, upc=upc), None)
        if not self._dry:
            self._db.execute(_PRUNE, (self._source,))

    def _write_all(self, products: Iterable[Product]) -> tuple[int, int, int]:
        """Write the products. Returns the numbers of new, changed and unchanged ones."""
        added = changed = unchanged = 0
        for product in products:
            if product.source != self._source:
                raise CatalogError(f"A product of {product.source!r} was given for the source {self._source!r}.")
            before = self._db.execute(_BEFORE, (self._source, product.id)).fetchone()
            if before is None:
                added += 1
                self._write(product)
                continue
            key, digest, seen, title, brand, category, model, price, upc = before
            if seen:
                continue
            if digest == product_digest(product):
                unchanged += 1
            else:
                changed += 1
                former = Product(self._source, product.id, title, brand, category, model, price, upc)
                self._emptied.update(name for name in _OPTIONAL if getattr(former, name) and not getattr(product, name))
                if is_different_article(former, product):
                    self._record_former(former, product)
                self._write(product)
            self._db.execute("INSERT OR IGNORE INTO seen (key) VALUES (?)", (key,))
        return added, changed, unchanged

    def _write(self, product: Product) -> None:
        if not self._dry:
            extra = _extra(product)
            key = _scalar(self._db, _WRITE, _columns(product, extra, product_digest(product, extra)))
            index_grams(self._db, key, (product.title, product.brand, product.model, product.category))
            self._db.execute("INSERT OR IGNORE INTO seen (key) VALUES (?)", (key,))

    def _record_former(self, before: Product, after: Product | None) -> None:
        """Record the previous content of a product, which earlier decisions refer to."""
        labelled = self._rules.labelled
        if labelled is not None and before.ref not in labelled:
            return
        if labelled is not None:
            self._replaced.append(ReplacedArticle(before.ref, before.title, after.title if after else None))
        if not self._dry:
            self._db.execute(_FORMER, (*before.ref, self._until, before.title, before.brand, before.model, before.upc))


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


def product_digest(product: Product, extra: str | None = None) -> str:
    """A digest of a listing's content, without its id.

    Args:
        product: the listing.
        extra: its further attributes as stored, if already computed.
    """
    attributes = _extra(product) if extra is None else extra
    content = [product.title, product.brand, product.category, product.model, product.price, product.upc, attributes]
    if product.currency:
        # Omitted if empty, so that products imported by earlier versions keep their digest.
        content.append(product.currency)
    return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def _extra(product: Product) -> str:
    return json.dumps(product.extra, ensure_ascii=False, sort_keys=True)


def _scalar(db: sqlite3.Connection, sql: str, values: Sequence[str | float | None]) -> int:
    # Fetch all rows, since a statement with RETURNING is not finished before its last row is read.
    return int(db.execute(sql, values).fetchall()[0][0])
