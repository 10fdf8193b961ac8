"""Derivation of weak labels from equal GTINs and from purchase histories."""

import random
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.catalog.product import SIDES, Product, identifying_gtins, is_ordered_pair
from core.catalog.purchases import Purchase, PurchaseHistory, read_purchases
from core.catalog.store import CatalogStore
from core.errors import CatalogError
from core.settings import Settings
from core.splits.hard_negatives import is_same_model
from core.splits.precedence import Precedence
from core.splits.weak_labels import WeakLabel, WeakSource, counts_by_source
from core.workspace import Workspace
from labels.exchange.fields import normalize_id
from labels.model import Pair, ProductRef

#: Hard negatives of each match by GTIN.
_NEGATIVES_PER_MATCH = 3
#: Draws for each negative before giving up: in a small category most products may be excluded.
_DRAWS_PER_NEGATIVE = 8
#: Two purchases of one category at most this many days apart may be of the same product.
PURCHASE_WINDOW_DAYS = 30
#: Weight of a pair that one customer bought, and of one that several did: far below 1, since people also buy variants,
#: accessories, and two different products of a category.
_WEIGHT_PER_CUSTOMER, _MAX_PURCHASE_WEIGHT = 0.25, 0.5
#: A customer with more products of one category is a business or a placeholder; pairs would also grow quadratically.
_MAX_PRODUCTS_PER_CATEGORY = 50

_CATEGORY_SEPARATORS = re.compile(r"[>|»]")


@dataclass(frozen=True, slots=True)
class BootstrapReport:
    """What weak labels were derived, and what was left out.

    Attributes:
        labels: the weak labels.
        left_out: reason → number of pairs.
        history: the purchase history; None if none was given.
    """

    labels: tuple[WeakLabel, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    history: PurchaseHistory | None = None

    def as_dict(self) -> dict[str, object]:
        """The report for `--json`, without the labels themselves."""
        found: dict[str, object] = {
            "rows": len(self.labels), "sources": counts_by_source(self.labels), "left_out": dict(self.left_out),
        }  # fmt: skip
        if self.history is not None:
            found["purchases"] = {
                "rows": self.history.rows, "used": len(self.history.purchases), "skipped": dict(self.history.skipped),
                "columns": dict(self.history.columns), "notes": list(self.history.notes),
            }  # fmt: skip
        return found


def derive_weak_labels(
    workspace: Workspace,
    settings: Settings,
    purchases: Path | None = None,
    mapping: Mapping[str, str] | None = None,
    table: str | None = None,
) -> BootstrapReport:
    """Derive weak labels from a workspace's GTINs, and from a purchase history. Nothing is written.

    Pairs that people have decided on are left out, and all pairs with a product of the validation split.

    Args:
        workspace: with the catalogue, and perhaps labels.
        settings: for the rule of the labels, and the seed of the negatives.
        purchases: a file with a purchase history.
        mapping: its columns, by field.
        table: its table or sheet.

    Raises:
        CatalogError: the purchase history cannot be read, or has no usable purchase.
        SameskuError: labels or catalogue cannot be read.
    """
    with CatalogStore(workspace.catalog) as catalog:
        queries, products = (list(catalog.iter(role=role)) for role in SIDES)
        both = catalog.sources_in("both")
    precedence = Precedence.read(workspace, settings)
    left_out: Counter[str] = Counter()
    gtins = _gtins(queries, products)
    matches = _allowed(gtin_matches(queries, products, gtins, both), precedence, left_out)
    negatives = _Negatives(queries, products, gtins, precedence, settings.retrain.seed, both).of(matches)
    labels = [
        *(WeakLabel(pair, match=True, source=WeakSource.GTIN) for pair in matches),
        *(WeakLabel(pair, match=False, source=WeakSource.GTIN) for pair in negatives),
    ]
    if purchases is None:
        return BootstrapReport(tuple(labels), left_out)
    history = read_purchases(purchases, _product_finder([*queries, *products]), mapping, table)
    if not history.purchases:
        raise _no_purchases(purchases, history)
    customers = purchase_pairs(history.purchases, queries, products, left_out, both)
    known = {label.pair for label in labels}
    for pair in _allowed(customers, precedence, left_out):
        if _differ(gtins.get(pair.query), gtins.get(pair.candidate)):
            left_out["different GTINs"] += 1
        elif pair in known:
            left_out["same GTIN"] += 1
        else:
            weight = min(_MAX_PURCHASE_WEIGHT, _WEIGHT_PER_CUSTOMER * customers[pair])
            labels.append(WeakLabel(pair, match=True, source=WeakSource.PURCHASES, weight=weight))
    return BootstrapReport(tuple(labels), left_out, history)


def _no_purchases(path: Path, history: PurchaseHistory) -> CatalogError:
    """The error that a file has no usable row. It is not ignored: the mapping of the columns is probably wrong."""
    columns = ", ".join(f"{name} from {column[:40]}" for name, column in history.columns.items())
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in history.skipped.most_common())
    return CatalogError(
        f"{path} has no purchase of a product in the catalogue: {reasons or 'it has no rows'}. Read as {columns}.",
        "The retailer has to be a source of the catalogue, the product an id of it. To name another column:"
        " samesku dataset bootstrap --purchases FILE --map FIELD=COLUMN",
    )


