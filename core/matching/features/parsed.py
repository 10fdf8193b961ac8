"""What was parsed of the products of a corpus, stored with its statistics, so that a query parses only itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from core.retrieval.array_file import TextRows


@dataclass(frozen=True)
class KnownTexts:
    """What is stored of some products.

    Attributes:
        texts: of the products of a corpus; none, where an earlier version has stored the statistics.
        rows: index of each product in the corpus, shape (products,); -1 for one that it lacks.
    """

    texts: TextRows
    rows: NDArray[np.int64]

    def __iter__(self) -> Iterator[str | None]:
        """What is stored of each product; None for one that is parsed."""
        count = len(self.texts)
        for row in self.rows.tolist():
            yield self.texts[row] if 0 <= row < count else None


def known_texts(known: KnownTexts | None, count: int) -> Iterable[str | None]:
    """What is stored of each of some products; None for one that is parsed."""
    return repeat(None, count) if known is None else known
