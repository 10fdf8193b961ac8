"""A product, which is one listing of one retailer, and its role in matching."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from core.catalog.gtin import normalize_gtin
from core.errors import CatalogError
from core.text.escapes import has_escapes, without_escapes
from labels.model import Pair, ProductRef

#: A GTIN on more listings of one retailer than this is a default value and does not identify a product.
MAX_LISTINGS = 5


@dataclass(frozen=True, slots=True)
class Product:
    """A listing of a retailer.

    Attributes:
        source: the retailer's catalogue, such as `walmart`.
        id: the retailer's id, unique within the source.
        upc: UPC, EAN, GTIN or ISBN as in the file.
        price: None if unknown; a zero in a file means unknown.
        extra: column → value of further attributes, without empty values.
        currency: ISO 4217 code of the price (see `core.catalog.prices`); empty if unknown.
    """

    source: str
    id: str
    title: str
    brand: str = ""
    category: str = ""
    model: str = ""
    price: float | None = None
    upc: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    currency: str = ""

    @property
    def ref(self) -> ProductRef:
        """The product's key."""
        return ProductRef(self.source, self.id)

    @property
    def gtin(self) -> str:
        """The GTIN-14 in `upc`; empty if it is not usable."""
        return normalize_gtin(self.upc)


def without_escape_sequences(product: Product) -> Product:
    """The product with texts that can be split into words: imports of earlier versions kept escape sequences."""
    texts = (product.title, product.brand, product.category, product.model, *product.extra.values())
    if not has_escapes("".join(texts)):
        return product
    title, brand, category, model, *values = map(without_escapes, texts)
    extra = dict(zip(product.extra, values, strict=True))
    return replace(product, title=title, brand=brand, category=category, model=model, extra=extra)


#: Sources with GTINs that are default values there.
DefaultGtins = frozenset[tuple[str, str]]


def default_gtins(products: Iterable[Product]) -> DefaultGtins:
    """(source, GTIN) of the GTINs that too many listings of their source have."""
    listings = Counter((product.source, product.gtin) for product in products if product.upc)
    return frozenset(key for key, count in listings.items() if key[1] and count > MAX_LISTINGS)


def identifying_gtins(products: Sequence[Product], defaults: DefaultGtins | None = None) -> list[str]:
    """The GTIN of each product; empty if it has none, or one that is a default value.

    Args:
        products: any number.
        defaults: as of `default_gtins`; by default those of these products.
    """
    without = default_gtins(products) if defaults is None else defaults
    gtins = [product.gtin if product.upc else "" for product in products]
    if not without:
        return gtins
    return ["" if (product.source, gtin) in without else gtin for product, gtin in zip(products, gtins, strict=True)]


def price_text(product: Product) -> str:
    """The price with two decimals and its currency if known: `12.99 USD`; empty for an unknown price."""
    return "" if product.price is None else f"{product.price:,.2f} {product.currency}".rstrip()


def comparable_prices(one: Product, other: Product) -> bool:
    """Whether both prices are known and not in two different currencies.

    A price without a currency is assumed to be in the other's, since most catalogues state none and both retailers of a
    pair usually sell in one market.
    """
    if one.price is None or other.price is None:
        return False
    return not one.currency or not other.currency or one.currency == other.currency


def assumed_currency(one: Product, other: Product) -> str:
    """The currency assumed for one of two comparable prices, which only the other states; empty if none is assumed."""
    if not comparable_prices(one, other) or one.currency == other.currency:
        return ""
    return one.currency or other.currency


Role = Literal["query", "catalog", "both"]
"""`query`: products to find matches for; `catalog`: products to find them among; `both`: products to find matches for
among themselves, and among all other products of the catalogue."""

ROLES: tuple[Role, ...] = get_args(Role)
#: The roles of the two sides of a pair.
SIDES: tuple[Role, Role] = ("query", "catalog")


def as_role(text: str) -> Role:
    """The role with this name.

    Raises:
        CatalogError: there is no such role.
    """
    for role in ROLES:
        if text == role:
            return role
    raise CatalogError(f"There is no role {text!r}.", f"The roles are {', '.join(ROLES[:-1])} and {ROLES[-1]}.")


def has_role(role: str, wanted: Role) -> bool:
    """Whether a source in one role has the wanted one: a source in both roles has each of them."""
    return role in {wanted, "both"}


def ordered_pair(pair: Pair, both: Collection[str]) -> Pair:
    """A pair in the order in which it is asked, labelled and exported.

    Of two listings that are queries and candidates of each other, the first one by source and id is the query, so that
    a pair has one key, whichever of its listings one begins with.

    Args:
        pair: in any order.
        both: names of the sources in both roles.
    """
    if pair.candidate < pair.query and pair.query.source in both and pair.candidate.source in both:
        return Pair(pair.candidate, pair.query)
    return pair


def is_ordered_pair(query: ProductRef, candidate: ProductRef, both: Collection[str]) -> bool:
    """Whether these are two listings, in the order of `ordered_pair`."""
    return query != candidate and ordered_pair(Pair(query, candidate), both).query == query
