"""Evidence of trade item numbers: the same GTIN on both listings, or two different ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.catalog.product import Product, identifying_gtins
from core.match.evidence.feature import Feature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class GtinEvidence:
    """Verified GTINs, compared; unknown where one side has none."""

    features = (
        Feature("gtin_equal", "yes or no", "Both listings carry the same GTIN", "GTIN"),
        Feature("gtin_conflict", "yes or no", "The listings carry different GTINs", "GTIN"),
    )

    def __init__(self, queries: Sequence[Product], products: Sequence[Product]) -> None:
        import numpy as np  # noqa: PLC0415

        # As numbers, 0 for none: fourteen digits fit into 64 bits.
        self._gtins = [
            np.array([int(g or 0) for g in identifying_gtins(side)], np.int64) for side in (queries, products)
        ]

    def of(self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]") -> "list[NDArray[np.float32]]":
        """The columns, in the order of `features`."""
        import numpy as np  # noqa: PLC0415

        left, right = self._gtins[0][rows], self._gtins[1][columns]
        equal = np.where((left > 0) & (right > 0), left == right, np.nan).astype(np.float32)
        return [equal, 1 - equal]