def _gtins(queries: Sequence[Product], products: Sequence[Product]) -> dict[ProductRef, str]:
    """Product → its GTIN-14; without default values that many listings of a source share."""
    every = list({product.ref: product for product in [*queries, *products]}.values())
    return {product.ref: gtin for product, gtin in zip(every, identifying_gtins(every), strict=True) if gtin}


def gtin_matches(
    queries: Iterable[Product], products: Iterable[Product], gtins: Mapping[ProductRef, str], both: Collection[str] = ()
) -> list[Pair]:
    """The pairs of a query and a candidate with equal GTINs.

    Args:
        queries: in the role of queries.
        products: in the role of the catalogue.
        gtins: product → GTIN-14.
        both: names of the sources in both roles.
    """
    by_gtin: dict[str, list[ProductRef]] = defaultdict(list)
    for product in products:
        if gtin := gtins.get(product.ref):
            by_gtin[gtin].append(product.ref)
    return [
        Pair(query.ref, ref)
        for query in queries
        for ref in by_gtin.get(gtins.get(query.ref, ""), ())
        if is_ordered_pair(query.ref, ref, both)
    ]


def _allowed(pairs: Iterable[Pair], precedence: Precedence, left_out: Counter[str]) -> list[Pair]:
    """The pairs that may have a weak label; the others are counted."""
    found = []
    for pair in pairs:
        if not precedence.validation.isdisjoint(pair):
            left_out["validation split"] += 1
        elif pair in precedence.decided:
            left_out["decided by people"] += 1
        else:
            found.append(pair)
    return found


def _differ(one: str | None, other: str | None) -> bool:
    return bool(one and other and one != other)


def category_key(text: str) -> str:
    """The last level of a category in lower case, letters and digits only: retailers name upper levels differently."""
    levels = [level for level in _CATEGORY_SEPARATORS.split(text) if level.strip()]
    return "".join(c for c in levels[-1].casefold() if c.isalnum()) if levels else ""


