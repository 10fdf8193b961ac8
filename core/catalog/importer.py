"""A file's rows become the products of one source; what is wrong with the others is listed."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from core.catalog.columns import bare_name, choose_columns
from core.catalog.import_report import GtinCounts, ImportReport, PriceCounts
from core.catalog.prices import currency_in_name, read_price
from core.catalog.product import Product, Role, as_role
from core.catalog.readers import BadRow, Reason, Row, Table, read_table
from core.catalog.readers.rows import rejected
from core.catalog.rejects import Rejects
from core.catalog.store import CatalogStore
from core.catalog.upsert import ImportRules, RejectedIds
from core.errors import CatalogError
from core.text.normalization import Placeholders, clean_text
from labels.exchange.fields import CONTROLS, is_rounded_id, normalize_id
from labels.exchange.files import MAX_NAME
from labels.model import ProductRef
from labels.names import is_name

#: Where a nested value has its text: {"name": "Sony"} of schema.org, {"$oid": "..."} of MongoDB.
_TEXT_KEYS = ("name", "title", "value", "label", "text", "displayname", "oid", "numberlong", "numberint", "id", "path")
#: A model number of digits alone that went through a data frame; a shorter one may be a version: 2.0.
_FLOAT_MODEL = re.compile(r"([0-9]{4,})\.0+")


@dataclass(frozen=True, slots=True)
class RowValues:
    """Makes the values of rows into those of products.

    Attributes:
        placeholders: what stands for a missing value.
    """

    placeholders: Placeholders

    def of_field(self, name: str, text: str) -> str:
        """A field of a product, from what the file has in its column; empty where that is a placeholder."""
        plain = clean_text(plain_value(text, joined=name == "category"))
        if name == "model" and (whole := _FLOAT_MODEL.fullmatch(plain)):
            plain = whole[1]
        return "" if self.placeholders.is_missing(plain, name) else plain

    def of_further(self, name: str, text: str) -> str:
        """A further attribute; empty where it is a placeholder."""
        plain = clean_text(text)
        return "" if self.placeholders.is_missing(plain, name, further=True) else plain


def plain_value(text: str, *, joined: bool = False) -> str:
    """The text in a nested value: the name of an object, the first of a list or, `joined`, all of it as a path."""
    if text[:1] not in {"{", "["}:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _plain(value, joined=joined) if isinstance(value, dict | list) else text


def _plain(value: object, *, joined: bool) -> str:
    if isinstance(value, list):
        parts = [part for part in (_plain(each, joined=joined) for each in value) if part]
        return (" > " if joined else "").join(parts if joined else parts[:1])
    if isinstance(value, Mapping):
        keys = {bare_name(str(name)): name for name in reversed(value)}
        inner = next((value[keys[key]] for key in _TEXT_KEYS if key in keys), None)
        return _plain(inner, joined=joined)
    return "" if value is None else str(value)


_REPORT_EVERY = 1000
#: Rows that are looked at to see which columns are empty.
_SAMPLE = 200
_CONTROL = re.compile(f"[{CONTROLS}]")


def import_file(
    store: CatalogStore,
    path: Path,
    *,
    source: str,
    role: Role | None = None,
    mapping: Mapping[str, str] | None = None,
    table: str | None = None,
    rejects_path: Path | None = None,
    progress: Callable[[int], None] | None = None,
    prune: bool = False,
    dry: bool = False,
    vocabulary: Path | None = None,
    rules: ImportRules | None = None,
) -> ImportReport:
    """Bring a source up to date with a file: all good rows, in one transaction.

    Args:
        store: where to.
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        source: the retailer's name.
        role: which side of a pair it is on; None for the one that it has, of a new source `catalog`.
        mapping: column by field of a product, before the guesses.
        table: which table of an SQLite database, or sheet of a workbook.
        rejects_path: where to list bad rows; removed where there are none.
        progress: called with the number of rows read so far, every thousand and at the end.
        prune: take out the products that the file no longer has.
        dry: only tell what would be done.
        vocabulary: the workspace's, whose placeholders count too.
        rules: what may be done to a source that is there; the defaults if None.

    Raises:
        CatalogError: the file is no table, a column is missing, pruning would leave nothing, or the rules forbid what
            would have to be done. Then nothing has been changed.
        SettingsError: the vocabulary cannot be read.
    """
    started = time.monotonic()
    _check_source(source)
    before = store.role_of(source)
    role = as_role(role or before or "catalog")
    content = read_table(path, table)
    sample = list(islice(content.rows, _SAMPLE))
    choice = choose_columns(content.columns, mapping or {}, path.name, _blank(content, sample))
    builder = _Builder(store, source, choice.by_field, RowValues(Placeholders.load(vocabulary)), content.columns)
    rules = replace(rules or ImportRules(), rejected=builder.rejected)
    with Rejects(None if dry else rejects_path, content.columns, content.dialect) as rejects:
        products = _products(chain(sample, content.rows), builder, rejects, progress)
        if prune:
            products = _at_least_one(products, path)
        counts = (store.compare if dry else store.replace)(source, role, products, prune=prune, rules=rules)
    return ImportReport(
        source, role, counts, choice.by_field, rejects.counts, rejects.written, round(time.monotonic() - started, 3),
        choice, builder.prices, builder.gtins, builder.rounded_ids, content.notes, before,
        store.other_side_currencies(role),
    )  # fmt: skip


def _check_source(source: str) -> None:
    if not source.strip() or source != source.strip() or not source.isprintable() or not is_name(source):
        raise CatalogError(f"{source!r} is no name for a source.", "Give the retailer's name, such as walmart.")


def _blank(content: Table, sample: list[Row | BadRow]) -> set[str]:
    """The columns without any value in the first rows."""
    filled = {name for row in sample if isinstance(row, Row) for name, text in row.values.items() if text.strip()}
    return set(content.columns) - filled


def _products(
    rows: Iterator[Row | BadRow], builder: "_Builder", rejects: Rejects, progress: Callable[[int], None] | None
) -> Iterator[Product]:
    number = 0
    for number, row in enumerate(rows, start=1):
        made = row if isinstance(row, BadRow) else builder.product(row)
        if isinstance(made, BadRow):
            rejects.add(made)
            builder.note_rejected(row)
        else:
            yield made
        if progress and number % _REPORT_EVERY == 0:
            progress(number)
    if progress and (number == 0 or number % _REPORT_EVERY):
        progress(number)


@dataclass(slots=True)
class _Builder:
    """Makes products of rows, and counts what is to be told of them."""

    store: CatalogStore
    source: str
    columns: Mapping[str, str]
    values: RowValues
    all_columns: Sequence[str]
    rejected: RejectedIds = field(default_factory=RejectedIds)
    prices: PriceCounts = field(default_factory=PriceCounts)
    gtins: GtinCounts = field(default_factory=GtinCounts)
    rounded_ids: int = 0

    def product(self, row: Row) -> Product | BadRow:
        """The product in a row, or why there is none."""
        given = {name: row.values.get(column, "") for name, column in self.columns.items()}
        key = self._id(given["id"])
        title = self.values.of_field("title", given["title"])
        if unfit := _unfit_id(key):
            return rejected(row, unfit)
        if not title:
            return rejected(row, Reason.NO_TITLE)
        if key in self.rejected.read:
            return rejected(row, Reason.DUPLICATE_ID)
        self.rejected.read.add(key)
        self.rounded_ids += is_rounded_id(key)
        text = given.get("price", "")
        price = read_price(text, given.get("currency") or currency_in_name(self.columns.get("price", "")))
        self.prices.add(text, price)
        fields = {
            name: self.values.of_field(name, given.get(name, "")) for name in ("brand", "category", "model", "upc")
        }
        self.gtins.add(row.line, key, fields["upc"])
        return Product(
            source=self.source,
            id=key,
            title=title,
            brand=fields["brand"],
            category=fields["category"],
            model=fields["model"],
            price=price.amount,
            upc=fields["upc"],
            extra=self._further(row),
            currency=price.currency,
        )

    def note_rejected(self, row: Row | BadRow) -> None:
        """Remember whose row it may have been: these products are no longer in the file only if it says so."""
        if row.values is not None:
            self.rejected.add(self._id(row.values.get(self.columns["id"], "")))
        elif isinstance(row, BadRow):
            self.rejected.guess(row, self.all_columns, self.columns["id"], self._id)

    def _id(self, text: str) -> str:
        """The id; as it is written where an earlier version took it in that way, since labels name it."""
        given = plain_value(text).strip()
        key = normalize_id(given)
        if key != given and given and self.store.get(ProductRef(self.source, given)) is not None:
            return given
        return "" if key and self.values.placeholders.is_missing(key, "id") else key

    def _further(self, row: Row) -> dict[str, str]:
        """All other values of a row itself: a JSON line may have more than the first ones had."""
        used = self.columns.values()
        found = ((name, self.values.of_further(name, text)) for name, text in row.values.items() if name not in used)
        return {name: text for name, text in found if text}


def _unfit_id(key: str) -> Reason | None:
    """Why this is no id: people type ids, files name products by them, and every product has one in memory."""
    if not key:
        return Reason.NO_ID
    if len(key) > MAX_NAME:
        return Reason.LONG_ID
    return Reason.BAD_ID if _CONTROL.search(key) else None


def _at_least_one(products: Iterator[Product], path: Path) -> Iterator[Product]:
    """Pruning with a file that gave nothing would empty the source: never what was meant."""
    empty = True
    for product in products:
        empty = False
        yield product
    if empty:
        raise CatalogError(
            f"{path} holds no good row, so pruning would remove every product of the source.",
            "Look at the file, or import it without pruning to get the list of rejected rows.",
        )
