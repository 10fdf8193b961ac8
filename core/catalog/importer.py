"""Import of a file: its rows become the products of one source, and rejected rows are listed."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from core.catalog.columns import ColumnChoice, bare_name, choose_columns
from core.catalog.import_report import GtinCounts, ImportReport, PriceCounts
from core.catalog.prices import currency_in_name, read_price
from core.catalog.product import Product, Role, as_role
from core.catalog.readers import BadRow, Reason, Row, Table, read_table
from core.catalog.readers.rows import reject_row
from core.catalog.rejects import Rejects
from core.catalog.store import CatalogStore
from core.catalog.upsert import ImportRules, RejectedIds
from core.errors import CatalogError
from core.text.normalization import Placeholders, clean_text
from labels.exchange.fields import CONTROLS, is_rounded_id, normalize_id
from labels.exchange.files import MAX_NAME
from labels.model import ProductRef
from labels.names import is_valid_name

#: Keys of the text in a nested value, the likeliest first: {"name": "Sony"} in schema.org, {"$oid": "..."} in MongoDB.
_TEXT_KEYS = ("name", "title", "value", "label", "text", "displayname", "oid", "numberlong", "numberint", "id", "path")
#: A numeric model number that a data frame turned into a float; a shorter one may be a version: 2.0.
_FLOAT_MODEL = re.compile(r"([0-9]{4,})\.0+")


@dataclass(frozen=True, slots=True)
class RowValues:
    """Converts cells of a row to values of a product: plain, cleaned text, without placeholders."""

    placeholders: Placeholders

    def field(self, name: str, text: str) -> str:
        """The value of a product's field; empty for a placeholder."""
        plain = clean_text(plain_value(text, joined=name == "category"))
        if name == "model" and (whole := _FLOAT_MODEL.fullmatch(plain)):
            plain = whole[1]
        return "" if self.placeholders.is_missing(plain, name) else plain

    def attribute(self, name: str, text: str) -> str:
        """The value of a further attribute; empty for a placeholder."""
        plain = clean_text(text)
        return "" if self.placeholders.is_missing(plain, name, further=True) else plain


def plain_value(text: str, *, joined: bool = False) -> str:
    """The text of a JSON value: an object's name, the first item of a list, or with `joined` all items as a path."""
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


#: Rows between two calls of `progress`.
_PROGRESS_ROWS = 1000
#: Rows that are read in advance to find empty columns.
_SAMPLE_ROWS = 200
_CONTROL = re.compile(f"[{CONTROLS}]")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import a file.

    Attributes:
        role: the source's side of pairs; None for its present role, or `catalog` for a new source.
        mapping: field → column, with precedence over common column names.
        table: the table of a SQLite database, or the sheet of a workbook.
        rejects_path: file for the list of rejected rows; deleted if there are none.
        prune: remove the products that are missing from the file.
        dry: only report what would change.
        vocabulary: the workspace's vocabulary file, for its placeholders.
        rules: restrictions on an existing source.
    """

    role: Role | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None
    rejects_path: Path | None = None
    prune: bool = False
    dry: bool = False
    vocabulary: Path | None = None
    rules: ImportRules = field(default_factory=ImportRules)


def import_file(
    store: CatalogStore,
    path: Path,
    source: str,
    options: ImportOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Update a source from a file, in one transaction.

    Args:
        store: the catalogue.
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        source: the retailer's name.
        options: how to import it; the defaults if None.
        progress: called with the number of rows read so far, every thousand rows and at the end.

    Raises:
        CatalogError: the file is not a table, a column is missing, pruning would leave no product, or the rules forbid
            the change. Nothing is changed then.
        SettingsError: the vocabulary cannot be read.
    """
    options = options or ImportOptions()
    started = time.monotonic()
    check_source(source)
    before = store.role_of(source)
    role = as_role(options.role or before or "catalog")
    content, choice = _open(path, options.mapping, options.table)
    values = RowValues(Placeholders.load(options.vocabulary))
    builder = _Builder(store, source, choice.by_field, values, content.columns)
    rules = replace(options.rules, rejected=builder.rejected)
    with Rejects(None if options.dry else options.rejects_path, content.columns, content.dialect) as rejects:
        products = _products(content.rows, builder, rejects, progress)
        if options.prune:
            products = _require_product(products, path)
        update = store.compare if options.dry else store.replace
        counts = update(source, role, products, prune=options.prune, rules=rules)
    return ImportReport(
        source, role, counts, choice.by_field, rejects.counts, rejects.written, round(time.monotonic() - started, 3),
        choice, builder.prices, builder.gtins, builder.rounded_ids, content.notes, before,
        store.other_side_currencies(role, source),
    )  # fmt: skip


def read_products(
    store: CatalogStore,
    path: Path,
    source: str,
    *,
    mapping: Mapping[str, str],
    vocabulary: Path,
    rejects_path: Path | None = None,
    rejected: Counter[str] | None = None,
) -> Iterator[Product]:
    """The products of a file as an import reads them, one at a time, without importing them.

    In contrast to an import, a repeated id is no fault, since all ids would have to be kept in memory to find it.

    Args:
        store: the catalogue, for ids that it has in another spelling.
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        source: the retailer's name.
        mapping: field → column, with precedence over common column names.
        vocabulary: the workspace's vocabulary file, for its placeholders.
        rejects_path: file for the list of rejected rows; deleted if there are none.
        rejected: receives reason → number of rejected rows.

    Raises:
        CatalogError: the file is not a table, or a column is missing.
        SettingsError: the vocabulary cannot be read.
    """
    check_source(source)
    content, choice = _open(path, mapping, None)
    values = RowValues(Placeholders.load(vocabulary))
    builder = _Builder(store, source, choice.by_field, values, content.columns, distinct=False)
    with Rejects(rejects_path, content.columns, content.dialect) as rejects:
        for row in content.rows:
            result = row if isinstance(row, BadRow) else builder.product(row)
            if isinstance(result, Product):
                yield result
            else:
                rejects.add(result)
    if rejected is not None:
        rejected.update(rejects.counts)


