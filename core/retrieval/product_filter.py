"""Filters of a dense search: which products may be results, by source, category, brand and price."""

from collections.abc import Collection, Sequence
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


class FilterColumns:
    """The fields of a list of products that a filter looks at, as arrays."""

    def __init__(self, products: Sequence[Product]) -> None:
        """Read the fields of products; results refer to them by their positions in this sequence."""
        self._sources = _codes([product.source for product in products])
        self._categories = _codes([product.category.casefold() for product in products])
        self._brands = _codes([alphanumeric(product.brand) for product in products])
        self._currencies = _codes([product.currency for product in products])
        self._prices = np.array([product.price or np.nan for product in products], np.float64)

    def allowed(self, only: ProductFilter) -> NDArray[np.bool_]:
        """Which products meet the conditions, shape (products,), for `DenseIndex.search`."""
        allowed = np.ones(len(self._prices), np.bool_)
        for column, names in (
            (self._sources, only.sources),
            (self._categories, [name.casefold() for name in only.categories]),
            (self._brands, [alphanumeric(name) for name in only.brands]),
        ):
            if names:
                allowed &= _is_one_of(column, names)
        if only.min_price is not None:
            allowed &= self._prices >= only.min_price
        if only.max_price is not None:
            allowed &= self._prices <= only.max_price
        if only.currency and (only.min_price is not None or only.max_price is not None):
            allowed &= _is_one_of(self._currencies, ["", only.currency])
        return allowed


def _codes(values: Sequence[str]) -> tuple[dict[str, int], NDArray[np.int32]]:
    """Distinct values with their numbers, and the number of each value: four bytes a product."""
    numbers: dict[str, int] = {}
    return numbers, np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int32)


def _is_one_of(column: tuple[dict[str, int], NDArray[np.int32]], names: Collection[str]) -> NDArray[np.bool_]:
    numbers, codes = column
    return np.isin(codes, [numbers[name] for name in names if name in numbers])
