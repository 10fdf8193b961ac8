"""Bringing a source up to date inside a transaction: what is new, what changed, what vanished."""

import json
import math
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from core.catalog.full_text import index_grams
from core.catalog.listing_identity import is_different_article
from core.catalog.product import Product, Role
from core.catalog.readers.rows import BadRow
from core.errors import CatalogError
from labels.model import ProductRef
from labels.wording import counted

#: A prune that would remove a larger share of a source wants to be confirmed.
MAX_PRUNE_SHARE = 0.1

_DELIMITERS = ",;\t|"
_KEY = "SELECT key FROM products WHERE (source, id) = (?, ?)"
_MARK_SEEN = f"INSERT OR IGNORE INTO seen (key) {_KEY}"


class LargePruneError(CatalogError):
    """A prune would remove more than a tenth of a source, and was not confirmed. Nothing has been changed.

    Attributes:
        removed: how many products it would remove.
        products: how many the source has.
    """

    def __init__(self, source: str, removed: int, products: int) -> None:
        super().__init__(
            f"Pruning would remove {removed:,} of the {counted(products, 'product')} of {source}, more than a"
            " tenth. Nothing was changed.",
            "Is the file complete? If it is, confirm with --yes; --dry-run says what would be done.",
        )
        self.removed = removed
        self.products = products


@dataclass(slots=True)
class RejectedIds:
    """Whose rows a file has although they were rejected: these products are present, and are not pruned.

    Attributes:
        ids: ids that were read.
        guesses: for each row that could not be taken apart, what its id may be.
        unknown: rows with no id at all.
        read: ids of the rows that became products: a rejected row with one of these is of no other product.
    """

    ids: set[str] = field(default_factory=set)
    guesses: list[tuple[str, ...]] = field(default_factory=list)
    unknown: int = 0
    read: set[str] = field(default_factory=set)

    def add(self, id_: str) -> None:
        """Note a row whose cells could be read; its id may be empty."""
        if id_:
            self.ids.add(id_)
        else:
            self.unknown += 1

    def guess(self, row: BadRow, columns: Sequence[str], id_column: str, normalize: Callable[[str], str]) -> None:
        """Note a row that could not be taken apart.

        Args:
            row: which.
            columns: of the file.
            id_column: which of them is the id.
            normalize: makes an id of what a cell says.
        """
        found = map(normalize, _ids_in(row.raw, columns.index(id_column), id_column))
        self.guesses.append(tuple(dict.fromkeys(found)))


def _ids_in(raw: str, place: int, name: str) -> Iterator[str]:
    """What may be the id in the text of a row: a cell at its place, or the value of its key in a JSON object."""
    for delimiter in _DELIMITERS:
        cells = raw.split(delimiter, place + 1)
        if len(cells) > place + 1:
            yield cells[place].strip().strip("\"'").strip()
    for value in re.findall(rf'"{re.escape(name)}"\s*:\s*("[^"]*"|[^\s,}}]+)', raw):
        yield value.strip('"')


def mark_present(db: sqlite3.Connection, source: str, rejected: RejectedIds) -> int:
    """Add the products of rejected rows to the table `seen`.

    Returns:
        how many rows may be of any product: their id is empty, or no product of the source has it.
    """
    db.executemany(_MARK_SEEN, ((source, id_) for id_ in rejected.ids))
    unread = rejected.unknown
    for guess in rejected.guesses:
        keys = [row for id_ in guess for row in db.execute(_KEY, (source, id_)).fetchall()]
        db.executemany("INSERT OR IGNORE INTO seen (key) VALUES (?)", keys)
        unread += not keys and rejected.read.isdisjoint(guess)
    return unread


