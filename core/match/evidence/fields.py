"""Evidence of single fields: brand, price, category."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.match.evidence.feature import LONGEST, OTHER, Feature
from core.text.model_numbers import bare
from core.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Two letters stand inside other brands by chance.
_SHORTEST_PARTIAL = 3


class FieldEvidence:
    """Brands by their canonical names, prices as logarithms."""

    features = (
        Feature("brand", "share", "Likeness of the brands, aliases counted as equal", "brand"),
        Feature("query_brand_found", "yes or no", "The query's brand stands in the candidate's text", "brand"),
        Feature("candidate_brand_found", "yes or no", "The candidate's brand stands in the query's text", "brand"),
        Feature("price_ratio", "log ratio", "The query's price against the candidate's", "price"),
        Feature("price_distance", "log ratio", "How far the prices are apart, whichever is higher", "price"),
        Feature("price_level", "log price", "The lower of the two prices", OTHER),
    )

    def __init__(
        self, queries: Sequence[Product], products: Sequence[Product], vocabulary: Vocabulary, *, store_brands: bool
    ) -> None:
        import numpy as np  # noqa: PLC0415

        sides = (queries, products)
        self._brands = [[_brand(vocabulary, p.brand, store_brands=store_brands) for p in side] for side in sides]
        self._texts = [[bare(f"{p.title} {p.brand} {p.model}") for p in side] for side in sides]
        self._prices = [np.log([p.price if p.price and p.price > 0 else np.nan for p in side]) for side in sides]
        self._currencies = [np.array([p.currency for p in side], str) for side in sides]

    def of(self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]") -> "list[NDArray[np.float32]]":
        """The columns, in the order of `features`."""
        import numpy as np  # noqa: PLC0415

        left, right = [self._brands[0][r] for r in rows], [self._brands[1][c] for c in columns]
        prices = [self._prices[0][rows], self._prices[1][columns]]
        ours, theirs = self._currencies[0][rows], self._currencies[1][columns]
        # Amounts of two currencies are no numbers that compare: as good as unknown.
        foreign = (ours != theirs) & (ours != "") & (theirs != "")
        ratio = np.where(foreign, np.nan, prices[0] - prices[1])
        return [
            np.array([_likeness(one, other) for one, other in zip(left, right, strict=True)], np.float32),
            _found(left, [self._texts[1][c] for c in columns]),
            _found(right, [self._texts[0][r] for r in rows]),
            ratio.astype(np.float32),
            np.abs(ratio).astype(np.float32),
            np.where(foreign, np.nan, np.fmin(*prices)).astype(np.float32),
        ]


def _brand(vocabulary: Vocabulary, name: str, *, store_brands: bool) -> str:
    """The canonical brand; one name for all store brands where they count as equivalent."""
    return "storebrand" if store_brands and vocabulary.is_store_brand(name) else vocabulary.brand(name)


def _likeness(one: str, other: str) -> float:
    from rapidfuzz import fuzz  # noqa: PLC0415

    if not one or not other:
        return float("nan")
    one, other = one[:LONGEST], other[:LONGEST]
    if min(len(one), len(other)) < _SHORTEST_PARTIAL:
        return float(one == other)
    return float(fuzz.partial_ratio(one, other)) / 100


def _found(brands: Sequence[str], texts: Sequence[str]) -> "NDArray[np.float32]":
    import numpy as np  # noqa: PLC0415

    found = [float(brand in text) if brand else np.nan for brand, text in zip(brands, texts, strict=True)]
    return np.array(found, np.float32)
