"""All evidence about pairs, as one matrix."""

from typing import TYPE_CHECKING

from core.catalog.product import Product
from core.match.evidence.attributes import AttributeEvidence
from core.match.evidence.categories import CategoryEvidence
from core.match.evidence.details import DetailEvidence
from core.match.evidence.feature import Feature, Part
from core.match.evidence.fields import FieldEvidence
from core.match.evidence.gtins import GtinEvidence
from core.match.evidence.models import ModelEvidence
from core.match.evidence.neighbours import NeighbourEvidence
from core.match.evidence.words import WordEvidence
from core.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

COSINE = Feature("cosine", "cosine", "Similarity by the encoder", "similarity")

#: The columns of the evidence, in order.
FEATURES: tuple[Feature, ...] = (
    COSINE,
    *WordEvidence.features,
    *ModelEvidence.features,
    *AttributeEvidence.features,
    *FieldEvidence.features,
    *CategoryEvidence.features,
    *DetailEvidence.features,
    *GtinEvidence.features,
)


class EvidenceBuilder:
    """Prepares queries and products once; pairs of them are then compared many at a time."""

    def __init__(
        self,
        queries: "Sequence[Product]",
        products: "Sequence[Product]",
        vocabulary: Vocabulary,
        *,
        store_brands: bool = False,
    ) -> None:
        """Prepare both sides.

        Args:
            queries: pairs name them by their place here.
            products: likewise.
            vocabulary: colours, kinds, brands.
            store_brands: whether retailers' own brands count as one brand.
        """
        words = WordEvidence(queries, products)
        by_characters = NeighbourEvidence("characters", "shared character sequences", words.characters)
        self._parts: tuple[Part, ...] = (
            words,
            ModelEvidence(queries, products),
            AttributeEvidence(queries, products, vocabulary),
            FieldEvidence(queries, products, vocabulary, store_brands=store_brands),
            CategoryEvidence(queries, products, by_characters.mutual()),
            DetailEvidence(queries, products),
            GtinEvidence(queries, products),
            by_characters,
            NeighbourEvidence("words", "shared words", words.words),
        )
        self.features = (COSINE, *(feature for part in self._parts for feature in part.features))

    def of(
        self, rows: "NDArray[np.int64]", columns: "NDArray[np.int64]", cosines: "NDArray[np.float32]"
    ) -> "NDArray[np.float32]":
        """The evidence about pairs, shape (n, features), NaN where unknown.

        Args:
            rows: places of the queries, shape (n,).
            columns: places of the products, likewise.
            cosines: by the encoder, likewise; NaN where there is none.
        """
        import numpy as np  # noqa: PLC0415

        found = [cosines.astype(np.float32)]
        for part in self._parts:
            found += part.of(rows, columns)
        return np.stack(found, axis=1)
