"""Lexical retrieval: cosine of TF-IDF vectors over the character 3-grams of words.

Character n-grams match spelling variants that word tokens miss: `en-el14` and `enel14`, `projector` and `projectors`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Queries scored at once; limits memory to batch × products × 4 bytes.
_BATCH = 256


class LexicalIndex:
    """TF-IDF matrix of the product texts, sparse float32 of shape (products, n-grams)."""

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectoriser = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True, lowercase=True, dtype=np.float32
        )
        self._matrix = self._vectoriser.fit_transform(texts).tocsr()

    def search(self, texts: Sequence[str], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The most similar products of each text.

        Returns:
            product positions and cosines in [0, 1], both of shape (texts, depth), best first; `depth` is limited to the
            number of products.
        """
        queries = self._vectoriser.transform(texts)
        transposed = self._matrix.T.tocsc()
        depth = min(depth, self._matrix.shape[0])
        positions = np.empty((len(texts), depth), np.int64)
        scores = np.empty((len(texts), depth), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = (queries[start : start + _BATCH] @ transposed).toarray()
            rows = slice(start, start + len(batch))
            top = np.argpartition(-batch, depth - 1, axis=1)[:, :depth]
            found = np.take_along_axis(batch, top, axis=1)
            # Ties are broken by import order, so that runs are reproducible.
            order = np.lexsort((top, -found), axis=1)
            positions[rows] = np.take_along_axis(top, order, axis=1)
            scores[rows] = np.take_along_axis(found, order, axis=1)
        return positions, scores

    def pairs(self, texts: Sequence[str], rows: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The cosine of each pair.

        Args:
            texts: of the queries.
            rows: of the queries, shape (pairs,).
            positions: of the products, shape (pairs,).
        """
        queries = self._vectoriser.transform(texts)
        return np.asarray(queries[rows].multiply(self._matrix[positions]).sum(axis=1), dtype=np.float32).ravel()
