"""A product: one listing of one retailer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from core.catalog.gtin import normalize_gtin
from core.errors import CatalogError
from labels.model import ProductRef

#: A number that more listings of one retailer carry is a default that somebody typed, not that of a product.
MAX_LISTINGS = 5


@dataclass(frozen=True, slots=True)
class Product:
    """One listing.

    Attributes:
        source: the retailer's catalogue, such as `walmart`.
        id: the retailer's own id; unique within the source.
        upc: UPC, EAN, GTIN or ISBN as the retailer wrote it.
        price: None where unknown (0 in a file means unknown).
        extra: further attributes by their column's name, none of them empty.
        currency: of the price, its ISO 4217 code (see `core.catalog.prices`); empty where nothing names one.
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
        """The product's key in every file of a workspace."""
        return ProductRef(self.source, self.id)

    @property
    def gtin(self) -> str:
        """The GTIN-14 in `upc`; empty where that holds no usable one."""
        return normalize_gtin(self.upc)


def identifying_gtins(products: Sequence[Product]) -> list[str]:
    """The GTIN of each product; empty where it has none, or one that too many listings of its source carry."""
    listings = Counter((product.source, product.gtin) for product in products)
    return [product.gtin if listings[product.source, product.gtin] <= MAX_LISTINGS else "" for product in products]


def price_text(product: Product) -> str:
    """The price to the cent, and its currency where one is known: `12.99 USD`; empty for an unknown price."""
    return "" if product.price is None else f"{product.price:,.2f} {product.currency}".rstrip()


def comparable_prices(one: Product, other: Product) -> bool:
    """Whether two prices are known and may be compared as numbers: they are not of two different currencies.

    A price without a currency is taken for one in the other's: most catalogues name none, and both retailers of a pair
    sell in one market as a rule.
    """
    if one.price is None or other.price is None:
        return False
    return not one.currency or not other.currency or one.currency == other.currency


def assumed_currency(one: Product, other: Product) -> str:
    """The currency that one of two comparable prices is taken for, since only the other one names it; else empty."""
    if not comparable_prices(one, other) or one.currency == other.currency:
        return ""
    return one.currency or other.currency


Role = Literal["query", "catalog"]
"""`query`: the products under review; `catalog`: those they may equal."""

ROLES: tuple[Role, ...] = get_args(Role)


def as_role(text: str) -> Role:
    """The role of that name.

    Raises:
        CatalogError: there is no such role.
    """
    for role in ROLES:
        if text == role:
            return role
    raise CatalogError(f"There is no role {text!r}.", f"The roles are {' and '.join(ROLES)}.")
