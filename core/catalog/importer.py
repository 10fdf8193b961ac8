"""A file's rows become the products of one source; what is wrong with the others is listed."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from core.catalog.columns import choose_columns
from core.catalog.prices import normalise_upc, parse_price
from core.catalog.product import Product
from core.catalog.pruning import RejectedIds
from core.catalog.readers import BadRow, Reason, Row, Table, read_table
from core.catalog.rejects import Rejects
from core.catalog.role import Role, as_role
from core.catalog.store import CatalogStore
from core.catalog.writing import ImportCount, ImportRules
from core.errors import CatalogError
from labels.exchange.cells import CONTROLS
from labels.exchange.limits import MAX_NAME
from labels.names import is_name

_REPORT_EVERY = 1000
_CONTROL = re.compile(f"[{CONTROLS}]")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of one file.

    Attributes:
        counts: what the import did to the source.
        columns: the file's column behind each field that was found.
        role_before: the source's role until then; None for a new source.
        rejected: rows kept out, by reason.
        rejects_path: the list of those rows; None where there were none, or no list was asked for.
        seconds: wall time.
    """

    source: str
    role: Role
    counts: ImportCount
    columns: Mapping[str, str]
    rejected: Counter[str]
    rejects_path: Path | None
    seconds: float
    role_before: Role | None = None


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
    rules: ImportRules | None = None,
) -> ImportReport:
    """Bring a source up to date with a file: all good rows, in one transaction.

    Args:
        store: where to.
        path: CSV, TSV, JSON lines, Parquet or SQLite.
        source: the retailer's name.
        role: which side of a pair it is on; None for the one that it has, of a new source `catalog`.
        mapping: column by field of a product, before the guesses.
        table: which table of an SQLite database.
        rejects_path: where to list bad rows; removed where there are none.
        progress: called with the number of rows read so far, every thousand and at the end.
        prune: take out the products that the file no longer has.
        dry: only tell what would be done.
        rules: what may be done to a source that is there; the defaults if None.

    Raises:
        CatalogError: the file is no table, a column is missing, pruning would leave nothing, or the rules forbid what
            would have to be done. Then nothing has been changed.
    """
    started = time.monotonic()
    _check_source(source)
    before = store.role_of(source)
    role = as_role(role or before or "catalog")
    content = read_table(path, table)
    columns = choose_columns(content.columns, mapping or {}, path.name)
    ids = RejectedIds()
    rules = replace(rules or ImportRules(), rejected=ids)
    with Rejects(None if dry else rejects_path) as rejects:
        products = _products(content, columns, source, rejects, ids, progress)
        if prune:
            products = _at_least_one(products, path)
        counts = (store.compare if dry else store.replace)(source, role, products, prune=prune, rules=rules)
    seconds = round(time.monotonic() - started, 3)
    return ImportReport(source, role, counts, columns, rejects.counts, rejects.written, seconds, before)


def _check_source(source: str) -> None:
    if not source.strip() or source != source.strip() or not source.isprintable() or not is_name(source):
        raise CatalogError(
            f"{source!r} is no name for a source.", "Give the retailer's name, such as --source walmart."
        )


def _products(
    content: Table,
    columns: Mapping[str, str],
    source: str,
    rejects: Rejects,
    ids: RejectedIds,
    progress: Callable[[int], None] | None,
) -> Iterator[Product]:
    taken: set[str] = set()
    number = 0
    for number, row in enumerate(content.rows, start=1):
        made = row if isinstance(row, BadRow) else _product(row, columns, source, taken)
        if isinstance(made, BadRow):
            rejects.add(made)
            if isinstance(row, BadRow):
                ids.guess(row, content.columns, columns["id"])
            else:
                ids.add(row.values.get(columns["id"], "").strip())
        else:
            taken.add(made.id)
            yield made
        if progress and number % _REPORT_EVERY == 0:
            progress(number)
    if progress and (number == 0 or number % _REPORT_EVERY):
        progress(number)


def _product(row: Row, columns: Mapping[str, str], source: str, taken: set[str]) -> Product | BadRow:
    values = {field: row.values.get(column, "") for field, column in columns.items()}
    key = values["id"].strip()
    if unfit := _unfit_id(key):
        return _rejected(row, unfit)
    if not values["title"].strip():
        return _rejected(row, Reason.NO_TITLE)
    if key in taken:
        return _rejected(row, Reason.DUPLICATE_ID)
    try:
        price = parse_price(values.get("price", ""))
    except ValueError:
        return _rejected(row, Reason.BAD_PRICE)
    used = columns.values()
    # The row itself is gone through: a JSON line may have more than the first ones had.
    return Product(
        source=source,
        id=key,
        title=values["title"],
        brand=values.get("brand", ""),
        category=values.get("category", ""),
        model=values.get("model", ""),
        price=price,
        upc=normalise_upc(values.get("upc", "")),
        extra={name: text for name, text in row.values.items() if text.strip() and name not in used},
    )


def _unfit_id(key: str) -> Reason | None:
    """Why this is no id: people type ids, files name products by them, and every product has one in memory."""
    if not key:
        return Reason.NO_ID
    if len(key) > MAX_NAME:
        return Reason.LONG_ID
    return Reason.BAD_ID if _CONTROL.search(key) else None


def _rejected(row: Row, reason: Reason) -> BadRow:
    return BadRow(row.line, reason, ",".join(row.values.values()))


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