#: What an import makes of a file's text, prices and ids: 1 cleans text, keeps currencies and takes placeholders for
#: missing values, 2 knows more placeholders. Raised when the same file gives other products.
READER_VERSION = 2

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
SELECT key, hash, key IN (SELECT key FROM seen), title, brand, model, upc FROM products WHERE (source, id) = (?, ?)
"""
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
    """A labelled product that is another article now, or gone.

    Attributes:
        before: its title until now.
        after: its title now; None where the product was removed.
    """

    ref: ProductRef
    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class ImportCount:
    """What an import did to a source.

    Attributes:
        removed: products taken out because the file no longer has them; 0 unless that was asked for.
        vanished: products that the file no longer has, whether or not they were taken out.
        reader_changed: whether another version of the reader imported the source before: products may count as changed
            although the file is as it was.
        unread: rows that may be of any vanished product, since their id could not be read; 0 where none vanished. A
            cautious import prunes nothing where there are any.
        replaced: the labelled products that are other articles now, or that were taken out.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    vanished: int = 0
    reader_changed: bool = False
    unread: int = 0
    replaced: tuple[ReplacedArticle, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What an import may do to a source that is there already.

    Attributes:
        cautious: prune nothing where rows have no readable id, and refuse to prune more than a tenth of the source.
        change_role: give the source another role.
        rejected: whose rows the file has although they were rejected; read after the last product.
        labelled: the products that labels name. What these said is kept when they become other articles, or are
            removed. None keeps it for every product, since it is not known which are labelled.
    """

    cautious: bool = False
    change_role: bool = False
    rejected: RejectedIds | None = None
    labelled: Container[ProductRef] | None = None


def compare_source(
    db: sqlite3.Connection, source: str, role: Role, products: Iterable[Product], rules: ImportRules, *, prune: bool
) -> ImportCount:
    """What `replace_source` would do with these products, each with an id of its own. Nothing but `seen` is written.

    Raises:
        CatalogError: as `replace_source`, but a large prune is only counted.
    """
    _require_role(db, source, role, rules)
    counts = _Update(db, source, rules, dry=True).run(products, prune=prune)
    return replace(counts, reader_changed=_has_other_reader(db, source))


def replace_source(
    db: sqlite3.Connection, source: str, role: Role, products: Iterable[Product], rules: ImportRules, *, prune: bool
) -> ImportCount:
    """Make a source hold these products; the caller has begun a transaction.

    What was seen is noted in a temporary table, which SQLite puts on disk when it grows.

    Raises:
        CatalogError: a product of another source, or the source has another role, which is not to be changed.
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
    """Whether a source was last imported by another version than this one's."""
    found = db.execute("SELECT reader_version FROM sources WHERE name = ?", (source,)).fetchone()
    return found is not None and found[0] != READER_VERSION


def _require_role(db: sqlite3.Connection, source: str, role: Role, rules: ImportRules) -> Role | None:
    """The role that the source has so far; None for a new one.

    Raises:
        CatalogError: it is another one, and it is not to be changed.
    """
    found = db.execute("SELECT role FROM sources WHERE name = ?", (source,)).fetchone()
    before: Role | None = found and found[0]
    if before not in {None, role} and not rules.change_role:
        raise CatalogError(
            f"The products of {source} have the role {before}, not {role}. Nothing was changed.",
            "Without --role an import keeps it. To change it:"
            f" samesku import products FILE --source NAME --role {role} --change-role",
        )
    return before


class _Update:
    """One source on its way to what a file says; `dry` only counts."""

    def __init__(self, db: sqlite3.Connection, source: str, rules: ImportRules, *, dry: bool = False) -> None:
        self._db = db
        self._source = source
        self._rules = rules
        self._dry = dry
        # To the millisecond, as the ledger's times are: a decision right after the import is no earlier.
        self._until = math.floor(time.time() * 1000) / 1000
        self._replaced: list[ReplacedArticle] = []
        db.execute("CREATE TEMP TABLE IF NOT EXISTS seen (key INTEGER PRIMARY KEY)")
        db.execute("DELETE FROM seen")

    def run(self, products: Iterable[Product], *, prune: bool) -> ImportCount:
        """Write all products, then prune if that is wanted."""
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
        return ImportCount(added, changed, unchanged, removed, vanished, unread=unread, replaced=tuple(self._replaced))

    def _prune(self, vanished: int, size: int) -> None:
        if self._rules.cautious and vanished > MAX_PRUNE_SHARE * size and not self._dry:
            raise LargePruneError(self._source, vanished, size)
        for id_, title, brand, model, upc in self._db.execute(_VANISHED_PRODUCTS, (self._source,)).fetchall():
            self._keep_former(Product(self._source, id_, title, brand, model=model, upc=upc), None)
        if not self._dry:
            self._db.execute(_PRUNE, (self._source,))

    def _write_all(self, products: Iterable[Product]) -> tuple[int, int, int]:
        """How many are new, changed, as before."""
        added = changed = unchanged = 0
        for product in products:
            if product.source != self._source:
                raise CatalogError(f"A product of {product.source!r} was given for the source {self._source!r}.")
            before = self._db.execute(_BEFORE, (self._source, product.id)).fetchone()
            if before is None:
                added += 1
                self._write(product)
                continue
            key, digest, seen, title, brand, model, upc = before
            if seen:
                continue
            if digest == product_digest(product):
                unchanged += 1
            else:
                changed += 1
                former = Product(self._source, product.id, title, brand, model=model, upc=upc)
                self._note_change(former, product)
                self._write(product)
            self._db.execute("INSERT OR IGNORE INTO seen (key) VALUES (?)", (key,))
        return added, changed, unchanged

    def _write(self, product: Product) -> None:
        if not self._dry:
            extra = _extra(product)
            key = _scalar(self._db, _WRITE, _columns(product, extra, product_digest(product, extra)))
            index_grams(self._db, key, (product.title, product.brand, product.model, product.category))
            self._db.execute("INSERT OR IGNORE INTO seen (key) VALUES (?)", (key,))

    def _note_change(self, before: Product, after: Product) -> None:

        if is_different_article(before, after):
            self._keep_former(before, after)

    def _keep_former(self, before: Product, after: Product | None) -> None:
        """Keep what a product said until now: decisions of that time were made on it."""
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
    """A fingerprint of all that a listing says; the id is not in it, it is the key.

    Args:
        product: which.
        extra: its further attributes as they are stored, where that is known.
    """
    attributes = _extra(product) if extra is None else extra
    said = [product.title, product.brand, product.category, product.model, product.price, product.upc, attributes]
    if product.currency:
        # Left out where there is none: what earlier versions imported keeps its fingerprint.
        said.append(product.currency)
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


def _extra(product: Product) -> str:
    return json.dumps(product.extra, ensure_ascii=False, sort_keys=True)


def _scalar(db: sqlite3.Connection, sql: str, values: Sequence[str | float | None]) -> int:
    # All rows are fetched: a statement with RETURNING is not over before its last row is read.
    return int(db.execute(sql, values).fetchall()[0][0])