class _Negatives:
    """Draws products of a match's source and category that have another GTIN."""

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        gtins: Mapping[ProductRef, str],
        precedence: Precedence,
        seed: int,
        both: Collection[str],
    ) -> None:
        self._products = {product.ref: product for product in [*queries, *products]}
        self._gtins = gtins
        self._precedence = precedence
        self._seed = seed
        self._both = both
        self._by_category: dict[tuple[str, str], list[ProductRef]] = defaultdict(list)
        for product in products:
            key = category_key(product.category)
            if key and product.ref in gtins:
                self._by_category[product.source, key].append(product.ref)

    def of(self, matches: Iterable[Pair]) -> list[Pair]:
        """Distinct negatives for the queries of some matches; fewer where a category has too few products."""
        return list(dict.fromkeys(Pair(match.query, ref) for match in matches for ref in self._draw(match)))

    def _draw(self, match: Pair) -> list[ProductRef]:
        query, positive = self._products[match.query], self._products[match.candidate]
        pool = self._by_category.get((positive.source, category_key(positive.category)), [])
        rng = random.Random(f"{self._seed}\0{match}")  # noqa: S311 - a repeatable draw, not a secret
        found: dict[ProductRef, None] = {}
        for _ in range(_NEGATIVES_PER_MATCH * _DRAWS_PER_NEGATIVE if pool else 0):
            drawn = pool[rng.randrange(len(pool))]
            if self._is_negative(query, positive, drawn):
                found[drawn] = None
            if len(found) == _NEGATIVES_PER_MATCH:
                break
        return list(found)

    def _is_negative(self, query: Product, match: Product, ref: ProductRef) -> bool:
        product = self._products[ref]
        return (
            self._gtins[ref] != self._gtins[match.ref]
            and is_ordered_pair(query.ref, ref, self._both)
            and self._precedence.allows(Pair(query.ref, ref))
            and not self._precedence.are_connected(match.ref, ref)
            and not is_same_model(product, query)
            and not is_same_model(product, match)
        )


def _product_finder(products: Iterable[Product]) -> Callable[[str, str], ProductRef | None]:
    """Looks products up by retailer and id as a purchase history writes them."""
    by_key = {(product.source.casefold(), product.id): product.ref for product in products}

    def find(retailer: str, id_: str) -> ProductRef | None:
        source = retailer.casefold()
        return by_key.get((source, id_)) or by_key.get((source, normalize_id(id_)))

    return find


def purchase_pairs(
    purchases: Iterable[Purchase],
    queries: Sequence[Product],
    products: Sequence[Product],
    left_out: Counter[str],
    both: Collection[str] = (),
) -> dict[Pair, int]:
    """Pair → number of customers who bought both products within the window.

    Args:
        purchases: of these products.
        queries: in the role of queries.
        products: in the role of the catalogue, of which only those of another source and the same category count.
        left_out: reason → number of purchases and customers that were left out; added to.
        both: names of the sources in both roles.
    """
    sides = {product.ref for product in queries}, {product.ref for product in products}
    categories = {product.ref: category_key(product.category) for product in [*queries, *products]}
    days: dict[tuple[str, str], dict[ProductRef, list[int]]] = defaultdict(lambda: defaultdict(list))
    for purchase in purchases:
        if category := categories[purchase.product]:
            days[purchase.customer, category][purchase.product].append(purchase.day)
        else:
            left_out["purchase without category"] += 1
    customers: Counter[Pair] = Counter()
    for bought in days.values():
        if len(bought) > _MAX_PRODUCTS_PER_CATEGORY:
            left_out["customer with too many products of a category"] += 1
            continue
        customers.update(pair for pair in _pairs_of(bought, sides) if is_ordered_pair(*pair, both))
    return dict(sorted(customers.items()))


def _pairs_of(
    bought: Mapping[ProductRef, list[int]], sides: tuple[Container[ProductRef], Container[ProductRef]]
) -> Iterator[Pair]:
    """The pairs of a query and a product among one customer's products of a category."""
    sorted_days = {ref: sorted(days) for ref, days in bought.items()}
    for query in (ref for ref in bought if ref in sides[0]):
        for candidate in (ref for ref in bought if ref in sides[1]):
            near = _distance(sorted_days[query], sorted_days[candidate]) <= PURCHASE_WINDOW_DAYS
            if near and query.source != candidate.source:
                yield Pair(query, candidate)


def _distance(one: Sequence[int], other: Sequence[int]) -> int:
    """The smallest number of days between a purchase of each; both sorted."""
    nearest = []
    for day in one:
        place = bisect_left(other, day)
        nearest += [abs(day - near) for near in other[max(0, place - 1) : place + 1]]
    return min(nearest)