def _open(path: Path, mapping: Mapping[str, str], table: str | None) -> tuple[Table, ColumnChoice]:
    """The table, and the columns of the fields; a column without values in the first rows is chosen last."""
    content = read_table(path, table)
    sample = list(islice(content.rows, _SAMPLE_ROWS))
    choice = choose_columns(content.columns, mapping, path.name, _blank_columns(content, sample))
    return replace(content, rows=chain(sample, content.rows)), choice


def check_source(source: str) -> None:
    """Raise CatalogError unless a text is a valid name of a source."""
    if not source.strip() or source != source.strip() or not source.isprintable() or not is_valid_name(source):
        raise CatalogError(f"{source!r} is not a valid source name.", "Give the retailer's name, such as walmart.")


def _blank_columns(content: Table, sample: list[Row | BadRow]) -> set[str]:
    """The columns without values in the sample."""
    filled = {name for row in sample if isinstance(row, Row) for name, text in row.values.items() if text.strip()}
    return set(content.columns) - filled


def _products(
    rows: Iterator[Row | BadRow], builder: "_Builder", rejects: Rejects, progress: Callable[[int], None] | None
) -> Iterator[Product]:
    number = 0
    for number, row in enumerate(rows, start=1):
        result = row if isinstance(row, BadRow) else builder.product(row)
        if isinstance(result, BadRow):
            rejects.add(result)
            builder.note_rejected(row)
        else:
            yield result
        if progress and number % _PROGRESS_ROWS == 0:
            progress(number)
    if progress and (number == 0 or number % _PROGRESS_ROWS):
        progress(number)


@dataclass(slots=True)
class _Builder:
    """Builds products from rows, and collects the counts for the report; `distinct` ids are collected, too."""

    store: CatalogStore
    source: str
    columns: Mapping[str, str]
    values: RowValues
    all_columns: Sequence[str]
    distinct: bool = True
    rejected: RejectedIds = field(default_factory=RejectedIds)
    prices: PriceCounts = field(default_factory=PriceCounts)
    gtins: GtinCounts = field(default_factory=GtinCounts)
    rounded_ids: int = 0

    def product(self, row: Row) -> Product | BadRow:
        """The product in a row, or the rejected row with its reason."""
        cells = {name: row.values.get(column, "") for name, column in self.columns.items()}
        key = self._id(cells["id"])
        title = self.values.field("title", cells["title"])
        if fault := _id_fault(key):
            return reject_row(row, fault)
        if not title:
            return reject_row(row, Reason.NO_TITLE)
        if self.distinct:
            if key in self.rejected.read:
                return reject_row(row, Reason.DUPLICATE_ID)
            self.rejected.read.add(key)
        self.rounded_ids += is_rounded_id(key)
        text = cells.get("price", "")
        price = read_price(text, cells.get("currency") or currency_in_name(self.columns.get("price", "")))
        self.prices.add(text, price)
        fields = {name: self.values.field(name, cells.get(name, "")) for name in ("brand", "category", "model", "upc")}
        self.gtins.add(row.line, key, fields["upc"])
        return Product(
            source=self.source,
            id=key,
            title=title,
            price=price.amount,
            currency=price.currency,
            extra=self._attributes(row),
            **fields,
        )

    def note_rejected(self, row: Row | BadRow) -> None:
        """Record the possible ids of a rejected row, so that its product is not pruned as missing from the file."""
        if row.values is not None:
            self.rejected.add(self._id(row.values.get(self.columns["id"], "")))
        elif isinstance(row, BadRow):
            self.rejected.guess(row, self.all_columns, self.columns["id"], self._id)

    def _id(self, text: str) -> str:
        """The normalized id, or the id as written if the catalogue has it in that form, since labels refer to it."""
        written = plain_value(text).strip()
        key = normalize_id(written)
        if key != written and written and self.store.get(ProductRef(self.source, written)) is not None:
            return written
        return "" if key and self.values.placeholders.is_missing(key, "id") else key

    def _attributes(self, row: Row) -> dict[str, str]:
        """The row's values in unused columns, including columns that other rows of a JSON lines file lack."""
        used = self.columns.values()
        found = ((name, self.values.attribute(name, text)) for name, text in row.values.items() if name not in used)
        return {name: text for name, text in found if text}


def _id_fault(key: str) -> Reason | None:
    """Why a text is not a valid id; None if it is."""
    if not key:
        return Reason.NO_ID
    if len(key) > MAX_NAME:
        return Reason.LONG_ID
    return Reason.BAD_ID if _CONTROL.search(key) else None


def _require_product(products: Iterator[Product], path: Path) -> Iterator[Product]:
    """Raise CatalogError if there is no product, since pruning would empty the source then."""
    empty = True
    for product in products:
        empty = False
        yield product
    if empty:
        raise CatalogError(
            f"{path} has no valid row, so pruning would remove every product of the source.",
            "Check the file, or import it without pruning to get the list of rejected rows.",
        )
