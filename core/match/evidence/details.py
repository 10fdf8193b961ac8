"""Evidence of everything else a retailer says of a product: descriptions and other attributes beside the title."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.match.evidence.feature import Feature
from core.match.evidence.sparse import dots
from core.match.evidence.tfidf import Texts
from core.match.evidence.words import binary, overlap, weighted, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHARE = "share by rarity"


class DetailEvidence:
    """Whole listings against titles; unknown where neither listing has more than the usual fields.

    One retailer writes into the title what the other writes into the description.
    """

    features = (
        Feature("listing_words", "cosine", "Words of everything that both listings say", "details"),
        Feature("query_title_in_listing", _SHARE, "How much of the query's title stands anywhere in the candidate's"
                " listing", "details"),
        Feature("candidate_title_in_listing", _SHARE, "How much of the candidate's title stands anywhere in the"
                " query's listing", "details"),
    )  # fmt: skip

    def __init__(self, queries: Sequence[Product], products: Sequence[Product]) -> None:
        import numpy as np  # noqa: PLC0415

        sides = (queries, products)
        texts = Texts(
            queries=[_listing(p) for p in queries],
            products=[_listing(p) for p in products],
            query_titles=[p.title.lower() for p in queries],
            product_titles=[p.title.lower() for p in products],
        )
        vectors, rarity, _ = texts.vectors(words, ["queries", "products"], ["query_titles", "product_titles"])
        self._vectors = vectors[:2]
        self._present = [binary(side) for side in vectors[:2]]
        self._titles = [weighted(binary(side), rarity) for side in vectors[2:]]
        self._more = [np.array([bool(p.extra) for p in side]) for side in sides]

    def of(self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]") -> "list[NDArray[np.float32]]":
        """The columns, in the order of `features`."""
        import numpy as np  # noqa: PLC0415

        known = self._more[0][rows] | self._more[1][columns]
        found = [
            dots(self._vectors[0][rows], self._vectors[1][columns]),
            overlap([self._titles[0], self._titles[1]], self._present, rows, columns)[0],
            overlap(self._titles[::-1], self._present[::-1], columns, rows)[0],
        ]
        return [np.where(known, column, np.nan).astype(np.float32) for column in found]


def _listing(product: Product) -> str:
    return " ".join([product.title, product.brand, product.model, *product.extra.values()]).lower()
