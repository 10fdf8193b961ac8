"""Evidence of categories: two retailers name them differently, and what goes with what shows in the catalogues."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.match.evidence.feature import Feature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Added to both counts, so that a category seen twice does not shout.
_SMOOTHING = 0.3


class CategoryEvidence:
    """How much more often two categories meet than by chance, among listings that are each other's most alike.

    Pointwise mutual information (Church and Hanks 1990). No labels play a part.
    """

    features = (
        Feature("categories", "log ratio", "How much more often the two categories go together than by chance",
                "category"),
    )  # fmt: skip

    def __init__(
        self,
        queries: Sequence[Product],
        products: Sequence[Product],
        alike: "tuple[NDArray[np.int64], NDArray[np.int64]]",
    ) -> None:
        """Count.

        Args:
            queries: their categories.
            products: likewise.
            alike: places of queries and products that are each other's most alike.
        """
        self._categories = [p.category.lower() for p in queries], [p.category.lower() for p in products]
        met = [(self._categories[0][q], self._categories[1][p]) for q, p in zip(*alike, strict=True)]
        self._together = Counter(pair for pair in met if all(pair))
        self._of_query = Counter(query for query, _ in self._together.elements())
        self._of_product = Counter(product for _, product in self._together.elements())

    def of(self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]") -> "list[NDArray[np.float32]]":
        """The column."""
        import numpy as np  # noqa: PLC0415

        names = zip((self._categories[0][r] for r in rows), (self._categories[1][c] for c in columns), strict=True)
        return [np.array([self._association(query, product) for query, product in names], np.float32)]

    def _association(self, query: str, product: str) -> float:
        import math  # noqa: PLC0415

        if not query or not product or not self._together:
            return math.nan
        by_chance = self._of_query[query] * self._of_product[product] / self._together.total()
        return math.log((self._together[(query, product)] + _SMOOTHING) / (by_chance + _SMOOTHING))
