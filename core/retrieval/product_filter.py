"""Filters of a dense search: which products may be results, by source, category, brand and price."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import Product
from core.text.model_numbers import alphanumeric


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Conditions that a result has to meet, all of them.

    Attributes:
        sources: one of these; empty is any. Likewise for the next two.
        categories: as in the catalogue, whatever the case of the letters.
        brands: compared without case, spaces and punctuation.
        min_price: products without a price do not meet a condition on it.
        max_price: inclusive, as the minimum is.
        currency: of the two prices; a product without one is assumed to be in it, as everywhere. Empty is any.
    """

    sources: Collection[str] = ()
    categories: Collection[str] = ()
    brands: Collection[str] = ()
    min_price: float | None = None
    max_price: float | None = None
    currency: str = ""

    @property
    def has_price(self) -> bool:
        """Whether it has a condition on the price."""
        return self.min_price is not None or self.max_price is not None

    def values(self) -> Iterator[tuple[str, list[str]]]:
        """Each field with a condition by its text, and the values that meet it, as of `field_values`."""
        yield from (
            (name, values)
            for name, values in (
                ("source", list(self.sources)),
                ("category", [name.casefold() for name in self.categories]),
                ("brand", [alphanumeric(name) for name in self.brands]),
                ("currency", ["", self.currency] if self.currency and self.has_price else []),
            )
            if values
        )


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """The products that meet the conditions of a filter.

    Attributes:
        only: the conditions, for an index that stores the fields.
        mask: which products meet them, shape (products,).
    """

    only: ProductFilter
    mask: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Number of products."""
        return int(np.count_nonzero(self.mask))


#: Names of the texts that a filter compares.
FIELDS = ("source", "category", "brand", "currency")


def field_values(product: Product) -> dict[str, str]:
    """The texts of a product that a filter compares, by field."""
    return {
        "source": product.source,
        "category": product.category.casefold(),
        "brand": alphanumeric(product.brand),
        "currency": product.currency,
    }


class FilterColumns:
    """The fields of a list of products that a filter looks at, as arrays."""

    def __init__(self, products: Sequence[Product]) -> None:
        """Read the fields of products; results refer to them by their positions in this sequence."""
        # Each text once: a number of four bytes for each product.
        self._numbers: dict[str, dict[str, int]] = {name: {} for name in FIELDS}
        self._codes = {name: np.empty(len(products), np.int32) for name in FIELDS}
        for position, product in enumerate(products):
            for name, value in field_values(product).items():
                numbers = self._numbers[name]
                self._codes[name][position] = numbers.setdefault(value, len(numbers))
        self._prices = np.array([product.price or np.nan for product in products], np.float64)

    def allowed(self, only: ProductFilter) -> Allowed:
        """The products that meet the conditions, for the search of a `VectorIndex`."""
        mask = np.ones(len(self._prices), np.bool_)
        for name, values in only.values():
            numbers = self._numbers[name]
            mask &= np.isin(self._codes[name], [numbers[value] for value in values if value in numbers])
        if only.min_price is not None:
            mask &= self._prices >= only.min_price
        if only.max_price is not None:
            mask &= self._prices <= only.max_price
        return Allowed(only, mask)
