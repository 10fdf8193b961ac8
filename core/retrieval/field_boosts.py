"""Boosts on the fused retrieval score from structured fields: GTIN, brand, model number, price.

Of two candidates with similar texts, the one with the same brand, model number and price ranks first, so that the top
ten are not filled with other models of one series. A field that is missing on either side contributes nothing. On
Walmart-Amazon, brand and model weights from 0.03 to 0.1 with price weights from 0.1 to 0.15 give a hit@1 within two
points of each other on the training queries; with the weights below and a fine-tuned encoder, no match drops out of the
top ten, on the training or the validation queries.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.catalog.product import DefaultGtins, Product, identifying_gtins
from core.text.model_numbers import alphanumeric

#: More than all other scores together: an equal GTIN ranks first.
GTIN_WEIGHT = 4.0
#: Smaller, since retailers list variants, packs and old numbers under different GTINs.
GTIN_CONFLICT_WEIGHT = 0.1
BRAND_WEIGHT = 0.1
MODEL_WEIGHT = 0.1
PRICE_WEIGHT = 0.15
#: The log price ratio at which agreement has fallen to 1/e: about 1.65 times the price.
PRICE_WIDTH = 0.5
#: Shorter model numbers are contained in others by chance.
_MIN_CONTAINED_CHARS = 4


class FieldBoosts:
    """Normalised fields of a list of products, for vectorised comparison with queries."""

    def __init__(self, products: Sequence[Product], defaults: DefaultGtins = frozenset()) -> None:
        """Prepare the fields.

        Args:
            products: referred to by their positions in this sequence.
            defaults: (source, GTIN) of GTINs to ignore, since too many listings of the source have them.
        """
        self._defaults = defaults
        self._gtins = identifying_gtins(products, defaults)
        self._by_gtin: dict[str, list[int]] = {}
        for position, gtin in enumerate(self._gtins):
            if gtin:
                self._by_gtin.setdefault(gtin, []).append(position)
        self._products = products
        self._log_prices = np.log([p.price or np.nan for p in products])
        self._currencies = np.array([p.currency for p in products], str)

    def same_gtin(self, query: Product) -> list[int]:
        """Positions of the products with the query's GTIN."""
        return self._by_gtin.get(self._gtin_of(query), [])

    def gtin_scores(self, query: Product, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The GTIN boost of the products at `positions`, shape (n,).

        Separate from `scores`: it affects the order of candidates but is not a measure of similarity.
        """
        gtin = self._gtin_of(query)
        return np.array([_gtin_score(gtin, self._gtins[p]) for p in positions], np.float32)

    def _gtin_of(self, query: Product) -> str:
        gtin = query.gtin
        return "" if (query.source, gtin) in self._defaults else gtin

    def scores(self, query: Product, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The boost from brand, model number and price of the products at `positions`, shape (n,).

        Zero where nothing can be compared; at most the sum of the weights.
        """
        brand, model = alphanumeric(query.brand), alphanumeric(query.model)
        found = [self._products[position] for position in positions.tolist()]
        brands = np.array([_brand_score(brand, _normalized(each.brand)) for each in found], np.float32)
        models = np.array([_model_score(model, _normalized(each.model)) for each in found], np.float32)
        distance = np.abs(np.log(query.price or np.nan) - self._log_prices[positions])
        if query.currency:
            others = self._currencies[positions]
            # Amounts in different currencies are not comparable.
            distance[(others != "") & (others != query.currency)] = np.nan
        # Centred at 1/2, so that an unknown price is neutral.
        prices = np.where(np.isnan(distance), 0.0, np.exp(-distance / PRICE_WIDTH) - 0.5)
        return (BRAND_WEIGHT * brands + MODEL_WEIGHT * models + PRICE_WEIGHT * prices).astype(np.float32)


#: An update compares few products, and a full run each product with several queries.
_normalized = lru_cache(maxsize=2**15)(alphanumeric)


def _gtin_score(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    return GTIN_WEIGHT if one == other else -GTIN_CONFLICT_WEIGHT


def _brand_score(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    return 0.5 if one == other else -0.5


def _model_score(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    shorter, longer = sorted((one, other), key=len)
    # One contained in the other is often the same number with a colour or pack suffix: neutral.
    return 0.0 if len(shorter) >= _MIN_CONTAINED_CHARS and shorter in longer else -1.0
