"""Golden records: one product for each group of listings, every value of it taken from one of them.

A value is chosen by rules in this order, and the rule that decided is recorded:

| rule | chooses |
| --- | --- |
| `only` | the only value, whatever its spelling: letters and digits are compared, without case |
| `most_frequent` | the value that most listings have |
| `longest` | of equally frequent values the longest spelling |
| `trusted` | of equally long ones that of the most trusted source |
| `first` | of the rest that of the first listing, by source and id |

Among the spellings of one value the longest is taken, then that of the most trusted source. Prices and sellers are left
out: they belong to a listing, not to a product.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

from core.catalog.columns import bare_name
from core.catalog.product import DefaultGtins, Product, identifying_gtins
from core.catalog.store import CatalogStore
from core.clustering.run import Clustering
from core.errors import CoreError
from core.jobs.progress import Reporter
from core.matching.pair_rows import write_table
from core.text.model_numbers import alphanumeric
from core.text.safe import safe
from labels.exchange.json_values import json_text
from labels.model import ProductRef

#: Groups whose products are read at once.
_CHUNK = 1_000
#: Words in the names of attributes that belong to a listing: prices and sellers. `vendor` is often the manufacturer.
_LISTING_WORDS = (
    "price", "msrp", "preis", "prix", "precio",
    "seller", "soldby", "merchant", "verkaufer", "vendeur", "marchand", "vendedor",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GoldenRow:
    """The record of one product.

    Attributes:
        product_id: of the group.
        listings: their number.
        title: of the product; so are brand, model number and GTIN-14, each empty where no listing has one.
        attributes: name → value of further attributes.
        provenance: field → `source` and `id` of the listing and the `rule`; of attributes under `attributes`.
    """

    product_id: str
    listings: int
    title: str
    brand: str
    model: str
    gtin: str
    attributes: dict[str, str]
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FlatGoldenRow(GoldenRow):
    """The same with attributes and provenance as JSON text, for tables."""

    attributes: str  # type: ignore[assignment]
    provenance: str  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its origin.

    Attributes:
        text: as in the listing.
        ref: the listing.
        rule: that decided for it.
    """

    text: str
    ref: ProductRef
    rule: str = ""

    def provenance(self) -> dict[str, str]:
        """For the record."""
        return {"source": self.ref.source, "id": self.ref.id, "rule": self.rule}


def require_sources(catalog: CatalogStore, trust: Sequence[str]) -> None:
    """Raise CoreError unless all of these are sources of the catalogue."""
    known = [source.name for source in catalog.sources()]
    for name in trust:
        if name not in known:
            raise CoreError(f"There is no source {safe(name)}.", f"The sources are {', '.join(map(safe, known))}.")


def golden_rows(
    clustering: Clustering, catalog: CatalogStore, trust: Sequence[str], reporter: Reporter
) -> Iterator[GoldenRow]:
    """The record of each group; the reporter receives their number.

    Args:
        clustering: the groups.
        catalog: with all their listings.
        trust: sources, the most trusted first; those not named come last.
        reporter: receives progress.
    """
    defaults = catalog.default_gtins()
    groups = zip(clustering.assigned.ids, clustering.groups, strict=True)
    done = 0
    while chunk := list(islice(groups, _CHUNK)):
        products = catalog.get_many(ref for _, group in chunk for ref in group)
        for id_, group in chunk:
            yield golden_record(id_, [products[ref] for ref in group if ref in products], trust, defaults)
        done += len(chunk)
        reporter.advance(done)


def golden_record(
    product_id: str, listings: Sequence[Product], trust: Sequence[str], defaults: DefaultGtins = frozenset()
) -> GoldenRow:
    """The record of one group.

    Args:
        product_id: of the group.
        listings: of the group.
        trust: sources, the most trusted first.
        defaults: GTINs that are default values and identify nothing.
    """
    gtins = identifying_gtins(listings, defaults)
    by_field = {
        "title": [(product.title, product.ref) for product in listings],
        "brand": [(product.brand, product.ref) for product in listings],
        "model": [(product.model, product.ref) for product in listings],
        "gtin": [(gtin, product.ref) for gtin, product in zip(gtins, listings, strict=True)],
    }
    names = sorted({name for product in listings for name in product.extra if not _is_of_listing(name)})
    extra = {name: [(product.extra.get(name, ""), product.ref) for product in listings] for name in names}
    chosen = {name: value for name, values in by_field.items() if (value := choose_value(values, trust))}
    further = {name: value for name, values in extra.items() if (value := choose_value(values, trust))}
    provenance: dict[str, Any] = {name: value.provenance() for name, value in chosen.items()}
    if further:
        provenance["attributes"] = {name: value.provenance() for name, value in further.items()}
    texts = {name: chosen[name].text if name in chosen else "" for name in by_field}
    return GoldenRow(
        product_id,
        len(listings),
        **texts,
        attributes={name: value.text for name, value in further.items()},
        provenance=provenance,
    )


def _is_of_listing(name: str) -> bool:
    bare = bare_name(name)
    return any(word in bare for word in _LISTING_WORDS)


def choose_value(values: Iterable[tuple[str, ProductRef]], trust: Sequence[str]) -> Value | None:
    """The value of a field, by the rules above; None if no listing has one.

    Args:
        values: of the listings; an empty text is no value.
        trust: sources, the most trusted first.
    """
    given = [Value(text, ref) for text, ref in values if text]
    if not given:
        return None
    count = Counter(_form(value.text) for value in given)
    most = max(count.values())
    frequent = [value for value in given if count[_form(value.text)] == most]
    rules = {"only": given, "most_frequent": frequent}
    longest = max(len(value.text) for value in frequent)
    rules["longest"] = [value for value in frequent if len(value.text) == longest]
    best = min(_distrust(value, trust) for value in rules["longest"])
    rules["trusted"] = [value for value in rules["longest"] if _distrust(value, trust) == best]
    rule = next((rule for rule, left in rules.items() if len({_form(value.text) for value in left}) == 1), "first")
    return replace(min(rules["trusted"], key=lambda value: value.ref), rule=rule)


def _form(text: str) -> str:
    return alphanumeric(text) or text


def _distrust(value: Value, trust: Sequence[str]) -> int:
    """The place of a value's source among the trusted ones."""
    return next((place for place, source in enumerate(trust) if source == value.ref.source), len(trust))


def write_golden(rows: Iterable[GoldenRow], path: Path) -> int:
    """Write records as `write_table` does; a CSV or Parquet file has attributes and provenance as JSON text.

    Returns:
        their number.

    Raises:
        CoreError: another extension.
        LabelsError: the file cannot be written.
    """
    if path.suffix.lower() == ".jsonl":
        return write_table(rows, path, GoldenRow)
    return write_table(map(_flat, rows), path, FlatGoldenRow)


def _flat(row: GoldenRow) -> FlatGoldenRow:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    texts = {name: json_text(value) for name, value in values.items() if isinstance(value, dict)}
    return FlatGoldenRow(**(values | texts))
