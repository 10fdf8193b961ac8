"""Purchase histories: tables of customer, retailer, product and date, in all formats of catalogues."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from core.catalog.columns import bare_name, find_column, format_names, map_argument
from core.catalog.readers import BadRow, Row, read_table
from core.errors import CatalogError
from labels.exchange.fields import normalize_id
from labels.model import ProductRef

#: Field → common column names as `bare_name` gives them, the likeliest first. A bare `id` may be a transaction's.
_COMMON_NAMES: dict[str, tuple[str, ...]] = {
    "customer": (
        "customer", "customerid", "customernumber", "customerno", "custid", "client", "clientid", "user", "userid",
        "shopper", "shopperid", "household", "householdid", "householdkey", "member", "memberid", "buyer", "buyerid",
        "account", "accountid", "loyaltyid", "cardid", "kunde", "kundenid", "kundennummer", "kundennr", "idclient",
        "cliente", "idcliente", "clienteid",
    ),
    "retailer": (
        "retailer", "retailername", "retailerid", "source", "store", "storename", "shop", "shopname", "merchant",
        "merchantname", "seller", "banner", "chain", "handler", "haendler", "enseigne", "magasin", "tienda",
    ),
    "product": (
        "product", "productid", "item", "itemid", "sku", "skuid", "asin", "articleid", "article", "listingid",
        "itemnumber", "itemno", "productnumber", "productno", "productcode", "itemcode", "artikel", "artikelnummer",
        "artikelnr", "produkt", "produktid", "produit", "idproduit", "producto", "idproducto",
    ),
    "date": (
        "date", "purchasedate", "orderdate", "transactiondate", "purchasedat", "purchasedon", "orderedat",
        "boughtat", "boughton", "day", "datetime", "timestamp", "time", "datum", "kaufdatum", "bestelldatum",
        "dateachat", "datedachat", "datecommande", "fecha", "fechacompra",
    ),
}  # fmt: skip

PURCHASE_FIELDS: tuple[str, ...] = tuple(_COMMON_NAMES)
"""The fields of a purchase that a column can be mapped to."""

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
#: Characters of a date with time and zone.
_MAX_DATE_LENGTH = 40

#: A day as its proleptic Gregorian ordinal, or the three numbers of 03/04/2026, whose order the whole file tells.
_Day = int | tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Purchase:
    """A customer bought a product of the catalogue on a day, the proleptic Gregorian ordinal."""

    customer: str
    product: ProductRef
    day: int


@dataclass(frozen=True, slots=True)
class PurchaseHistory:
    """The purchases in a file.

    Attributes:
        purchases: of products in the catalogue, in the file's order.
        rows: number of rows read.
        skipped: reason → number of rows that were skipped.
        columns: field → column of the file.
        notes: remarks on how the file was read, each a sentence.
    """

    purchases: list[Purchase] = field(default_factory=list)
    rows: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_purchases(
    path: Path,
    product_of: Callable[[str, str], ProductRef | None],
    mapping: Mapping[str, str] | None = None,
    table: str | None = None,
) -> PurchaseHistory:
    """Read a purchase history. Rows without customer, date or a product of the catalogue are skipped and counted.

    Args:
        path: CSV, TSV, JSON, Excel, Parquet or SQLite.
        product_of: retailer and product id, as in the file, → the product; None if it is not in the catalogue.
        mapping: field → column, with precedence over common column names.
        table: the table of a SQLite database, or the sheet of a workbook.

    Raises:
        CatalogError: the file is not a table, a column is missing, or the mapping has an unknown field or column.
    """
    content = read_table(path, table)
    columns = _choose_columns(content.columns, mapping or {}, path)
    skipped: Counter[str] = Counter()
    found: list[tuple[str, ProductRef, _Day]] = []
    # One object per distinct customer, since a history has many rows of each.
    customers: dict[str, str] = {}
    rows = 0
    for row in content.rows:
        rows += 1
        if isinstance(row, BadRow):
            skipped[row.reason.value] += 1
            continue
        customer, day = normalize_id(row.values.get(columns["customer"], "")), _day(_cell(row, columns["date"]))
        product = product_of(_cell(row, columns["retailer"]), _cell(row, columns["product"]))
        if not customer:
            skipped["no customer"] += 1
        elif day is None:
            skipped["no readable date"] += 1
        elif product is None:
            skipped["product not in the catalogue"] += 1
        else:
            found.append((customers.setdefault(customer, customer), product, day))
    purchases, notes = _with_days(found, skipped)
    return PurchaseHistory(purchases, rows, skipped, columns, (*content.notes, *notes))


def _cell(row: Row, column: str) -> str:
    return row.values.get(column, "").strip()


def _choose_columns(columns: Sequence[str], mapping: Mapping[str, str], path: Path) -> dict[str, str]:
    by_field = {}
    for name, column in mapping.items():
        if name not in _COMMON_NAMES:
            raise CatalogError(f"A purchase has no field {name!r}.", f"Its fields are {', '.join(PURCHASE_FIELDS)}.")
        by_field[name] = find_column(columns, column, path.name)
    bare = {column: bare_name(column) for column in columns}
    for name, common in _COMMON_NAMES.items():
        if name not in by_field:
            free = [column for column in columns if column not in by_field.values() and bare[column] in common]
            if free:
                by_field[name] = min(free, key=lambda column: common.index(bare[column]))
    if missing := [name for name in PURCHASE_FIELDS if name not in by_field]:
        options = " ".join(f"--map {map_argument(name, 'COLUMN')}" for name in missing)
        raise CatalogError(
            f"No column of {path.name} looks like the {' or the '.join(missing)}. It has: {format_names(columns)}.",
            f"Name the column{'s'[: len(missing) - 1]}: samesku dataset bootstrap --purchases FILE {options}",
        )
    return by_field


def _day(text: str) -> _Day | None:
    """The day in a date with or without time; None if there is none."""
    if len(text) > _MAX_DATE_LENGTH:
        return None
    # Before the time: 2026-01-31T10:00:00Z, 31.01.2026 10:00.
    first = re.split(r"[T\s]", text, maxsplit=1)[0]
    if parts := _YEAR_FIRST.fullmatch(first):
        # Without separators, only eight digits are unambiguous.
        return _ordinal(parts[1], parts[3], parts[4]) if parts[2] or len(first) == 8 else None
    parts = _YEAR_LAST.fullmatch(first)
    if parts is None:
        return None
    if parts[2] == ".":
        return _ordinal(parts[4], parts[3], parts[1])
    return int(parts[1]), int(parts[3]), int(parts[4])


def _ordinal(year: str | int, month: str | int, day: str | int) -> int | None:
    try:
        return date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return None


def _with_days(
    found: list[tuple[str, ProductRef, _Day]], skipped: Counter[str]
) -> tuple[list[Purchase], tuple[str, ...]]:
    """The purchases, with 03/04/2026 read in the order that most of the file's unambiguous dates have."""
    numbers = [day for _, _, day in found if not isinstance(day, int)]
    day_first, month_first = (sum(day[place] > 12 for day in numbers) for place in (0, 1))
    purchases = []
    for customer, product, day in found:
        if isinstance(day, int):
            ordinal: int | None = day
        else:
            one, two, year = day
            ordinal = _ordinal(year, two, one) if day_first > month_first else _ordinal(year, one, two)
        if ordinal is None:
            skipped["no readable date"] += 1
        else:
            purchases.append(Purchase(customer, product, ordinal))
    if numbers and day_first == month_first:
        return purchases, ("The order of day and month is ambiguous: 03/04/2026 is read as 4 March.",)
    return purchases, ()
